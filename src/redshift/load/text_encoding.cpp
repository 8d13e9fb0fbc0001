#include <cstddef>

#include "redshift/load/byte_source.h"

namespace stroma::redshift {
namespace {

constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";

void add_letter(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
        put(0xC0 | (code >> 6));
    } else {
        if (code < 0x10000) {
            put(0xE0 | (code >> 12));
        } else {
            put(0xF0 | (code >> 18));
            put(0x80 | ((code >> 12) & 63));
        }
        put(0x80 | ((code >> 6) & 63));
    }
    put(0x80 | (code & 63));
}

/// UTF-8 whose mark of byte order, which some editors put before it, is left out.
class Unmarked final : public ByteSource {
public:
    explicit Unmarked(std::unique_ptr<ByteSource> from) : from_(std::move(from)) {}
    Result<std::string_view> next() override {
        auto block = TRY(from_->next());
        if (!std::exchange(is_begun_, true) && block.starts_with(utf8_mark)) {
            block.remove_prefix(utf8_mark.size());
            if (block.empty()) return from_->next();
        }
        return block;
    }

private:
    std::unique_ptr<ByteSource> from_;
    bool is_begun_ = false;
};

class FromLatin1 final : public ByteSource {
public:
    explicit FromLatin1(std::unique_ptr<ByteSource> from) : from_(std::move(from)) {}
    Result<std::string_view> next() override {
        const auto block = TRY(from_->next());
        made_.clear();
        for (const char letter : block) add_letter(made_, static_cast<unsigned char>(letter));
        return std::string_view(made_);
    }

private:
    std::unique_ptr<ByteSource> from_;
    std::string made_;
};

class FromUtf16 final : public ByteSource {
public:
    FromUtf16(std::unique_ptr<ByteSource> from, TextEncoding encoding)
        : from_(std::move(from)),
          is_big_(encoding == TextEncoding::utf16_big),
          needs_mark_(encoding == TextEncoding::utf16) {}
    Result<std::string_view> next() override {
        for (made_.clear(); made_.empty();) {
            const auto block = TRY(from_->next());
            if (block.empty()) {
                if (has_half_ || first_ != 0) return wrong("it ends amid a letter");
                return std::string_view();
            }
            for (const char byte : block) TRY(take(static_cast<unsigned char>(byte)));
        }
        return std::string_view(made_);
    }

private:
    static tl::unexpected<Error> wrong(std::string_view why) {
        return fail(ErrorCode::corrupt, "this is no UTF-16: " + std::string(why));
    }
    Result<void> take(unsigned byte) {
        if (!std::exchange(has_half_, !has_half_)) {
            half_ = byte;
            return {};
        }
        const std::uint32_t unit = is_big_ ? half_ << 8 | byte : byte << 8 | half_;
        if (!std::exchange(is_begun_, true)) {
            constexpr std::uint32_t mark = 0xFEFF, turned_mark = 0xFFFE;
            if (unit == mark) return {};
            if (needs_mark_ && unit != turned_mark)
                return wrong("the mark of byte order is missing; say UTF16LE or UTF16BE");
            if (unit == turned_mark) {
                is_big_ = !is_big_;
                return {};
            }
        }
        const bool opens = unit >= 0xD800 && unit < 0xDC00,
                   closes = unit >= 0xDC00 && unit < 0xE000;
        if (closes != (first_ != 0)) return wrong("half a pair of surrogates");
        if (opens) {
            first_ = unit;
        } else if (closes) {
            add_letter(made_, 0x10000 + ((first_ - 0xD800) << 10) + (unit - 0xDC00));
            first_ = 0;
        } else {
            add_letter(made_, unit);
        }
        return {};
    }

    std::unique_ptr<ByteSource> from_;
    bool is_big_, needs_mark_, has_half_ = false, is_begun_ = false;
    unsigned half_ = 0;
    std::uint32_t first_ = 0;  ///< of a pair
    std::string made_;
};

}  // namespace

std::unique_ptr<ByteSource> as_utf8(std::unique_ptr<ByteSource> from, TextEncoding encoding) {
    switch (encoding) {
        case TextEncoding::utf8: return std::make_unique<Unmarked>(std::move(from));
        case TextEncoding::latin1: return std::make_unique<FromLatin1>(std::move(from));
        default: return std::make_unique<FromUtf16>(std::move(from), encoding);
    }
}

Result<std::unique_ptr<ByteSource>> plain_text(std::unique_ptr<ByteSource> from,
                                               const CopyOptions& options) {
    return as_utf8(TRY(decompressed(std::move(from), options.compression)), options.encoding);
}

}  // namespace stroma::redshift
