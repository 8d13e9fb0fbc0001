#include "matrix/progress/progress_estimate.h"

#include <algorithm>

namespace stroma::matrix {

ProgressEstimate estimate(const pipeline::Job& job, std::int64_t now_ms) {
    ProgressEstimate result;
    if (job.progress.total <= 0) return result;
    const double done = std::clamp(job.progress.done / job.progress.total, 0.0, 1.0);
    result.fraction = std::min(done, 0.99);
    const double seconds = static_cast<double>(now_ms - job.started_ms) / 1000;
    if (done > 0 && seconds >= 0) result.eta_seconds = seconds / done - seconds;
    return result;
}

}  // namespace stroma::matrix
