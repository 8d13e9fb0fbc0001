#include "expression/zarr/zarr_elements.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "expression/zarr/zarr_array.h"

namespace stroma::expression {
namespace {

constexpr std::size_t columns_max = 2000;
constexpr int depth_max = 32;

std::string text_member(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A name out of the file used as a part of a key: it may not climb.
bool is_plain_name(std::string_view name) {
    return !name.empty() && name != "." && name != ".." && name.front() != '/';
}

Result<void> check_codes(const std::string& path, const Categorical& values) {
    const auto count = static_cast<std::int64_t>(values.category_count());
    for (std::size_t i = 0; i < values.codes.size(); ++i)
        if (values.codes[i] < -1 || values.codes[i] >= count)
            return bad_zarr(path, fmt::format("row {} has category {}, but there are {}", i,
                                              values.codes[i], count));
    return {};
}

Result<Categorical> categorical_of(const std::string& path, const Element& categories,
                                   const Array& codes) {
    Categorical values;
    if (const auto* texts = std::get_if<TextGrid>(&categories.value))
        values.categories = texts->texts;
    else if (const auto* numbers = std::get_if<Array>(&categories.value))
        values.categories = *numbers;
    else
        return bad_zarr(path, "its categories are neither texts nor numbers");
    if (is_floating(codes.type)) return bad_zarr(path, "its codes are not integers");
    values.codes.reserve(codes.value_count());
    for (std::uint64_t i = 0; i < codes.value_count(); ++i)
        values.codes.push_back(
            static_cast<std::int32_t>(std::clamp<std::int64_t>(codes.integer(i), -2, INT32_MAX)));
    TRY(check_codes(path, values));
    return values;
}

}  // namespace

Result<Json> zarr_attributes(const ZarrStore& store, std::string_view path) {
    const std::string folder = path.empty() ? "" : std::string(path) + "/";
    const bool is_version_3 = !store.has(folder + ".zattrs") && store.has(folder + "zarr.json");
    const std::string key = folder + (is_version_3 ? "zarr.json" : ".zattrs");
    if (!store.has(key)) return Json::object();
    const Bytes text = TRY(store.get(key));
    Json json = TRY_WITH(parse_json(as_text(text)), store.place(key));
    if (is_version_3 && json.is_object()) json = Json(json.value("attributes", Json::object()));
    if (!json.is_object()) return bad_zarr(store.place(key), "is not a JSON object");
    return json;
}

Result<std::string> ZarrElements::encoding(const std::string& path) const {
    return text_member(TRY(zarr_attributes(store_, path)), "encoding-type");
}

Result<std::vector<std::uint64_t>> ZarrElements::sparse_shape(const std::string& path) const {
    const Json json = TRY(zarr_attributes(store_, path));
    for (const char* name : {"shape", "h5sparse_shape"}) {
        const auto found = json.find(name);
        if (found == json.end() || !found->is_array() || found->size() != 2 ||
            !(*found)[0].is_number_unsigned() || !(*found)[1].is_number_unsigned())
            continue;
        return std::vector<std::uint64_t>{(*found)[0].get<std::uint64_t>(),
                                          (*found)[1].get<std::uint64_t>()};
    }
    return bad_zarr(path, "a sparse matrix without its shape");
}

Result<Element> ZarrElements::read(const std::string& path, int depth) const {
    if (depth > depth_max) return bad_zarr(path, fmt::format("nested deeper than {}", depth_max));
    return read_encoded(path, TRY(encoding(path)), depth);
}

Result<Element> ZarrElements::read_encoded(const std::string& path, const std::string& kind,
                                           int depth) const {
    const bool is_array = has_zarr_array(store_, path);
    if (kind == "null") return Element{};
    if (kind == "categorical") return Element{TRY(read_categorical(path, ""))};
    if (kind.starts_with("nullable-")) return Element{TRY(read_nullable(path, ""))};
    if (kind == "dataframe") return Element{TRY(read_frame(path))};
    if (kind == "csr_matrix" || kind == "csc_matrix")
        return Element{TRY(read_sparse(path, kind == "csr_matrix"))};
    static const std::set<std::string> arrays = {"",       "array",          "string-array",
                                                 "string", "numeric-scalar", "rec-array"};
    if (is_array && arrays.contains(kind)) return read_array(path);
    if (!is_array && (kind.empty() || kind == "dict" || kind == "raw"))
        return Element{TRY(read_dict(path, depth))};
    return fail(ErrorCode::unsupported, fmt::format("{}: encoding '{}' not known", path, kind));
}

Result<Dict> ZarrElements::read_dict(const std::string& path, int depth) const {
    Dict dict;
    const std::vector<std::string> names = store_.children(path);
    if (names.size() > 100'000) return bad_zarr(path, "more than 100,000 elements");
    for (const std::string& name : names) {
        Element element = TRY(read(path + "/" + name, depth + 1));
        dict.emplace_back(name, std::move(element));
    }
    return dict;
}

Result<Element> ZarrElements::read_array(const std::string& path) const {
    const ZarrArray array = TRY(open_zarr_array(store_, path));
    if (array.type.kind == ZarrType::Kind::record)
        return Element{TRY(read_zarr_records(store_, array, bytes_max_))};
    if (holds_texts(array)) {
        TextArray texts = TRY(read_zarr_texts(store_, array, bytes_max_));
        return Element{TextGrid{array.shape, std::move(texts)}};
    }
    return Element{TRY(read_zarr_numbers(store_, array, bytes_max_))};
}

Result<Column> ZarrElements::read_categorical(const std::string& path,
                                              const std::string& name) const {
    const Json json = TRY(zarr_attributes(store_, path));
    const Element categories = TRY(read_array(path + "/categories"));
    const Element codes = TRY(read_array(path + "/codes"));
    const auto* numbers = std::get_if<Array>(&codes.value);
    if (numbers == nullptr) return bad_zarr(path, "its codes are not integers");
    Categorical values = TRY(categorical_of(path, categories, *numbers));
    const auto ordered = json.find("ordered");
    values.ordered = ordered != json.end() && ordered->is_boolean() && ordered->get<bool>();
    return Column{name, std::move(values), {}};
}

Result<Column> ZarrElements::read_nullable(const std::string& path, const std::string& name) const {
    Element values = TRY(read_array(path + "/values"));
    const Element mask = TRY(read_array(path + "/mask"));
    const auto* flags = std::get_if<Array>(&mask.value);
    Column column{name, TextArray{}, {}};
    if (auto* numbers = std::get_if<Array>(&values.value))
        column.values = std::move(*numbers);
    else if (auto* texts = std::get_if<TextGrid>(&values.value))
        column.values = std::move(texts->texts);
    else
        return bad_zarr(path, "its values are neither numbers nor texts");
    if (flags == nullptr || is_floating(flags->type) || flags->value_count() != column.size())
        return bad_zarr(path, "its mask doesn't fit its values");
    std::vector<bool> missing(column.size());
    for (std::size_t i = 0; i < missing.size(); ++i) missing[i] = flags->integer(i) != 0;
    column.missing = std::move(missing);
    return column;
}

Result<Column> ZarrElements::with_old_categories(const std::string& path,
                                                 const std::string& categories,
                                                 Column column) const {
    const auto* codes = std::get_if<Array>(&column.values);
    if (codes == nullptr) return bad_zarr(path, "its codes are not integers");
    const Element texts = TRY(read_array(categories));
    const Json json = TRY(zarr_attributes(store_, categories));
    Categorical values = TRY(categorical_of(path, texts, *codes));
    const auto ordered = json.find("ordered");
    values.ordered = ordered != json.end() && ordered->is_boolean() && ordered->get<bool>();
    column.values = std::move(values);
    return column;
}

Result<Column> ZarrElements::read_column(const std::string& path, const std::string& name,
                                         std::uint64_t rows) const {
    const Json json = TRY(zarr_attributes(store_, path));
    Element element = TRY(read_encoded(path, text_member(json, "encoding-type"), 0));
    Column column{name, TextArray{}, {}};
    if (auto* same = std::get_if<Column>(&element.value))
        column = std::move(*same);
    else if (auto* numbers = std::get_if<Array>(&element.value);
             numbers && numbers->shape.size() == 1)
        column.values = std::move(*numbers);
    else if (auto* texts = std::get_if<TextGrid>(&element.value); texts && texts->shape.size() == 1)
        column.values = std::move(texts->texts);
    else
        return bad_zarr(path, "is not a column");
    column.name = name;
    const std::string categories = text_member(json, "categories");
    if (!categories.empty()) {
        const std::string folder = path.substr(0, path.rfind('/'));
        const std::string place = folder + "/" + categories;
        if (!is_plain_name(categories) || !has_zarr_array(store_, place))
            return bad_zarr(path, fmt::format("its categories '{}' aren't there", categories));
        column = TRY(with_old_categories(path, place, std::move(column)));
    }
    if (column.size() != rows)
        return bad_zarr(path,
                        fmt::format("has {} values, but the index has {}", column.size(), rows));
    return column;
}

Result<Frame> ZarrElements::frame_of_records(const std::string& path) const {
    const ZarrArray array = TRY(open_zarr_array(store_, path));
    if (array.type.kind != ZarrType::Kind::record) return bad_zarr(path, "is not a data frame");
    Records records = TRY(read_zarr_records(store_, array, bytes_max_));
    Frame frame;
    bool found = false;
    for (Column& field : records.fields) {
        if (!found && field.is_text() && (field.name == "index" || field.name == "_index")) {
            frame.index = std::get<TextArray>(std::move(field.values));
            found = true;
        } else {
            frame.columns.push_back(std::move(field));
        }
    }
    if (!found) return bad_zarr(path, "records without a field 'index'");
    return frame;
}

Result<Frame> ZarrElements::read_frame(const std::string& path) const {
    if (has_zarr_array(store_, path)) return frame_of_records(path);
    const Json json = TRY(zarr_attributes(store_, path));
    Frame frame;
    frame.index_name = text_member(json, "_index");
    if (frame.index_name.empty()) frame.index_name = "_index";
    if (!is_plain_name(frame.index_name)) return bad_zarr(path, "the index's name is not a name");
    Element index = TRY(read_encoded(path + "/" + frame.index_name, "", 0));
    if (auto* texts = std::get_if<TextGrid>(&index.value); texts && texts->shape.size() == 1) {
        frame.index = std::move(texts->texts);
    } else if (auto* numbers = std::get_if<Array>(&index.value);
               numbers && numbers->shape.size() == 1) {
        const Column column{"", std::move(*numbers), {}};
        for (std::size_t i = 0; i < column.size(); ++i) frame.index.push_back(column.text(i));
    } else {
        return bad_zarr(path, "has no index of texts");
    }
    std::vector<std::string> names;
    const auto order = json.find("column-order");
    if (order != json.end() && order->is_array()) {
        for (const Json& name : *order)
            names.push_back(name.is_string() ? name.get<std::string>() : name.dump());
    } else {
        names = store_.children(path);
        std::erase_if(names, [&](const std::string& name) {
            return name == frame.index_name || name == "__categories";
        });
    }
    if (names.size() > columns_max)
        return fail(ErrorCode::exhausted, fmt::format("{}: {} columns; the limit is {}", path,
                                                      names.size(), columns_max));
    std::set<std::string> seen;
    for (const std::string& name : names) {
        if (!is_plain_name(name) || !seen.insert(name).second)
            return bad_zarr(path, fmt::format("column '{}' is named twice or is no name", name));
        frame.columns.push_back(TRY(read_column(path + "/" + name, name, frame.row_count())));
    }
    return frame;
}

Result<SparseArray> ZarrElements::read_sparse(const std::string& path, bool by_row) const {
    const std::vector<std::uint64_t> shape = TRY(sparse_shape(path));
    SparseArray sparse{by_row, shape[0], shape[1], {}, {}, {}};
    for (const auto& [name, into] : {std::pair<const char*, Array*>{"/data", &sparse.data},
                                     {"/indices", &sparse.indices},
                                     {"/indptr", &sparse.indptr}}) {
        Element element = TRY(read_array(path + name));
        auto* array = std::get_if<Array>(&element.value);
        if (array == nullptr || array->shape.size() != 1)
            return bad_zarr(path + name, "is not a list of numbers");
        *into = std::move(*array);
    }
    const std::uint64_t lines = by_row ? shape[0] : shape[1], places = by_row ? shape[1] : shape[0];
    if (is_floating(sparse.indices.type) || is_floating(sparse.indptr.type) ||
        sparse.indptr.value_count() != lines + 1 ||
        sparse.indices.value_count() != sparse.data.value_count())
        return bad_zarr(path, "data, indices and indptr don't fit together");
    std::int64_t before = 0;
    for (std::uint64_t i = 0; i <= lines; ++i) {
        const std::int64_t at = sparse.indptr.integer(i);
        if (at < before || (i == 0 && at != 0))
            return bad_zarr(path, fmt::format("indptr falls at {}", i));
        before = at;
    }
    if (static_cast<std::uint64_t>(before) != sparse.data.value_count())
        return bad_zarr(path, "indptr doesn't end at the length of data");
    for (std::uint64_t i = 0; i < sparse.indices.value_count(); ++i)
        if (sparse.indices.integer(i) < 0 ||
            static_cast<std::uint64_t>(sparse.indices.integer(i)) >= places)
            return bad_zarr(path,
                            fmt::format("index {} is past {}", sparse.indices.integer(i), places));
    return sparse;
}

}  // namespace stroma::expression
