#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "flow/engine.h"
#include "flow/process.h"
#include "flow/run.h"

namespace stroma::flow {

/// Whoever hands out tasks: the engine, or a server that has one. Any thread.
class TaskSource {
public:
    virtual ~TaskSource() = default;
    virtual Result<std::optional<Assignment>> lease(const Offer& offer) = 0;
    virtual Result<Orders> beat(const Assignment& work, const TaskProgress& progress) = 0;
    virtual Result<void> finish(const Assignment& work, const WorkEnd& end) = 0;
    /// Returns when there may be work, or after that time.
    virtual void wait(Milliseconds at_most) = 0;
};

/// Does the task in a process of its own: writes its file, runs the command (or `program` pipeline
/// step NAME), tells the source how far it is, and says how it ended. `stopping` is asked often.
WorkEnd do_task(const Assignment& work, const fs::path& program, TaskSource& source,
                const std::function<bool()>& stopping);

/// What an ended process means; `limits` are what it had.
WorkEnd judged(const ProcessEnd& end, const ProcessOrder& limits);

/// The variables of this process that a task may see, and what is said of its folder and threads.
std::vector<std::string> task_environment(const fs::path& scratch, int threads);

}  // namespace stroma::flow
