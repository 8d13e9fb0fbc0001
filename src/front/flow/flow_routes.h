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
std::vector<FlowRoute> picture_routes();
std::vector<FlowRoute> archive_routes();
std::vector<FlowRoute> edit_routes();

/// 409 with the code "archived" where reading failed because what is read lies in the archive.
Answer or_archived(const http::Request& request, Answer answer);

/// The run, where who asks may do that with it; it looks absent where they may not see it.
Result<stroma::flow::Run> allowed_run(const FlowDomain& domain, http::Request& request,
                                      catalog::Action action);

/// errors  denied  who asks isn't the administrator
Result<void> needs_administrator(const FlowDomain& domain, const http::Request& request);

}  // namespace stroma::front::flow
