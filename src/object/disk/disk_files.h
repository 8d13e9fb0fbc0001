#pragma once

#include <array>
#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file.h"
#include "object/disk/key_path.h"

// Private to this driver: locks, temporary files and folders' names.

namespace stroma::object {

/// Locks by key, between threads and between processes.
class KeyLocks {
public:
    explicit KeyLocks(File lock_file) : file_(std::move(lock_file)) {}

    class Held {
    public:
        Held(KeyLocks& locks, std::size_t stripe) : locks_(&locks), stripe_(stripe) {}
        Held(Held&& other) noexcept : locks_(other.locks_), stripe_(other.stripe_) {
            other.locks_ = nullptr;
        }
        ~Held();

    private:
        KeyLocks* locks_;
        std::size_t stripe_;
    };
    Result<Held> hold(std::string_view key);

private:
    static constexpr std::size_t stripe_count = 256;
    Result<void> set(std::size_t stripe, short type);
    File file_;
    std::array<std::mutex, stripe_count> mutexes_;
};

/// This process's names in temp/, and the sweeping of those whose process is dead.
class TemporaryFiles {
public:
    /// Sweeps, then claims a prefix of its own, held by a locked file until this goes.
    static Result<std::unique_ptr<TemporaryFiles>> claim(const fs::path& folder);
    ~TemporaryFiles();
    fs::path next();

private:
    TemporaryFiles(fs::path folder, std::string prefix, File claim);
    fs::path folder_;
    std::string prefix_;
    File claim_;
    std::atomic<std::uint64_t> number_{0};
};

/// The pieces in a folder of keys/, in the order of the keys they stand for. Any thread.
class FolderNames {
public:
    using Pieces = std::shared_ptr<const std::vector<KeyPiece>>;
    /// A folder that isn't there has none.
    Result<Pieces> read(const fs::path& folder);

private:
    struct Known {
        std::int64_t changed_ns = 0;
        Pieces pieces;
    };
    static constexpr std::size_t known_max = 4096;
    std::mutex mutex_;
    std::map<std::string, Known> known_;
};

}  // namespace stroma::object
