#include "expression/h5ad/h5ad_elements.h"

#include <fmt/format.h>

#include <algorithm>

#include "expression/h5ad/hdf5_values.h"

namespace stroma::expression {
namespace {

constexpr std::ptrdiff_t path_depth_max = 32;
constexpr std::uint64_t elements_max = 100'000;
constexpr std::size_t columns_max = 2000;
constexpr std::size_t categories_max = 10'000'000;

tl::unexpected<Error> unknown_encoding(const std::string& place, std::string_view encoding) {
    return fail(ErrorCode::unsupported,
                fmt::format("{}: encoding '{}' isn't known", place, encoding));
}

/// A dataset's values as those of a column. Before 0.7 one text stood for an array of one.
Result<Column> column_of(Element element, const std::string& place, std::string name) {
    Column column{std::move(name), {}, {}};
    if (auto* array = std::get_if<Array>(&element.value)) {
        if (array->shape.empty()) array->shape = {1};
        if (array->shape.size() != 1)
            return fail(
                ErrorCode::invalid_input,
                fmt::format("{}: a column must have one axis, not {}", place, array->shape.size()));
        column.values = std::move(*array);
    } else if (auto* grid = std::get_if<TextGrid>(&element.value)) {
        if (grid->shape.size() > 1)
            return fail(
                ErrorCode::invalid_input,
                fmt::format("{}: a column must have one axis, not {}", place, grid->shape.size()));
        column.values = std::move(grid->texts);
    } else {
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: a column must hold numbers or texts", place));
    }
    return column;
}

}  // namespace

Result<Categorical> make_categorical(const Array& codes, Column categories, bool ordered,
                                     const std::string& place) {
    Categorical values;
    values.ordered = ordered;
    const std::size_t count = categories.size();
    if (count > categories_max)
        return fail(ErrorCode::exhausted, fmt::format("{}: {} categories; the limit is {}", place,
                                                      count, categories_max));
    if (auto* texts = std::get_if<TextArray>(&categories.values))
        values.categories = std::move(*texts);
    else if (auto* numbers = std::get_if<Array>(&categories.values))
        values.categories = std::move(*numbers);
    else
        return fail(ErrorCode::unsupported, place + ": categories of categories aren't read");
    if (categories.missing && std::find(categories.missing->begin(), categories.missing->end(),
                                        true) != categories.missing->end())
        return fail(ErrorCode::invalid_input, place + ": a category is missing (null)");
    const std::vector<std::int64_t> wide = TRY(integers_of(codes, place));
    values.codes.resize(wide.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
        if (wide[i] < -1 || wide[i] >= static_cast<std::int64_t>(count))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}, row {}: category code {} of {} categories", place, i,
                                    wide[i], count));
        values.codes[i] = static_cast<std::int32_t>(wide[i]);
    }
    return values;
}

Result<void> H5adElements::count_element(const std::string& path) const {
    if (std::count(path.begin(), path.end(), '/') > path_depth_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: nested deeper than {}, which is the limit",
                                file_.place(path.substr(0, 64)), path_depth_max));
    if (++elements_ > elements_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: holds more than {} groups and datasets, which is the limit",
                                file_.name(), elements_max));
    return {};
}

Result<Element> H5adElements::element(const std::string& path) const {
    TRY(count_element(path));
    if (file_.part(path) == Hdf5File::Part::group) return group_element(path);
    const auto dataset = TRY(file_.dataset(path));
    const std::string encoding = file_.text_attribute(path, "encoding-type");
    constexpr std::string_view known[] = {"",       "array",     "string-array", "numeric-scalar",
                                          "string", "rec-array", "null",         "bytes",
                                          "anndata"};
    if (std::find(std::begin(known), std::end(known), encoding) == std::end(known))
        return unknown_encoding(dataset->place(), encoding);
    if (file_.has_attribute(path, "categories")) return Element{TRY(column(path, ""))};
    Element read = TRY(read_element(file_, *dataset, loose_text_bytes_max));
    // Before 0.7 a text was an array of one text of fixed length.
    auto* grid = std::get_if<TextGrid>(&read.value);
    const bool legacy_text = encoding.empty() && grid != nullptr &&
                             dataset->type().kind == Hdf5Type::Kind::fixed_text &&
                             grid->shape == std::vector<std::uint64_t>{1};
    if (legacy_text) grid->shape.clear();
    return read;
}

std::string H5adElements::sparse_order(const std::string& path) const {
    const std::string encoding = file_.text_attribute(path, "encoding-type");
    if (encoding == "csr_matrix" || encoding == "csc_matrix") return encoding.substr(0, 3);
    const std::string legacy = file_.text_attribute(path, "h5sparse_format");
    return legacy == "csr" || legacy == "csc" ? legacy : "";
}

Result<std::vector<std::uint64_t>> H5adElements::sparse_shape(const std::string& path) const {
    const std::string place = file_.place(path);
    const std::string name = file_.has_attribute(path, "shape") ? "shape" : "h5sparse_shape";
    const Element stated = TRY(file_.attribute(path, name));
    const auto* array = std::get_if<Array>(&stated.value);
    if (array == nullptr || array->value_count() != 2)
        return fail(ErrorCode::invalid_input, place + ": its shape must be two numbers");
    const std::vector<std::int64_t> sizes = TRY(integers_of(*array, place));
    if (sizes[0] < 0 || sizes[1] < 0)
        return fail(ErrorCode::invalid_input, place + ": its shape is negative");
    return std::vector<std::uint64_t>(sizes.begin(), sizes.end());
}

Result<Element> H5adElements::group_element(const std::string& path) const {
    const std::string encoding = file_.text_attribute(path, "encoding-type");
    if (const std::string order = sparse_order(path); !order.empty())
        return sparse(path, order == "csr");
    if (encoding == "dataframe") return Element{TRY(frame_of_group(path))};
    if (encoding == "categorical" || encoding.starts_with("nullable-"))
        return Element{TRY(column(path, ""))};
    if (encoding.empty() || encoding == "dict" || encoding == "anndata" || encoding == "raw")
        return Element{TRY(dict(path))};
    return unknown_encoding(file_.place(path), encoding);
}

Result<Dict> H5adElements::dict(const std::string& path) const {
    Dict members;
    if (file_.part(path) == Hdf5File::Part::absent) return members;
    if (file_.has_dataset(path)) {
        const auto dataset = TRY(file_.dataset(path));
        if (dataset->is_null()) return members;
        if (dataset->type().kind != Hdf5Type::Kind::compound)
            return fail(ErrorCode::invalid_input, dataset->place() + ": must be a group");
        Records records = TRY(read_records(file_, *dataset, loose_text_bytes_max));
        for (Column& field : records.fields) {
            if (auto* array = std::get_if<Array>(&field.values))
                members.emplace_back(std::move(field.name), Element{std::move(*array)});
            else
                members.emplace_back(field.name, Element{std::move(field)});
        }
        return members;
    }
    for (const std::string& name : TRY(file_.names(path)))
        members.emplace_back(name, TRY(element(join_path(path, name))));
    return members;
}

Result<Element> H5adElements::sparse(const std::string& path, bool by_row) const {
    const std::string place = file_.place(path);
    const std::vector<std::uint64_t> shape = TRY(sparse_shape(path));
    SparseArray array{by_row, shape[0], shape[1], {}, {}, {}};
    array.data = TRY(read_numbers(file_, join_path(path, "data")));
    array.indices = TRY(read_numbers(file_, join_path(path, "indices")));
    array.indptr = TRY(read_numbers(file_, join_path(path, "indptr")));
    const std::uint64_t lines = by_row ? array.rows : array.columns;
    const std::uint64_t across = by_row ? array.columns : array.rows;
    const std::uint64_t count = array.data.value_count();
    if (array.indices.value_count() != count || array.indptr.value_count() != lines + 1)
        return fail(ErrorCode::invalid_input,
                    place + ": data, indices and indptr don't fit each other and the shape");
    const std::vector<std::int64_t> ends = TRY(integers_of(array.indptr, place));
    if (ends.front() != 0 || ends.back() != static_cast<std::int64_t>(count) ||
        !std::is_sorted(ends.begin(), ends.end()))
        return fail(ErrorCode::invalid_input, place + ": indptr must rise from 0 to the length");
    const auto places = TRY(integers_of(array.indices, place));
    for (const std::int64_t at : places)
        if (at < 0 || at >= static_cast<std::int64_t>(across))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: index {} of {}", place, at, across));
    // Small integers carry no more: AnnData's readers expect int32 or int64.
    for (Array* narrow : {&array.indices, &array.indptr})
        if (narrow->type != ValueType::int32 && narrow->type != ValueType::int64)
            *narrow = Array::of(narrow == &array.indices ? places : ends);
    return Element{std::move(array)};
}

Result<bool> H5adElements::flag_attribute(const std::string& path, const std::string& name) const {
    if (!file_.has_attribute(path, name)) return false;
    const Element found = TRY(file_.attribute(path, name));
    const auto* array = std::get_if<Array>(&found.value);
    return array != nullptr && array->value_count() == 1 && array->number(0) != 0;
}

Result<Column> H5adElements::categorical(const std::string& codes, const std::string& categories,
                                         bool ordered, std::string name) const {
    const Array numbers = TRY(read_numbers(file_, codes));
    if (column_depth_ > 2)
        return fail(ErrorCode::invalid_input, file_.place(codes) + ": its categories are a circle");
    ++column_depth_;
    Result<Column> read = column(categories, "");
    --column_depth_;
    Column kept = TRY(std::move(read));
    Column made{std::move(name), {}, {}};
    made.values = TRY(make_categorical(numbers, std::move(kept), ordered, file_.place(codes)));
    return made;
}

Result<Column> H5adElements::nullable(const std::string& path, std::string name) const {
    Element stored = TRY(read_element(file_, join_path(path, "values"), frame_text_bytes_max));
    Column values = TRY(column_of(std::move(stored), file_.place(path), std::move(name)));
    values.missing.emplace(values.size(), false);
    if (!file_.has_dataset(join_path(path, "mask"))) return values;
    const Array mask = TRY(read_numbers(file_, join_path(path, "mask")));
    if (mask.value_count() != values.size())
        return fail(ErrorCode::invalid_input,
                    file_.place(path) + ": mask and values differ in length");
    for (std::size_t i = 0; i < values.size(); ++i) (*values.missing)[i] = mask.number(i) != 0;
    return values;
}

Result<Column> H5adElements::column(const std::string& path, std::string name) const {
    const std::string encoding = file_.text_attribute(path, "encoding-type");
    if (file_.has_group(path)) {
        if (encoding == "categorical") {
            const bool ordered = TRY(flag_attribute(path, "ordered"));
            return categorical(join_path(path, "codes"), join_path(path, "categories"), ordered,
                               std::move(name));
        }
        if (encoding == "nullable-integer" || encoding == "nullable-boolean" ||
            encoding == "nullable-string-array")
            return nullable(path, std::move(name));
        return unknown_encoding(file_.place(path), encoding);
    }
    // 0.7 kept a column's categories beside it, behind a reference.
    if (file_.has_attribute(path, "categories")) {
        const std::string categories = file_.referenced_path(path, "categories");
        if (categories.empty())
            return fail(ErrorCode::invalid_input,
                        file_.place(path) + ": its categories can't be found");
        const bool ordered = TRY(flag_attribute(categories, "ordered"));
        return categorical(path, categories, ordered, std::move(name));
    }
    const auto dataset = TRY(file_.dataset(path));
    constexpr std::string_view known[] = {"", "array", "string-array", "null"};
    if (std::find(std::begin(known), std::end(known), encoding) == std::end(known))
        return unknown_encoding(dataset->place(), encoding);
    Element stored = TRY(read_element(file_, *dataset, frame_text_bytes_max));
    return column_of(std::move(stored), dataset->place(), std::move(name));
}

Result<Frame> H5adElements::frame(const std::string& path) const {
    return file_.has_group(path) ? frame_of_group(path) : frame_of_records(path);
}

Result<Frame> H5adElements::frame_of_group(const std::string& path) const {
    const std::string place = file_.place(path);
    Frame frame;
    frame.index_name = file_.text_attribute(path, "_index");
    if (frame.index_name.empty())
        return fail(ErrorCode::invalid_input, place + ": its attribute '_index' is missing");
    frame.index = texts_of(TRY(column(join_path(path, frame.index_name), frame.index_name)));
    const Element order = TRY(file_.attribute(path, "column-order"));
    const auto* names = std::get_if<TextGrid>(&order.value);
    // A table without columns has an empty column-order of numbers.
    const std::size_t count = names == nullptr ? 0 : names->texts.size();
    if (count > columns_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: {} columns; the limit is {}", place, count, columns_max));
    for (std::size_t i = 0; i < count; ++i) {
        const std::string name(names->texts[i]);
        if (frame.find(name) != nullptr)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: two columns are called '{}'", place, name));
        Column read = TRY(column(join_path(path, name), name));
        if (read.size() != frame.row_count())
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}/{}: {} values for {} rows", place, name, read.size(),
                                    frame.row_count()));
        frame.columns.push_back(std::move(read));
    }
    return frame;
}

Result<Frame> H5adElements::frame_of_records(const std::string& path) const {
    const auto dataset = TRY(file_.dataset(path));
    if (dataset->type().kind != Hdf5Type::Kind::compound || dataset->rank() != 1)
        return fail(ErrorCode::invalid_input,
                    dataset->place() + ": must be a table (a dataframe group)");
    Records records = TRY(read_records(file_, *dataset, frame_text_bytes_max));
    if (records.fields.empty())
        return fail(ErrorCode::invalid_input, dataset->place() + ": has no index column");
    Frame frame;
    frame.index_name = records.fields[0].name;
    frame.index = texts_of(records.fields[0]);
    for (std::size_t i = 1; i < records.fields.size(); ++i) {
        Column& field = records.fields[i];
        const auto* array = std::get_if<Array>(&field.values);
        if (array != nullptr && array->shape.size() != 1)
            return fail(ErrorCode::unsupported, fmt::format("{}/{}: a column must have one axis",
                                                            dataset->place(), field.name));
        frame.columns.push_back(std::move(field));
    }
    return frame;
}

}  // namespace stroma::expression
