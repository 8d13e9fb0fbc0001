#include "front/api/api.h"

#include <charconv>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/http/url.h"

namespace stroma::front::api {

struct Api::State {
    ApiContext context;
};

Api::Api(ApiDomain domain, ApiOptions options)
    : state_(new State{ApiContext{domain, std::move(options), {}}}) {}
Api::~Api() = default;

std::vector<ApiRoute> all_routes() {
    std::vector<ApiRoute> all;
    for (const auto& routes :
         {site_routes(), catalogue_routes(), matrix_routes(), citation_routes(), sql_routes(),
          dataset_routes(), upload_routes(), job_routes(), notification_routes(), access_routes()})
        all.insert(all.end(), routes.begin(), routes.end());
    return all;
}

std::vector<http::Route> Api::routes() {
    std::vector<http::Route> routes;
    ApiContext& api = state_->context;
    for (const ApiRoute& route : all_routes()) {
        const auto handle = [&api, handler = route.handler](http::Request& request) {
            Result<http::Response> response = handler(api, request);
            return response ? std::move(*response) : error_response(request, response.error());
        };
        routes.push_back({route.method, route.pattern, handle, route.runs_on});
    }
    return routes;
}

std::function<std::optional<http::Response>(http::Request&)> Api::authenticator() {
    ApiContext& api = state_->context;
    return [&api](http::Request& request) -> std::optional<http::Response> {
        const auto header = request.header("authorization");
        // The notification's own scheme proves a key, not a principal.
        if (!header || header->starts_with("Signature ")) {
            request.principal = catalog::anonymous_principal();
            return std::nullopt;
        }
        const std::string_view scheme = std::string_view(*header).substr(0, 7);
        auto principal = http::equal_ignoring_case(scheme, "Bearer ")
                             ? api.domain.access.principal_of_token(
                                   http::trimmed(std::string_view(*header).substr(7)))
                             : fail(ErrorCode::denied, "");
        if (principal && !principal->disabled) {
            request.principal = std::move(*principal);
            return std::nullopt;
        }
        if (!principal && principal.error().code != ErrorCode::denied)
            return error_response(request, principal.error());
        return error_response(request, 401,
                              Error{ErrorCode::denied,
                                    "the token is unknown, expired or revoked; ask for a new one"});
    };
}

tl::unexpected<Error> absent(catalog::ThingKind kind, std::string_view id) {
    std::string_view noun = "site";
    switch (kind) {
        case catalog::ThingKind::site: break;
        case catalog::ThingKind::collection: noun = "collection"; break;
        case catalog::ThingKind::dataset: noun = "dataset"; break;
        case catalog::ThingKind::job: noun = "job"; break;
        case catalog::ThingKind::matrix_request: noun = "matrix request"; break;
        case catalog::ThingKind::upload: noun = "upload"; break;
        case catalog::ThingKind::result: noun = "result"; break;
        case catalog::ThingKind::space: noun = "space"; break;
        case catalog::ThingKind::view: noun = "view"; break;
        case catalog::ThingKind::bucket: noun = "bucket"; break;
        case catalog::ThingKind::stream: noun = "stream"; break;
        case catalog::ThingKind::queue: noun = "queue"; break;
        case catalog::ThingKind::bus: noun = "bus"; break;
    }
    return fail(ErrorCode::not_found,
                "there is no " + std::string(noun) + " '" + std::string(id) + "'");
}

Result<void> allow(ApiContext& api, const http::Request& request, catalog::Action action,
                   const catalog::Thing& thing) {
    AccessAnswers& access = api.domain.access;
    if (TRY(access.decide(request.principal, action, thing))) return {};
    const bool hides = !thing.id.empty();
    if (hides && (action == catalog::Action::read ||
                  !TRY(access.may(request.principal, catalog::Action::read, thing))))
        return absent(thing.kind, thing.id);
    if (request.principal.role == catalog::Role::anonymous)
        return fail(ErrorCode::denied, "this needs a token: send Authorization: Bearer <token>");
    return fail(ErrorCode::denied, "you may not do this; ask its owner or the administrator");
}

Result<Json> json_body(const http::Request& request, std::uint64_t bytes_max) {
    Result<std::string> read = request.text_body(bytes_max);
    if (!read && read.error().code == ErrorCode::exhausted)
        return fail(error_at(ErrorCode::exhausted, "", read.error().message));
    const std::string text = TRY(std::move(read));
    JsonLimits limits;
    limits.bytes_max = bytes_max;
    limits.depth_max = 512;  // a filter's levels are two of JSON's, and it may have 200
    Json json = TRY_WITH(parse_json(text, limits), "the request's body");
    if (!json.is_object())
        return fail(ErrorCode::invalid_input, "the request's body must be a JSON object");
    return json;
}

http::Response json_answer(int status, const Json& json) {
    return http::json_response(status, json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string disposition_of(const std::string& name) {
    std::string plain;
    for (const char c : name)
        plain += c == '"' || c == '\\' || static_cast<unsigned char>(c) >= 0x7f ? '_' : c;
    std::string disposition = "attachment; filename=\"" + plain + "\"";
    if (plain != name) disposition += "; filename*=UTF-8''" + http::percent_encode(name);
    return disposition;
}

http::Response file_answer(const StoredFile& file) {
    http::Response response;
    response.headers.emplace_back("Content-Type", file.media_type);
    response.headers.emplace_back("Content-Disposition", disposition_of(file.name));
    if (!file.sha256.empty()) response.headers.emplace_back(sha256_header, file.sha256);
    response.file = http::Response::FileBody{file.file, file.size_bytes, file.etag};
    return response;
}

std::string base_url(const ApiContext& api, const http::Request& request) {
    if (!api.options.public_url.empty()) return api.options.public_url;
    return "http://" + request.header("host").value_or("localhost");
}

Json time_json(std::int64_t unix_ms) {
    return unix_ms == 0 ? Json(nullptr) : Json(iso_time(unix_ms));
}

Result<std::int64_t> query_integer(const http::Request& request, std::string_view name,
                                   std::int64_t fallback) {
    const auto text = request.query_value(name);
    if (!text) return fallback;
    std::int64_t value = 0;
    const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
    if (text->empty() || parsed.ec != std::errc() || parsed.ptr != text->data() + text->size())
        return fail(ErrorCode::invalid_input,
                    "the query's '" + std::string(name) + "' must be a whole number");
    return value;
}

Result<catalog::Visibility> visibility_named(std::string_view name) {
    if (name == "public") return catalog::Visibility::public_;
    if (name == "private") return catalog::Visibility::private_;
    return fail(error_at(ErrorCode::invalid_input, "/visibility",
                         "'visibility' must be \"public\" or \"private\""));
}

std::string_view name_of_visibility(catalog::Visibility visibility) {
    return visibility == catalog::Visibility::public_ ? "public" : "private";
}

}  // namespace stroma::front::api
