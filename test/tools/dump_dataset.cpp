// dump_dataset FORMAT PATH [make-ids-unique]: prints what a reader makes of a file as JSON, for
// tests that compare it with the format's own library. dump_dataset --time FORMAT PATH reads all
// matrices on all cores and prints how long that took instead.

#include <chrono>
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "base/threads.h"
#include "expression/h5ad/h5ad_reader.h"
#include "expression/h5ad/tenx_h5_reader.h"
#include "expression/loom/loom_reader.h"

namespace stroma::expression {
namespace {

Json number_json(const Array& array, std::uint64_t index) {
    if (array.type == ValueType::boolean) return array.integer(index) != 0;
    if (array.type == ValueType::uint64) return load<std::uint64_t>(array.bytes.data() + 8 * index);
    if (!is_floating(array.type)) return array.integer(index);
    const double value = array.number(index);
    if (std::isnan(value)) return "nan";
    if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
    return value;
}

Json numbers_json(const Array& array) {
    Json values = Json::array();
    for (std::uint64_t i = 0; i < array.value_count(); ++i) values.push_back(number_json(array, i));
    return values;
}

Json array_json(const Array& array) {
    return {{"kind", "array"},
            {"type", name_of(array.type)},
            {"shape", array.shape},
            {"values", numbers_json(array)}};
}

Json texts_json(const TextArray& texts) {
    Json values = Json::array();
    for (std::size_t i = 0; i < texts.size(); ++i) values.push_back(std::string(texts[i]));
    return values;
}

Json column_json(const Column& column) {
    Json json;
    if (const auto* array = std::get_if<Array>(&column.values)) {
        json = array_json(*array);
    } else if (const auto* texts = std::get_if<TextArray>(&column.values)) {
        json = {{"kind", "text"}, {"values", texts_json(*texts)}};
    } else {
        const auto& categorical = std::get<Categorical>(column.values);
        const auto* names = std::get_if<TextArray>(&categorical.categories);
        json = {
            {"kind", "categorical"},
            {"codes", categorical.codes},
            {"ordered", categorical.ordered},
            {"categories", names != nullptr ? texts_json(*names)
                                            : array_json(std::get<Array>(categorical.categories))}};
    }
    if (column.missing) json["missing"] = *column.missing;
    return json;
}

Json frame_json(const Frame& frame) {
    Json columns = Json::object();
    for (const Column& column : frame.columns) columns[column.name] = column_json(column);
    return {{"kind", "frame"},
            {"index_name", frame.index_name},
            {"index", texts_json(frame.index)},
            {"columns", columns}};
}

Json element_json(const Element& element);

Json dict_json(const Dict& dict) {
    Json json = Json::object();
    for (const auto& [name, element] : dict) json[name] = element_json(element);
    return json;
}

Json element_json(const Element& element) {
    if (const auto* array = std::get_if<Array>(&element.value)) return array_json(*array);
    if (const auto* grid = std::get_if<TextGrid>(&element.value))
        return {{"kind", "texts"}, {"shape", grid->shape}, {"values", texts_json(grid->texts)}};
    if (const auto* frame = std::get_if<Frame>(&element.value)) return frame_json(*frame);
    if (const auto* column = std::get_if<Column>(&element.value)) return column_json(*column);
    if (const auto* dict = element.dict()) return {{"kind", "dict"}, {"members", dict_json(*dict)}};
    if (const auto* sparse = std::get_if<SparseArray>(&element.value))
        return {{"kind", sparse->by_row ? "csr" : "csc"},
                {"shape", {sparse->rows, sparse->columns}},
                {"data", array_json(sparse->data)},
                {"indices", numbers_json(sparse->indices)},
                {"indptr", numbers_json(sparse->indptr)}};
    if (const auto* records = std::get_if<Records>(&element.value)) {
        Json fields = Json::object();
        for (const Column& field : records->fields) fields[field.name] = column_json(field);
        return {{"kind", "records"}, {"fields", fields}};
    }
    return {{"kind", "none"}};
}

Result<Json> matrix_json(const NamedMatrix& matrix) {
    MatrixSource& source = *matrix.source;
    Json lines = Json::array();
    LineBlock block;
    // Two lines at a time, so that reads begin and end inside chunks.
    for (std::uint64_t first = 0; first < source.line_count(); first += 2) {
        const std::uint64_t count = std::min<std::uint64_t>(2, source.line_count() - first);
        TRY(source.read_lines(first, count, block));
        const Array values{source.value_type(), {block.places.size()}, block.values};
        for (std::uint64_t i = 0; i < count; ++i) {
            Json places = Json::array(), numbers = Json::array();
            for (std::uint64_t k = block.starts[i]; k < block.starts[i + 1]; ++k) {
                places.push_back(block.places[k]);
                numbers.push_back(number_json(values, k));
            }
            lines.push_back({places, numbers});
        }
    }
    return Json{{"unit", name_of(matrix.unit)},
                {"type", name_of(source.value_type())},
                {"order", source.order() == Order::by_cell ? "by_cell" : "by_gene"},
                {"dense", source.was_dense()},
                {"shape", {source.cell_count(), source.gene_count()}},
                {"lines", lines}};
}

Result<Json> dataset_json(const AnnotatedData& data) {
    Json json{{"obs", frame_json(data.obs)}, {"var", frame_json(data.var)}};
    json["raw_var"] = data.raw_var ? frame_json(*data.raw_var) : Json();
    json["matrices"] = Json::object();
    for (const NamedMatrix& matrix : data.matrices)
        json["matrices"][matrix.name] = TRY(matrix_json(matrix));
    for (const auto& [name, dict] : {std::pair{"obsm", &data.obsm},
                                     {"varm", &data.varm},
                                     {"obsp", &data.obsp},
                                     {"varp", &data.varp},
                                     {"uns", &data.uns},
                                     {"raw_varm", &data.raw_varm}})
        json[name] = dict_json(*dict);
    json["notes"] = data.notes;
    return json;
}

Result<void> read_everything(const AnnotatedData& data) {
    for (const NamedMatrix& matrix : data.matrices) {
        const std::uint64_t lines = matrix.source->line_count();
        const std::uint64_t at_once = matrix.source->lines_per_read();
        TRY(parallel_for((lines + at_once - 1) / at_once, [&](std::size_t part) {
            thread_local LineBlock block;
            const std::uint64_t first = part * at_once;
            return matrix.source->read_lines(first, std::min(at_once, lines - first), block);
        }));
    }
    return {};
}

const FormatReader* reader_named(std::string_view name) {
    static const H5adReader h5ad;
    static const TenxH5Reader tenx;
    static const LoomReader loom;
    for (const FormatReader* reader :
         std::initializer_list<const FormatReader*>{&h5ad, &tenx, &loom})
        if (reader->name() == name) return reader;
    return nullptr;
}

Result<void> run(bool timed, const std::string& format, const fs::path& path, bool unique) {
    const auto files = TRY(open_input(path));
    if (format == "detect") {
        for (const char* name : {"h5ad", "10x-h5", "loom"})
            if (reader_named(name)->recognises(*files)) std::printf("%s\n", name);
        return {};
    }
    const FormatReader* reader = reader_named(format);
    if (reader == nullptr) return fail(ErrorCode::invalid_input, "no format " + format);
    ReadOptions options;
    options.make_ids_unique = unique;
    const auto begin = std::chrono::steady_clock::now();
    const AnnotatedData data = TRY(reader->read(*files, options));
    const auto opened = std::chrono::steady_clock::now();
    if (!timed) {
        std::printf("%s\n", TRY(dataset_json(data)).dump().c_str());
        return {};
    }
    TRY(read_everything(data));
    const std::chrono::duration<double> open_s = opened - begin;
    const std::chrono::duration<double> read_s = std::chrono::steady_clock::now() - opened;
    std::printf("open %.3f s, matrices %.3f s\n", open_s.count(), read_s.count());
    return {};
}

}  // namespace
}  // namespace stroma::expression

int main(int count, char** arguments) {
    const bool timed = count > 1 && std::string_view(arguments[1]) == "--time";
    const int first = timed ? 2 : 1;
    if (count < first + 2) {
        std::fprintf(stderr, "usage: dump_dataset [--time] FORMAT PATH [make-ids-unique]\n");
        return 2;
    }
    const auto done =
        stroma::expression::run(timed, arguments[first], arguments[first + 1], count > first + 2);
    if (done) return 0;
    std::fprintf(stderr, "%s: %s\n", std::string(name_of(done.error().code)).c_str(),
                 done.error().message.c_str());
    return 1;
}
