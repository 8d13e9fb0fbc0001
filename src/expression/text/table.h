#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "expression/format.h"
#include "expression/text/text_input.h"

namespace stroma::expression {

/// How fields are told apart in a table.
struct Dialect {
    char separator = '\t';
    bool quotes = true;  ///< "a ""b""" is a "b"; a quoted field may not hold a line end
    /// With pipe-separated text: a backslash makes the next character plain (Redshift's ESCAPE).
    bool backslash = false;
};

/// Cuts a line into fields. The views point into `line` or, for fields that had to be unescaped,
/// into `storage`, which must outlive them and is cleared here.
/// errors  false: a quote that isn't closed
bool split_fields(std::string_view line, const Dialect& dialect,
                  std::vector<std::string_view>& fields, std::vector<std::string>& storage);

/// The dialect of a table by its first line (',' '\t' ';' '|', whichever splits it most).
Dialect guess_dialect(std::string_view first_line);

/// A small table as texts: metadata beside a matrix.
struct Table {
    std::vector<std::string> header;  ///< empty without a header
    std::vector<TextArray> columns;
    std::size_t row_count() const { return columns.empty() ? 0 : columns[0].size(); }
    const TextArray* find(std::string_view name) const;
};

struct TableOptions {
    bool has_header = true;
    Dialect dialect;
    bool guess = false;              ///< take the dialect of the first line
    bool keeps_blank_lines = false;  ///< a blank line is a row of one empty field
    std::uint64_t bytes_max = std::uint64_t{4} << 30;
    std::size_t columns_max = 2000;
};

/// errors  invalid_input  a line with another number of fields, not UTF-8 (names the line)
Result<Table> read_table(InputFiles& files, std::string_view name, const TableOptions& options);

/// The texts as a column: integers, numbers or booleans ("True"/"False") when every text is one,
/// else categorical when texts repeat much, else texts. Empty texts are missing.
Column column_of_texts(std::string name, const TextArray& texts);

/// Adds the column under its name, or under name_2, name_3 ... when that is taken; notes a change.
void add_column(Frame& frame, Column column, std::vector<std::string>& notes);

/// Refuses repeated ids (naming the first ten), or gives the repeats the suffix -1, -2 ... when
/// asked to, and notes it. `kind` is "cell" or "gene".
Result<void> settle_ids(TextArray& ids, std::string_view kind, std::string_view file,
                        bool make_unique, std::vector<std::string>& notes);

}  // namespace stroma::expression
