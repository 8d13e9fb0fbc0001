#include <algorithm>

#include "base/json.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"

// All columns of a place as one table: out and in as CSV, and over to a new revision.

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using stroma::annotation::LabelColumn;
using stroma::annotation::LabelOutcome;
using stroma::annotation::LabelState;
using stroma::annotation::LabelStep;
using stroma::annotation::ListedLabels;
using stroma::annotation::NamedState;

constexpr std::uint64_t csv_bytes_max = 256u << 20;

/// Those that the query names by "column", else all.
Result<std::vector<LabelColumn>> columns_asked(const http::Request& request,
                                               std::vector<LabelColumn> columns) {
    std::vector<LabelColumn> asked;
    bool any = false;
    for (const auto& [name, value] : request.query) {
        if (name != "column") continue;
        any = true;
        const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& column) {
            return column.name == value || column.id == value;
        });
        if (found == columns.end())
            return fail(ErrorCode::not_found, "there is no column '" + value + "' here");
        asked.push_back(*found);
    }
    return any ? asked : columns;
}

Answer get_csv(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::read));
    auto all = TRY(domain.labels.columns(found.place));
    const auto columns = TRY(columns_asked(request, std::move(all)));
    const std::string etag = etag_of(columns);
    if (is_known(request, etag)) return current_answer(request, {}, etag);
    std::vector<NamedState> states;
    for (const LabelColumn& column : columns)
        states.push_back({column.name, TRY(domain.labels.state(column))});
    const auto cells = TRY(open_cells(*found.data));
    auto response = http::text_response(200, stroma::annotation::labels_to_csv(cells.ids, states),
                                        "text/csv; charset=utf-8");
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"labels.csv\"");
    return current_answer(request, std::move(response), etag);
}

LabelStep step_of(std::string kind, const ListedLabels& listed) {
    return {std::move(kind), [&listed](const LabelState& state) {
                return stroma::annotation::assigned_each(state, listed.labels, listed.cells,
                                                         listed.values);
            }};
}

Result<LabelOutcome> import_one(const AnnotationDomain& domain, const http::Request& request,
                                const FoundPlace& found, const std::vector<LabelColumn>& columns,
                                const ListedLabels& listed) {
    const LabelStep step = step_of("import", listed);
    const auto author = author_of(request);
    const auto known = std::find_if(columns.begin(), columns.end(),
                                    [&](const auto& one) { return one.name == listed.name; });
    if (known != columns.end())
        return domain.labels.append(*known, {known->version, false}, author, step);
    return domain.labels.create(found.place, listed.name, cells_in(*found.data), author, step);
}

Answer post_csv(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    const auto columns = TRY(domain.labels.columns(found.place));
    if (const std::string tag = if_match(request); tag != "*" && tag != etag_of(columns))
        return fail(ErrorCode::conflict, "the labels changed since you read them");
    const std::string text = TRY(request.text_body(csv_bytes_max));
    const auto cells = TRY(open_cells(*found.data));
    const auto table = TRY(stroma::annotation::labels_from_csv(text, cells.ids));
    for (const ListedLabels& listed : table)
        if (cells.obs->find(listed.name) != nullptr)
            return fail(ErrorCode::already_exists,
                        "the dataset has a column '" + listed.name + "' already; rename yours");
    Json imported = Json::array();
    for (const ListedLabels& listed : table) {
        const auto outcome = TRY(import_one(domain, request, found, columns, listed));
        imported.push_back(
            {{"column", column_json(outcome.column, *TRY(domain.labels.state(outcome.column)))},
             {"entry", entry_json(outcome.entry)}});
    }
    return current_answer(request,
                          api::json_answer(200, Json{{"rows", table.front().cells.size()},
                                                     {"columns", std::move(imported)}}),
                          etag_of(TRY(domain.labels.columns(found.place))));
}

struct Carry {
    LabelColumn column;
    stroma::annotation::CarriedLabels carried;
};

/// All columns are found to be possible before the first is made.
Result<std::vector<Carry>> carries(const AnnotationDomain& domain, const FoundPlace& found,
                                   const std::string& from,
                                   const stroma::explorer::RevisionData& old_data,
                                   const std::vector<std::string>& names) {
    const auto old_cells = TRY(open_cells(old_data)), new_cells = TRY(open_cells(*found.data));
    const auto columns = TRY(domain.labels.columns({found.place.space, from}));
    for (const std::string& name : names)
        if (std::none_of(columns.begin(), columns.end(),
                         [&](const auto& column) { return column.name == name; }))
            return fail(ErrorCode::not_found, "there is no column '" + name + "' over " + from);
    std::vector<Carry> all;
    for (const LabelColumn& column : columns) {
        if (!names.empty() && std::find(names.begin(), names.end(), column.name) == names.end())
            continue;
        if (new_cells.obs->find(column.name) != nullptr)
            return fail(ErrorCode::already_exists,
                        "the new revision has a column '" + column.name + "' of its own");
        const NamedState state{column.name, TRY(domain.labels.state(column))};
        all.push_back(
            {column, TRY(stroma::annotation::carried_over(state, old_cells.ids, new_cells.ids))});
    }
    return all;
}

Answer carry(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    const Json body = TRY(api::json_body(request));
    api::JsonFields fields(body);
    const std::string from = TRY(fields.text("from"));
    const auto names = TRY(fields.texts("columns"));
    TRY(fields.finish());
    const auto old_data = TRY(open_revision(domain, request, from));
    const auto all = TRY(carries(domain, found, from, *old_data, names));
    for (const LabelColumn& there : TRY(domain.labels.columns(found.place)))
        for (const Carry& one : all)
            if (there.name == one.column.name)
                return fail(ErrorCode::already_exists,
                            "there is a column '" + there.name + "' over the new revision already");
    Json report = Json::array();
    for (const Carry& one : all) {
        const auto outcome = TRY(domain.labels.create(found.place, one.column.name,
                                                      cells_in(*found.data), author_of(request),
                                                      step_of("carry_over", one.carried.labels)));
        report.push_back(
            {{"column", column_json(outcome.column, *TRY(domain.labels.state(outcome.column)))},
             {"from", one.column.id},
             {"carried", one.carried.labels.cells.size()},
             {"lost", one.carried.lost},
             {"lost_cells", one.carried.lost_ids}});
    }
    return api::json_answer(201, Json{{"columns", std::move(report)}});
}

}  // namespace

std::vector<AnnotationRoute> label_table_routes() {
    return {{"GET", "/u/spaces/{space}/revisions/{revision}/labels.csv", get_csv},
            {"POST", "/u/spaces/{space}/revisions/{revision}/labels.csv", post_csv, true},
            {"POST", "/u/spaces/{space}/revisions/{revision}/carry", carry}};
}

}  // namespace stroma::front::annotation
