#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"
#include "object/object_store.h"

// One file of named sections of checksummed blocks: docs/formats/expression.md, "Container".

namespace stroma::expression {

inline constexpr std::uint32_t container_version = 1;

/// Where a block lies. `first` is the number of its first line, or of its first byte unpacked.
struct BlockEntry {
    std::uint64_t offset = 0, size = 0, first = 0, checksum = 0;
};

/// Writes a container from front to back. Used by one thread.
class ContainerWriter {
public:
    /// `identity` says which dataset the blocks belong to; equal data must give an equal one.
    ContainerWriter(File& file, std::uint64_t identity) : file_(file), identity_(identity) {}
    Result<void> begin();
    /// A new section; blocks may go to any section in any order.
    std::uint32_t add_section(std::string name);
    Result<void> append_block(std::uint32_t section, std::uint64_t first, ByteSpan bytes);
    /// Leaves the section without blocks; all of them must be empty.
    void drop_empty_blocks(std::uint32_t section);
    /// A section of bytes, in blocks of up to 1 MiB, each compressed where that makes it smaller.
    Result<void> add_bytes(std::string name, ByteSpan bytes);
    /// The directory and the footer.
    Result<void> finish();

    std::uint64_t size() const { return offset_; }
    const std::vector<BlockEntry>& blocks(std::uint32_t section) const {
        return sections_[section].blocks;
    }
    std::uint64_t stored_bytes(std::uint32_t section) const;

private:
    struct Section {
        std::string name;
        std::vector<BlockEntry> blocks;
    };
    Result<void> write(ByteSpan bytes);

    File& file_;
    std::uint64_t identity_;
    std::uint64_t offset_ = 0;
    std::vector<Section> sections_;
};

/// The checksum of a block's bytes as the directory holds it.
std::uint64_t block_checksum(ByteSpan bytes, std::uint64_t identity, std::uint32_t section,
                             std::uint64_t block);

/// A block's bytes, followed by packed_slack readable bytes; valid while the container lives.
class BlockBytes {
public:
    explicit BlockBytes(ByteSpan mapped) : bytes_(mapped) {}
    BlockBytes(Bytes owned, std::size_t size) : owned_(std::move(owned)), bytes_(owned_) {
        bytes_ = bytes_.first(size);
    }
    BlockBytes(BlockBytes&&) = default;
    BlockBytes& operator=(BlockBytes&&) = default;
    operator ByteSpan() const { return bytes_; }
    ByteSpan bytes() const { return bytes_; }

private:
    Bytes owned_;
    ByteSpan bytes_;
};

/// A container open for reading. Trusts nothing: every size is checked against the file's, every
/// block against its checksum each time it is read. Any thread.
class ContainerReader {
public:
    struct Section {
        std::string name;
        std::uint32_t number = 0;
        std::uint64_t block_count = 0;
        const std::byte* table = nullptr;  ///< block_count entries of 32 bytes
        BlockEntry entry(std::uint64_t block) const;
        /// The block that holds that line: the last with first <= line; 0 when there is none.
        std::uint64_t block_of(std::uint64_t line) const;
        std::uint64_t stored_bytes() const;
    };

    /// errors  corrupt
    static Result<std::unique_ptr<ContainerReader>> open(
        std::unique_ptr<object::ObjectReader> reader);

    const std::string& name() const { return name_; }
    std::uint64_t size() const { return size_; }
    const std::vector<Section>& sections() const { return sections_; }
    const Section* find(std::string_view name) const;
    /// errors  corrupt  names section, block and offset
    Result<const Section*> section(std::string_view name) const;
    Result<BlockBytes> read_block(const Section& section, std::uint64_t block) const;
    /// The same, copied into `room`, which must live as long: who reads many blocks leaves none of
    /// the file in its memory.
    Result<BlockBytes> copy_block(const Section& section, std::uint64_t block, Bytes& room) const;
    /// A section written by add_bytes; at most bytes_max.
    Result<Bytes> read_bytes(const Section& section, std::uint64_t bytes_max) const;
    Result<Bytes> read_bytes(std::string_view name, std::uint64_t bytes_max) const;
    /// "file 'x', section 'y', block 3 (at byte 123): what".
    Error damage(const Section& section, std::uint64_t block, std::string_view what) const;

    /// For fuzzing only: whether wrong checksums are let through.
    static void ignore_checksums(bool ignore);

private:
    Result<void> read_header();
    Result<void> read_directory();
    Result<Section> parse_section(const std::byte*& at, const std::byte* end,
                                  std::uint64_t directory_offset) const;
    Result<BlockBytes> read_range(std::uint64_t offset, std::uint64_t size) const;
    Result<BlockEntry> entry_of(const Section& section, std::uint64_t block) const;
    Result<void> check_block(const Section& section, std::uint64_t block, ByteSpan bytes) const;

    std::unique_ptr<object::ObjectReader> reader_;
    std::optional<File> file_;  ///< the local file that holds the bytes, where there is one
    std::string name_;
    ByteSpan mapped_;
    std::uint64_t size_ = 0, identity_ = 0;
    Bytes directory_;
    std::vector<Section> sections_;
};

}  // namespace stroma::expression
