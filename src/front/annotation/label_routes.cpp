#include <algorithm>

#include "base/json.h"
#include "explorer/arrow_table.h"
#include "front/annotation/annotation_routes.h"
#include "front/annotation/runs_text.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/explorer/explorer_routes.h"

// Columns of labels: what they are, how they change, what they were.

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using stroma::annotation::CellRuns;
using stroma::annotation::LabelBase;
using stroma::annotation::LabelColumn;
using stroma::annotation::LabelOutcome;
using stroma::annotation::LabelState;
using stroma::annotation::LabelStep;

constexpr std::uint64_t change_bytes_max = 32u << 20;  // a million cells in no order
constexpr std::int64_t history_max = 1000;

Answer list_columns(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::read));
    const auto columns = TRY(domain.labels.columns(found.place));
    const std::string etag = etag_of(columns);
    Json list = Json::array();
    if (!is_known(request, etag))
        for (const LabelColumn& column : columns)
            list.push_back(column_json(column, *TRY(domain.labels.state(column))));
    return current_answer(request, api::json_answer(200, Json{{"columns", std::move(list)}}), etag);
}

http::Response outcome_answer(const http::Request& request, int status, const LabelOutcome& outcome,
                              const LabelState& state) {
    const Json json{{"column", column_json(outcome.column, state)},
                    {"entry", entry_json(outcome.entry)},
                    {"conflicts",
                     {{"cells", stroma::annotation::cell_count(outcome.conflicts)},
                      {"runs", runs_json(outcome.conflicts)}}}};
    return current_answer(request, api::json_answer(status, json), outcome.column.etag());
}

/// The categories of an obs column, for a copy of it.
Result<LabelStep> copy_of(const stroma::explorer::RevisionData& data, const std::string& name) {
    const auto obs = TRY(data.sealed->obs());
    const auto* column = obs.find(name);
    if (column == nullptr)
        return fail(ErrorCode::not_found, "there is no column '" + name + "' to copy");
    std::vector<std::string> labels;
    std::vector<std::uint32_t> cells;
    std::vector<std::int32_t> values;
    std::map<std::string, std::int32_t> places;
    for (std::uint32_t cell = 0; cell < obs.row_count(); ++cell) {
        if (column->is_missing(cell)) continue;
        std::string text = column->text(cell);
        const auto [place, is_new] = places.emplace(text, static_cast<std::int32_t>(labels.size()));
        if (is_new) labels.push_back(std::move(text));
        if (labels.size() > stroma::annotation::labels_max)
            return fail(ErrorCode::exhausted, "'" + name + "' has more than " +
                                                  std::to_string(stroma::annotation::labels_max) +
                                                  " values");
        cells.push_back(cell);
        values.push_back(place->second);
    }
    return LabelStep{"copy", [=](const LabelState& state) {
                         return stroma::annotation::assigned_each(state, labels, cells, values);
                     }};
}

Answer create_column(const AnnotationDomain& domain, http::Request& request) {
    const auto found = TRY(find_place(domain, request, Action::change));
    const Json body = TRY(api::json_body(request, change_bytes_max));
    api::JsonFields fields(body);
    const std::string name = TRY(fields.text("name"));
    const auto labels = TRY(fields.texts("labels"));
    const auto source = TRY(fields.optional_text("copy_of"));
    TRY(fields.finish());
    if (TRY(found.data->sealed->obs()).find(name) != nullptr)
        return fail(ErrorCode::already_exists, "the dataset has a column '" + name + "' already");
    LabelStep step{"create", [labels](const LabelState& state) {
                       return stroma::annotation::assigned_each(state, labels, {}, {});
                   }};
    if (source) step = TRY(copy_of(*found.data, *source));
    const auto outcome = TRY(
        domain.labels.create(found.place, name, cells_in(*found.data), author_of(request), step));
    auto response =
        outcome_answer(request, 201, outcome, *TRY(domain.labels.state(outcome.column)));
    response.headers.emplace_back("Location", "/u/labels/" + outcome.column.id);
    return response;
}

Answer get_column(const AnnotationDomain& domain, http::Request& request) {
    const LabelColumn column = TRY(find_column(domain, request, Action::read));
    const auto state = TRY(domain.labels.state(column));
    return current_answer(request, api::json_answer(200, column_json(column, *state)),
                          column.etag());
}

/// Who was late learns what is there now, and where what changed is told.
http::Response stale_answer(const http::Request& request, const LabelColumn& now,
                            const Error& error) {
    auto response = explorer::problem_response(request, 412, error);
    if (auto json = parse_json(response.body)) {
        (*json)["version"] = now.version;
        (*json)["etag"] = now.etag();
        (*json)["changes"] = "/u/labels/" + now.id + "/changes";
        response.body = json->dump();
    }
    response.headers.emplace_back("ETag", "\"" + now.etag() + "\"");
    return response;
}

Result<CellRuns> cells_asked(const AnnotationDomain& domain, const http::Request& request,
                             const LabelColumn& column, const Json* cells) {
    if (cells == nullptr)
        return fail(api::error_at(ErrorCode::invalid_input, "/cells", "it is missing"));
    const auto data = TRY(domain.explorer.explorer.open(column.place.revision));
    return cells_in_json(domain, request, *data, *cells, "/cells");
}

struct Order {
    LabelStep step;
    std::string new_name;   ///< of the column
    std::int64_t undo = 0;  ///< the version to take back
    bool merge = false;
};

/// `known`: the cells, where they were read ahead of the body.
Result<Order> assign_order(const AnnotationDomain& domain, const http::Request& request,
                           const LabelColumn& column, api::JsonFields& fields,
                           std::optional<CellRuns> known) {
    const auto label = TRY(fields.optional_text("label"));
    const Json* asked = fields.find("cells");
    CellRuns cells;
    if (known) {
        auto settled = stroma::annotation::settled(*std::move(known), column.cells);
        if (!settled)
            return fail(api::error_at(settled.error().code, "/cells", settled.error().message));
        cells = *std::move(settled);
    } else {
        cells = TRY(cells_asked(domain, request, column, asked));
    }
    return Order{{"assign", [label, cells](const LabelState& state) {
                      return stroma::annotation::assigned(state, label, cells);
                  }}};
}

Result<Order> label_order(const std::string& op, api::JsonFields& fields) {
    if (op == "add") {
        const std::string label = TRY(fields.text("label"));
        return Order{{op, [label](const LabelState& state) {
                          return stroma::annotation::added(state, label);
                      }}};
    }
    if (op == "rename") {
        const std::string from = TRY(fields.text("from")), to = TRY(fields.text("to"));
        return Order{{op, [from, to](const LabelState& state) {
                          return stroma::annotation::renamed(state, from, to);
                      }}};
    }
    if (op == "merge") {
        const auto from = TRY(fields.texts("from"));
        const std::string to = TRY(fields.text("to"));
        if (from.empty())
            return fail(api::error_at(ErrorCode::invalid_input, "/from", "name labels to merge"));
        return Order{{op, [from, to](const LabelState& state) {
                          return stroma::annotation::merged(state, from, to);
                      }}};
    }
    if (op == "remove") {
        const std::string label = TRY(fields.text("label"));
        return Order{{op, [label](const LabelState& state) {
                          return stroma::annotation::removed(state, label);
                      }}};
    }
    return fail(api::error_at(ErrorCode::invalid_input, "/op",
                              "'op' is assign, add, rename, merge, remove, rename_column or undo"));
}

Result<Order> order_in(const AnnotationDomain& domain, const http::Request& request,
                       const LabelColumn& column) {
    const auto text_read = request.text_body(change_bytes_max);
    if (!text_read)
        return fail(api::error_at(text_read.error().code, "", text_read.error().message));
    const std::string& text = *text_read;
    auto ahead = runs_ahead(text, column.cells);
    const Json body = TRY_WITH(parse_json(ahead ? ahead->rest : text, {.bytes_max = text.size()}),
                               "the request's body");
    if (!body.is_object())
        return fail(ErrorCode::invalid_input, "the request's body must be a JSON object");
    api::JsonFields fields(body);
    const std::string op = TRY(fields.text("op"));
    const std::string on_conflict = TRY(fields.text_or("on_conflict", "refuse"));
    if (on_conflict != "refuse" && on_conflict != "merge")
        return fail(api::error_at(ErrorCode::invalid_input, "/on_conflict",
                                  "'on_conflict' is refuse or merge"));
    Order order;
    if (op == "assign") {
        std::optional<CellRuns> known;
        if (ahead) known = std::move(ahead->runs);
        order = TRY(assign_order(domain, request, column, fields, std::move(known)));
    } else if (op == "rename_column") {
        order.new_name = TRY(fields.text("name"));
    } else if (op == "undo") {
        order.undo = TRY(fields.integer_or("version", column.version));
    } else {
        order = TRY(label_order(op, fields));
    }
    TRY(fields.finish());
    order.merge = on_conflict == "merge";
    return order;
}

/// A bitmap of cells as it is, with what to do in the query: what a program sends.
Result<Order> bitmap_order(const http::Request& request, const LabelColumn& column) {
    const std::string bytes = TRY(request.text_body(change_bytes_max));
    const CellRuns cells = TRY(stroma::annotation::runs_of_bitmap(as_bytes(bytes), column.cells));
    const auto label = request.query_value("label");
    Order order{{"assign", [label, cells](const LabelState& state) {
                     return stroma::annotation::assigned(state, label, cells);
                 }}};
    order.merge = request.query_value("on_conflict") == "merge";
    return order;
}

Result<LabelOutcome> change(const AnnotationDomain& domain, const http::Request& request,
                            const LabelColumn& column, const Order& order) {
    const LabelBase base{TRY(version_in(if_match(request), column.id + ".", column.version)),
                         order.merge};
    const auto author = author_of(request);
    if (!order.new_name.empty()) {
        const auto data = TRY(domain.explorer.explorer.open(column.place.revision));
        if (TRY(data->sealed->obs()).find(order.new_name) != nullptr)
            return fail(ErrorCode::already_exists,
                        "the dataset has a column '" + order.new_name + "' already");
        return domain.labels.rename(column, base, author, order.new_name);
    }
    if (order.undo != 0) return domain.labels.undo(column, base, author, order.undo);
    return domain.labels.append(column, base, author, order.step);
}

Answer post_change(const AnnotationDomain& domain, http::Request& request) {
    const LabelColumn column = TRY(find_column(domain, request, Action::change));
    const bool is_bitmap =
        request.header("content-type").value_or("").starts_with("application/octet-stream");
    const Order order =
        is_bitmap ? TRY(bitmap_order(request, column)) : TRY(order_in(domain, request, column));
    const auto outcome = change(domain, request, column, order);
    if (!outcome && outcome.error().code == ErrorCode::conflict)
        if (const auto now = TRY(domain.labels.find(column.id)))
            return stale_answer(request, *now, outcome.error());
    if (!outcome) return fail(outcome.error());
    const auto state = TRY(domain.labels.state_at(outcome->column, outcome->column.version));
    return outcome_answer(request, 200, *outcome, *state);
}

Answer delete_column(const AnnotationDomain& domain, http::Request& request) {
    const LabelColumn column = TRY(find_column(domain, request, Action::change));
    const std::int64_t version =
        TRY(version_in(if_match(request), column.id + ".", column.version));
    TRY(domain.labels.remove(column, {version, false}, author_of(request)));
    return http::text_response(204, "");
}

Answer get_history(const AnnotationDomain& domain, http::Request& request) {
    const LabelColumn column = TRY(find_column(domain, request, Action::read));
    const std::int64_t since = TRY(api::query_integer(request, "since", 0));
    const std::int64_t limit = TRY(api::query_integer(request, "limit", 100));
    if (limit < 1 || limit > history_max)
        return fail(ErrorCode::invalid_input, "'limit' is 1 to " + std::to_string(history_max));
    Json entries = Json::array();
    for (const auto& entry : TRY(domain.labels.history(column, since, limit)))
        entries.push_back(entry_json(entry));
    return current_answer(
        request,
        api::json_answer(200, Json{{"version", column.version}, {"entries", std::move(entries)}}),
        column.etag());
}

Json text_json(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json(nullptr);
}

Answer get_changes(const AnnotationDomain& domain, http::Request& request) {
    const LabelColumn column = TRY(find_column(domain, request, Action::read));
    const std::int64_t since = TRY(api::query_integer(request, "since", column.version));
    const auto old = TRY(domain.labels.state_at(column, since));
    const auto now = TRY(domain.labels.state_at(column, column.version));
    Json changes = Json::array();
    for (const auto& move : stroma::annotation::difference(*old, *now))
        changes.push_back({{"from", text_json(old->text_of(move.from))},
                           {"to", text_json(now->text_of(move.to))},
                           {"cells", runs_json(move.cells)}});
    return current_answer(request,
                          api::json_answer(200, Json{{"since", since},
                                                     {"version", column.version},
                                                     {"changes", std::move(changes)}}),
                          column.etag());
}

Answer get_values(const AnnotationDomain& domain, http::Request& request) {
    const LabelColumn column = TRY(find_column(domain, request, Action::read));
    const std::int64_t version = TRY(api::query_integer(request, "version", column.version));
    const std::string etag = column.id + "." + std::to_string(version);
    if (is_known(request, etag)) return current_answer(request, {}, etag);
    const auto state = TRY(domain.labels.state_at(column, version));
    // Codes without gaps: of labels that are there.
    expression::TextArray labels;
    std::vector<std::int32_t> renumbered;
    for (const auto& label : state->labels) {
        renumbered.push_back(label ? static_cast<std::int32_t>(labels.size())
                                   : stroma::annotation::unassigned);
        if (label) labels.push_back(*label);
    }
    std::vector<std::int32_t> codes = state->codes;
    for (std::int32_t& code : codes)
        if (code != stroma::annotation::unassigned)
            code = renumbered[static_cast<std::size_t>(code)];
    const expression::Column values{
        column.name, expression::Categorical{std::move(codes), std::move(labels), false}, {}};
    stroma::explorer::ArrowTable table(column.cells);
    table.add(values);
    return current_answer(request,
                          http::text_response(200, TRY(table.write(arrow::BodyCompression::none)),
                                              "application/vnd.apache.arrow.stream"),
                          etag);
}

}  // namespace

std::vector<AnnotationRoute> label_routes() {
    return {{"GET", "/u/spaces/{space}/revisions/{revision}/labels", list_columns},
            {"POST", "/u/spaces/{space}/revisions/{revision}/labels", create_column},
            {"GET", "/u/labels/{column}", get_column},
            {"DELETE", "/u/labels/{column}", delete_column, true},
            {"GET", "/u/labels/{column}/history", get_history},
            {"POST", "/u/labels/{column}/history", post_change, true},
            {"GET", "/u/labels/{column}/changes", get_changes},
            {"GET", "/u/labels/{column}/values", get_values}};
}

}  // namespace stroma::front::annotation
