#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "object/disk/disk_state.h"

namespace stroma::object {
namespace {

class DiskReader final : public ObjectReader {
public:
    DiskReader(OpenObject object, MappedFile map)
        : object_(std::move(object)), map_(std::move(map)) {}

    const ObjectInfo& info() const override { return object_.info(); }

    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        const std::uint64_t size = info().size_bytes;
        if (offset > size || into.size() > size - offset)
            return fail(ErrorCode::invalid_input,
                        fmt::format("bytes {} to {} pass the end of object '{}' of {} bytes",
                                    offset, offset + into.size(), info().key, size));
        if (object_.trailer.block_bytes == 0) return object_.file.read_at(offset, into);
        const auto* const blocks = TRY(checksums());
        Bytes partial;
        while (!into.empty()) {
            const std::size_t done = TRY(read_block(*blocks, offset, into, partial));
            offset += done;
            into = into.subspan(done);
        }
        return {};
    }

    std::optional<ByteSpan> mapped() const override {
        return map_.bytes().first(static_cast<std::size_t>(info().size_bytes));
    }
    int descriptor() const override { return object_.file.descriptor(); }

private:
    using Checksums = std::vector<std::uint64_t>;

    Result<const Checksums*> checksums() const {
        const std::lock_guard lock(mutex_);
        if (!checksums_) checksums_ = TRY(read_blocks(object_.file, object_.trailer));
        return &*checksums_;
    }

    /// Fills the front of `into` from the one block at `offset`; gives how much.
    Result<std::size_t> read_block(const Checksums& checksums, std::uint64_t offset,
                                   std::span<std::byte> into, Bytes& partial) const {
        const std::uint64_t each = object_.trailer.block_bytes;
        const std::uint64_t number = offset / each, begin = number * each;
        const auto size = static_cast<std::size_t>(std::min(each, info().size_bytes - begin));
        const auto skip = static_cast<std::size_t>(offset - begin);
        const std::size_t wanted = std::min(size - skip, into.size());
        const bool whole = skip == 0 && wanted == size;
        if (!whole) partial.resize(size);
        const std::span<std::byte> block = whole ? into.first(size) : std::span(partial);
        TRY(object_.file.read_at(begin, block));
        if (BlockChecksums::checksum_of(number, block) != checksums[number])
            return fail(ErrorCode::corrupt,
                        fmt::format("object '{}' in {}: the block at byte {} differs from its "
                                    "checksum; restore it from a backup or its source",
                                    info().key, object_.file.name(), begin));
        if (!whole) std::copy_n(block.data() + skip, wanted, into.data());
        return wanted;
    }

    OpenObject object_;
    MappedFile map_;
    mutable std::mutex mutex_;
    mutable std::optional<Checksums> checksums_;
};

}  // namespace

Result<std::unique_ptr<ObjectReader>> make_disk_reader(OpenObject object) {
    MappedFile map = TRY(MappedFile::map(object.file));
    return std::make_unique<DiskReader>(std::move(object), std::move(map));
}

}  // namespace stroma::object
