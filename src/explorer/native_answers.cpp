#include "explorer/native_answers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "explorer/arrow_table.h"
#include "explorer/colors.h"
#include "explorer/embeddings.h"

namespace stroma::explorer {
namespace {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::Frame;
using expression::TextArray;
using expression::ValueType;

constexpr std::string_view arrow_stream = "application/vnd.apache.arrow.stream";
constexpr std::size_t categories_shown_max = 1000;
constexpr std::uint64_t expression_bytes_max = 256u << 20;

Made arrow_made(std::string bytes) { return {std::move(bytes), std::string(arrow_stream)}; }

/// A name that no column has.
std::string free_name(const auto& is_taken, std::string name) {
    while (is_taken(name)) name += '_';
    return name;
}

std::string index_name_of(const Frame& frame, std::string_view wanted) {
    return free_name([&](const std::string& name) { return frame.find(name) != nullptr; },
                     std::string(wanted));
}

Json typed_column_json(const Column& column) {
    Json json{{"name", column.name}};
    if (const auto* numbers = std::get_if<Array>(&column.values)) {
        json["type"] = name_of(numbers->type);
    } else if (column.is_text()) {
        json["type"] = "string";
    } else {
        const auto& categorical = std::get<Categorical>(column.values);
        const std::size_t count = categorical.category_count();
        const auto* values = std::get_if<Array>(&categorical.categories);
        json["type"] = "categorical";
        json["category_type"] = values != nullptr ? name_of(values->type) : "string";
        json["category_count"] = count;
        json["ordered"] = categorical.ordered;
        if (count <= categories_shown_max) {
            json["categories"] = Json::array();
            for (std::size_t i = 0; i < count; ++i)
                json["categories"].push_back(categorical.category_text(i));
        }
    }
    std::uint64_t missing = 0;
    for (std::size_t row = 0; row < column.size(); ++row) missing += column.is_missing(row) ? 1 : 0;
    json["missing"] = missing;
    return json;
}

Json frame_json(const Frame& frame, std::string_view index) {
    Json json{{"index", index_name_of(frame, index)}, {"columns", Json::array()}};
    for (const Column& column : frame.columns) json["columns"].push_back(typed_column_json(column));
    return json;
}

Json embedding_json(const Embedding& embedding, bool has_images) {
    Json json{{"name", embedding.key},
              {"short_name", embedding.name},
              {"type", name_of(embedding.values.type)},
              {"dims", Json::array()}};
    // AnnData keeps spatial coordinates in pixels of the full image; all else has no unit.
    json["unit"] = embedding.key == "spatial" && has_images ? Json("px") : Json(nullptr);
    json["extent"] = Json::array();
    for (std::uint64_t dim = 0; dim < embedding.dims(); ++dim) {
        json["dims"].push_back(embedding.dim_name(dim));
        double least = std::nan(""), greatest = least;
        for (std::uint64_t cell = 0; cell < embedding.values.shape[0]; ++cell) {
            const double value = embedding.values.number(cell * embedding.dims() + dim);
            least = std::fmin(least, value);
            greatest = std::fmax(greatest, value);
        }
        json["extent"].push_back({least, greatest});
    }
    return json;
}

Json layer_json(const expression::MatrixSummary& matrix) {
    return {{"name", matrix.name},        {"unit", name_of(matrix.unit)},
            {"genes", matrix.genes},      {"type", name_of(matrix.type)},
            {"min", matrix.min},          {"max", matrix.max},
            {"sum", matrix.sum},          {"whole_numbers", matrix.whole_numbers},
            {"nonzeros", matrix.nonzeros}};
}

template <class T>
Bytes filled(const expression::GeneColumn& column, std::uint64_t cells) {
    Bytes values(cells * sizeof(T));
    for (std::size_t i = 0; i < column.cells.size(); ++i)
        store(values.data() + column.cells[i] * sizeof(T), static_cast<T>(column.values[i]));
    return values;
}

Bytes filled(ValueType type, const expression::GeneColumn& column, std::uint64_t cells) {
    switch (type) {
        case ValueType::boolean:
        case ValueType::uint8: return filled<std::uint8_t>(column, cells);
        case ValueType::int8: return filled<std::int8_t>(column, cells);
        case ValueType::int16: return filled<std::int16_t>(column, cells);
        case ValueType::int32: return filled<std::int32_t>(column, cells);
        case ValueType::int64: return filled<std::int64_t>(column, cells);
        case ValueType::uint16: return filled<std::uint16_t>(column, cells);
        case ValueType::uint32: return filled<std::uint32_t>(column, cells);
        case ValueType::uint64: return filled<std::uint64_t>(column, cells);
        case ValueType::float32: return filled<float>(column, cells);
        case ValueType::float64: break;
    }
    return filled<double>(column, cells);
}

Result<Bytes> packed_gene_values(const expression::SealedMatrix& matrix, std::uint32_t gene) {
    const std::uint64_t cells = matrix.cell_count();
    if (matrix.summary().type == ValueType::float32) {
        Bytes values(cells * sizeof(float));
        TRY(matrix.read_gene_dense(gene, {reinterpret_cast<float*>(values.data()), cells}));
        return values;
    }
    expression::GeneColumn column;
    TRY(matrix.read_gene(gene, column));
    return filled(matrix.summary().type, column, cells);
}

Bytes gene_values_packed(ValueType type, const std::vector<double>& values) {
    expression::GeneColumn dense;
    dense.values = values;
    for (std::uint32_t i = 0; i < values.size(); ++i) dense.cells.push_back(i);
    return filled(type, dense, values.size());
}

Result<Made> sparse_answer(const expression::SealedMatrix& matrix, const GeneNames& genes,
                           const GeneQuestion& question) {
    if (question.genes.size() != 1)
        return fail(ErrorCode::invalid_input, "the sparse form is of one gene at a time");
    expression::GeneColumn column;
    TRY(matrix.read_gene(question.genes[0], column));
    ArrowTable table(column.cells.size());
    const ByteSpan cells = std::as_bytes(std::span(column.cells));
    table.add("cell", ValueType::uint32, Bytes(cells.begin(), cells.end()));
    table.add(std::string(genes.id(question.genes[0])), matrix.summary().type,
              gene_values_packed(matrix.summary().type, column.values));
    return arrow_made(
        TRY(table.write(question.compression, {{"cells", std::to_string(matrix.cell_count())}})));
}

/// The named columns of a frame, or all of them.
Result<Made> frame_answer(const Frame& frame, std::string_view index, std::string_view what,
                          const std::vector<std::string>& names,
                          arrow::BodyCompression compression) {
    const std::string index_name = index_name_of(frame, index);
    ArrowTable table(frame.row_count());
    if (names.empty()) {
        table.add(index_name, frame.index);
        for (const Column& column : frame.columns) table.add(column);
    }
    for (const std::string& name : names) {
        const Column* column = frame.find(name);
        if (column != nullptr)
            table.add(*column);
        else if (name == index_name)
            table.add(index_name, frame.index);
        else
            return fail(ErrorCode::not_found, fmt::format("{} has no column '{}'", what, name));
    }
    return arrow_made(TRY(table.write(compression)));
}

}  // namespace

Result<Made> schema_answer(const RevisionData& data) {
    Json json{{"revision", data.revision},
              {"cells", data.sealed->summary().cells},
              {"genes", data.sealed->summary().genes}};
    json["obs"] = frame_json(TRY(data.sealed->obs()), "cell_id");
    json["var"] = frame_json(TRY(data.sealed->var()), "gene_id");
    const auto uns = TRY(data.sealed->annotations("uns"));
    const bool has_images =
        std::any_of(uns.begin(), uns.end(), [](const auto& one) { return one.first == "spatial"; });
    json["embeddings"] = Json::array();
    for (const Embedding& embedding : TRY(embeddings(*data.sealed)))
        json["embeddings"].push_back(embedding_json(embedding, has_images));
    json["layers"] = Json::array();
    for (const auto& matrix : data.sealed->summary().matrices)
        json["layers"].push_back(layer_json(matrix));
    return json_made(json);
}

Result<Made> summary_answer(const RevisionData& data) {
    const auto& summary = data.sealed->summary();
    Json json{{"revision", data.revision},
              {"cells", summary.cells},
              {"genes", summary.genes},
              {"bytes", summary.bytes},
              {"obs_columns", data.sealed->obs_column_names()}};
    json["title"] = title_of(TRY(data.sealed->annotations("uns")));
    json["embeddings"] = Json::array();
    for (const auto& [key, element] : TRY(data.sealed->annotations("obsm")))
        json["embeddings"].push_back(key);
    json["layers"] = Json::array();
    json["warnings"] = Json::array();
    for (const auto& matrix : summary.matrices) {
        json["layers"].push_back(layer_json(matrix));
        if (matrix.min < 0)
            json["warnings"].push_back(matrix.name +
                                       " has negative values, as scaled data does; differences of "
                                       "it are not fold changes");
    }
    return json_made(json);
}

Result<Made> obs_answer(const RevisionData& data, const std::vector<std::string>& names,
                        arrow::BodyCompression compression) {
    if (names.empty())
        return frame_answer(TRY(data.sealed->obs()), "cell_id", "obs", names, compression);
    // Only what is asked for is read.
    const auto known = data.sealed->obs_column_names();
    const auto is_known = [&](const std::string& name) {
        return std::find(known.begin(), known.end(), name) != known.end();
    };
    const std::string index_name = free_name(is_known, "cell_id");
    TextArray ids;
    std::vector<Column> columns(names.size());
    ArrowTable table(data.sealed->summary().cells);
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == index_name) {
            if (ids.empty()) ids = TRY(data.sealed->cell_ids());
            table.add(index_name, ids);
            continue;
        }
        columns[i] = TRY(data.sealed->obs_column(names[i]));
        table.add(columns[i]);
    }
    return arrow_made(TRY(table.write(compression)));
}

Result<Made> var_answer(const RevisionData& data, const std::vector<std::string>& names,
                        arrow::BodyCompression compression) {
    return frame_answer(TRY(data.sealed->var()), "gene_id", "var", names, compression);
}

Result<Made> embedding_answer(const RevisionData& data, std::string_view name,
                              arrow::BodyCompression compression) {
    const Embedding embedding = TRY(find_embedding(*data.sealed, name));
    const std::uint64_t cells = embedding.values.shape[0], dims = embedding.dims();
    const std::size_t width = size_of(embedding.values.type);
    ArrowTable table(cells);
    for (std::uint64_t dim = 0; dim < dims; ++dim) {
        Bytes values(cells * width);
        for (std::uint64_t cell = 0; cell < cells; ++cell)
            std::memcpy(values.data() + cell * width,
                        embedding.values.bytes.data() + (cell * dims + dim) * width, width);
        table.add(embedding.dim_name(dim), embedding.values.type, std::move(values));
    }
    return arrow_made(TRY(table.write(compression, {{"embedding", embedding.key}})));
}

Result<std::vector<std::uint32_t>> genes_named(const RevisionData& data, std::string_view layer,
                                               const std::vector<std::string>& names) {
    const GeneNames& known = *TRY(data.genes_of(layer));
    std::vector<std::uint32_t> genes;
    for (const std::string& name : names) {
        const auto gene = known.find(name);
        if (!gene)
            return fail(ErrorCode::not_found,
                        fmt::format("{} has no gene '{}' by id, symbol or synonym", layer, name));
        genes.push_back(*gene);
    }
    return genes;
}

Result<Made> expression_answer(const RevisionData& data, const GeneQuestion& question) {
    const GeneNames& genes = *TRY(data.genes_of(question.layer));
    const auto matrix = TRY(data.sealed->matrix(question.layer));
    if (question.is_sparse) return sparse_answer(*matrix, genes, question);
    const ValueType type = matrix->summary().type;
    if (question.genes.size() * matrix->cell_count() * size_of(type) > expression_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("at /gene: {} genes of {} cells are more than 256 MiB; ask for "
                                "fewer at once",
                                question.genes.size(), matrix->cell_count()));
    ArrowTable table(matrix->cell_count());
    for (const std::uint32_t gene : question.genes)
        table.add(std::string(genes.id(gene)), type, TRY(packed_gene_values(*matrix, gene)),
                  {{"gene", std::to_string(gene)}, {"symbol", std::string(genes.symbol(gene))}});
    return arrow_made(TRY(table.write(question.compression, {{"layer", question.layer}})));
}

Result<Made> mean_answer(const RevisionData& data, const GeneQuestion& question) {
    const auto matrix = TRY(data.sealed->matrix(question.layer));
    Bytes values(matrix->cell_count() * sizeof(float));
    TRY(matrix->read_gene_set_mean(
        question.genes, {reinterpret_cast<float*>(values.data()), matrix->cell_count()}));
    ArrowTable table(matrix->cell_count());
    table.add("mean", ValueType::float32, std::move(values));
    return arrow_made(
        TRY(table.write(question.compression, {{"layer", question.layer},
                                               {"genes", std::to_string(question.genes.size())}})));
}

Made gene_search_answer(const GeneNames& genes, std::string_view text, std::size_t limit) {
    Json json{{"genes", Json::array()}};
    for (const GeneHit& hit : genes.search(text, limit))
        json["genes"].push_back(
            {{"gene", hit.gene}, {"id", hit.id}, {"symbol", hit.symbol}, {"matched", hit.matched}});
    return json_made(json);
}

Result<Made> colors_answer(const RevisionData& data) {
    Json json = Json::object();
    for (const auto& [name, element] : TRY(data.sealed->annotations("uns"))) {
        if (!name.ends_with("_colors")) continue;
        const auto column = data.sealed->obs_column(name.substr(0, name.size() - 7));
        if (!column || !column->is_categorical()) continue;
        const auto& categorical = std::get<Categorical>(column->values);
        const auto colors = colors_of(element);
        if (!colors || colors->size() < categorical.category_count()) continue;
        for (std::size_t i = 0; i < categorical.category_count(); ++i)
            json[column->name][categorical.category_text(i)] = (*colors)[i];
    }
    return json_made(json);
}

}  // namespace stroma::explorer
