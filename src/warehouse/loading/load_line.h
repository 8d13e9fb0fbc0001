#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "warehouse/loading/revision_tables.h"

namespace stroma::warehouse {

/// One revision on its way into the warehouse.
struct Load {
    const RevisionRows& rows;
    RevisionTables tables;
    LoadReport report = {};
    Result<void> done = {};
    bool fills_up = false;  ///< with it so much has arrived that it should be settled
};

/// Loads that come while others are written wait for each other and are written together, by one of
/// those who brought them: a commit costs the same for one as for many. Nobody waits for company.
/// Any thread.
class LoadLine {
public:
    using Write = std::function<void(std::span<Load* const>)>;
    /// Returns when `load` was written: by another caller, or by this one with all that wait, in
    /// the order in which they came.
    void pass(Load& load, const Write& write);
    std::size_t waiting();

private:
    struct Place {
        Load* load;
        bool is_written = false;
    };
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Place*> waiting_;
    bool is_writing_ = false;
};

}  // namespace stroma::warehouse
