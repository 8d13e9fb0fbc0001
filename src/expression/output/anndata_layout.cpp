#include "expression/output/anndata_layout.h"

#include <cassert>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

Attributes encoding(std::string_view type, std::string_view version) {
    return {{"encoding-type", std::string(type)}, {"encoding-version", std::string(version)}};
}

/// Gives every name of one group a name that a path can hold and that no other one has.
class PathNames {
public:
    std::string give(std::string_view name) {
        std::string fit(name);
        for (char& c : fit)
            if (c == '/' || c == '\0') c = '_';
        if (fit.empty()) fit = "_";
        if (fit == "." || fit == ".." || fit.starts_with(".z")) fit[0] = '_';
        std::string free = fit;
        for (int number = 1; !given_.insert(free).second; ++number)
            free = fit + "_" + std::to_string(number);
        return free;
    }

private:
    std::set<std::string> given_;
};

std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : path + "/" + std::string(name);
}

/// Category codes in the smallest signed type that pandas would choose.
Array codes_array(const std::vector<std::int32_t>& codes, std::size_t categories) {
    const auto narrowed = [&]<class T>(std::type_identity<T>) {
        std::vector<T> narrow(codes.size());
        for (std::size_t i = 0; i < codes.size(); ++i) narrow[i] = static_cast<T>(codes[i]);
        return Array::of(narrow);
    };
    if (categories <= 127) return narrowed(std::type_identity<std::int8_t>{});
    if (categories <= 32'767) return narrowed(std::type_identity<std::int16_t>{});
    return Array::of(codes);
}

Array mask_array(const std::vector<bool>& missing) {
    Array mask{ValueType::boolean, {missing.size()}, Bytes(missing.size())};
    for (std::size_t i = 0; i < missing.size(); ++i) mask.bytes[i] = std::byte{missing[i]};
    return mask;
}

/// NaN where a value is missing: pandas has no masked float that AnnData 0.8 could write.
Array with_nans(const Array& values, const std::vector<bool>& missing) {
    Array filled = values;
    for (std::size_t i = 0; i < missing.size(); ++i) {
        if (!missing[i]) continue;
        if (values.type == ValueType::float32)
            filled.data<float>()[i] = std::numeric_limits<float>::quiet_NaN();
        else
            filled.data<double>()[i] = std::numeric_limits<double>::quiet_NaN();
    }
    return filled;
}

/// Texts with gaps as codes of their values in order of first appearance.
Categorical with_gaps(const TextArray& texts, const std::vector<bool>& missing) {
    Categorical values;
    TextArray categories;
    std::unordered_map<std::string_view, std::int32_t> numbers;
    for (std::size_t row = 0; row < texts.size(); ++row) {
        if (missing[row]) {
            values.codes.push_back(-1);
            continue;
        }
        const auto next = static_cast<std::int32_t>(numbers.size());
        const auto [found, is_new] = numbers.emplace(texts[row], next);
        if (is_new) categories.push_back(texts[row]);
        values.codes.push_back(found->second);
    }
    values.categories = std::move(categories);
    return values;
}

class Layout {
public:
    explicit Layout(AnndataStore& store) : store_(store) {}

    Result<void> write(const AnnotatedData& data) {
        TRY(store_.group("", encoding("anndata", "0.1.0")));
        TRY(frame("obs", data.obs));
        TRY(frame("var", data.var));
        TRY(dict("obsm", data.obsm));
        TRY(dict("varm", data.varm));
        TRY(dict("obsp", data.obsp));
        TRY(dict("varp", data.varp));
        TRY(dict("uns", data.uns));
        if (data.raw_var) {
            TRY(store_.group("raw", encoding("raw", "0.1.0")));
            TRY(frame("raw/var", *data.raw_var));
            TRY(dict("raw/varm", data.raw_varm));
        }
        TRY(store_.group("layers", encoding("dict", "0.1.0")));
        return matrices(data);
    }

private:
    Result<void> matrices(const AnnotatedData& data) {
        PathNames layers;
        for (const NamedMatrix& matrix : data.matrices) {
            std::string path = matrix.name;
            if (path == "raw.X") path = "raw/X";
            if (path.starts_with("layers/")) path = "layers/" + layers.give(path.substr(7));
            const MatrixSource& source = *matrix.source;
            Attributes attributes = encoding("array", "0.2.0");
            if (!source.was_dense()) {
                attributes = encoding("csr_matrix", "0.1.0");
                attributes.emplace_back(
                    "shape", std::vector<std::uint64_t>{source.cell_count(), source.gene_count()});
            }
            TRY(store_.matrix(path, matrix, attributes));
        }
        return {};
    }

    Result<void> frame(const std::string& path, const Frame& frame) {
        // The index needs a name of its own; pandas may give it that of a column.
        PathNames names;
        std::string index_name = frame.index_name;
        if (index_name.empty() || frame.find(index_name) != nullptr) index_name = "_index";
        index_name = names.give(index_name);
        if (index_name != "_index") names.give("_index");
        std::vector<std::string> order;
        for (const Column& column : frame.columns) order.push_back(names.give(column.name));

        Attributes attributes = encoding("dataframe", "0.2.0");
        attributes.emplace_back("_index", index_name);
        attributes.emplace_back("column-order", order);
        TRY(store_.group(path, attributes));
        const std::uint64_t rows[] = {frame.row_count()};
        TRY(store_.texts(join(path, index_name), rows, frame.index,
                         encoding("string-array", "0.2.0")));
        for (std::size_t i = 0; i < order.size(); ++i)
            TRY(column(join(path, order[i]), frame.columns[i]));
        return {};
    }

    Result<void> column(const std::string& path, const Column& column) {
        if (const auto* codes = std::get_if<Categorical>(&column.values))
            return categorical(path, *codes);
        if (const auto* texts = std::get_if<TextArray>(&column.values)) {
            if (column.missing) return categorical(path, with_gaps(*texts, *column.missing));
            const std::uint64_t rows[] = {texts->size()};
            return store_.texts(path, rows, *texts, encoding("string-array", "0.2.0"));
        }
        const Array& values = std::get<Array>(column.values);
        if (!column.missing) return store_.array(path, values, encoding("array", "0.2.0"));
        if (is_floating(values.type))
            return store_.array(path, with_nans(values, *column.missing),
                                encoding("array", "0.2.0"));
        const bool boolean = values.type == ValueType::boolean;
        TRY(store_.group(path,
                         encoding(boolean ? "nullable-boolean" : "nullable-integer", "0.1.0")));
        TRY(store_.array(path + "/values", values, encoding("array", "0.2.0")));
        return store_.array(path + "/mask", mask_array(*column.missing),
                            encoding("array", "0.2.0"));
    }

    Result<void> categorical(const std::string& path, const Categorical& values) {
        Attributes attributes = encoding("categorical", "0.2.0");
        attributes.emplace_back("ordered", values.ordered);
        TRY(store_.group(path, attributes));
        TRY(store_.array(path + "/codes", codes_array(values.codes, values.category_count()),
                         encoding("array", "0.2.0")));
        if (const auto* texts = std::get_if<TextArray>(&values.categories)) {
            const std::uint64_t count[] = {texts->size()};
            return store_.texts(path + "/categories", count, *texts,
                                encoding("string-array", "0.2.0"));
        }
        return store_.array(path + "/categories", std::get<Array>(values.categories),
                            encoding("array", "0.2.0"));
    }

    Result<void> dict(const std::string& path, const Dict& dict) {
        TRY(store_.group(path, encoding("dict", "0.1.0")));
        PathNames names;
        for (const auto& [name, value] : dict) {
            if (std::holds_alternative<std::monostate>(value.value)) continue;
            TRY(element(join(path, names.give(name)), value));
        }
        return {};
    }

    Result<void> sparse(const std::string& path, const SparseArray& matrix) {
        Attributes attributes = encoding(matrix.by_row ? "csr_matrix" : "csc_matrix", "0.1.0");
        attributes.emplace_back("shape", std::vector<std::uint64_t>{matrix.rows, matrix.columns});
        TRY(store_.group(path, attributes));
        TRY(store_.array(path + "/data", matrix.data, {}));
        TRY(store_.array(path + "/indices", matrix.indices, {}));
        return store_.array(path + "/indptr", matrix.indptr, {});
    }

    Result<void> element(const std::string& path, const Element& element) {
        if (const auto* array = std::get_if<Array>(&element.value))
            return store_.array(
                path, *array, encoding(array->shape.empty() ? "numeric-scalar" : "array", "0.2.0"));
        if (const auto* grid = std::get_if<TextGrid>(&element.value))
            return store_.texts(path, grid->shape, grid->texts,
                                encoding(grid->shape.empty() ? "string" : "string-array", "0.2.0"));
        if (const auto* table = std::get_if<Frame>(&element.value)) return frame(path, *table);
        if (const auto* matrix = std::get_if<SparseArray>(&element.value))
            return sparse(path, *matrix);
        if (const auto* records = std::get_if<Records>(&element.value))
            return store_.records(path, *records, encoding("rec-array", "0.2.0"));
        if (const auto* values = std::get_if<Column>(&element.value)) return column(path, *values);
        const Dict* inner = element.dict();
        assert(inner != nullptr);
        return dict(path, *inner);
    }

    AnndataStore& store_;
};

}  // namespace

Result<void> write_anndata_layout(const AnnotatedData& data, AnndataStore& store) {
    return Layout(store).write(data);
}

}  // namespace stroma::expression
