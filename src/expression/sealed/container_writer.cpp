#include <zstd.h>

#include <cassert>

#include "base/digest.h"
#include "expression/sealed/container.h"
#include "expression/sealed/container_layout.h"

namespace stroma::expression {
namespace {

template <class T>
void append(Bytes& out, T value) {
    const std::size_t at = out.size();
    out.resize(at + sizeof value);
    store(out.data() + at, value);
}

}  // namespace

std::uint64_t block_checksum(ByteSpan bytes, std::uint64_t identity, std::uint32_t section,
                             std::uint64_t block) {
    std::byte place[24];
    store(place, identity);
    store(place + 8, std::uint64_t{section});
    store(place + 16, block);
    return checksum64(bytes, checksum64(place));
}

Result<void> ContainerWriter::write(ByteSpan bytes) {
    TRY(file_.write_at(offset_, bytes));
    offset_ += bytes.size();
    return {};
}

Result<void> ContainerWriter::begin() {
    Bytes header;
    append(header, layout::magic);
    append(header, container_version);
    append(header, std::uint32_t{0});
    append(header, identity_);
    append(header, checksum64(header));
    assert(header.size() == layout::header_size);
    return write(header);
}

std::uint32_t ContainerWriter::add_section(std::string name) {
    sections_.push_back({std::move(name), {}});
    return static_cast<std::uint32_t>(sections_.size() - 1);
}

Result<void> ContainerWriter::append_block(std::uint32_t section, std::uint64_t first,
                                           ByteSpan bytes) {
    auto& blocks = sections_[section].blocks;
    blocks.push_back(
        {offset_, bytes.size(), first, block_checksum(bytes, identity_, section, blocks.size())});
    return write(bytes);
}

void ContainerWriter::drop_empty_blocks(std::uint32_t section) {
    assert(stored_bytes(section) == 0);
    sections_[section].blocks.clear();
}

Result<void> ContainerWriter::add_bytes(std::string name, ByteSpan bytes) {
    const std::uint32_t section = add_section(std::move(name));
    for (std::size_t first = 0; first < bytes.size(); first += layout::piece_size) {
        const ByteSpan piece =
            bytes.subspan(first, std::min(layout::piece_size, bytes.size() - first));
        Bytes block;
        append(block, static_cast<std::uint32_t>(piece.size()));
        const std::size_t head = block.size();
        block.resize(head + ZSTD_compressBound(piece.size()));
        const std::size_t packed =
            ZSTD_compress(block.data() + head, block.size() - head, piece.data(), piece.size(), 3);
        if (ZSTD_isError(packed) == 0 && packed < piece.size()) {
            block.resize(head + packed);
        } else {
            block.resize(head);
            block.insert(block.end(), piece.begin(), piece.end());
        }
        TRY(append_block(section, first, block));
    }
    return {};
}

std::uint64_t ContainerWriter::stored_bytes(std::uint32_t section) const {
    std::uint64_t bytes = 0;
    for (const BlockEntry& block : sections_[section].blocks) bytes += block.size;
    return bytes;
}

Result<void> ContainerWriter::finish() {
    Bytes directory;
    append(directory, static_cast<std::uint32_t>(sections_.size()));
    for (const Section& section : sections_) {
        append(directory, static_cast<std::uint32_t>(section.name.size()));
        const ByteSpan name = as_bytes(section.name);
        directory.insert(directory.end(), name.begin(), name.end());
        append(directory, std::uint64_t{section.blocks.size()});
        for (const BlockEntry& block : section.blocks) {
            append(directory, block.offset);
            append(directory, block.size);
            append(directory, block.first);
            append(directory, block.checksum);
        }
    }
    Bytes footer;
    append(footer, offset_);
    append(footer, std::uint64_t{directory.size()});
    append(footer, checksum64(directory, identity_));
    append(footer, identity_);
    append(footer, offset_ + directory.size() + layout::footer_size);
    append(footer, std::uint64_t{container_version});
    append(footer, layout::magic);
    append(footer, checksum64(footer));
    assert(footer.size() == layout::footer_size);
    TRY(write(directory));
    return write(footer);
}

}  // namespace stroma::expression
