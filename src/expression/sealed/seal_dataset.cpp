#include <fmt/format.h>

#include <set>

#include "base/digest.h"
#include "expression/sealed/annotations_codec.h"
#include "expression/sealed/matrix_writer.h"
#include "expression/sealed_dataset.h"

namespace stroma::expression {
namespace {

tl::unexpected<Error> refuse(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

Result<void> check_frame(const Frame& frame, std::string_view name) {
    std::set<std::string_view> names;
    for (const Column& column : frame.columns) {
        TRY_WITH(check(column), name);
        if (column.size() != frame.row_count())
            return refuse(fmt::format("{}: column '{}' has {} rows and its index {}", name,
                                      column.name, column.size(), frame.row_count()));
        if (!names.insert(column.name).second)
            return refuse(fmt::format("{} has two columns '{}'", name, column.name));
    }
    return {};
}

/// Rows of the first axis of what stands in obsm and the like; nothing where it has none.
std::optional<std::uint64_t> rows_of(const Element& element) {
    if (const auto* array = std::get_if<Array>(&element.value))
        return array->shape.empty() ? 0 : array->shape[0];
    if (const auto* frame = std::get_if<Frame>(&element.value)) return frame->row_count();
    if (const auto* sparse = std::get_if<SparseArray>(&element.value)) return sparse->rows;
    if (const auto* column = std::get_if<Column>(&element.value)) return column->size();
    return std::nullopt;
}

Result<void> check_dict(const Dict& dict, std::string_view name,
                        std::optional<std::uint64_t> rows) {
    std::set<std::string_view> names;
    for (const auto& [key, element] : dict) {
        const std::string place = fmt::format("{}/{}", name, key);
        if (!names.insert(key).second) return refuse(fmt::format("{} occurs twice", place));
        TRY_WITH(check(element), place);
        const auto has = rows_of(element);
        if (rows && has && *has != *rows)
            return refuse(fmt::format("{} has {} rows; {} are needed", place, *has, *rows));
    }
    return {};
}

Result<void> check_matrices(const AnnotatedData& data) {
    std::set<std::string_view> names;
    for (const NamedMatrix& matrix : data.matrices) {
        if (!names.insert(matrix.name).second)
            return refuse(fmt::format("there are two matrices '{}'", matrix.name));
        if (matrix.source == nullptr) return refuse(fmt::format("{} has no source", matrix.name));
        const bool is_raw = matrix.name == "raw.X";
        if (is_raw && !data.raw_var) return refuse("raw.X has no raw_var that names its genes");
        const Frame& var = is_raw ? *data.raw_var : data.var;
        if (matrix.source->cell_count() != data.obs.row_count())
            return refuse(fmt::format("obs has {} rows and {} has {} cells", data.obs.row_count(),
                                      matrix.name, matrix.source->cell_count()));
        if (matrix.source->gene_count() != var.row_count())
            return refuse(fmt::format("{} has {} rows and {} has {} genes",
                                      is_raw ? "raw_var" : "var", var.row_count(), matrix.name,
                                      matrix.source->gene_count()));
    }
    return {};
}

Result<void> check_data(const AnnotatedData& data) {
    TRY(check_frame(data.obs, "obs"));
    TRY(check_frame(data.var, "var"));
    if (data.raw_var) TRY(check_frame(*data.raw_var, "raw_var"));
    TRY(check_matrices(data));
    TRY(check_dict(data.obsm, "obsm", data.obs.row_count()));
    TRY(check_dict(data.varm, "varm", data.var.row_count()));
    TRY(check_dict(data.obsp, "obsp", data.obs.row_count()));
    TRY(check_dict(data.varp, "varp", data.var.row_count()));
    if (data.raw_var) TRY(check_dict(data.raw_varm, "raw_varm", data.raw_var->row_count()));
    return check_dict(data.uns, "uns", std::nullopt);
}

/// Which dataset the blocks belong to; equal data gives an equal one.
std::uint64_t identity_of(const AnnotatedData& data) {
    std::uint64_t identity = checksum64(encode(data.obs.index), 1);
    identity = checksum64(encode(data.var.index), identity);
    for (const NamedMatrix& matrix : data.matrices) {
        const std::string text =
            fmt::format("{} {} {} {}", matrix.name, name_of(matrix.unit),
                        name_of(matrix.source->value_type()), matrix.source->gene_count());
        identity = checksum64(as_bytes(text), identity);
    }
    return identity;
}

Result<void> write_frame(ContainerWriter& container, std::string_view name, const Frame& frame) {
    TextArray columns;
    for (const Column& column : frame.columns) columns.push_back(column.name);
    const std::uint64_t column_count = columns.size();
    const Element description{Dict{{"index_name", scalar(frame.index_name)},
                                   {"columns", {TextGrid{{column_count}, std::move(columns)}}}}};
    TRY(container.add_bytes(std::string(name), encode(description)));
    TRY(container.add_bytes(fmt::format("{}/index", name), encode(frame.index)));
    for (std::size_t i = 0; i < frame.columns.size(); ++i)
        TRY(container.add_bytes(fmt::format("{}/{}", name, i), encode(frame.columns[i])));
    return {};
}

Result<void> write_annotations(ContainerWriter& container, const AnnotatedData& data) {
    TRY(write_frame(container, "obs", data.obs));
    TRY(write_frame(container, "var", data.var));
    if (data.raw_var) TRY(write_frame(container, "raw_var", *data.raw_var));
    const std::pair<std::string_view, const Dict&> dicts[] = {
        {"obsm", data.obsm}, {"varm", data.varm}, {"obsp", data.obsp},
        {"varp", data.varp}, {"uns", data.uns},   {"raw_varm", data.raw_varm}};
    for (const auto& [name, dict] : dicts)
        if (!dict.empty()) TRY(container.add_bytes(std::string(name), encode(Element{dict})));
    return {};
}

void note_what_changed(AnnotatedData& data, const DatasetSummary& summary) {
    for (std::size_t i = 0; i < data.matrices.size(); ++i) {
        if (data.matrices[i].unit == Unit::counts && summary.matrices[i].unit != Unit::counts)
            data.notes.push_back(fmt::format(
                "{} was said to hold counts, but not all are whole: stored as normalised",
                data.matrices[i].name));
        if (summary.matrices[i].missing > 0)
            data.notes.push_back(
                fmt::format("{} holds NaN {} times: kept, and left out of comparisons",
                            data.matrices[i].name, summary.matrices[i].missing));
    }
}

}  // namespace

const MatrixSummary* DatasetSummary::find(std::string_view name) const {
    for (const MatrixSummary& matrix : matrices)
        if (matrix.name == name) return &matrix;
    return nullptr;
}

Result<DatasetSummary> seal_dataset(AnnotatedData& data, File& out, const SealOptions& options,
                                    const Watch& watch) {
    TRY(check_data(data));
    ContainerWriter container(out, identity_of(data));
    TRY(container.begin());
    TRY(write_annotations(container, data));
    DatasetSummary summary;
    summary.cells = data.obs.row_count();
    summary.genes = data.var.row_count();
    Dict records;
    for (std::size_t i = 0; i < data.matrices.size(); ++i) {
        NamedMatrix& matrix = data.matrices[i];
        const Frame& var = matrix.name == "raw.X" ? *data.raw_var : data.var;
        const MatrixRecord record = TRY(write_matrix({i, &matrix, &data.obs.index, &var.index},
                                                     container, out, options, watch));
        summary.matrices.push_back(record.summary);
        records.emplace_back(matrix.name, to_element(record));
    }
    const Element meta{Dict{{"cells", scalar(summary.cells)},
                            {"genes", scalar(summary.genes)},
                            {"matrices", {std::move(records)}}}};
    TRY(container.add_bytes("meta", encode(meta)));
    TRY(container.finish());
    summary.bytes = container.size();
    if (options.durable) TRY(out.sync());
    note_what_changed(data, summary);
    return summary;
}

}  // namespace stroma::expression
