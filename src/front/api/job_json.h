#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pipeline/job.h"

namespace stroma::front::api {

/// A job as its watchers see it. `title` and errors are shown; paths of this machine are not.
nlohmann::ordered_json job_json(const pipeline::Job& job);

}  // namespace stroma::front::api
