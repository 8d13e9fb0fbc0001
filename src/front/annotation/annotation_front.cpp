#include "front/annotation/annotation_front.h"

#include <charconv>

#include "base/digest.h"
#include "base/json.h"
#include "explorer/comparison_order.h"
#include "front/annotation/annotation_routes.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/explorer/explorer_routes.h"
#include "front/http/file_answer.h"

namespace stroma::front::annotation {
namespace {

using catalog::Action;
using explorer::problem_response;
using stroma::annotation::CellRuns;
using stroma::annotation::LabelColumn;
using stroma::explorer::RevisionData;

http::Response handle(const AnnotationDomain& domain, http::Request& request,
                      const AnnotationRoute& route) {
    if (route.needs_if_match && if_match(request).empty())
        return problem_response(request, 428,
                                {ErrorCode::invalid_input,
                                 "say what you change: send If-Match with the ETag that you read"});
    auto answer = route.handler(domain, request);
    if (answer) return *std::move(answer);
    if (route.needs_if_match && answer.error().code == ErrorCode::conflict)
        return problem_response(request, 412, answer.error());
    return problem_response(request, answer.error());
}

tl::unexpected<Error> denied(const http::Request& request) {
    return fail(ErrorCode::denied, request.principal.role == catalog::Role::anonymous
                                       ? "sign in to keep labels, gene sets and views here"
                                       : "you may read this, but not change it");
}

}  // namespace

AnnotationFront::AnnotationFront(AnnotationDomain domain)
    : domain_(std::make_unique<const AnnotationDomain>(std::move(domain))) {}
AnnotationFront::~AnnotationFront() = default;

std::vector<http::Route> AnnotationFront::routes() {
    std::vector<http::Route> routes;
    const AnnotationDomain& domain = *domain_;
    for (const auto& list : {space_routes(), label_routes(), label_table_routes(),
                             gene_set_routes(), kept_routes(), cellxgene_overlay_routes()})
        for (const AnnotationRoute& route : list)
            routes.push_back(
                {route.method, route.pattern, [&domain, route](http::Request& request) {
                     return handle(domain, request, route);
                 }});
    for (auto& route : cellxgene_read_routes(domain)) routes.push_back(std::move(route));
    return routes;
}

Result<stroma::annotation::Space> find_space(const AnnotationDomain& domain,
                                             const http::Request& request, const std::string& id,
                                             Action action) {
    auto space = TRY(domain.spaces.find(id));
    const auto allowed = [&](Action wanted) {
        return domain.explorer.access.decide(request.principal, wanted,
                                             {catalog::ThingKind::space, space->id, space->owner});
    };
    if (!space || !TRY(allowed(Action::read)))
        return fail(ErrorCode::not_found, "there is no space '" + id + "'");
    if (action != Action::read && !TRY(allowed(action))) return denied(request);
    return *std::move(space);
}

Result<std::shared_ptr<const RevisionData>> open_revision(const AnnotationDomain& domain,
                                                          const http::Request& request,
                                                          const std::string& id) {
    const auto address = TRY(explorer::find_revision(domain.explorer, request, id));
    if (address.instead) return fail(ErrorCode::not_found, "the revision '" + id + "' was removed");
    return domain.explorer.explorer.open(address.revision);
}

Result<FoundPlace> find_place(const AnnotationDomain& domain, const http::Request& request,
                              Action action) {
    const std::string& revision = request.parameters.at("revision");
    const auto space = TRY(find_space(domain, request, request.parameters.at("space"), action));
    return FoundPlace{{space.id, revision}, TRY(open_revision(domain, request, revision))};
}

Result<LabelColumn> find_column(const AnnotationDomain& domain, const http::Request& request,
                                Action action) {
    const std::string& id = request.parameters.at("column");
    const auto absent = fail(ErrorCode::not_found, "there is no column of labels '" + id + "'");
    auto column = TRY(domain.labels.find(id));
    if (!column) return absent;
    const auto space = find_space(domain, request, column->place.space, action);
    if (!space && space.error().code == ErrorCode::not_found) return absent;
    if (!space) return fail(space.error());
    const auto address =
        TRY(explorer::find_revision(domain.explorer, request, column->place.revision));
    if (address.instead) return absent;
    return *std::move(column);
}

std::uint32_t cells_in(const RevisionData& data) {
    return static_cast<std::uint32_t>(data.sealed->summary().cells);
}

Result<OpenCells> open_cells(const RevisionData& data) {
    auto obs = std::make_shared<const expression::Frame>(TRY(data.sealed->obs()));
    const auto count = static_cast<std::uint32_t>(obs->row_count());
    return OpenCells{obs, {count, [obs](std::uint32_t cell) { return obs->index[cell]; }}};
}

stroma::annotation::Author author_of(const http::Request& request) {
    return {request.principal.id, request.principal.name};
}

std::string if_match(const http::Request& request) {
    const std::string header = request.header("if-match").value_or("");
    if (header == "*") return header;
    const std::size_t begin = header.find('"');
    const std::size_t end = begin == header.npos ? header.npos : header.find('"', begin + 1);
    return end == header.npos ? "" : header.substr(begin + 1, end - begin - 1);
}

Result<std::int64_t> version_in(const std::string& tag, std::string_view prefix,
                                std::int64_t current) {
    if (tag == "*") return current;
    std::int64_t version = 0;
    const std::string_view rest = std::string_view(tag).substr(std::min(prefix.size(), tag.size()));
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), version);
    if (!tag.starts_with(prefix) || parsed.ec != std::errc() ||
        parsed.ptr != rest.data() + rest.size() || version < 0 || version > current)
        return fail(ErrorCode::conflict, "If-Match names no version of this: '" + tag + "'");
    return version;
}

bool is_known(const http::Request& request, std::string_view etag) {
    const auto known = request.header("if-none-match");
    return known && http::names_etag(*known, etag, true);
}

http::Response current_answer(const http::Request& request, http::Response response,
                              std::string_view etag) {
    if (request.method == "GET" && is_known(request, etag)) {
        response = http::text_response(304, "");
    }
    response.headers.emplace_back("ETag", "\"" + std::string(etag) + "\"");
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    response.headers.emplace_back("Vary", "Accept, Authorization, Cookie");
    return response;
}

Json runs_json(const CellRuns& runs) {
    Json json = Json::array();
    for (const auto& [first, end] : runs) json.push_back({first, end});
    return json;
}

Json entry_json(const stroma::annotation::HistoryEntry& entry) {
    Json json{{"version", entry.version},
              {"who", {{"id", entry.author.id}, {"name", entry.author.name}}},
              {"at", api::time_json(entry.at_ms)},
              {"kind", entry.kind}};
    if (const auto detail = parse_json(entry.detail))
        for (const auto& [name, value] : detail->items()) json[name] = value;
    return json;
}

Json column_json(const LabelColumn& column, const stroma::annotation::LabelState& state) {
    Json labels = Json::array();
    std::uint64_t assigned = 0;
    for (std::size_t code = 0; code < state.labels.size(); ++code) {
        if (!state.labels[code]) continue;
        labels.push_back({{"label", *state.labels[code]}, {"cells", state.counts[code]}});
        assigned += state.counts[code];
    }
    return {{"id", column.id},
            {"name", column.name},
            {"space", column.place.space},
            {"revision", column.place.revision},
            {"version", column.version},
            {"etag", column.etag()},
            {"changed", api::time_json(column.changed_ms)},
            {"cells", column.cells},
            {"unassigned", column.cells - assigned},
            {"labels", std::move(labels)}};
}

std::string etag_of(const std::vector<LabelColumn>& columns) {
    ContentHash hash;
    for (const LabelColumn& column : columns) hash.update(as_bytes(column.etag() + "\n"));
    return "labels." + hash.hex();
}

namespace {

Result<CellRuns> cells_of_selection(const AnnotationDomain& domain, const http::Request& request,
                                    const RevisionData& data, const std::string& id) {
    using stroma::annotation::KeptKind;
    const auto absent = fail(ErrorCode::not_found, "there is no selection '" + id + "'");
    const auto kept = TRY(domain.kept.find(KeptKind::selection, id));
    if (!kept) return absent;
    const catalog::Thing thing{catalog::ThingKind::view, kept->id, kept->owner, kept->by_link};
    if (!TRY(domain.explorer.access.decide(request.principal, Action::read, thing))) return absent;
    if (kept->revision != data.revision)
        return fail(ErrorCode::invalid_input,
                    "the selection '" + id + "' is of another revision, " + kept->revision);
    const Json body = TRY(parse_json(kept->body, {.bytes_max = 256u << 20}));
    CellRuns runs;
    for (const Json& run : body["cells"]) runs.emplace_back(run[0], run[1]);
    return runs;
}

}  // namespace

Result<CellRuns> cells_in_json(const AnnotationDomain& domain, const http::Request& request,
                               const RevisionData& data, const Json& json,
                               const std::string& pointer) {
    const auto at_pointer = [&](Error error) {
        return fail(api::error_at(error.code, pointer, error.message));
    };
    if (json.is_array()) {
        CellRuns runs;
        for (const Json& run : json) {
            const bool is_run = run.is_array() && run.size() == 2 && run[0].is_number_unsigned() &&
                                run[1].is_number_unsigned() &&
                                run[1].get<std::uint64_t>() <= cells_in(data);
            if (!is_run)
                return at_pointer({ErrorCode::invalid_input,
                                   "each run of cells is [first, one past the last], below " +
                                       std::to_string(cells_in(data))});
            runs.emplace_back(run[0].get<std::uint64_t>() > cells_in(data)
                                  ? cells_in(data)
                                  : run[0].get<std::uint32_t>(),
                              run[1].get<std::uint32_t>());
        }
        auto known = stroma::annotation::settled(std::move(runs), cells_in(data));
        if (!known) return at_pointer(known.error());
        return known;
    }
    if (!json.is_object())
        return at_pointer({ErrorCode::invalid_input,
                           "cells are a list of runs, a column with labels, or a selection"});
    api::JsonFields fields(json);
    if (const auto selection = TRY(fields.optional_text("selection"))) {
        TRY(fields.finish());
        return cells_of_selection(domain, request, data, *selection);
    }
    const std::string column = TRY(fields.text("column"));
    const auto labels = TRY(fields.texts("labels"));
    TRY(fields.finish());
    return stroma::explorer::cells_labelled(data, column, labels);
}

}  // namespace stroma::front::annotation
