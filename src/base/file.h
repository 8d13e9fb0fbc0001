#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// Every change that Stroma makes to files of its own goes through these functions, so that a test
// can make the n-th of them fail (FaultPlan) and see what state is left.

namespace stroma {

namespace fs = std::filesystem;

/// An open file; closes when it goes. Reads and writes are at stated offsets and whole.
class File {
public:
    File() = default;
    explicit File(int descriptor, std::string name);
    File(File&&) noexcept;
    File& operator=(File&&) noexcept;
    ~File();

    static Result<File> open_to_read(const fs::path& path);
    /// Creates the file; already_exists if it is there. Mode 0600.
    static Result<File> create(const fs::path& path);
    /// Opens for reading and writing, creating it when absent. Mode 0600.
    static Result<File> open_to_write(const fs::path& path);
    /// A file without a name, gone when closed, in that folder.
    static Result<File> temporary(const fs::path& folder);

    Result<std::uint64_t> size() const;
    /// Fills `into` from `offset`; corrupt when the file ends before.
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const;
    Result<void> write_at(std::uint64_t offset, ByteSpan bytes);
    Result<void> truncate(std::uint64_t size);
    /// fsync. After an error the file must not be trusted: fail the work, never retry the sync.
    Result<void> sync();

    bool is_open() const { return descriptor_ >= 0; }
    int descriptor() const { return descriptor_; }
    const std::string& name() const { return name_; }
    void close();

private:
    int descriptor_ = -1;
    std::string name_;
};

/// A file's bytes in memory, read only; lives until it goes.
class MappedFile {
public:
    MappedFile() = default;
    MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    MappedFile& operator=(MappedFile&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~MappedFile();
    static Result<MappedFile> map(const File& file);
    ByteSpan bytes() const { return bytes_; }

private:
    ByteSpan bytes_;
};

/// The whole file; exhausted when it is larger than bytes_max.
Result<std::string> read_file(const fs::path& path, std::uint64_t bytes_max = 64u << 20);
/// Replaces the file at once and durably: temporary file, fsync, rename, fsync of the folder.
Result<void> replace_file(const fs::path& path, ByteSpan bytes);
/// Renames; what was at `to` is replaced. Not durable until sync_folder(to's folder).
Result<void> rename_file(const fs::path& from, const fs::path& to);
/// Gives the file a second name; already_exists when `to` is there. Not durable until sync_folder.
Result<void> link_file(const fs::path& from, const fs::path& to);
/// Removes a file; true if it was there.
Result<bool> remove_file(const fs::path& path);
/// Makes the folder and its parents, mode 0700, each durable.
Result<void> make_folders(const fs::path& path);
/// fsync of a folder: the names in it survive power loss.
Result<void> sync_folder(const fs::path& path);

/// Which of this process's file changes fails, and how. Read from STROMA_FAULT at start
/// ("n", "n:once", "n:ever", "n:kill": the n-th change and, for ever, all after it), or set here.
struct FaultPlan {
    enum class Kind { once, ever_after, kill, torn_write };
    std::uint64_t at = 0;  ///< counts from 1; 0 is never
    Kind kind = Kind::once;
    int error_number = 5;  ///< EIO
};
void set_fault_plan(const FaultPlan& plan);
/// How many file changes were made (or refused) since the plan was set.
std::uint64_t fault_points_passed();

}  // namespace stroma
