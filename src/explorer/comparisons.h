#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/context.h"
#include "explorer/comparison_table.h"
#include "pipeline/job_store.h"
#include "pipeline/stage.h"
#include "sql/database.h"

namespace stroma::explorer {

struct ComparisonRecord {
    std::string id;
    ComparisonOrder order;
    std::string job;      ///< "" when it was done within its budget
    std::string summary;  ///< comparison_summary(), "" until it is done
    /// Only of who asked first and has no name: with it the job may be cancelled.
    std::string cancel_key;
    std::int64_t created_ms = 0;
};

struct ComparisonOptions {
    Milliseconds budget{1000};                 ///< then it becomes a job
    int at_once = 2;                           ///< comparisons in requests; each uses all cores
    sql::EmbeddedDatabase* parquet = nullptr;  ///< writes Parquet; without it there is none
    fs::path staging;                          ///< for files being made
};

/// Comparisons by their id, the hash of what is compared: done at once where the budget allows,
/// else by a job of stage "comparison". The same question is answered once. Records lie in the
/// control database, tables among the revision's bodies (made again when they were dropped).
/// Any thread.
class Comparisons {
public:
    static Result<std::unique_ptr<Comparisons>> open(sql::Database& control, Explorer& explorer,
                                                     pipeline::JobStore& jobs, const Clock& clock,
                                                     IdSource& ids, ComparisonOptions options);

    /// Finds it done or under way, else does it or makes a job of it for `owner`.
    /// errors  as settled() and run_comparison(); cancelled when `left` is asked to stop
    Result<ComparisonRecord> ask(const ComparisonOrder& order, std::string_view owner,
                                 std::stop_token left);
    Result<std::optional<ComparisonRecord>> find(std::string_view id);
    /// Whether `key` was given to who made the comparison's job.
    Result<bool> is_cancel_key(const ComparisonRecord& record, std::string_view key);
    /// Drops the records of revisions that aren't there any more.
    Result<void> forget_removed(
        const std::function<Result<bool>(const std::string& revision)>& is_there);
    /// Those of these revisions that are done, the newest first.
    Result<std::vector<ComparisonRecord>> done(const std::vector<std::string>& revisions);
    /// The rows of several for the engine (compared_columns()); this outlives them.
    std::shared_ptr<sql::TableScan> rows_of(std::vector<ComparisonRecord> records);
    /// The whole table of one that is done. errors  unsupported  Parquet, where nothing writes it
    Result<Body> table(const ComparisonRecord& record, TableFormat format, Coding coding);

    /// Compares and records; for the stage.
    Result<ComparisonRecord> run(const ComparisonOrder& settled, std::string_view job,
                                 const expression::Watch& watch);

private:
    struct Kept {
        std::string id;
        std::shared_ptr<const ComparedTable> table;
    };
    Comparisons(sql::Database& control, Explorer& explorer, pipeline::JobStore& jobs,
                const Clock& clock, IdSource& ids, ComparisonOptions options)
        : control_(control),
          explorer_(explorer),
          jobs_(jobs),
          clock_(clock),
          ids_(ids),
          options_(options),
          running_(options.at_once) {}
    Result<void> put(const ComparisonRecord& record);
    Result<std::string> give_cancel_key(const std::string& job);
    Result<std::optional<ComparisonRecord>> run_within_budget(const std::string& id,
                                                              const ComparisonOrder& order,
                                                              const std::stop_token& left);
    Result<std::shared_ptr<const ComparedTable>> numbers_of(const ComparisonRecord& record);
    Result<OpenedComparison> opened(const ComparisonRecord& record);
    Result<Made> parquet_of(const ComparisonRecord& record);
    void keep(const std::string& id, std::shared_ptr<const ComparedTable> table);

    static constexpr std::size_t kept_max = 4;
    sql::Database& control_;
    Explorer& explorer_;
    pipeline::JobStore& jobs_;
    const Clock& clock_;
    IdSource& ids_;
    const ComparisonOptions options_;
    std::counting_semaphore<> running_;
    std::mutex mutex_;
    std::list<Kept> newest_first_;
};

/// Does a comparison that took too long for a request.
class ComparisonStage final : public pipeline::Stage {
public:
    explicit ComparisonStage(Comparisons& comparisons) : comparisons_(comparisons) {}
    std::string_view name() const override { return "comparison"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    Comparisons& comparisons_;
};

}  // namespace stroma::explorer
