#include "front/explorer/explorer_front.h"

#include "base/digest.h"
#include "front/explorer/explorer_routes.h"

namespace stroma::front::explorer {
namespace {

/// A year: what lies under a revision's address never changes.
constexpr std::string_view for_ever = "max-age=31536000, immutable";

http::Response handle(const ExplorerDomain& domain, http::Request& request,
                      ExplorerHandler handler) {
    auto answer = [&]() -> Result<http::Response> {
        auto address = TRY(find_address(domain, request));
        if (address.instead) return *std::move(address.instead);
        return handler(Asked{domain, request, std::move(address.revision), address.is_public});
    }();
    return answer ? *std::move(answer) : problem_response(request, answer.error());
}

}  // namespace

void add_cache_headers(http::Response& response, bool is_public) {
    response.headers.emplace_back("Cache-Control",
                                  (is_public ? "public, " : "private, ") + std::string(for_ever));
    response.headers.emplace_back("Vary", is_public
                                              ? "Accept, Accept-Encoding"
                                              : "Accept, Accept-Encoding, Authorization, Cookie");
}

http::Response body_response(const stroma::explorer::Body& body, bool is_public) {
    http::Response response;
    response.headers.emplace_back("Content-Type", body.media_type);
    if (!body.coding.empty()) response.headers.emplace_back("Content-Encoding", body.coding);
    add_cache_headers(response, is_public);
    response.file = http::Response::FileBody{body.file, body.size_bytes, body.etag};
    return response;
}

std::vector<std::string> Asked::values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [key, value] : request.query)
        if (key == name) found.push_back(value);
    return found;
}

Result<http::Response> Asked::answer(const std::string& what,
                                     const stroma::explorer::Explorer::MakeAnswer& make) const {
    return body_response(TRY(domain.explorer.answer({revision, what, coding_for(request)}, make)),
                         is_public);
}

http::Response Asked::text_answer(std::string text, std::string_view media_type) const {
    ContentHash hash;
    hash.update(as_bytes(text));
    http::Response response = http::text_response(200, std::move(text), media_type);
    response.headers.emplace_back("ETag", "\"" + hash.hex() + "\"");
    add_cache_headers(response, is_public);
    return response;
}

ExplorerFront::ExplorerFront(ExplorerDomain domain)
    : domain_(std::make_unique<const ExplorerDomain>(std::move(domain))) {}
ExplorerFront::~ExplorerFront() = default;

std::vector<http::Route> ExplorerFront::routes() {
    std::vector<http::Route> routes;
    const ExplorerDomain& domain = *domain_;
    routes.push_back({"GET", "/d/{revision}", [&domain](http::Request& request) {
                          auto answer = get_pointer(domain, request);
                          return answer ? *std::move(answer)
                                        : problem_response(request, answer.error());
                      }});
    for (const auto& list :
         {native_routes(), image_routes(), cellxgene_routes(), clustering_views()})
        for (const ExplorerRoute& route : list)
            routes.push_back({route.method, route.pattern,
                              [&domain, handler = route.handler](http::Request& request) {
                                  return handle(domain, request, handler);
                              }});
    for (auto& route : comparison_routes(domain)) routes.push_back(std::move(route));
    for (auto& route : clustering_routes(domain)) routes.push_back(std::move(route));
    return routes;
}

}  // namespace stroma::front::explorer
