#include "expression/frame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "expression/annotated_data.h"

namespace stroma::expression {
namespace {

using Rows = std::vector<std::uint32_t>;

std::string number_text(const Array& array, std::uint64_t index) {
    switch (array.type) {
        case ValueType::boolean: return array.integer(index) != 0 ? "True" : "False";
        case ValueType::float32: return fmt::format("{}", static_cast<float>(array.number(index)));
        case ValueType::float64: return fmt::format("{}", array.number(index));
        case ValueType::uint64:
            return fmt::format("{}", static_cast<std::uint64_t>(array.integer(index)));
        default: return fmt::format("{}", array.integer(index));
    }
}

TextArray take_texts(const TextArray& texts, const Rows& rows, std::uint64_t width = 1) {
    TextArray out;
    out.reserve(rows.size() * width, 0);
    for (const std::uint32_t row : rows)
        for (std::uint64_t i = 0; i < width; ++i) out.push_back(texts[row * width + i]);
    return out;
}

/// What one step along the first axis spans, in values.
std::uint64_t row_width(const std::vector<std::uint64_t>& shape) {
    std::uint64_t width = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) width *= shape[i];
    return width;
}

Array take_array_rows(const Array& array, const Rows& rows) {
    if (array.shape.empty()) return array;
    const std::size_t stride = row_width(array.shape) * size_of(array.type);
    Array out{array.type, array.shape, Bytes(rows.size() * stride)};
    out.shape[0] = rows.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
        assert(rows[i] < array.shape[0]);
        if (stride > 0)
            std::memcpy(out.bytes.data() + i * stride, array.bytes.data() + rows[i] * stride,
                        stride);
    }
    return out;
}

Array take_array_columns(const Array& array, const Rows& columns) {
    if (array.shape.size() < 2) return array;
    Array out{array.type, array.shape, {}};
    out.shape[1] = columns.size();
    const std::size_t step =
        size_of(array.type) * row_width({array.shape.begin() + 1, array.shape.end()});
    out.bytes.resize(array.shape[0] * columns.size() * step);
    std::byte* to = out.bytes.data();
    for (std::uint64_t row = 0; row < array.shape[0] && step > 0; ++row)
        for (const std::uint32_t column : columns) {
            assert(column < array.shape[1]);
            std::memcpy(to, array.bytes.data() + (row * array.shape[1] + column) * step, step);
            to += step;
        }
    return out;
}

Array empty_like(const Array& array) { return {array.type, {0}, {}}; }

void append(Array& to, const Array& from, std::uint64_t index) {
    const std::size_t size = size_of(from.type);
    const std::byte* value = from.bytes.data() + index * size;
    to.bytes.insert(to.bytes.end(), value, value + size);
    ++to.shape[0];
}

void append_integer(Array& to, std::uint64_t value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    to.bytes.insert(to.bytes.end(), bytes, bytes + size_of(to.type));
    ++to.shape[0];
}

SparseArray hollow_like(const SparseArray& sparse) {
    SparseArray out{sparse.by_row,
                    sparse.rows,
                    sparse.columns,
                    empty_like(sparse.data),
                    empty_like(sparse.indices),
                    empty_like(sparse.indptr)};
    append_integer(out.indptr, 0);
    return out;
}

/// Lines of the axis that lies together (rows of CSR, columns of CSC).
SparseArray take_lines(const SparseArray& sparse, const Rows& lines) {
    SparseArray out = hollow_like(sparse);
    (sparse.by_row ? out.rows : out.columns) = lines.size();
    for (const std::uint32_t line : lines) {
        const std::int64_t end = sparse.indptr.integer(line + 1);
        for (std::int64_t i = sparse.indptr.integer(line); i < end; ++i) {
            append(out.data, sparse.data, i);
            append(out.indices, sparse.indices, i);
        }
        append_integer(out.indptr, out.data.shape[0]);
    }
    return out;
}

/// Places of the other axis; one may be asked for more than once.
SparseArray take_places(const SparseArray& sparse, const Rows& places) {
    const std::uint64_t place_count = sparse.by_row ? sparse.columns : sparse.rows;
    std::vector<Rows> wanted_at(place_count);
    for (std::size_t i = 0; i < places.size(); ++i)
        wanted_at[places[i]].push_back(static_cast<std::uint32_t>(i));
    SparseArray out = hollow_like(sparse);
    (sparse.by_row ? out.columns : out.rows) = places.size();
    std::vector<std::pair<std::uint32_t, std::uint64_t>> line;  // new place, old position
    for (std::uint64_t number = 0; number + 1 < sparse.indptr.value_count(); ++number) {
        line.clear();
        const std::int64_t end = sparse.indptr.integer(number + 1);
        for (std::int64_t i = sparse.indptr.integer(number); i < end; ++i)
            for (const std::uint32_t place : wanted_at[sparse.indices.integer(i)])
                line.emplace_back(place, i);
        std::sort(line.begin(), line.end());
        for (const auto& [place, position] : line) {
            append_integer(out.indices, place);
            append(out.data, sparse.data, position);
        }
        append_integer(out.indptr, out.data.shape[0]);
    }
    return out;
}

struct RowTaker {
    const Rows& rows;
    using Value = decltype(Element::value);

    Value operator()(std::monostate) const { return std::monostate{}; }
    Value operator()(const Array& array) const { return take_array_rows(array, rows); }
    Value operator()(const TextGrid& grid) const {
        if (grid.shape.empty()) return grid;
        TextGrid out{grid.shape, take_texts(grid.texts, rows, row_width(grid.shape))};
        out.shape[0] = rows.size();
        return out;
    }
    Value operator()(const Frame& frame) const { return frame.take(rows); }
    Value operator()(const SparseArray& sparse) const {
        return sparse.by_row ? take_lines(sparse, rows) : take_places(sparse, rows);
    }
    Value operator()(const Records& records) const {
        Records out;
        for (const Column& field : records.fields) out.fields.push_back(take(field, rows));
        return out;
    }
    Value operator()(const Column& column) const { return take(column, rows); }
    Value operator()(const Dict& dict) const {
        Dict out;
        for (const auto& [name, element] : dict) out.emplace_back(name, take_rows(element, rows));
        return out;
    }
};

}  // namespace

std::size_t Categorical::category_count() const {
    if (const auto* texts = std::get_if<TextArray>(&categories)) return texts->size();
    return std::get<Array>(categories).value_count();
}

std::string Categorical::category_text(std::size_t index) const {
    if (const auto* texts = std::get_if<TextArray>(&categories))
        return std::string((*texts)[index]);
    return number_text(std::get<Array>(categories), index);
}

std::size_t Column::size() const {
    if (const auto* array = std::get_if<Array>(&values)) return array->value_count();
    if (const auto* texts = std::get_if<TextArray>(&values)) return texts->size();
    return std::get<Categorical>(values).codes.size();
}

bool Column::is_missing(std::size_t row) const {
    if (missing && (*missing)[row]) return true;
    if (const auto* array = std::get_if<Array>(&values))
        return is_floating(array->type) && std::isnan(array->number(row));
    if (const auto* categorical = std::get_if<Categorical>(&values))
        return categorical->codes[row] < 0;
    return false;
}

std::string Column::text(std::size_t row) const {
    if (is_missing(row)) return {};
    if (const auto* array = std::get_if<Array>(&values)) return number_text(*array, row);
    if (const auto* texts = std::get_if<TextArray>(&values)) return std::string((*texts)[row]);
    const auto& categorical = std::get<Categorical>(values);
    return categorical.category_text(static_cast<std::size_t>(categorical.codes[row]));
}

const Column* Frame::find(std::string_view name) const {
    const auto at = std::find_if(columns.begin(), columns.end(),
                                 [&](const Column& column) { return column.name == name; });
    return at == columns.end() ? nullptr : &*at;
}

Frame Frame::take(const std::vector<std::uint32_t>& rows) const {
    Frame out{index_name, take_texts(index, rows), {}};
    for (const Column& column : columns) out.columns.push_back(expression::take(column, rows));
    return out;
}

Column take(const Column& column, const std::vector<std::uint32_t>& rows) {
    Column out{column.name, {}, {}};
    if (const auto* array = std::get_if<Array>(&column.values)) {
        out.values = take_array_rows(*array, rows);
    } else if (const auto* texts = std::get_if<TextArray>(&column.values)) {
        out.values = take_texts(*texts, rows);
    } else {
        const auto& from = std::get<Categorical>(column.values);
        Categorical to{{}, from.categories, from.ordered};
        to.codes.reserve(rows.size());
        for (const std::uint32_t row : rows) to.codes.push_back(from.codes[row]);
        out.values = std::move(to);
    }
    if (column.missing) {
        out.missing.emplace();
        for (const std::uint32_t row : rows) out.missing->push_back((*column.missing)[row]);
    }
    return out;
}

Element::Element() noexcept = default;
Element::Element(Value its_value) : value(std::move(its_value)) {}
Element::Element(const Element&) = default;
Element::Element(Element&&) noexcept = default;
Element& Element::operator=(const Element&) = default;
Element& Element::operator=(Element&&) noexcept = default;
Element::~Element() = default;

const Element* Element::find(std::string_view name) const {
    if (dict() == nullptr) return nullptr;
    for (const auto& [key, element] : *dict())
        if (key == name) return &element;
    return nullptr;
}

Element take_rows(const Element& element, const std::vector<std::uint32_t>& rows) {
    return {std::visit(RowTaker{rows}, element.value)};
}

Element take_rows_and_columns(const Element& element, const std::vector<std::uint32_t>& rows) {
    Element out = take_rows(element, rows);
    if (const auto* array = std::get_if<Array>(&out.value)) {
        out.value = take_array_columns(*array, rows);
    } else if (const auto* sparse = std::get_if<SparseArray>(&out.value)) {
        out.value = sparse->by_row ? take_places(*sparse, rows) : take_lines(*sparse, rows);
    }
    return out;
}

Result<void> check(const SparseArray& sparse) {
    const std::uint64_t lines = sparse.by_row ? sparse.rows : sparse.columns;
    const std::uint64_t places = sparse.by_row ? sparse.columns : sparse.rows;
    const std::uint64_t stored = sparse.data.value_count();
    const auto wrong = [](std::string message) {
        return fail(ErrorCode::invalid_input, std::move(message));
    };
    if (is_floating(sparse.indices.type) || is_floating(sparse.indptr.type))
        return wrong("indices and indptr must be integers");
    if (sparse.indices.value_count() != stored)
        return wrong(
            fmt::format("indices has {} values and data {}", sparse.indices.value_count(), stored));
    if (sparse.indptr.value_count() != lines + 1)
        return wrong(fmt::format("indptr has {} values; {} lines need {}",
                                 sparse.indptr.value_count(), lines, lines + 1));
    std::int64_t before = 0;
    for (std::uint64_t i = 0; i <= lines; ++i) {
        const std::int64_t at = sparse.indptr.integer(i);
        if (at < before || (i == 0 && at != 0))
            return wrong(fmt::format("indptr[{}] is {}; it must start at 0 and not fall", i, at));
        before = at;
    }
    if (static_cast<std::uint64_t>(before) != stored)
        return wrong(fmt::format("indptr ends at {} and data has {} values", before, stored));
    for (std::uint64_t i = 0; i < stored; ++i)
        if (static_cast<std::uint64_t>(sparse.indices.integer(i)) >= places)
            return wrong(fmt::format("indices[{}] is {}; it must be below {}", i,
                                     sparse.indices.integer(i), places));
    return {};
}

const NamedMatrix* AnnotatedData::find(std::string_view name) const {
    for (const NamedMatrix& matrix : matrices)
        if (matrix.name == name) return &matrix;
    return nullptr;
}

std::string_view name_of(Unit unit) {
    static constexpr std::string_view names[] = {
        "counts", "expected_counts", "normalised", "scaled", "tpm", "unknown"};
    return names[static_cast<std::size_t>(unit)];
}

}  // namespace stroma::expression
