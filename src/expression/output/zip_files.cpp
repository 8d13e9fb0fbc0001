#include "expression/output/zip_files.h"

#include <algorithm>
#include <cassert>

#include "expression/output/deflate.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t size_max_32 = 0xffff'fffe;
constexpr std::uint16_t dos_date_1980_01_01 = 0x21;
constexpr std::uint16_t names_are_utf8 = 1u << 11;
// A field of this id is skipped by readers; it holds the place of a zip64 field (id 1).
constexpr std::uint16_t padding_field = 0xd935, zip64_field = 0x0001;

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
    bool is_large() const { return std::max(packed_bytes, text_bytes) > size_max_32; }
};

class ZipFiles final : public OutputFiles {
public:
    ZipFiles(PendingOutput output, File file, bool deflated, std::string_view stem)
        : output_(std::move(output)), file_(std::move(file)), deflated_(deflated), stem_(stem) {}

    void pack(Bytes& text, PackedPiece& out) const override {
        out.text_bytes = text.size();
        out.crc = crc32_of(text);
        if (deflated_) {
            deflate_piece(text, out.bytes);
        } else {
            std::swap(text, out.bytes);
        }
    }

    Result<void> begin(std::string_view name) override {
        entries_.push_back({.name = stem_ + "/" + std::string(name), .head_at = at_});
        first_crc_ = 0;
        first_bytes_ = 0;
        at_ += head_of(entries_.back()).size();
        return {};
    }

    Result<void> append(const PackedPiece& piece) override {
        Entry& entry = entries_.back();
        TRY(file_.write_at(at_, piece.bytes));
        at_ += piece.bytes.size();
        entry.packed_bytes += piece.bytes.size();
        if (entry.text_bytes == 0) {
            first_crc_ = piece.crc;
            first_bytes_ = piece.text_bytes;
        } else {
            entry.crc = crc_of_both(entry.crc, piece.crc, piece.text_bytes);
        }
        entry.text_bytes += piece.text_bytes;
        return {};
    }

    Result<void> replace_first(ByteSpan text) override {
        assert(!deflated_ && text.size() == first_bytes_);
        first_crc_ = crc32_of(text);
        const Entry& entry = entries_.back();
        return file_.write_at(entry.head_at + head_of(entry).size(), text);
    }

    Result<void> end() override {
        Entry& entry = entries_.back();
        // Until here entry.crc covers what came behind the first piece.
        entry.crc = crc_of_both(first_crc_, entry.crc, entry.text_bytes - first_bytes_);
        if (deflated_) {
            TRY(file_.write_at(at_, deflate_end));
            at_ += sizeof deflate_end;
            entry.packed_bytes += sizeof deflate_end;
        }
        return file_.write_at(entry.head_at, head_of(entry));
    }

    Result<std::uint64_t> commit(bool durable) override {
        const std::uint64_t directory_at = at_;
        Bytes directory;
        for (const Entry& entry : entries_) append_directory_entry(directory, entry);
        append_end(directory, directory_at);
        TRY(file_.write_at(at_, directory));
        at_ += directory.size();
        if (durable) TRY(file_.sync());
        file_.close();
        TRY(output_.commit(durable));
        return at_;
    }

private:
    std::uint16_t method() const { return deflated_ ? 8 : 0; }
    static std::uint16_t flags_of(const Entry& entry) {
        const bool plain =
            std::all_of(entry.name.begin(), entry.name.end(), [](char c) { return c >= 0; });
        return plain ? 0 : names_are_utf8;
    }

    Bytes head_of(const Entry& entry) const {
        const bool large = entry.is_large();
        Fields head;
        head.u32(0x04034b50).u16(large ? 45 : 20).u16(flags_of(entry)).u16(method());
        head.u16(0).u16(dos_date_1980_01_01).u32(entry.crc);
        head.u32(large ? 0xffff'ffff : entry.packed_bytes);
        head.u32(large ? 0xffff'ffff : entry.text_bytes);
        head.u16(static_cast<std::uint16_t>(entry.name.size())).u16(20).text(entry.name);
        head.u16(large ? zip64_field : padding_field).u16(16);
        head.u64(large ? entry.text_bytes : 0).u64(large ? entry.packed_bytes : 0);
        return head.bytes();
    }

    void append_directory_entry(Bytes& to, const Entry& entry) const {
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
        fields.u16(flags_of(entry)).u16(method()).u16(0).u16(dos_date_1980_01_01).u32(entry.crc);
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
    std::vector<Entry> entries_;
    std::uint64_t at_ = 0, first_bytes_ = 0;
    std::uint32_t first_crc_ = 0;
};

}  // namespace

Result<std::unique_ptr<OutputFiles>> create_zip(PendingOutput output, bool deflated,
                                                std::string_view stem) {
    File file = TRY(File::create(output.working_path()));
    return std::make_unique<ZipFiles>(std::move(output), std::move(file), deflated, stem);
}

}  // namespace stroma::expression
