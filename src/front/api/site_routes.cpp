#include <fmt/format.h>

#include "base/json.h"
#include "base/metrics.h"
#include "front/api/api_routes.h"
#include "front/api/openapi.h"

// What every front door has: health, version, the API's description, metrics, a landing page.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;

constexpr std::string_view landing =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Stroma</title>"
    "</head>\n<body><h1>Stroma</h1>\n<p>Single-cell data: matrices, SQL, datasets.</p>\n<ul>\n"
    "<li><a href=\"/openapi.json\">The API's description (OpenAPI)</a></li>\n"
    "<li><a href=\"/v1/filters\">Filters of the matrix service</a></li>\n"
    "<li><a href=\"/v1/datasets\">Datasets</a></li>\n"
    "<li><a href=\"/version\">Version</a>, <a href=\"/health\">health</a></li>\n"
    "</ul></body></html>\n";

Answer health(ApiContext& api, http::Request&) {
    TRY(api.domain.site.ready());
    return http::text_response(200, "OK", "text/html");
}

Answer version(ApiContext& api, http::Request&) {
    return json_answer(200, Json{{"version_info", {{"version", api.domain.site.version()}}}});
}

Answer home(ApiContext& api, http::Request& request) {
    if (api.options.home) return api.options.home(request);
    return http::text_response(200, std::string(landing), "text/html; charset=utf-8");
}

Answer description(ApiContext&, http::Request&) {
    return http::json_response(200, std::string(openapi_document()));
}

Answer metrics(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::read, {}));
    TRY(api.domain.site.publish_gauges());
    return http::text_response(200, metrics_text(), "text/plain; version=0.0.4");
}

}  // namespace

std::vector<ApiRoute> site_routes() {
    return {{"GET", "/", home, http::RunsOn::reactor},
            {"GET", "/health", health},
            {"GET", "/internal/health", health},
            {"GET", "/version", version, http::RunsOn::reactor},
            {"GET", "/openapi.json", description, http::RunsOn::reactor},
            {"GET", "/metrics", metrics}};
}

}  // namespace stroma::front::api
