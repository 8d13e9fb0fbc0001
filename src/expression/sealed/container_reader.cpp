#include <fmt/format.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>

#include "base/digest.h"
#include "expression/kernels/bit_packing.h"
#include "expression/sealed/container.h"
#include "expression/sealed/container_layout.h"

namespace stroma::expression {
namespace {

std::atomic<bool> checksums_ignored{false};

bool matches(std::uint64_t computed, std::uint64_t stored) {
    return computed == stored || checksums_ignored.load(std::memory_order_relaxed);
}

template <class T>
bool take(const std::byte*& at, const std::byte* end, T& value) {
    if (static_cast<std::size_t>(end - at) < sizeof value) return false;
    value = load<T>(at);
    at += sizeof value;
    return true;
}

}  // namespace

void ContainerReader::ignore_checksums(bool ignore) { checksums_ignored = ignore; }

BlockEntry ContainerReader::Section::entry(std::uint64_t block) const {
    const std::byte* at = table + block * layout::entry_size;
    return {load<std::uint64_t>(at), load<std::uint64_t>(at + 8), load<std::uint64_t>(at + 16),
            load<std::uint64_t>(at + 24)};
}

std::uint64_t ContainerReader::Section::block_of(std::uint64_t line) const {
    std::uint64_t low = 0, high = block_count;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (load<std::uint64_t>(table + middle * layout::entry_size + 16) <= line)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? 0 : low - 1;
}

std::uint64_t ContainerReader::Section::stored_bytes() const {
    std::uint64_t bytes = 0;
    for (std::uint64_t i = 0; i < block_count; ++i) bytes += entry(i).size;
    return bytes;
}

Result<std::unique_ptr<ContainerReader>> ContainerReader::open(
    std::unique_ptr<object::ObjectReader> reader) {
    auto container = std::unique_ptr<ContainerReader>(new ContainerReader);
    container->reader_ = std::move(reader);
    container->name_ = container->reader_->info().key;
    container->size_ = container->reader_->info().size_bytes;
    if (const auto mapped = container->reader_->mapped()) {
        container->mapped_ = *mapped;
        container->size_ = mapped->size();
    }
    if (container->reader_->descriptor() >= 0) {
        const int descriptor = ::dup(container->reader_->descriptor());
        if (descriptor < 0) return fail(error_from_errno("opening", container->name_, errno));
        container->file_.emplace(descriptor, container->name_);
    }
    TRY_WITH(container->read_header(), fmt::format("sealed dataset '{}'", container->name_));
    TRY_WITH(container->read_directory(), fmt::format("sealed dataset '{}'", container->name_));
    return container;
}

Result<BlockBytes> ContainerReader::read_range(std::uint64_t offset, std::uint64_t size) const {
    if (!mapped_.empty() && offset + size + packed_slack <= size_)
        return BlockBytes(mapped_.subspan(offset, size));
    Bytes bytes(size + packed_slack);
    TRY(reader_->read_at(offset, std::span(bytes).first(size)));
    return BlockBytes(std::move(bytes), size);
}

Result<void> ContainerReader::read_header() {
    if (size_ < layout::header_size + layout::footer_size)
        return fail(ErrorCode::corrupt, fmt::format("not a sealed dataset ({} bytes)", size_));
    const BlockBytes header = TRY(read_range(0, layout::header_size));
    const std::byte* at = header.bytes().data();
    if (load<std::uint64_t>(at) != layout::magic)
        return fail(ErrorCode::corrupt, "not a sealed dataset (its first bytes are others)");
    if (!matches(checksum64({at, 24}), load<std::uint64_t>(at + 24)))
        return fail(ErrorCode::corrupt, "the header (at byte 0) fails its checksum");
    if (const auto version = load<std::uint32_t>(at + 8); version > container_version)
        return fail(ErrorCode::corrupt,
                    fmt::format("it has format version {}; this program reads up to version {}: "
                                "read it with a newer one",
                                version, container_version));
    identity_ = load<std::uint64_t>(at + 16);
    return {};
}

Result<void> ContainerReader::read_directory() {
    const std::uint64_t footer_offset = size_ - layout::footer_size;
    const auto footer_damage = [&](std::string_view what) {
        return fail(ErrorCode::corrupt,
                    fmt::format("the footer (at byte {}) {}", footer_offset, what));
    };
    const BlockBytes footer = TRY(read_range(footer_offset, layout::footer_size));
    const std::byte* at = footer.bytes().data();
    if (load<std::uint64_t>(at + 48) != layout::magic) return footer_damage("is not there");
    if (!matches(checksum64({at, 56}), load<std::uint64_t>(at + 56)))
        return footer_damage("fails its checksum");
    const auto offset = load<std::uint64_t>(at), size = load<std::uint64_t>(at + 8);
    if (load<std::uint64_t>(at + 24) != identity_) return footer_damage("is another dataset's");
    if (load<std::uint64_t>(at + 32) != size_) return footer_damage("names another file size");
    if (size > layout::directory_size_max || offset < layout::header_size ||
        offset > footer_offset || size != footer_offset - offset)
        return footer_damage("names a directory that doesn't fit");
    directory_.resize(size);
    TRY(reader_->read_at(offset, directory_));
    if (!matches(checksum64(directory_, identity_), load<std::uint64_t>(at + 16)))
        return fail(ErrorCode::corrupt,
                    fmt::format("the directory (at byte {}) fails its checksum", offset));
    const std::byte* entry = directory_.data();
    const std::byte* end = entry + directory_.size();
    std::uint32_t count = 0;
    if (!take(entry, end, count) || count > layout::sections_max)
        return fail(ErrorCode::corrupt, "the directory names too many sections");
    for (std::uint32_t i = 0; i < count; ++i) {
        sections_.push_back(TRY(parse_section(entry, end, offset)));
        sections_.back().number = i;
    }
    if (entry != end) return fail(ErrorCode::corrupt, "the directory is longer than its sections");
    return {};
}

Result<ContainerReader::Section> ContainerReader::parse_section(
    const std::byte*& at, const std::byte* end, std::uint64_t directory_offset) const {
    const auto damaged = [](std::string_view what) {
        return fail(ErrorCode::corrupt, fmt::format("the directory {}", what));
    };
    std::uint32_t name_size = 0;
    Section section;
    if (!take(at, end, name_size) || name_size > layout::name_size_max ||
        name_size > static_cast<std::size_t>(end - at))
        return damaged("ends inside a section's name");
    section.name = as_text({at, name_size});
    at += name_size;
    if (!take(at, end, section.block_count) ||
        section.block_count > static_cast<std::size_t>(end - at) / layout::entry_size)
        return damaged(fmt::format("ends inside section '{}'", section.name));
    section.table = at;
    at += section.block_count * layout::entry_size;
    std::uint64_t before = 0;
    for (std::uint64_t i = 0; i < section.block_count; ++i) {
        const BlockEntry block = section.entry(i);
        if (block.offset < layout::header_size || block.offset > directory_offset ||
            block.size > directory_offset - block.offset || block.first < before)
            return damaged(
                fmt::format("places block {} of section '{}' outside the file", i, section.name));
        before = block.first;
    }
    return section;
}

const ContainerReader::Section* ContainerReader::find(std::string_view name) const {
    const auto at = std::find_if(sections_.begin(), sections_.end(),
                                 [&](const Section& section) { return section.name == name; });
    return at == sections_.end() ? nullptr : &*at;
}

Result<const ContainerReader::Section*> ContainerReader::section(std::string_view name) const {
    if (const Section* found = find(name)) return found;
    return fail(ErrorCode::corrupt,
                fmt::format("sealed dataset '{}' has no section '{}'", name_, name));
}

Error ContainerReader::damage(const Section& section, std::uint64_t block,
                              std::string_view what) const {
    const std::uint64_t offset = block < section.block_count ? section.entry(block).offset : 0;
    return {ErrorCode::corrupt,
            fmt::format("sealed dataset '{}', section '{}', block {} (at byte {}): {}", name_,
                        section.name, block, offset, what)};
}

Result<BlockEntry> ContainerReader::entry_of(const Section& section, std::uint64_t block) const {
    if (block >= section.block_count) return fail(damage(section, block, "it is missing"));
    return section.entry(block);
}

Result<void> ContainerReader::check_block(const Section& section, std::uint64_t block,
                                          ByteSpan bytes) const {
    if (matches(block_checksum(bytes, identity_, section.number, block),
                section.entry(block).checksum))
        return {};
    return fail(damage(section, block, "its bytes fail their checksum"));
}

Result<BlockBytes> ContainerReader::read_block(const Section& section, std::uint64_t block) const {
    const BlockEntry entry = TRY(entry_of(section, block));
    BlockBytes bytes = TRY(read_range(entry.offset, entry.size));
    TRY(check_block(section, block, bytes));
    return bytes;
}

Result<BlockBytes> ContainerReader::copy_block(const Section& section, std::uint64_t block,
                                               Bytes& room) const {
    const BlockEntry entry = TRY(entry_of(section, block));
    if (room.size() < entry.size + packed_slack) room.resize(entry.size + packed_slack);
    const auto bytes = std::span(room).first(entry.size);
    // Our checksum covers the bytes; the object's own would be read from its blocks' beginning.
    TRY(file_ ? file_->read_at(entry.offset, bytes) : reader_->read_at(entry.offset, bytes));
    TRY(check_block(section, block, bytes));
    return BlockBytes(ByteSpan(bytes));
}

Result<Bytes> ContainerReader::read_bytes(const Section& section, std::uint64_t bytes_max) const {
    Bytes out;
    for (std::uint64_t i = 0; i < section.block_count; ++i) {
        const BlockBytes block = TRY(read_block(section, i));
        const ByteSpan stored = block.bytes();
        const auto wrong = [&](std::string_view what) { return fail(damage(section, i, what)); };
        if (stored.size() < 4) return wrong("it has no size");
        const auto size = load<std::uint32_t>(stored.data());
        const ByteSpan packed = stored.subspan(4);
        if (size > layout::piece_size || section.entry(i).first != out.size())
            return wrong("its size is wrong");
        if (size > bytes_max - std::min(bytes_max, std::uint64_t{out.size()}))
            return wrong("it is larger than its kind may be");
        const std::size_t at = out.size();
        out.resize(at + size);
        if (packed.size() == size) {
            std::copy(packed.begin(), packed.end(), out.begin() + at);
        } else if (ZSTD_decompress(out.data() + at, size, packed.data(), packed.size()) != size) {
            return wrong("it can't be decompressed");
        }
    }
    return out;
}

Result<Bytes> ContainerReader::read_bytes(std::string_view name, std::uint64_t bytes_max) const {
    return read_bytes(*TRY(section(name)), bytes_max);
}

}  // namespace stroma::expression
