#pragma once

#include <vector>

#include "app/aws/aws_server.h"
#include "app/site.h"
#include "front/http/server.h"

namespace stroma::app {

/// What verbs ask of the server that has their data directory: jobs of any stage, the datasets.
/// Only for the local administrator. Not part of the public API, so not in its document.
///   POST /internal/jobs {stage, title, inputs}       GET /internal/jobs?stage=&state=&limit=
///   GET  /internal/jobs/{job}?after_version=&wait_ms=
///   POST /internal/jobs/{job}/cancel, /retry
///   GET  /internal/datasets                          DELETE /internal/datasets/{dataset}
///   POST /internal/aws/keys {user}                   (when an AWS port is served)
std::vector<front::http::Route> control_routes(Site& site, AwsServer* aws);

}  // namespace stroma::app
