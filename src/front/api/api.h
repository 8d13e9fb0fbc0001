#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "front/api/api_domain.h"
#include "front/http/fetch.h"
#include "front/http/server.h"

namespace stroma::front::api {

/// Cells that somebody kept under an id: runs [first, one past the last) of a revision.
struct KeptCells {
    std::string revision;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> cells;
};
/// Nothing for what isn't there or may not be seen by who asks.
using FindSelection =
    std::function<Result<std::optional<KeptCells>>(const http::Request&, const std::string& id)>;

struct ApiOptions {
    /// "https://stroma.example": how results are linked. "" takes the request's own Host.
    std::string public_url;
    bool fetch_private_addresses = false;  ///< lets bundle_fqids_url reach loopback and the like
    Milliseconds signature_skew_max{15 * 60 * 1000};
    /// Where answers too long for memory lie, without a name, while they are sent.
    fs::path scratch_folder = fs::temp_directory_path();
    http::Handler home;  ///< answers "/"; unset, a page of links
    FindSelection find_selection;
};

/// The REST API: routes for http::Server::listen and the function that names the principal.
/// Any thread; the domain outlives it, and it outlives the server.
class Api {
public:
    Api(ApiDomain domain, ApiOptions options);
    ~Api();
    std::vector<http::Route> routes();
    /// Reads "Authorization: Bearer stroma_…". Without one the principal is anonymous; with a
    /// wrong one the answer is 401, never anonymous.
    std::function<std::optional<http::Response>(http::Request&)> authenticator();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::front::api
