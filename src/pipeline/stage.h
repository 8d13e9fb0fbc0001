#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "pipeline/job.h"

namespace stroma::pipeline {

/// What a running stage may say and ask. Any thread.
class StageContext {
public:
    virtual ~StageContext() = default;
    virtual const Job& job() const = 0;
    /// Cheap: at most ten times a second reach the record and its watchers.
    virtual void progress(const Progress& progress) = 0;
    /// A line in the job's log, for people.
    virtual void note(std::string_view level, std::string_view text) = 0;
    /// Whether the work should end with ErrorCode::cancelled. Asked at least every 100 ms of work.
    virtual bool cancelled() const = 0;
};

/// A named idempotent step: run twice on the same inputs it leaves the same bytes.
class Stage {
public:
    virtual ~Stage() = default;
    virtual std::string_view name() const = 0;
    /// Does the job; gives its outputs as a JSON object. On an error the state is as before.
    virtual Result<std::string> run(const Job& job, StageContext& context) = 0;
};

}  // namespace stroma::pipeline
