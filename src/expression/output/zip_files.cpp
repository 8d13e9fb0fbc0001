#include "expression/output/zip_files.h"

#include <algorithm>
#include <cassert>

#include "expression/output/deflate.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t size_max_32 = 0xffff'fffe;
constexpr std::uint16_t dos_date_1980_01_01 = 0x21;
constexpr std::uint16_t names_are_utf8 = 1u << 11, sizes_lie_behind = 1u << 3;
constexpr std::uint16_t deflate_method = 8, zip64_field = 0x0001;

/// Little-endian fields one behind the other.
class Fields {
public:
    template <class T>
    Fields& put(std::type_identity_t<T> value) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof(T));
        store<T>(bytes_.data() + at, value);
        return *this;
    }
    Fields& u16(std::uint16_t value) { return put<std::uint16_t>(value); }
    Fields& u32(std::uint64_t value) {
        assert(value <= 0xffff'ffff);
        return put<std::uint32_t>(static_cast<std::uint32_t>(value));
    }
    Fields& u64(std::uint64_t value) { return put<std::uint64_t>(value); }
    Fields& text(std::string_view value) {
        const ByteSpan bytes = as_bytes(value);
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    const Bytes& bytes() const { return bytes_; }

private:
    Bytes bytes_;
};

struct Entry {
    std::string name;
    std::uint64_t head_at = 0, packed_bytes = 0, text_bytes = 0;
    std::uint32_t crc = 0;
    std::uint16_t method = 0;
    bool in_pieces = false;  ///< sizes and checksum lie behind it
    bool is_large() const { return std::max(packed_bytes, text_bytes) > size_max_32; }
    std::uint16_t flags() const {
        const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return c >= 0; });
        return static_cast<std::uint16_t>((plain ? 0 : names_are_utf8) |
                                          (in_pieces ? sizes_lie_behind : 0));
    }
};

class ZipFiles final : public OutputFiles {
public:
    ZipFiles(PendingOutput output, File file, bool deflated, std::string_view stem, Settled settled)
        : output_(std::move(output)),
          file_(std::move(file)),
          deflated_(deflated),
          stem_(stem),
          settled_(std::move(settled)) {}

    void pack(Bytes& text, PackedPiece& out) const override {
        out.text_bytes = text.size();
        out.crc = crc32_of(text);
        deflated_ ? deflate_piece(text, out.bytes) : stored_blocks(text, out.bytes);
    }

    Result<void> begin(std::string_view name) override {
        entries_.push_back({.name = stem_ + "/" + std::string(name),
                            .head_at = at_,
                            .method = deflate_method,
                            .in_pieces = true});
        return put(head_of(entries_.back()));
    }

    Result<void> append(const PackedPiece& piece) override {
        Entry& entry = entries_.back();
        entry.packed_bytes += piece.bytes.size();
        entry.crc = crc_of_both(entry.crc, piece.crc, piece.text_bytes);
        entry.text_bytes += piece.text_bytes;
        return put(piece.bytes);
    }

    Result<void> end() override {
        Entry& entry = entries_.back();
        entry.packed_bytes += sizeof deflate_end;
        TRY(put(deflate_end));
        Fields descriptor;
        descriptor.u32(0x08074b50).u32(entry.crc).u64(entry.packed_bytes).u64(entry.text_bytes);
        return put(descriptor.bytes());
    }

    Result<void> add(std::string_view name, ByteSpan text) override {
        Bytes packed;
        ByteSpan bytes = text;
        if (deflated_) {
            deflate_piece(text, packed);
            packed.insert(packed.end(), std::begin(deflate_end), std::end(deflate_end));
            bytes = packed;
        }
        entries_.push_back({.name = stem_ + "/" + std::string(name),
                            .head_at = at_,
                            .packed_bytes = bytes.size(),
                            .text_bytes = text.size(),
                            .crc = crc32_of(text),
                            .method = deflated_ ? deflate_method : std::uint16_t{0}});
        TRY(put(head_of(entries_.back())));
        return put(bytes);
    }

    Result<std::uint64_t> commit(bool durable) override {
        const std::uint64_t directory_at = at_;
        Bytes directory;
        for (const Entry& entry : entries_) append_directory_entry(directory, entry);
        append_end(directory, directory_at);
        TRY(put(directory));
        if (durable) TRY(file_.sync());
        file_.close();
        TRY(output_.commit(durable));
        return at_;
    }

private:
    Result<void> put(ByteSpan bytes) {
        TRY(file_.write_at(at_, bytes));
        at_ += bytes.size();
        if (settled_) settled_(output_.working_path(), at_);
        return {};
    }

    static Bytes head_of(const Entry& entry) {
        // Behind a zip64 field in its head the sizes in a descriptor have eight bytes each.
        const bool large = entry.in_pieces || entry.is_large();
        Fields head;
        head.u32(0x04034b50).u16(large ? 45 : 20).u16(entry.flags()).u16(entry.method);
        head.u16(0).u16(dos_date_1980_01_01).u32(entry.crc);
        head.u32(large ? 0xffff'ffff : entry.packed_bytes);
        head.u32(large ? 0xffff'ffff : entry.text_bytes);
        head.u16(static_cast<std::uint16_t>(entry.name.size())).u16(large ? 20 : 0);
        head.text(entry.name);
        if (large) head.u16(zip64_field).u16(16).u64(entry.text_bytes).u64(entry.packed_bytes);
        return head.bytes();
    }

    static void append_directory_entry(Bytes& to, const Entry& entry) {
        const bool large = entry.is_large();
        const bool far = entry.head_at > size_max_32;
        Fields extra;
        if (large || far) {
            extra.u16(zip64_field)
                .u16(static_cast<std::uint16_t>((large ? 16 : 0) + (far ? 8 : 0)));
            if (large) extra.u64(entry.text_bytes).u64(entry.packed_bytes);
            if (far) extra.u64(entry.head_at);
        }
        const std::uint16_t version = large || far ? 45 : 20;
        Fields fields;
        // Made on Unix (3), so that the mode counts: a plain file, 0644.
        fields.u32(0x02014b50).u16(static_cast<std::uint16_t>(3u << 8 | version)).u16(version);
        fields.u16(entry.flags()).u16(entry.method).u16(0).u16(dos_date_1980_01_01).u32(entry.crc);
        fields.u32(large ? 0xffff'ffff : entry.packed_bytes);
        fields.u32(large ? 0xffff'ffff : entry.text_bytes);
        fields.u16(static_cast<std::uint16_t>(entry.name.size()));
        fields.u16(static_cast<std::uint16_t>(extra.bytes().size()));
        fields.u16(0).u16(0).u16(0).u32(0100644u << 16).u32(far ? 0xffff'ffff : entry.head_at);
        fields.text(entry.name);
        to.insert(to.end(), fields.bytes().begin(), fields.bytes().end());
        to.insert(to.end(), extra.bytes().begin(), extra.bytes().end());
    }

    void append_end(Bytes& to, std::uint64_t directory_at) const {
        const std::uint64_t size = to.size(), count = entries_.size();
        Fields end;
        if (directory_at > size_max_32) {
            end.u32(0x06064b50).u64(44).u16(3u << 8 | 45).u16(45).u32(0).u32(0);
            end.u64(count).u64(count).u64(size).u64(directory_at);
            end.u32(0x07064b50).u32(0).u64(directory_at + size).u32(1);
        }
        end.u32(0x06054b50).u16(0).u16(0);
        end.u16(static_cast<std::uint16_t>(count)).u16(static_cast<std::uint16_t>(count));
        end.u32(size).u32(directory_at > size_max_32 ? 0xffff'ffff : directory_at).u16(0);
        to.insert(to.end(), end.bytes().begin(), end.bytes().end());
    }

    PendingOutput output_;
    File file_;
    bool deflated_;
    std::string stem_;
    Settled settled_;
    std::vector<Entry> entries_;
    std::uint64_t at_ = 0;
};

}  // namespace

Result<std::unique_ptr<OutputFiles>> create_zip(PendingOutput output, bool deflated,
                                                std::string_view stem, Settled settled) {
    File file = TRY(File::create(output.working_path()));
    return std::make_unique<ZipFiles>(std::move(output), std::move(file), deflated, stem,
                                      std::move(settled));
}

}  // namespace stroma::expression
