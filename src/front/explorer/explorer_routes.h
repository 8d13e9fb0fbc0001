#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "front/explorer/explorer_front.h"

// What the route files of this folder share.

namespace stroma::front::explorer {

/// A question about one revision that the principal may read.
struct Asked {
    const ExplorerDomain& domain;
    http::Request& request;
    std::string revision;
    bool is_public = false;

    /// All values of a query name, in order.
    std::vector<std::string> values(std::string_view name) const;
    /// The answer that is made once: `what` says route and parameters in one spelling.
    Result<http::Response> answer(const std::string& what,
                                  const stroma::explorer::Explorer::MakeAnswer& make) const;
    /// A small one, made each time; the same bytes each time.
    http::Response text_answer(std::string text, std::string_view media_type) const;
};

using ExplorerHandler = Result<http::Response> (*)(const Asked&);
struct ExplorerRoute {
    const char* method;
    const char* pattern;
    ExplorerHandler handler;
};
std::vector<ExplorerRoute> native_routes();
std::vector<ExplorerRoute> cellxgene_routes();
std::vector<ExplorerRoute> image_routes();
/// /v1/comparisons: they find their revision by themselves.
std::vector<http::Route> comparison_routes(const ExplorerDomain& domain);

/// /v1/clusterings: the same.
std::vector<http::Route> clustering_routes(const ExplorerDomain& domain);
/// /d/{revision}/clusterings
std::vector<ExplorerRoute> clustering_views();

/// The cells that a body names: runs of them, {"column", "labels"}: those that have one of these
/// labels, or {"selection"}: those that were kept under that id.
Result<stroma::explorer::CellRuns> cells_in(const nlohmann::ordered_json& json,
                                            const std::string& pointer,
                                            const ExplorerDomain& domain,
                                            const http::Request& request,
                                            const std::string& revision);

/// For ever, shared when public; a browser must not show one person's private bytes to the next.
void add_cache_headers(http::Response& response, bool is_public);
http::Response body_response(const stroma::explorer::Body& body, bool is_public);

/// Finds what "{revision}" of the path names and asks the one decision: the revision, or the answer
/// that leads to it (redirect, 410).
struct Address {
    std::string revision;
    bool is_public = false;
    std::optional<http::Response> instead;
};
Result<Address> find_address(const ExplorerDomain& domain, const http::Request& request);
/// The same for a revision that isn't named by the path; a dataset's name leads nowhere.
Result<Address> find_revision(const ExplorerDomain& domain, const http::Request& request,
                              const std::string& id);
/// GET /d/{revision}: of a dataset its pointer, of a revision what it is.
Result<http::Response> get_pointer(const ExplorerDomain& domain, http::Request& request);

/// The error as application/problem+json (RFC 9457); "message" repeats the detail for cellxgene's
/// clients. The statuses are those of the API's table.
http::Response problem_response(const http::Request& request, const Error& error);
http::Response problem_response(const http::Request& request, int status, const Error& error);

/// The best packing that the client takes: zstd, gzip, or none.
stroma::explorer::Coding coding_for(const http::Request& request);
/// Whether the Accept header allows the media type.
bool accepts(const http::Request& request, std::string_view media_type);
/// Numbers or names in one spelling that no other list has.
std::string spelled(const std::vector<std::string>& names);
std::string spelled(const std::vector<std::uint32_t>& numbers);

}  // namespace stroma::front::explorer
