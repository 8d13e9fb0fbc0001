#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/http/file_answer.h"
#include "front/http/url.h"

// The matrix service's requests, v1 and v0: the paths, names and answers of the Human Cell Atlas
// service, so that its old notebooks run with only the host changed.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;
constexpr std::size_t selection_characters_max = 128'000;
constexpr std::size_t runs_max = 400'000;  // as JSON they fit the inputs of a job

Result<void> check_length(const Json& selection, std::string_view name) {
    // Counted as the old service did: ASCII, so that a character outside it counts as its escape.
    if (selection.dump(-1, ' ', true, Json::error_handler_t::replace).size() <=
        selection_characters_max)
        return {};
    return fail(error_at(
        ErrorCode::exhausted, fmt::format("/{}", name),
        fmt::format("'{}' is longer than {} characters as JSON", name, selection_characters_max)));
}

Result<std::string> format_of(ApiContext& api, JsonFields& fields) {
    const std::string format = TRY(fields.text_or("format", "loom"));
    for (const NamedText& known : api.domain.matrices.formats())
        if (known.name == format) return format;
    return fail(error_at(ErrorCode::invalid_input, "/format",
                         fmt::format("there is no format '{}'; see /v1/formats", format)));
}

/// Runs of cells [[first, one past the last], …]; whether they fit is asked where they are used.
Result<decltype(matrix::MatrixQuery::cells)> runs_in(const Json& list) {
    decltype(matrix::MatrixQuery::cells) runs;
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    const auto is_cell = [](const Json& number) {
        return number.is_number_unsigned() && number.get<std::uint64_t>() <= most;
    };
    if (!list.is_array() || list.empty() || list.size() > runs_max)
        return fail(error_at(ErrorCode::invalid_input, "/cells",
                             fmt::format("'cells' is a list of 1 to {} runs", runs_max)));
    for (const Json& run : list) {
        if (!run.is_array() || run.size() != 2 || !is_cell(run[0]) || !is_cell(run[1]))
            return fail(error_at(ErrorCode::invalid_input, "/cells",
                                 "each run of cells is [first, one past the last]"));
        runs.emplace_back(run[0].get<std::uint32_t>(), run[1].get<std::uint32_t>());
    }
    return runs;
}

http::Response accepted(const RequestedMatrices& requested) {
    Json json;
    json["request_id"] = requested.request.id;
    json["non_human_request_ids"] = Json::object();
    for (const auto& [species, id] : requested.non_human_request_ids)
        json["non_human_request_ids"][species] = id;
    json["status"] = "In Progress";
    json["message"] = "Job started.";
    return json_answer(202, json);
}

/// The cells that were kept under that id, as those of their revision: whoever writes them out gets
/// the same result.
Result<void> take_selection(const ApiContext& api, const http::Request& request,
                            const std::string& id, matrix::MatrixQuery& query) {
    auto kept =
        api.options.find_selection ? TRY(api.options.find_selection(request, id)) : std::nullopt;
    if (!kept) return fail(ErrorCode::not_found, fmt::format("there is no selection '{}'", id));
    if (kept->cells.empty())
        return fail(error_at(ErrorCode::invalid_input, "/selection", "it holds no cell"));
    if (kept->cells.size() > runs_max)
        return fail(error_at(ErrorCode::exhausted, "/selection",
                             fmt::format("it has {} runs of cells, and a matrix is made of at most "
                                         "{}",
                                         kept->cells.size(), runs_max)));
    query.revision = std::move(kept->revision);
    query.cells = std::move(kept->cells);
    return {};
}

Result<matrix::MatrixQuery> query_of_body(ApiContext& api, const http::Request& request,
                                          const Json& body) {
    JsonFields fields(body);
    matrix::MatrixQuery query;
    const Json* filter = fields.find("filter");
    const std::string selection = TRY(fields.text_or("selection", ""));
    query.where = TRY(fields.text_or("where", ""));
    query.sql = TRY(fields.text_or("sql", ""));
    query.revision = TRY(fields.text_or("revision", ""));
    if (const Json* cells = fields.find("cells")) query.cells = TRY(runs_in(*cells));
    query.fields = TRY(fields.texts("fields"));
    query.genes = TRY(fields.texts("genes"));
    query.feature = TRY(fields.text_or("feature", query.feature));
    query.matrix = TRY(fields.text_or("matrix", query.matrix));
    query.layout = TRY(fields.text_or("layout", ""));
    query.species = TRY(fields.text_or("species", ""));
    query.format = TRY(format_of(api, fields));
    TRY(fields.finish());
    const int selections = (filter != nullptr) + !query.where.empty() + !query.sql.empty() +
                           !query.revision.empty() + !selection.empty();
    if (selections != 1)
        return fail(ErrorCode::invalid_input,
                    "exactly one of 'filter', 'where', 'sql', 'revision' and 'selection' must say "
                    "which cells are wanted");
    if (!selection.empty()) {
        if (!query.cells.empty())
            return fail(error_at(ErrorCode::invalid_input, "/cells",
                                 "'cells' are of a revision; a selection has its own"));
        TRY(take_selection(api, request, selection, query));
    }
    if (filter != nullptr) {
        if (!filter->is_object())
            return fail(
                error_at(ErrorCode::invalid_input, "/filter", "'filter' must be an object"));
        TRY(check_length(*filter, "filter"));
        query.filter = filter->dump();
    }
    if (!query.where.empty()) TRY(check_length(body["where"], "where"));
    if (!query.sql.empty()) TRY(check_length(body["sql"], "sql"));
    const auto features = api.domain.matrices.features();
    const bool known = std::any_of(features.begin(), features.end(),
                                   [&](const NamedText& one) { return one.name == query.feature; });
    if (!known)
        return fail(
            error_at(ErrorCode::invalid_input, "/feature",
                     fmt::format("there is no feature '{}'; see /v1/features", query.feature)));
    return query;
}

std::string stream_url(const ApiContext& api, const http::Request& request, std::string_view id) {
    return fmt::format("{}/v1/matrix/{}/stream", base_url(api, request), id);
}

Answer post_v1(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::create, {catalog::ThingKind::matrix_request, "", ""}));
    const Json body = TRY(json_body(request));
    const MatrixOrder order{TRY(query_of_body(api, request, body)), false};
    auto requested = api.domain.matrices.request(request.principal, order);
    if (!requested) {
        const bool by_filter = !order.query.filter.empty();
        return fail(by_filter ? with_pointer_below("/filter", std::move(requested.error()))
                              : std::move(requested.error()));
    }
    http::Response response = accepted(*requested);
    if (request.query_value("stream") == "true") {  // what was asked for is fetched by one command
        response.status = 303;
        response.headers.emplace_back("Location", stream_url(api, request, requested->request.id));
    }
    return response;
}

/// The first column of the Data Browser's manifest, without its header line, doubles dropped.
std::vector<std::string> bundles_of_manifest(std::string_view text) {
    std::vector<std::string> bundles;
    std::set<std::string, std::less<>> seen;
    bool header = true;
    while (!text.empty()) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (std::exchange(header, false)) continue;
        // Some of the Data Browser's manifests have blanks where others have a tab.
        const std::string_view bundle = line.substr(0, line.find_first_of("\t \r"));
        if (!bundle.empty() && seen.emplace(bundle).second) bundles.emplace_back(bundle);
    }
    return bundles;
}

Answer post_v0(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::create, {catalog::ThingKind::matrix_request, "", ""}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    MatrixOrder order{{}, true};
    const Json* list = fields.find("bundle_fqids");
    const auto url = TRY(fields.optional_text("bundle_fqids_url"));
    order.query.bundles = TRY(fields.texts("bundle_fqids"));
    order.query.format = TRY(format_of(api, fields));
    TRY(fields.finish());
    if ((list != nullptr) == url.has_value())
        return fail(ErrorCode::invalid_input,
                    "exactly one of 'bundle_fqids' and 'bundle_fqids_url' must be given");
    if (list != nullptr) {
        if (list->empty())
            return fail(error_at(ErrorCode::invalid_input, "/bundle_fqids",
                                 "'bundle_fqids' must name at least one bundle"));
        TRY(check_length(*list, "bundle_fqids"));
    } else {
        http::FetchOptions options;
        options.allow_private = api.options.fetch_private_addresses;
        const auto manifest = http::fetch(*url, options);
        // Whatever went wrong there, it's the URL of this request that must change.
        if (!manifest)
            return fail(
                error_at(ErrorCode::invalid_input, "/bundle_fqids_url", manifest.error().message));
        order.query.bundles = bundles_of_manifest(*manifest);
        if (order.query.bundles.empty())
            return fail(error_at(ErrorCode::invalid_input, "/bundle_fqids_url",
                                 "the manifest at the URL names no bundle"));
    }
    return accepted(TRY(api.domain.matrices.request(request.principal, order)));
}

Result<matrix::MatrixRequest> find_readable(ApiContext& api, http::Request& request) {
    const std::string& id = request.parameters["request_id"];
    auto found = TRY(api.domain.matrices.find(id));
    if (!found) return absent(catalog::ThingKind::matrix_request, id);
    TRY(allow(api, request, catalog::Action::read,
              {catalog::ThingKind::matrix_request, found->id, found->owner}));
    return std::move(*found);
}

std::string_view status_name(matrix::RequestState state) {
    switch (state) {
        case matrix::RequestState::in_progress: return "In Progress";
        case matrix::RequestState::complete: return "Complete";
        case matrix::RequestState::failed: return "Failed";
        case matrix::RequestState::expired: return "Expired";
    }
    return "Failed";
}

Json matrix_json(ApiContext& api, const http::Request& request, const matrix::MatrixRequest& found,
                 const char* url_name) {
    const bool has_file =
        found.state == matrix::RequestState::complete && !found.object_key.empty();
    Json json;
    json["request_id"] = found.id;
    json["status"] = status_name(found.state);
    json[url_name] = has_file ? fmt::format("{}/v1/matrix/{}/files/{}", base_url(api, request),
                                            found.id, http::percent_encode(found.file_name))
                              : "";
    const bool running = found.state == matrix::RequestState::in_progress;
    json["stream_url"] = running || has_file ? stream_url(api, request, found.id) : "";
    json["eta"] = "";
    if (running && found.eta_seconds >= 0)
        json["eta"] = iso_time(api.domain.site.clock().unix_ms() +
                               static_cast<std::int64_t>(found.eta_seconds * 1000));
    json["message"] = found.message;
    json["percentage"] =
        found.state == matrix::RequestState::complete ? 100.0 : found.fraction * 100;
    json["format"] = found.query.format;
    json["query_hash"] = found.hash;
    json["data_version"] = found.data_version;
    json["job"] = found.job.empty() ? Json(nullptr) : Json(found.job);
    json["created"] = time_json(found.created_ms);
    json["expires"] = time_json(found.expires_ms);
    if (has_file) {
        json["bytes"] = found.bytes;
        json["sha256"] = found.sha256;
        json["cells"] = found.cells;
        json["genes"] = found.genes;
        json["nonzeros"] = found.nonzeros;
    }
    return json;
}

/// "<request id>.h5ad" is the request's cells in that format, whichever it was made in.
Answer get_v1(ApiContext& api, http::Request& request) {
    std::string& id = request.parameters["request_id"];
    if (const std::size_t dot = id.find('.'); dot != id.npos) {
        const std::string suffix = id.substr(dot + 1);
        id.resize(dot);
        const auto found = TRY(find_readable(api, request));
        return cited_answer(
            request, TRY(api.domain.citations.other_format(request.principal, found, suffix)));
    }
    const auto found = TRY(find_readable(api, request));
    return json_answer(200, matrix_json(api, request, found, "matrix_url"));
}

Answer get_v0(ApiContext& api, http::Request& request) {
    const auto found = TRY(find_readable(api, request));
    return json_answer(200, matrix_json(api, request, found, "matrix_location"));
}

http::Response gone(const http::Request& request) {
    return error_response(
        request, 410,
        Error{ErrorCode::not_found, "this result has expired; ask for it again with a POST"});
}

Answer get_file(ApiContext& api, http::Request& request) {
    const auto found = TRY(find_readable(api, request));
    if (found.state == matrix::RequestState::expired) return gone(request);
    return file_answer(TRY(api.domain.matrices.open_file(found.id, request.parameters["name"])));
}

/// A short job is waited for: then its answer has a length, or a status that says what failed.
Result<matrix::MatrixRequest> settled_soon(ApiContext& api, matrix::MatrixRequest found) {
    constexpr Milliseconds patience{50};
    if (found.state != matrix::RequestState::in_progress || found.job.empty()) return found;
    const Clock& clock = api.domain.site.clock();
    const std::int64_t end_ms = clock.steady_ms() + patience.count();
    std::int64_t seen = -1;
    for (std::int64_t now = clock.steady_ms(); now < end_ms; now = clock.steady_ms()) {
        const auto job =
            TRY(api.domain.jobs.wait_for_change(found.job, seen, Milliseconds{end_ms - now}));
        seen = job.version;
        if (pipeline::is_final(job.state)) break;
    }
    auto again = TRY(api.domain.matrices.find(found.id));
    return again ? *std::move(again) : std::move(found);
}

/// The bytes of a file whose size nobody knows yet. A range without an end is answered with one
/// that lies past any file's, as RFC 8673 has it for what still grows.
http::Response growing_answer(ApiContext& api, const http::Request& request,
                              const matrix::MatrixRequest& found) {
    constexpr std::uint64_t size_unknown = (std::uint64_t{1} << 53) - 1;
    http::Response response;
    const auto add = [&](const char* name, std::string value) {
        response.headers.emplace_back(name, std::move(value));
    };
    add("ETag", "\"" + found.tag + "\"");
    http::FileAnswer part = http::answer_for_file(request, found.tag, size_unknown);
    // "The last 500 bytes" can't be told yet; a server may read over a range.
    const std::string range = request.header("range").value_or("");
    if (part.status == 206 && range.starts_with("bytes=-")) part = {200, 0, size_unknown};
    response.status = part.status;
    if (part.status != 200 && part.status != 206) return response;
    const bool is_zip = found.file_name.ends_with(".zip");
    add("Content-Type", is_zip ? "application/zip" : "application/octet-stream");
    add("Content-Disposition", disposition_of(found.file_name));
    add("Accept-Ranges", "bytes");
    if (part.status == 206)
        add("Content-Range",
            fmt::format("bytes {}-{}/*", part.offset, part.offset + part.count - 1));
    add("Trailer", sha256_header);
    const matrix::StreamOrder order{found.id, found.tag, part.offset, part.count};
    response.stream = [&matrices = api.domain.matrices, order,
                       left = request.left](http::BodyWriter& body) -> Result<void> {
        const std::string sha256 = TRY(matrices.stream(
            order, [&](ByteSpan bytes) { return body.write(bytes); }, left));
        if (!sha256.empty()) body.trailer(sha256_header, sha256);
        return {};
    };
    return response;
}

/// The result's bytes while they are made; whoever is cut off goes on with a Range.
Answer get_stream(ApiContext& api, http::Request& request) {
    const auto asked = TRY(find_readable(api, request));
    const auto found = TRY(settled_soon(api, asked));
    switch (found.state) {
        case matrix::RequestState::in_progress: return growing_answer(api, request, found);
        case matrix::RequestState::expired: return gone(request);
        case matrix::RequestState::failed:
            return error_response(request, 409, Error{ErrorCode::conflict, found.message});
        case matrix::RequestState::complete: break;
    }
    if (found.object_key.empty()) return fail(ErrorCode::not_found, found.message);
    StoredFile file = TRY(api.domain.matrices.open_file(found.id, found.file_name));
    file.etag = found.tag;
    return file_answer(file);
}

}  // namespace

std::vector<ApiRoute> matrix_routes() {
    return {{"POST", "/v1/matrix", post_v1},
            {"GET", "/v1/matrix/{request_id}", get_v1},
            {"GET", "/v1/matrix/{request_id}/files/{name}", get_file},
            {"GET", "/v1/matrix/{request_id}/stream", get_stream},
            {"POST", "/v0/matrix", post_v0},
            {"GET", "/v0/matrix/{request_id}", get_v0}};
}

}  // namespace stroma::front::api
