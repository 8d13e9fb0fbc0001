#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "expression/array.h"

namespace stroma::expression {

struct Column;

/// A categorical column's values: a code per row, -1 where missing.
struct Categorical {
    std::vector<std::int32_t> codes;
    /// The categories in their stored order: texts or numbers, without nulls.
    std::variant<TextArray, Array> categories;
    bool ordered = false;
    std::size_t category_count() const;
    /// The category as text, numbers in their shortest form.
    std::string category_text(std::size_t index) const;
};

/// One column of obs or var: one value per row.
struct Column {
    std::string name;
    /// Numbers and booleans (one-dimensional Array), texts, or codes.
    std::variant<Array, TextArray, Categorical> values;
    /// Set for pandas' nullable integers, booleans and strings: true where the value is missing.
    /// Unset columns have no missing values but NaN and code -1.
    std::optional<std::vector<bool>> missing;

    std::size_t size() const;
    bool is_missing(std::size_t row) const;  ///< mask, NaN, or code -1
    /// The value as text: numbers in their shortest form that reads back the same, booleans as
    /// "True"/"False", "" when missing.
    std::string text(std::size_t row) const;
    bool is_text() const { return std::holds_alternative<TextArray>(values); }
    bool is_categorical() const { return std::holds_alternative<Categorical>(values); }
    bool is_numeric() const { return std::holds_alternative<Array>(values); }
};

/// A table: obs has one row per cell, var one per gene.
struct Frame {
    std::string index_name = "_index";  ///< what the file called its index column
    TextArray index;                    ///< one id per row
    std::vector<Column> columns;        ///< in the file's order; names are distinct

    std::size_t row_count() const { return index.size(); }
    const Column* find(std::string_view name) const;
    /// The same columns with only those rows, in that order. Categories stay as they are.
    Frame take(const std::vector<std::uint32_t>& rows) const;
};

/// Column::values and a mask for only those rows, in that order.
Column take(const Column& column, const std::vector<std::uint32_t>& rows);

struct Element;
using Dict = std::vector<std::pair<std::string, Element>>;  ///< in stored order; names distinct

/// A small sparse matrix that is carried, not computed on (obsp, varp, sparse obsm).
struct SparseArray {
    bool by_row = true;  ///< CSR, else CSC
    std::uint64_t rows = 0, columns = 0;
    Array data;     ///< 1-d
    Array indices;  ///< 1-d, int32 or int64
    Array indptr;   ///< 1-d, int32 or int64
};
/// Whether indptr and indices fit each other, the data and the shape. What comes from a file is
/// checked with this before any other function here sees it.
/// errors  invalid_input  names the first place that doesn't fit
Result<void> check(const SparseArray& sparse);

/// Texts with a shape (a 2-d array of strings in uns); row-major.
struct TextGrid {
    std::vector<std::uint64_t> shape;  ///< {} is one text: a string scalar
    TextArray texts;
};

/// A numpy record array (uns["rank_genes_groups"]["names"]): equally long named fields.
struct Records {
    std::vector<Column> fields;
};

/// A node of uns, obsm, varm, obsp, varp: whatever AnnData may hold there, kept as it came.
struct Element {
    using Value =
        std::variant<std::monostate, Array, TextGrid, Frame, SparseArray, Records, Column, Dict>;
    Value value;

    // Not implicit: a Dict holds Elements, and clang asks too early whether a pair with one is
    // whole.
    Element() noexcept;
    Element(Value its_value);
    Element(const Element&);
    Element(Element&&) noexcept;
    Element& operator=(const Element&);
    Element& operator=(Element&&) noexcept;
    ~Element();

    const Dict* dict() const { return std::get_if<Dict>(&value); }
    const Element* find(std::string_view name) const;  ///< in a Dict; nullptr when absent
};

/// The element with only those rows of its first axis (obsm); a pair matrix (obsp) is cut on both.
Element take_rows(const Element& element, const std::vector<std::uint32_t>& rows);
Element take_rows_and_columns(const Element& element, const std::vector<std::uint32_t>& rows);

}  // namespace stroma::expression
