#include "front/postgres/binary_copy.h"

#include <fmt/format.h>

#include "front/postgres/binary_numbers.h"
#include "front/postgres/value_bytes.h"

namespace stroma::front::postgres {
namespace {

constexpr std::string_view copy_signature{"PGCOPY\n\377\r\n\0", 11};
constexpr std::uint32_t critical_flags = 0xffff'0000;
constexpr std::size_t extension_bytes_max = 1u << 20;

tl::unexpected<Error> wrong(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

/// A value as a field of a line of the text format.
void append_field(std::string& line, std::string_view text) {
    for (const char letter : text) {
        switch (letter) {
            case '\\': line += "\\\\"; break;
            case '\n': line += "\\n"; break;
            case '\r': line += "\\r"; break;
            case '\t': line += "\\t"; break;
            default: line += letter;
        }
    }
}

}  // namespace

Result<void> BinaryRows::take(std::string_view bytes, std::string& lines) {
    held_ += bytes;
    for (;;)
        if (!TRY(step(lines))) break;
    held_.erase(0, at_);
    at_ = 0;
    if (held_.size() > binary_row_bytes_max + bytes.size())
        return fail(ErrorCode::exhausted,
                    fmt::format("row {} is longer than {} bytes", row_ + 1, binary_row_bytes_max));
    return {};
}

// One piece of the format; false where it isn't all there.
Result<bool> BinaryRows::step(std::string& lines) {
    switch (stage_) {
        case Stage::signature: {
            const std::string_view front = rest().substr(0, copy_signature.size());
            if (front != copy_signature.substr(0, front.size()))
                return wrong("COPY file signature not recognized");
            if (rest().size() < copy_signature.size() + 8) return false;
            const auto flags =
                static_cast<std::uint32_t>(big_endian(rest().substr(copy_signature.size(), 4)));
            if ((flags & critical_flags) != 0)
                return wrong("unrecognized critical flags in COPY file header");
            at_ += copy_signature.size() + 4;
            stage_ = Stage::extension;
            return true;
        }
        case Stage::extension: {
            const auto size = big_endian(rest().substr(0, 4));
            if (size > extension_bytes_max) return wrong("invalid COPY file header (wrong length)");
            if (rest().size() < 4 + size) return false;
            at_ += 4 + size;
            stage_ = Stage::rows;
            return true;
        }
        case Stage::rows: return row(lines);
        case Stage::over:
            if (!rest().empty()) return wrong("received copy data after EOF marker");
            return false;
    }
    return false;
}

Result<bool> BinaryRows::row(std::string& lines) {
    std::string_view left = rest();
    if (left.size() < 2) return false;
    const auto count = static_cast<std::int16_t>(big_endian(left.substr(0, 2)));
    left.remove_prefix(2);
    if (count == -1) {
        at_ += 2;
        stage_ = Stage::over;
        return true;
    }
    if (count < 0 || static_cast<std::size_t>(count) != types_.size())
        return wrong(fmt::format("row field count is {}, expected {}", count, types_.size()));
    std::string line;
    for (std::size_t column = 0; column < types_.size(); ++column) {
        if (left.size() < 4) return false;
        const auto size = static_cast<std::int32_t>(big_endian(left.substr(0, 4)));
        left.remove_prefix(4);
        if (column > 0) line += '\t';
        if (size == -1) {
            line += "\\N";
            continue;
        }
        if (size < 0) return wrong("invalid field size");
        if (static_cast<std::size_t>(size) > binary_row_bytes_max)
            return fail(ErrorCode::exhausted, fmt::format("row {} is longer than {} bytes",
                                                          row_ + 1, binary_row_bytes_max));
        if (left.size() < static_cast<std::size_t>(size)) return false;
        const auto value =
            value_from_binary(types_[column], left.substr(0, static_cast<std::size_t>(size)));
        if (!value)
            return fail(value.error().with(fmt::format("row {}, column {}", row_ + 1, column + 1)));
        std::string text;
        append_text(text, *value, oid::text);
        append_field(line, text);
        left.remove_prefix(static_cast<std::size_t>(size));
    }
    lines += line + '\n';
    ++row_;
    at_ = held_.size() - left.size();
    return true;
}

Result<void> BinaryRows::finish() const {
    if (stage_ == Stage::over) return {};
    // As PostgreSQL: the trailer may be left out, half a row may not.
    if (stage_ == Stage::rows && rest().empty()) return {};
    return wrong("unexpected EOF in COPY data");
}

std::string binary_copy_head() {
    std::string head(copy_signature);
    head.append(8, '\0');
    return head;
}

void begin_copied_row(std::string& out, std::size_t columns) { append_big_endian(out, columns, 2); }

Result<void> append_copied_value(std::string& out, const sql::Value& value, std::uint32_t type) {
    if (std::holds_alternative<std::monostate>(value)) {
        append_big_endian(out, 0xffff'ffff, 4);
        return {};
    }
    std::string bytes;
    TRY(append_binary(bytes, value, type));
    append_big_endian(out, bytes.size(), 4);
    out += bytes;
    return {};
}

std::string binary_copy_tail() { return "\xff\xff"; }

}  // namespace stroma::front::postgres
