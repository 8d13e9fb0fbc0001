#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/file.h"
#include "tissue/segment/checkpoint.h"

namespace stroma::tissue {

/// Values one behind the other, as this machine has them in memory.
class TileWriter {
public:
    template <class T>
    void put(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    }
    template <class T>
    void put_all(std::span<const T> values) {
        static_assert(std::is_trivially_copyable_v<T>);
        put<std::uint64_t>(values.size());
        bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

/// The same again; false where the bytes end too early.
class TileReader {
public:
    explicit TileReader(std::string bytes) : bytes_(std::move(bytes)) {}
    template <class T>
    bool take(T& value) {
        if (bytes_.size() - at_ < sizeof(T)) return false;
        std::memcpy(&value, bytes_.data() + at_, sizeof(T));
        at_ += sizeof(T);
        return true;
    }
    template <class T>
    bool take_all(std::vector<T>& values) {
        std::uint64_t count = 0;
        if (!take(count) || count > (bytes_.size() - at_) / sizeof(T)) return false;
        values.resize(count);
        std::memcpy(values.data(), bytes_.data() + at_, count * sizeof(T));
        at_ += count * sizeof(T);
        return true;
    }
    bool is_at_end() const { return at_ == bytes_.size(); }

private:
    std::string bytes_;
    std::size_t at_ = 0;
};

/// What finished tiles of a measurement leave, a file for each, which outlives its process. A file
/// has its name when it is whole; after a loss of power, or on another machine, nothing counts.
class KeptTiles {
public:
    /// "": nothing is kept. The folder belongs to this work alone.
    static Result<KeptTiles> open(const fs::path& folder, std::size_t tiles) {
        KeptTiles kept;
        if (folder.empty()) return kept;
        TRY(Checkpoint::open(folder, folder, 1, tiles));
        kept.folder_ = folder;
        return kept;
    }
    bool is_on() const { return !folder_.empty(); }
    /// "" where the tile isn't done.
    std::string find(std::size_t tile) const {
        const auto text = read_file(path_of(tile), std::uint64_t{4} << 30);
        return text ? *text : std::string();
    }
    Result<void> put(std::size_t tile, const std::string& bytes) const {
        const fs::path path = path_of(tile), fresh = fs::path(path).concat(".new");
        TRY(remove_file(fresh));
        {
            File file = TRY(File::create(fresh));
            TRY(file.write_at(0, as_bytes(bytes)));
        }
        return rename_file(fresh, path);
    }

private:
    fs::path path_of(std::size_t tile) const { return folder_ / ("tile-" + std::to_string(tile)); }
    fs::path folder_;
};

}  // namespace stroma::tissue
