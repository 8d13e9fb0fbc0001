#include "base/json.h"
#include "front/api/api_routes.h"

// Results by their content's id, what changed between two snapshots, where a number came from.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;

Result<std::string> needed(const http::Request& request, std::string_view name) {
    auto value = request.query_value(name);
    if (value && !value->empty()) return *std::move(value);
    return fail(ErrorCode::invalid_input, "the query needs '" + std::string(name) + "'");
}

Answer get_result(ApiContext& api, http::Request& request) {
    return cited_answer(
        request, TRY(api.domain.citations.result(request.principal, request.parameters["result"])));
}

Answer get_difference(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::read, {}));
    const std::string from = TRY(needed(request, "from")), to = TRY(needed(request, "to"));
    return http::json_response(
        200, TRY(api.domain.citations.difference(request.principal, from, to, request.left)));
}

Answer get_origin(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::read, {}));
    const std::string cell = TRY(needed(request, "cell"));
    const std::string gene = TRY(needed(request, "gene"));
    const matrix::OriginQuestion question{cell, gene, request.query_value("dataset").value_or("")};
    return http::json_response(200, TRY(api.domain.citations.origin(request.principal, question)));
}

}  // namespace

http::Response cited_answer(const http::Request& request, const CitedResult& cited) {
    if (cited.file) return file_answer(*cited.file);
    const matrix::MatrixRequest& found = cited.request;
    if (found.state == matrix::RequestState::failed)
        return error_response(request, 409, Error{ErrorCode::conflict, found.message});
    Json json;
    json["result"] = found.hash;
    const bool is_done = found.state == matrix::RequestState::complete;
    json["status"] = is_done ? "Complete" : "In Progress";
    json["message"] = found.message;
    json["percentage"] = found.fraction * 100;
    json["job"] = found.job.empty() ? Json(nullptr) : Json(found.job);
    http::Response response = json_answer(is_done ? 200 : 202, json);
    if (!is_done) response.headers.emplace_back("Retry-After", "1");
    return response;
}

std::vector<ApiRoute> citation_routes() {
    return {{"GET", "/v1/results/{result}", get_result},
            {"GET", "/v1/diff", get_difference},
            {"GET", "/v1/origin", get_origin}};
}

}  // namespace stroma::front::api
