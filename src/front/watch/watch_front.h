#pragma once

#include <functional>
#include <vector>

#include "catalog/principal.h"
#include "front/http/router.h"
#include "watch/watcher.h"

namespace stroma::front::watch {

struct WatchDomain {
    stroma::watch::Watcher* watcher = nullptr;  ///< null: nothing is served that could be watched
    /// Whether the principal may read a thing of that owner.
    std::function<bool(const catalog::Principal&, const stroma::watch::Stand&)> may_read;
};

/// GET /v1/flows: streams, deliveries, queues and rules that one may read, with rates, what waits
/// and since when. GET /v1/flows/events: the same as server-sent events "flows".
std::vector<http::Route> watch_routes(WatchDomain domain);

}  // namespace stroma::front::watch
