#pragma once

#include <string>
#include <vector>

#include "redshift/load/copy_grammar.h"
#include "redshift/session.h"

namespace stroma::redshift {

/// A value as COPY and UNLOAD write it: t and f, numbers as short as they read back.
std::string text_of(const sql::Value& value);

/// Rows as lines of text, CSV, JSON or of fixed widths.
class RowText {
public:
    RowText(CopyOptions options, std::vector<Column> columns);
    /// Instead of text_of().
    void write_values_by(ValueText text) { value_text_ = std::move(text); }
    /// Columns whose flag is set in `left_out` are not written.
    void header(std::string& out, const std::vector<bool>& left_out = {}) const;
    void row(std::string& out, const Cursor& cursor,
             const std::vector<bool>* left_out = nullptr) const;
    /// As FIXEDWIDTH says: each value from the left, with blanks behind it up to its width in
    /// characters. errors  22001  a value is longer;  42601  widths and columns differ in number
    Answer<void> fixed(std::string& out, const Cursor& cursor,
                       const std::vector<bool>* left_out) const;

private:
    void field(std::string& out, const std::string& text, bool is_quoted = false) const;
    void json(std::string& out, const Cursor& cursor, const std::vector<bool>* left_out) const;
    CopyOptions options_;
    std::vector<Column> columns_;
    ValueText value_text_;
    std::vector<bool> quoted_;  ///< columns that are always quoted; none: empty
};

}  // namespace stroma::redshift
