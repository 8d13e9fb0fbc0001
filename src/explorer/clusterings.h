#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "cluster/clustering.h"
#include "explorer/comparison_order.h"
#include "pipeline/job_store.h"
#include "pipeline/stage.h"
#include "sql/database.h"

namespace stroma::explorer {

/// Cells that are to be grouped anew and laid out anew.
struct ClusteringOrder {
    std::string revision, layer = "X";
    std::optional<expression::Scale> scale;  ///< unset: usual_scale()
    CellRuns cells;                          ///< empty: all
    cluster::ClusteringOptions options;
};

/// The order in its one spelling. errors  not_found  no such layer
///                                        invalid_input  as settled_runs(); an option out of range
Result<ClusteringOrder> settled(ClusteringOrder order, const RevisionData& data);
/// The hash of a settled order: the same for ever for the same question.
std::string id_of(const ClusteringOrder& order);
std::string to_json(const ClusteringOrder& order);
Result<ClusteringOrder> clustering_order_of(std::string_view json);

struct ClusteringRecord {
    std::string id;
    ClusteringOrder order;
    std::string job;
    std::string summary;  ///< JSON: clusters, sizes, modularity, … ; "" until it is done
    std::int64_t created_ms = 0;
};

/// Clusterings by their id: each is done once, by a job of stage "clustering". Records lie in the
/// control database; clusters and places among the revision's bodies (reckoned again, to the same
/// numbers, when they were dropped). Any thread.
class Clusterings {
public:
    static Result<std::unique_ptr<Clusterings>> open(sql::Database& control, Explorer& explorer,
                                                     pipeline::JobStore& jobs, const Clock& clock);

    /// Finds it done or under way, else makes a job of it for `owner`. errors  as settled()
    Result<ClusteringRecord> ask(const ClusteringOrder& order, std::string_view owner);
    Result<std::optional<ClusteringRecord>> find(std::string_view id);
    /// Those of a revision that are done, the oldest first.
    Result<std::vector<ClusteringRecord>> done(std::string_view revision);
    /// Drops the records of revisions that aren't there any more.
    Result<void> forget_removed(
        const std::function<Result<bool>(const std::string& revision)>& is_there);
    /// Of one that is done, an Arrow stream with a row for each cell of the revision: x, y (NaN for
    /// cells that aren't in it), cluster (null for these).
    Result<Body> cells(const ClusteringRecord& record, Coding coding);

    /// Does it and records it; for the stage.
    Result<ClusteringRecord> run(const ClusteringOrder& settled, std::string_view job,
                                 const cluster::Steps& steps);

private:
    Clusterings(sql::Database& control, Explorer& explorer, pipeline::JobStore& jobs,
                const Clock& clock)
        : control_(control), explorer_(explorer), jobs_(jobs), clock_(clock) {}
    Result<void> put(const ClusteringRecord& record);
    Result<std::vector<ClusteringRecord>> list(std::string_view where, const std::string& value);

    sql::Database& control_;
    Explorer& explorer_;
    pipeline::JobStore& jobs_;
    const Clock& clock_;
};

class ClusteringStage final : public pipeline::Stage {
public:
    explicit ClusteringStage(Clusterings& clusterings) : clusterings_(clusterings) {}
    std::string_view name() const override { return "clustering"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    Clusterings& clusterings_;
};

}  // namespace stroma::explorer
