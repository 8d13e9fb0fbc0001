#pragma once

#include <vector>

#include "flow/engine.h"
#include "flow/intake/intakes.h"
#include "front/api/api_domain.h"
#include "front/flow/pictures.h"
#include "front/http/router.h"

namespace stroma::front::flow {

struct FlowDomain {
    stroma::flow::Engine& engine;
    stroma::flow::Intakes& intakes;
    api::AccessAnswers& access;
    PictureAnswers& pictures;
};

/// /v1/runs and what lies below (pictures as tiles, too), /v1/pipelines/check,
/// /v1/pipelines/standing, and /v1/tasks for workers. A run names files and commands of the server:
/// only administrators start one, for themselves or for somebody, who may then see, cancel and
/// review it. The domain's parts outlive the routes.
std::vector<http::Route> flow_routes(FlowDomain domain);

}  // namespace stroma::front::flow
