#include <algorithm>
#include <array>

#include "app/answers/answers.h"
#include "app/answers/stored_result.h"
#include "base/json.h"
#include "matrix/fields/fields.h"
#include "matrix/fields/filter.h"

namespace stroma::app {
namespace {

using front::api::NamedText;

constexpr std::array<std::string_view, 1> other_species = {"Mus musculus"};

const std::vector<NamedText> format_texts = {
    {"loom",
     "<p>One HDF5 file in the <b>Loom 2.0.1</b> layout: /matrix is genes by cells, "
     "/col_attrs holds the fields of the cells and /row_attrs those of the genes. Gene "
     "names aren't unique; Accession is.</p>"},
    {"csv",
     "<p>A zip of three tables: <b>expression.csv</b> (cells by genes), <b>cells.csv</b> "
     "and <b>genes.csv</b>.</p>"},
    {"mtx",
     "<p>A zip of a folder that 10x readers open: <b>matrix.mtx.gz</b> (genes by cells), "
     "<b>features.tsv.gz</b>, <b>barcodes.tsv.gz</b>, and <b>genes.tsv.gz</b> and "
     "<b>cells.tsv.gz</b> with all fields.</p>"},
    {"h5ad",
     "<p>One HDF5 file in the <b>AnnData</b> layout: X is cells by genes, obs and var "
     "hold the fields.</p>"},
    {"10x",
     "<p>One HDF5 file as <b>Cell Ranger 3</b> writes it: Seurat's Read10X_h5 and scanpy's "
     "read_10x_h5 open it.</p>"},
    {"arrow",
     "<p>One <b>Arrow</b> IPC file with a row for each value that isn't zero: cell_id, gene_id, "
     "value.</p>"},
    {"zarr", "<p>A zip of an <b>AnnData Zarr</b> (version 2) folder.</p>"},
    {"parquet",
     "<p>One Parquet table with a row for each value that isn't zero: cell_id, "
     "gene_id, value.</p>"}};

/// The columns of a v0 answer, which can't be chosen.
std::vector<std::string> v0_fields() {
    std::vector<std::string> names;
    for (const auto* name : {"genes_detected", "file_uuid", "file_version", "total_umis",
                             "emptydrops_is_cell", "barcode"})
        names.emplace_back(name);
    for (const matrix::Field& field : warehouse::api_fields())
        if (field.table == "cell_suspension" || matrix::is_organ(field) || field.table == "donor" ||
            field.table == "library_preparation" || field.column == "bundle_uuid" ||
            field.column == "bundle_version" || field.column == "short_name")
            names.emplace_back(field.name);
    return names;
}

/// A query of the matrix service, completed as the service completed it.
Result<matrix::MatrixQuery> as_the_service(matrix::MatrixQuery query) {
    if (query.filter.empty() && query.bundles.empty()) return query;
    query.tables = matrix::TableLayout::matrix_service;
    query.called_cells_only = true;
    if (!query.bundles.empty())
        query.fields = v0_fields();
    else if (query.fields.empty())
        query.fields = matrix::default_fields();
    const auto has = [&](std::string_view name) {
        return std::find(query.fields.begin(), query.fields.end(), name) != query.fields.end();
    };
    if (query.format == "mtx" && !has("barcode") && !has("cell.barcode"))
        query.fields.emplace_back("barcode");
    return query;
}

class MatrixAnswers final : public front::api::MatrixAnswers {
public:
    explicit MatrixAnswers(Site& site) : site_(site) {}

    std::vector<std::string> field_names() override {
        std::vector<std::string> names;
        for (const matrix::Field& field : warehouse::api_fields()) names.emplace_back(field.name);
        return names;
    }

    Result<std::optional<front::api::FieldDetail>> field(const catalog::Principal& principal,
                                                         std::string_view name) override {
        if (matrix::find_field(name) == nullptr) return std::nullopt;
        const auto detail = TRY(site_.matrices().field_detail(name, principal));
        return front::api::FieldDetail{detail->name,    detail->description, detail->numeric,
                                       detail->minimum, detail->maximum,     detail->cell_counts};
    }

    std::vector<NamedText> formats() override {
        const auto known = site_.matrices().writer().formats();
        std::vector<NamedText> texts;
        for (const NamedText& text : format_texts)
            if (std::find(known.begin(), known.end(), text.name) != known.end())
                texts.push_back(text);
        return texts;
    }

    std::vector<NamedText> features() override {
        return {{"gene", "Genes as the annotation or the dataset names them"},
                {"transcript", "Transcripts, where a dataset has counts of them"}};
    }

    Result<front::api::RequestedMatrices> request(const catalog::Principal& principal,
                                                  const front::api::MatrixOrder& order) override {
        matrix::MatrixQuery query = TRY(as_the_service(order.query));
        const bool is_split = order.every_species || TRY(names_species(query));
        if (is_split) query.species = "Homo sapiens";
        front::api::RequestedMatrices requested;
        requested.request = TRY(site_.matrices().request(query, principal));
        if (!is_split) return requested;
        for (const auto species : other_species) {
            query.species = species;
            requested.non_human_request_ids[std::string(species)] =
                TRY(site_.matrices().request(query, principal)).id;
        }
        return requested;
    }

    Result<std::optional<matrix::MatrixRequest>> find(std::string_view id) override {
        return site_.matrices().find(id);
    }

    Result<front::api::StoredFile> open_file(std::string_view id, std::string_view name) override {
        const auto request = TRY(site_.matrices().find(id));
        if (!request || request->file_name != name || request->object_key.empty())
            return fail(ErrorCode::not_found,
                        "request " + std::string(id) + " has no file '" + std::string(name) + "'");
        return stored_result(site_, *request);
    }

    Result<std::string> stream(const matrix::StreamOrder& order,
                               const std::function<Result<void>(ByteSpan)>& take,
                               std::stop_token stop) override {
        return matrix::stream_result(site_.matrices(), order, take, std::move(stop));
    }

private:
    static Result<bool> names_species(const matrix::MatrixQuery& query) {
        if (query.filter.empty()) return false;
        const auto any_name = [](std::string_view) { return true; };
        return TRY(matrix::parse_filter(query.filter, any_name)).names_species;
    }

    Site& site_;
};

}  // namespace

std::unique_ptr<front::api::MatrixAnswers> matrix_answers(Site& site) {
    return std::make_unique<MatrixAnswers>(site);
}

}  // namespace stroma::app
