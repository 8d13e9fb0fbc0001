#include <gtest/gtest.h>

#include <array>

#include "pipeline/job_store.h"
#include "pipeline/worker.h"
#include "queue/database/database_queue.h"
#include "sql/faulty/faulty_database.h"
#include "sql/sqlite/sqlite_database.h"

// What becomes of jobs when any one call of the control database fails.

namespace stroma::pipeline {
namespace {

using Kind = CallFault::Kind;
constexpr std::array kinds = {Kind::fail_before, Kind::fail_after, Kind::torn};

class DoneStage final : public Stage {
public:
    std::string_view name() const override { return "stage"; }
    Result<std::string> run(const Job&, StageContext& context) override {
        context.progress({"reading", 1, 2, "cells"});
        ++runs;
        return "{}";
    }
    int runs = 0;
};

struct Opened {
    Opened() {
        queue = queue::open_queue(faulty, "jobs", job_queue_options(), clock, ids).value();
        jobs = JobStore::open(faulty, *queue, clock, ids).value();
    }
    Result<Job> submit() {
        return jobs->submit({.stage = "stage",
                             .owner = "ada",
                             .title = "t",
                             .inputs = "{}",
                             .idempotency_key = "once"});
    }
    /// The work met no fault: every call was made before the planned one. Ends the plan.
    bool ran_through(std::uint64_t at) {
        const bool all = faulty.faults().calls_made() < at;
        faulty.faults().plan({});
        return all;
    }

    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::FaultyDatabase faulty{*database};
    std::unique_ptr<queue::TransactionalQueue> queue;
    std::unique_ptr<JobStore> jobs;
};

TEST(JobFaults, AJobIsRecordedAndQueuedOrNeitherWhicheverCallOfTheDatabaseFails) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            Opened opened;
            opened.faulty.faults().plan({.at = at, .kind = kind});
            const auto done = opened.submit();
            ran_through = opened.ran_through(at);
            EXPECT_EQ(done.has_value(), ran_through);
            const auto recorded = opened.jobs->list({})->size();
            EXPECT_EQ(static_cast<std::int64_t>(recorded), opened.queue->stats()->ready);
            ASSERT_TRUE(opened.submit());
            EXPECT_EQ(opened.jobs->list({})->size(), 1u);
            EXPECT_EQ(opened.queue->stats()->ready, 1);
        }
    }
}

TEST(JobFaults, AJobIsDoneInTheEndWhicheverCallOfTheDatabaseFails) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            Opened opened;
            const Job job = opened.submit().value();
            DoneStage stage;
            Worker worker(*opened.jobs, *opened.queue, {&stage}, opened.clock, {});
            // Time passes with each call, for backoffs, and for a lease whose end is all that
            // brings a message back after a lost answer.
            opened.faulty.faults().before_each_call(
                [&](std::string_view) { opened.clock.advance(Milliseconds{5'000}); });
            opened.faulty.faults().plan({.at = at, .kind = kind});
            Result<Job> last = worker.run_until_final(job.id);
            for (int tries = 0; !last && tries < 3; ++tries) last = worker.run_until_final(job.id);
            ran_through = opened.ran_through(at);
            ASSERT_TRUE(last) << last.error().message;
            EXPECT_EQ(last->state, JobState::succeeded) << last->error;
            EXPECT_EQ(opened.jobs->find(job.id).value()->state, JobState::succeeded);
            EXPECT_GE(stage.runs, 1);
        }
    }
}

}  // namespace
}  // namespace stroma::pipeline
