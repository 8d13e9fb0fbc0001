#include "pipeline/job.h"

#include <array>
#include <cstddef>

namespace stroma::pipeline {
namespace {
constexpr std::array<std::string_view, 5> names = {"queued", "running", "succeeded", "failed",
                                                   "cancelled"};
}

std::string_view name_of(JobState state) { return names[static_cast<std::size_t>(state)]; }

Result<JobState> job_state_named(std::string_view name) {
    for (std::size_t n = 0; n < names.size(); ++n)
        if (names[n] == name) return static_cast<JobState>(n);
    return fail(ErrorCode::invalid_input, "'" + std::string(name) +
                                              "' is no job state; use queued, running, succeeded, "
                                              "failed or cancelled");
}

std::string Job::attempt_name() const { return id + "-" + std::to_string(attempt); }

}  // namespace stroma::pipeline
