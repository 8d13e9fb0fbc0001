#include "matrix/matrix_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "matrix/fields/fields.h"
#include "matrix/fields/filter.h"
#include "matrix/selection.h"

namespace stroma::matrix {
namespace {

int ways_to_choose(const MatrixQuery& query) {
    return !query.filter.empty() + !query.where.empty() + !query.sql.empty() +
           !query.bundles.empty() + !query.revision.empty();
}

std::string uuid_of(const std::string& fqid) { return fqid.substr(0, fqid.find('.')); }

std::string text_list(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quoted_text(text);
    return list;
}

/// The named columns in that order.
Result<expression::Frame> columns_of(const expression::Frame& frame,
                                     const std::vector<std::string>& names) {
    expression::Frame chosen;
    chosen.index_name = frame.index_name;
    chosen.index = frame.index;
    for (const std::string& name : names) {
        const expression::Column* column = frame.find(name);
        if (column == nullptr)
            return fail(ErrorCode::invalid_input,
                        "the revision's obs has no column '" + name + "'");
        chosen.columns.push_back(*column);
    }
    return chosen;
}

}  // namespace

Result<MatrixQuery> MatrixWriter::checked(const MatrixQuery& query, const warehouse::Scope& scope) {
    MatrixQuery canonical = query;
    if (ways_to_choose(query) != 1)
        return fail(ErrorCode::invalid_input,
                    "choose the cells in exactly one way: filter, where, sql, bundles or revision");
    TRY(writer(query.format));
    if (query.revision.empty() && !query.cells.empty())
        return fail(ErrorCode::invalid_input, "cells are those of one revision; name it, too");
    if (query.feature != "gene" && query.feature != "transcript")
        return fail(ErrorCode::invalid_input,
                    "unknown feature '" + query.feature + "'; use gene or transcript");
    if (!query.revision.empty()) {  // its fields are columns of its own obs
        TRY(select_revision(query, scope));
        return canonical;
    }
    if (query.fields.empty() && query.filter.empty()) return canonical;
    std::set<std::string, std::less<>> columns;
    const auto rows = TRY(warehouse_.query("select * from cells limit 0", scope, {}));
    for (const sql::ColumnInfo& column : rows->columns()) columns.insert(column.name);
    const auto is_column = [&](std::string_view name) { return columns.contains(name); };
    for (const std::string& field : query.fields)
        if (find_field(field) == nullptr && !is_column(field))
            return fail(ErrorCode::invalid_input,
                        "unknown field '" + field + "'; GET /v1/fields lists the names");
    if (!query.filter.empty())
        canonical.filter = TRY(parse_filter(query.filter, is_column)).canonical;
    return canonical;
}

Result<std::string> MatrixWriter::condition_of(const MatrixQuery& query) {
    std::string condition;
    if (!query.filter.empty()) {
        const auto any_name = [](std::string_view) { return true; };  // checked() knew them
        condition = TRY(parse_filter(query.filter, any_name)).condition;
    } else if (!query.bundles.empty()) {
        std::vector<std::string> uuids;
        for (const std::string& bundle : query.bundles) uuids.push_back(uuid_of(bundle));
        condition = R"("bundle_uuid" in ()" + text_list(uuids) + ")";
    } else {
        condition = query.where;
    }
    condition = "(" + condition + ")";
    if (query.called_cells_only) condition += R"( and "called")";
    if (!query.species.empty()) {
        const std::string label = R"("cell_suspension.genus_species.ontology_label")";
        condition += " and (" + label + " = " + quoted_text(query.species);
        if (query.species == "Homo sapiens") condition += " or " + label + " is null";
        condition += ")";
    }
    return condition;
}

Result<void> MatrixWriter::check_bundles(const MatrixQuery& query, const warehouse::Scope& scope) {
    std::set<std::string> uuids;
    for (const std::string& bundle : query.bundles) uuids.insert(uuid_of(bundle));
    const auto rows = TRY(
        warehouse_.query("select count(distinct bundle_uuid) from analysis where bundle_uuid in (" +
                             text_list({uuids.begin(), uuids.end()}) + ")",
                         scope, {}));
    TRY(rows->next());
    const std::int64_t available = rows->integer(0);
    if (available == static_cast<std::int64_t>(uuids.size())) return {};
    return fail(ErrorCode::not_found,
                fmt::format("{} bundles were requested but {} are available; leave out the "
                            "unknown ones",
                            uuids.size(), available));
}

Result<Selection> MatrixWriter::select_revision(const MatrixQuery& query,
                                                const warehouse::Scope& scope) {
    const std::string& id = query.revision;
    const auto revision = TRY(catalog_.find_revision(id));
    const bool may_see =
        revision && revision->state == catalog::RevisionState::ready &&
        (scope.everything || std::find(scope.datasets.begin(), scope.datasets.end(),
                                       revision->dataset) != scope.datasets.end());
    if (!may_see)
        return fail(ErrorCode::not_found,
                    "no revision '" + id + "'; a dataset's revisions are listed with it");
    Selection selection;
    if (revision->cells == 0) return selection;
    selection.cells.push_back({revision->dataset, revision->id, {}});
    std::vector<std::uint32_t>& cells = selection.cells[0].cells;
    if (query.cells.empty()) {
        cells.resize(revision->cells);
        std::iota(cells.begin(), cells.end(), 0u);
    }
    std::uint32_t end = 0;
    for (const auto& [first, past] : query.cells) {
        if (first < end || past <= first || past > revision->cells)
            return fail(ErrorCode::invalid_input,
                        fmt::format("the run of cells [{}, {}) isn't behind the one before it, or "
                                    "leaves the {} cells of the revision",
                                    first, past, revision->cells));
        for (std::uint32_t cell = first; cell < past; ++cell) cells.push_back(cell);
        end = past;
    }
    selection.cell_count = cells.size();
    return selection;
}

Result<std::vector<catalog::Dataset>> MatrixWriter::datasets_in(const warehouse::Scope& scope) {
    std::vector<catalog::Dataset> datasets = TRY(catalog_.datasets());
    std::erase_if(datasets, [&](const catalog::Dataset& dataset) {
        const bool is_asked = scope.everything ||
                              std::find(scope.datasets.begin(), scope.datasets.end(), dataset.id) !=
                                  scope.datasets.end();
        return !is_asked || dataset.withdrawn || dataset.current_revision.empty();
    });
    return datasets;
}

Result<ReadAhead> MatrixWriter::read_ahead(const MatrixQuery& query,
                                           const warehouse::Scope& scope) {
    if (!query.revision.empty() || !query.fields.empty()) return ReadAhead{};
    const auto datasets = TRY(datasets_in(scope));
    if (datasets.size() != 1) return ReadAhead{};
    const std::string revision = datasets[0].current_revision;
    const auto read = [open = open_,
                       revision]() -> Result<std::shared_ptr<const expression::Frame>> {
        const auto sealed = TRY(open(revision));
        return std::make_shared<const expression::Frame>(TRY(sealed->obs()));
    };
    return ReadAhead{revision, std::async(std::launch::async, read).share()};
}

Result<std::vector<warehouse::SelectedCells>> MatrixWriter::no_cells_of(
    const warehouse::Scope& scope, std::string_view matrix) {
    std::vector<warehouse::SelectedCells> none;
    for (const catalog::Dataset& dataset : TRY(datasets_in(scope))) {
        const auto sealed = TRY(open_(dataset.current_revision));
        if (sealed->summary().find(matrix) != nullptr)
            none.push_back({dataset.id, dataset.current_revision, {}});
    }
    return none;
}

Result<Selection> MatrixWriter::select(const MatrixQuery& query, const warehouse::Scope& scope) {
    if (!query.revision.empty()) return select_revision(query, scope);
    Selection selection;
    if (!query.bundles.empty()) TRY(check_bundles(query, scope));
    if (query.sql.empty()) {
        const std::string condition = TRY(condition_of(query));
        selection.cells = TRY(warehouse_.select_where(condition, scope, {}));
    } else {
        selection.cells = TRY(warehouse_.select_sql(query.sql, scope, {}));
    }
    std::erase_if(selection.cells, [](const auto& part) { return part.cells.empty(); });
    for (auto& part : selection.cells) {
        std::sort(part.cells.begin(), part.cells.end());
        part.cells.erase(std::unique(part.cells.begin(), part.cells.end()), part.cells.end());
        selection.cell_count += part.cells.size();
    }
    if (selection.cell_count == 0) selection.cells = TRY(no_cells_of(scope, query.matrix));
    // By name, so that the same datasets give the same file wherever they were loaded.
    std::vector<std::pair<std::string, warehouse::SelectedCells>> by_name;
    for (auto& part : selection.cells) {
        const auto dataset = TRY(catalog_.find_dataset(part.dataset));
        by_name.emplace_back(dataset ? dataset->name : part.dataset, std::move(part));
    }
    std::sort(by_name.begin(), by_name.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    selection.cells.clear();
    for (auto& [name, part] : by_name) selection.cells.push_back(std::move(part));
    return selection;
}

/// The output's obs where it isn't the inputs' own in full: the kept one, with its columns in the
/// order in which they are asked for this time, or the named columns.
Result<expression::Frame> MatrixWriter::obs_of(const MatrixQuery& query, const Selection& selection,
                                               const std::vector<SelectionInput>& inputs) {
    if (query.fields.empty()) return selection.obs.value_or(expression::Frame{});
    if (selection.obs) return columns_of(*selection.obs, query.fields);
    if (query.revision.empty())
        return field_columns(warehouse_, selection.cells, query.fields, query.tables);
    if (inputs.empty()) return expression::Frame{};
    return columns_of(TRY(inputs[0].sealed->obs()), query.fields);
}

Result<expression::AnnotatedData> MatrixWriter::gather(const MatrixQuery& query,
                                                       const Selection& selection,
                                                       const ReadAhead& ahead) {
    std::vector<SelectionInput> inputs;
    for (const auto& part : selection.cells) {
        const auto dataset = TRY(catalog_.find_dataset(part.dataset));
        inputs.push_back({dataset ? dataset->name : part.dataset, part.revision,
                          TRY(open_(part.revision)), part.cells});
        // A dataset may have got another revision meanwhile.
        if (part.revision == ahead.revision) inputs.back().obs = TRY(ahead.obs.get());
    }
    const bool as_the_service = query.tables == TableLayout::matrix_service;
    SelectionOptions how{.matrix = query.matrix,
                         .genes = {query.genes, query.feature, as_the_service},
                         .obs = nullptr,
                         .with_layers = !as_the_service};
    const expression::Frame obs = TRY(obs_of(query, selection, inputs));
    if (selection.obs || !query.fields.empty()) how.obs = &obs;
    expression::AnnotatedData data = TRY(build_selection(inputs, how));
    if (selection.var)
        data.var = *selection.var;
    else if (as_the_service)
        data.var =
            TRY(feature_columns(warehouse_, selection.cells, data.var, query.feature == "gene"));
    return data;
}

Result<expression::WrittenMatrix> MatrixWriter::write(const MatrixQuery& query,
                                                      const Selection& selection,
                                                      const fs::path& path,
                                                      const expression::WriteOptions& options,
                                                      const expression::Watch& watch,
                                                      const ReadAhead& ahead) {
    const expression::FormatWriter* format = TRY(writer(query.format));
    return format->write(TRY(gather(query, selection, ahead)), path, options, watch);
}

Result<const expression::FormatWriter*> MatrixWriter::writer(std::string_view format) const {
    std::string known;
    for (const auto* writer : writers_) {
        if (writer->name() == format) return writer;
        known += (known.empty() ? "" : ", ") + std::string(writer->name());
    }
    return fail(ErrorCode::invalid_input,
                "unknown format '" + std::string(format) + "'; use one of " + known);
}

const expression::FormatWriter* MatrixWriter::writer_of_suffix(std::string_view suffix) const {
    if (suffix.ends_with(".zip")) suffix.remove_suffix(4);
    for (const auto* writer : writers_)
        if (suffix == writer->extension() || suffix == "." + std::string(writer->name()))
            return writer;
    return nullptr;
}

std::vector<std::string> MatrixWriter::formats() const {
    std::vector<std::string> names;
    for (const auto* writer : writers_) names.emplace_back(writer->name());
    return names;
}

}  // namespace stroma::matrix
