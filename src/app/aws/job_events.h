#pragma once

#include <memory>

#include "app/site.h"
#include "event/events.h"
#include "sql/write_group.h"

namespace stroma::app {

/// Tells of our own jobs on the default bus: source "stroma.jobs", detail-type "Job State Change",
/// detail {job, stage, owner, title, state, attempt, errorCode, error, outputs}; and, when one has
/// published a dataset, or a dataset was taken away, source "stroma.datasets", "Dataset State
/// Change", detail {dataset, state: published or removed}. Each state is told at least once, also
/// when it was reached while no server ran; a state that lasts less than a moment may be passed
/// over for the next.
class JobEvents {
public:
    /// All must outlive it.
    static Result<std::unique_ptr<JobEvents>> open(Site& site, sql::WriteGroup& writes,
                                                   event::Events& events);
    ~JobEvents();
    void start();
    void stop();

private:
    struct State;
    explicit JobEvents(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Has a removal told of at once.
void tell_change_of_datasets(Site& site);

}  // namespace stroma::app
