#include "matrix/matrix_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "matrix/fields.h"
#include "matrix/filter.h"
#include "matrix/selection.h"

namespace stroma::matrix {
namespace {

int ways_to_choose(const MatrixQuery& query) {
    return !query.filter.empty() + !query.where.empty() + !query.sql.empty() +
           !query.bundles.empty();
}

std::string uuid_of(const std::string& fqid) { return fqid.substr(0, fqid.find('.')); }

std::string text_list(const std::vector<std::string>& texts) {
    std::string list;
    for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + quoted_text(text);
    return list;
}

}  // namespace

Result<bool> MatrixWriter::is_cells_column(std::string_view name) {
    const warehouse::Scope scope{.everything = true, .datasets = {}};
    const auto rows = TRY(warehouse_.query("select * from cells limit 0", scope, {}));
    return std::any_of(rows->columns().begin(), rows->columns().end(),
                       [&](const sql::ColumnInfo& column) { return column.name == name; });
}

Result<MatrixQuery> MatrixWriter::checked(const MatrixQuery& query) {
    MatrixQuery canonical = query;
    if (ways_to_choose(query) != 1)
        return fail(ErrorCode::invalid_input,
                    "choose the cells in exactly one way: filter, where, sql or bundles");
    TRY(writer(query.format));
    if (query.feature != "gene" && query.feature != "transcript")
        return fail(ErrorCode::invalid_input,
                    "unknown feature '" + query.feature + "'; use gene or transcript");
    const auto is_column = [&](std::string_view name) {
        const auto known = is_cells_column(name);
        return known && *known;
    };
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

Result<Selection> MatrixWriter::select(const MatrixQuery& query, const warehouse::Scope& scope) {
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

Result<expression::AnnotatedData> MatrixWriter::gather(const MatrixQuery& query,
                                                       const Selection& selection) {
    std::vector<SelectionInput> inputs;
    for (const auto& part : selection.cells) {
        const auto dataset = TRY(catalog_.find_dataset(part.dataset));
        inputs.push_back({dataset ? dataset->name : part.dataset, part.revision,
                          TRY(open_(part.revision)), part.cells});
    }
    SelectionOptions how{.matrix = query.matrix,
                         .genes = {query.genes, query.feature},
                         .obs = selection.obs ? &*selection.obs : nullptr,
                         .with_layers = query.tables == TableLayout::plain};
    expression::Frame obs;
    if (how.obs == nullptr && !query.fields.empty()) {
        obs = TRY(field_columns(warehouse_, selection.cells, query.fields, query.tables));
        how.obs = &obs;
    }
    expression::AnnotatedData data = TRY(build_selection(inputs, how));
    if (selection.var)
        data.var = *selection.var;
    else if (query.tables == TableLayout::matrix_service)
        data.var = TRY(feature_columns(warehouse_, data.var, query.feature == "gene"));
    return data;
}

Result<expression::WrittenMatrix> MatrixWriter::write(const MatrixQuery& query,
                                                      const Selection& selection,
                                                      const fs::path& path,
                                                      const expression::WriteOptions& options,
                                                      const expression::Watch& watch) {
    const expression::FormatWriter* format = TRY(writer(query.format));
    return format->write(TRY(gather(query, selection)), path, options, watch);
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
