#pragma once

#include <cstdint>

#include "pipeline/job.h"

namespace stroma::matrix {

/// How far a running job is, as its asker is told.
struct ProgressEstimate {
    double fraction = 0;      ///< 0 … 0.99: 1 is for what is finished
    double eta_seconds = -1;  ///< -1 unknown
};

/// Taken as going on at the pace it has gone since the attempt began.
ProgressEstimate estimate(const pipeline::Job& job, std::int64_t now_ms);

}  // namespace stroma::matrix
