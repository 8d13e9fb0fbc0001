#pragma once

#include <memory>
#include <vector>

#include "front/flow/flow_front.h"

// Private to this folder.

namespace stroma::front::flow {

using Answer = Result<http::Response>;
using Handler = Answer (*)(const FlowDomain&, http::Request&);

struct FlowRoute {
    const char* method;
    const char* pattern;
    Handler handler;
};
std::vector<FlowRoute> work_routes();
std::vector<FlowRoute> intake_routes();

/// errors  denied  who asks isn't the administrator
Result<void> needs_administrator(const FlowDomain& domain, const http::Request& request);

}  // namespace stroma::front::flow
