#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

// COPY … (FORMAT binary): a signature, flags, and rows of values with their lengths, as
// PostgreSQL's manual page of COPY lays it out ("File Formats", "Binary Format").

namespace stroma::front::postgres {

/// The longest row that is taken in.
constexpr std::size_t binary_row_bytes_max = 4u << 20;

/// Bytes of that format, in any pieces, as lines of COPY's text format: the session reads those.
class BinaryRows {
public:
    /// Of columns of these types, by oid.
    explicit BinaryRows(std::vector<std::uint32_t> types) : types_(std::move(types)) {}
    /// Appends the rows that are whole now to `lines`.
    /// errors  invalid_input  not that format, a row with other columns, wrong bytes for a type
    ///         unsupported    a type without a binary form here     exhausted  a row past 4 MiB
    Result<void> take(std::string_view bytes, std::string& lines);
    /// No more bytes come. errors  invalid_input  they ended within a row, or without a trailer
    Result<void> finish() const;

private:
    enum class Stage { signature, extension, rows, over };
    Result<bool> step(std::string& lines);
    Result<bool> row(std::string& lines);
    std::string_view rest() const { return std::string_view(held_).substr(at_); }

    std::vector<std::uint32_t> types_;
    std::string held_;
    std::size_t at_ = 0;
    std::uint64_t row_ = 0;
    Stage stage_ = Stage::signature;
};

/// What goes before the first row.
std::string binary_copy_head();
/// Begins a row of so many columns; each value follows by append_copied_value().
void begin_copied_row(std::string& out, std::size_t columns);
/// errors  as append_binary()
Result<void> append_copied_value(std::string& out, const sql::Value& value, std::uint32_t type);
/// What goes behind the last row.
std::string binary_copy_tail();

}  // namespace stroma::front::postgres
