#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "pipeline/worker.h"
#include "queue/database/database_queue.h"
#include "queue/faulty/faulty_queue.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::pipeline {
namespace {

constexpr Milliseconds long_wait{60'000};

/// A stage that does what the test says.
class ScriptedStage final : public Stage {
public:
    using Run = std::function<Result<std::string>(const Job&, StageContext&)>;
    explicit ScriptedStage(Run run, std::string name = "scripted")
        : run_(std::move(run)), name_(std::move(name)) {}
    std::string_view name() const override { return name_; }
    Result<std::string> run(const Job& job, StageContext& context) override {
        ++runs;
        return run_(job, context);
    }
    std::atomic<int> runs{0};

private:
    Run run_;
    const std::string name_;
};

/// A gate that a stage waits at until the test opens it, or the stage is cancelled.
class Gate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    /// False when cancelled.
    bool pass(const StageContext& context) {
        std::unique_lock lock(mutex_);
        while (!open_) {
            if (context.cancelled()) return false;
            changed_.wait_for(lock, Milliseconds{5});
        }
        return true;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

class PipelineTest : public ::testing::Test {
protected:
    void SetUp() override { open(); }
    void open() {
        if (!database) database = *sql::SqliteDatabase::open_in_memory();
        queue = queue::open_queue(*database, "jobs", job_queue_options(), clock, ids).value();
        jobs = JobStore::open(*database, *queue, clock, ids,
                              {.of_one = 3, .of_all = 5, .shared_owners = {""}})
                   .value();
    }
    /// "" when it is taken, else the name of the limit that refuses it.
    std::string refusal(std::string owner, bool is_bounded = true, std::string key = "") {
        const auto job = jobs->submit({.stage = "scripted",
                                       .owner = std::move(owner),
                                       .title = "a job",
                                       .inputs = "{}",
                                       .idempotency_key = std::move(key),
                                       .is_bounded = is_bounded});
        if (job) return "";
        EXPECT_EQ(job.error().code, ErrorCode::exhausted);
        for (const char* limit : {"jobs.queued_of_one", "jobs.queued_max"})
            if (job.error().message.find(limit) != std::string::npos) return limit;
        return job.error().message;
    }
    Job submit(std::string key = "") {
        return jobs
            ->submit({.stage = "scripted",
                      .owner = "ada",
                      .title = "a job",
                      .inputs = "{}",
                      .idempotency_key = std::move(key)})
            .value();
    }
    Job wait_until(const std::string& id, const std::function<bool(const Job&)>& holds) {
        Job job = jobs->find(id).value().value();
        while (!holds(job)) job = jobs->wait_for_change(id, job.version, long_wait).value();
        return job;
    }
    Job wait_final(const std::string& id) {
        return wait_until(id, [](const Job& job) { return is_final(job.state); });
    }
    std::unique_ptr<Worker> worker(std::vector<Stage*> stages, WorkerOptions options = {}) {
        return std::make_unique<Worker>(*jobs, *queue, std::move(stages), clock, options);
    }

    std::int64_t due_ms() {
        const auto connection = database->connect().value();
        const auto rows = connection->execute("SELECT max(due_ms) FROM queue_messages").value();
        return rows->next().value() ? rows->integer(0) : 0;
    }

    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<queue::TransactionalQueue> queue;
    std::unique_ptr<JobStore> jobs;
};

TEST_F(PipelineTest, AsManyJobsAsTheLimitsSayMayWait) {
    EXPECT_EQ(refusal("ada"), "");
    const Job second = submit("key");
    EXPECT_EQ(refusal("ada"), "");
    EXPECT_EQ(refusal("ada"), "jobs.queued_of_one");
    EXPECT_EQ(refusal("ada", true, "key"), "") << "the same work is no other job";
    EXPECT_EQ(refusal("", true), "") << "who stands for many isn't one";
    EXPECT_EQ(refusal("bob"), "");
    EXPECT_EQ(refusal("bob"), "jobs.queued_max");
    EXPECT_EQ(refusal(""), "jobs.queued_max");
    EXPECT_EQ(refusal("ada", false), "") << "what the operator asks for is bounded by nothing";
    ASSERT_TRUE(jobs->cancel(second.id));
    EXPECT_EQ(jobs->list({.owner = "ada", .stage = "", .state = JobState::queued})->size(), 3u);
    EXPECT_EQ(refusal("ada"), "jobs.queued_of_one");
}

TEST_F(PipelineTest, AJobIsNamedByTheBeginningOfItsId) {
    const Job one = submit(), other = submit();
    EXPECT_EQ(jobs->id_beginning(one.id).value(), one.id);
    std::size_t length = 1;
    while (one.id.substr(0, length) == other.id.substr(0, length)) ++length;
    EXPECT_EQ(jobs->id_beginning(one.id.substr(0, length)).value(), one.id);
    for (const char* unknown : {"", "%", "no"})
        EXPECT_EQ(jobs->id_beginning(unknown).error().code, ErrorCode::not_found) << unknown;
    for (int i = 0; i < 40; ++i) submit();  // two of them begin with the same digit
    std::map<char, int> beginnings;
    const auto all = jobs->list({.owner = "ada", .stage = "", .state = {}}).value();
    for (const Job& job : all) ++beginnings[job.id[0]];
    const auto common = std::find_if(beginnings.begin(), beginnings.end(),
                                     [](const auto& entry) { return entry.second > 1; });
    const auto several = jobs->id_beginning(std::string(1, common->first));
    EXPECT_EQ(several.error().code, ErrorCode::conflict);
    EXPECT_NE(several.error().message.find("give more of the id"), std::string::npos);
}

TEST_F(PipelineTest, ASubmittedJobIsRunAndItsOutputsAreKept) {
    ScriptedStage stage([](const Job& job, StageContext& context) -> Result<std::string> {
        EXPECT_EQ(job.state, JobState::running);
        context.note("info", "halfway");
        return R"({"rows":3})";
    });
    const Job job = submit();
    EXPECT_EQ(job.state, JobState::queued);
    const auto running = worker({&stage});
    running->start();
    const Job done = wait_final(job.id);
    EXPECT_EQ(done.state, JobState::succeeded);
    EXPECT_EQ(done.outputs, R"({"rows":3})");
    EXPECT_EQ(done.attempt, 1);
    EXPECT_EQ(jobs->log_lines(job.id)->at(0).text, "halfway");
    running->stop();
    EXPECT_EQ(queue->stats()->ready + queue->stats()->leased, 0);
}

TEST_F(PipelineTest, AStageWithALineOfItsOwnWaitsForNoOther) {
    const auto own_line =
        queue::open_queue(*database, "quick", job_queue_options(), clock, ids).value();
    jobs->route("quick", *own_line);
    Gate gate;
    ScriptedStage slow([&](const Job&, StageContext& context) -> Result<std::string> {
        gate.pass(context);
        return "{}";
    });
    ScriptedStage quick([](const Job&, StageContext&) -> Result<std::string> { return "{}"; },
                        "quick");
    const auto running = worker({&slow, &quick});
    Worker own(*jobs, *own_line, {&slow, &quick}, clock, {});
    running->start();
    own.start();
    const Job waiting = submit();
    wait_until(waiting.id, [](const Job& job) { return job.state == JobState::running; });
    const Job job = jobs->submit({.stage = "quick",
                                  .owner = "ada",
                                  .title = "somebody waits",
                                  .inputs = "{}",
                                  .idempotency_key = ""})
                        .value();
    EXPECT_EQ(wait_final(job.id).state, JobState::succeeded);
    EXPECT_EQ(jobs->find(waiting.id).value()->state, JobState::running);
    gate.open();
    EXPECT_EQ(wait_final(waiting.id).state, JobState::succeeded);
}

TEST_F(PipelineTest, ARepeatedSubmissionGivesTheFirstJob) {
    const Job first = submit("the same work");
    EXPECT_EQ(submit("the same work").id, first.id);
    EXPECT_NE(submit("other work").id, first.id);
    ASSERT_TRUE(jobs->cancel(first.id));
    EXPECT_NE(submit("the same work").id, first.id);
}

TEST_F(PipelineTest, AConflictIsRetriedAfterABackoffAndThenSucceeds) {
    ScriptedStage stage([&](const Job& job, StageContext&) -> Result<std::string> {
        if (job.attempt < 3) return fail(ErrorCode::conflict, "somebody else won");
        return "{}";
    });
    const Job job = submit();
    const auto running = worker({&stage});
    running->start();
    for (int attempt = 1; attempt < 3; ++attempt) {
        wait_until(job.id, [&](const Job& now) {
            return now.state == JobState::queued && now.attempt == attempt;
        });
        while (queue->stats()->delayed == 0) std::this_thread::yield();
        clock.advance(Milliseconds{60'000});
    }
    EXPECT_EQ(wait_final(job.id).state, JobState::succeeded);
    EXPECT_EQ(stage.runs, 3);
}

TEST_F(PipelineTest, AJobThatKeepsMeetingConflictsFailsAndItsMessageIsBuried) {
    ScriptedStage stage([](const Job&, StageContext&) -> Result<std::string> {
        return fail(ErrorCode::unavailable, "the store is away");
    });
    const Job job = submit();
    const auto running = worker({&stage}, {.attempts_max = 1});
    running->start();
    const Job failed = wait_final(job.id);
    EXPECT_EQ(failed.state, JobState::failed);
    EXPECT_EQ(failed.error_code, "unavailable");
    running->stop();
    ASSERT_EQ(queue->stats()->dead, 1);
    EXPECT_NE(queue->dead_letters(1)->at(0).reason.find("the store is away"), std::string::npos);
}

TEST_F(PipelineTest, AnErrorThatCannotPassIsNotRetried) {
    ScriptedStage stage([](const Job&, StageContext&) -> Result<std::string> {
        return fail(ErrorCode::invalid_input, "line 7 has 20,001 fields");
    });
    const Job job = submit();
    const auto running = worker({&stage});
    running->start();
    const Job failed = wait_final(job.id);
    EXPECT_EQ(failed.error, "line 7 has 20,001 fields");
    EXPECT_EQ(stage.runs, 1);
}

TEST_F(PipelineTest, AStageThatThrowsFailsItsJobOnly) {
    ScriptedStage stage(
        [](const Job&, StageContext&) -> Result<std::string> { throw std::bad_alloc(); });
    const Job job = submit();
    EXPECT_EQ(worker({&stage})->run_until_final(job.id)->error_code, "exhausted");
}

TEST_F(PipelineTest, AJobOfAnUnknownStageFails) {
    const Job job = submit();
    EXPECT_EQ(worker({})->run_until_final(job.id)->error_code, "unsupported");
}

TEST_F(PipelineTest, AQueuedJobIsCancelledAtOnceAndNeverRuns) {
    ScriptedStage stage([](const Job&, StageContext&) -> Result<std::string> { return "{}"; });
    const Job first = submit(), second = submit();
    EXPECT_EQ(jobs->cancel(first.id)->state, JobState::cancelled);
    const auto running = worker({&stage});
    running->start();
    EXPECT_EQ(wait_final(second.id).state, JobState::succeeded);
    EXPECT_EQ(stage.runs, 1);
}

TEST_F(PipelineTest, ARunningJobIsAskedToStop) {
    Gate never;
    ScriptedStage stage([&](const Job&, StageContext& context) -> Result<std::string> {
        if (!never.pass(context)) return fail(ErrorCode::cancelled, "stopped");
        return "{}";
    });
    const Job job = submit();
    const auto running = worker({&stage});
    running->start();
    wait_until(job.id, [](const Job& now) { return now.state == JobState::running; });
    EXPECT_TRUE(jobs->cancel(job.id)->cancel_asked);
    EXPECT_EQ(wait_final(job.id).state, JobState::cancelled);
}

TEST_F(PipelineTest, ARepeatedSubmissionIsNeverGivenAJobThatFailedOrIsAskedToStop) {
    Gate never;
    ScriptedStage stage([&](const Job&, StageContext& context) -> Result<std::string> {
        if (stage.runs == 1) return fail(ErrorCode::invalid_input, "wrong");
        if (!never.pass(context)) return fail(ErrorCode::cancelled, "stopped");
        return "{}";
    });
    const auto running = worker({&stage});
    running->start();
    const Job failed = submit("the same work");
    EXPECT_EQ(wait_final(failed.id).state, JobState::failed);
    const Job stopped = submit("the same work");
    EXPECT_NE(stopped.id, failed.id);
    wait_until(stopped.id, [](const Job& now) { return now.state == JobState::running; });
    EXPECT_EQ(submit("the same work").id, stopped.id);
    ASSERT_TRUE(jobs->cancel(stopped.id)->cancel_asked);
    EXPECT_NE(submit("the same work").id, stopped.id);
}

TEST_F(PipelineTest, ACancelledJobCanBeRetriedAndRunsOnceDespiteItsOldMessage) {
    ScriptedStage stage([](const Job&, StageContext&) -> Result<std::string> { return "{}"; });
    const Job job = submit();
    ASSERT_TRUE(jobs->cancel(job.id));
    EXPECT_EQ(jobs->retry(job.id)->state, JobState::queued);
    EXPECT_EQ(jobs->retry(job.id).error().code, ErrorCode::conflict);
    EXPECT_EQ(queue->stats()->ready, 2);
    const auto running = worker({&stage}, {.threads = 2});
    running->start();
    EXPECT_EQ(wait_final(job.id).state, JobState::succeeded);
    while (queue->stats()->ready + queue->stats()->leased > 0) std::this_thread::yield();
    EXPECT_EQ(stage.runs, 1);
}

TEST_F(PipelineTest, AStoppedWorkerQueuesItsJobsAgainWithoutCountingTheAttempt) {
    Gate never;
    ScriptedStage stage([&](const Job&, StageContext& context) -> Result<std::string> {
        if (!never.pass(context)) return fail(ErrorCode::cancelled, "stopped");
        return "{}";
    });
    const Job job = submit();
    for (int restart = 0; restart < 3; ++restart) {
        const auto running = worker({&stage}, {.attempts_max = 1});
        running->start();
        wait_until(job.id, [](const Job& now) { return now.state == JobState::running; });
        running->stop();
        EXPECT_EQ(jobs->find(job.id).value()->state, JobState::queued);
        EXPECT_EQ(queue->stats()->ready, 1);
    }
    never.open();
    EXPECT_EQ(worker({&stage}, {.attempts_max = 1})->run_until_final(job.id)->state,
              JobState::succeeded);
}

TEST_F(PipelineTest, AWorkerStartedTwiceRunsNoMoreJobsAtOnce) {
    std::atomic<int> at_once{0}, most{0};
    ScriptedStage stage([&](const Job&, StageContext&) -> Result<std::string> {
        most = std::max(most.load(), ++at_once);
        std::this_thread::yield();
        --at_once;
        return "{}";
    });
    const auto running = worker({&stage});
    Job last;
    for (int i = 0; i < 20; ++i) {
        last = submit();
        running->start();
    }
    while (stage.runs < 20) std::this_thread::yield();
    EXPECT_EQ(wait_final(last.id).state, JobState::succeeded);
    EXPECT_EQ(most, 1);
}

TEST_F(PipelineTest, AHeartbeatKeepsTheLeaseOfALongStage) {
    Gate gate;
    ScriptedStage stage([&](const Job&, StageContext& context) -> Result<std::string> {
        if (!gate.pass(context)) return fail(ErrorCode::cancelled, "the lease was lost");
        return "{}";
    });
    const Job job = submit();
    const auto running = worker({&stage}, {.threads = 1, .lease = Milliseconds{30'000}});
    running->start();
    wait_until(job.id, [](const Job& now) { return now.state == JobState::running; });
    for (int step = 0; step < 6; ++step) {
        const std::int64_t before = due_ms();
        clock.advance(Milliseconds{20'000});
        while (due_ms() == before) std::this_thread::yield();
        EXPECT_TRUE(queue->receive()->empty());
    }
    gate.open();
    EXPECT_EQ(wait_final(job.id).state, JobState::succeeded);
    EXPECT_EQ(stage.runs, 1);
}

TEST_F(PipelineTest, AHeartbeatCountsFromTheLeaseEvenWhenItsAnswerCameLate) {
    Gate gate;
    ScriptedStage stage([&](const Job&, StageContext& context) -> Result<std::string> {
        if (!gate.pass(context)) return fail(ErrorCode::cancelled, "the lease was lost");
        return "{}";
    });
    const Job job = submit();
    queue::FaultyQueue slow(*queue);
    std::atomic<bool> answered{false}, extended{false};
    slow.faults().after_each_call([&](std::string_view call) {
        if (call == "receive" && !answered.exchange(true)) clock.advance(Milliseconds{25'000});
        if (call == "extend") extended = true;
    });
    Worker late(*jobs, slow, {&stage}, clock, {.threads = 1, .lease = Milliseconds{30'000}});
    late.start();
    while (!extended) std::this_thread::yield();
    clock.advance(Milliseconds{6'000});
    EXPECT_TRUE(queue->receive()->empty());
    gate.open();
    EXPECT_EQ(wait_final(job.id).state, JobState::succeeded);
    EXPECT_EQ(stage.runs, 1);
}

TEST_F(PipelineTest, AProgressNeverFallsAndIsRecordedAtMostTenTimesASecond) {
    std::int64_t first = 0, last = 0;
    ScriptedStage stage([&](const Job& job, StageContext& context) -> Result<std::string> {
        first = jobs->find(job.id).value()->version;
        for (int i = 1; i <= 1000; ++i) context.progress({"reading", double(i), 1000, "cells"});
        // The heartbeat records one while the clock stands; then the last of them.
        Job now = jobs->wait_for_change(job.id, first, Milliseconds{60'000}).value();
        context.progress({"reading", 1000, 1000, "cells"});
        clock.advance(Milliseconds{100});
        now = jobs->wait_for_change(job.id, now.version, Milliseconds{60'000}).value();
        last = now.version;
        EXPECT_EQ(now.progress.done, 1000);
        context.progress({"writing", 400, 1000, "cells"});
        return "{}";
    });
    const Job job = submit();
    const Job ended = worker({&stage})->run_until_final(job.id).value();
    EXPECT_EQ(last - first, 2);
    EXPECT_EQ(ended.version - last, 1) << "the last progress is recorded with the end";
    EXPECT_EQ(ended.progress.step, "writing");
    EXPECT_EQ(ended.progress.done, 1000);
}

TEST_F(PipelineTest, ListingFiltersByOwnerStageAndState) {
    const Job first = submit();
    clock.advance(Milliseconds{5});
    const Job second = submit();
    ASSERT_TRUE(jobs->cancel(first.id));
    EXPECT_EQ(jobs->list({})->at(0).id, second.id);
    JobFilter cancelled;
    cancelled.state = JobState::cancelled;
    EXPECT_EQ(jobs->list(cancelled)->at(0).id, first.id);
    JobFilter nobody;
    nobody.owner = "nobody";
    EXPECT_TRUE(jobs->list(nobody)->empty());
}

TEST_F(PipelineTest, AskingForAnUnknownJobIsNotFound) {
    EXPECT_EQ(jobs->cancel("x").error().code, ErrorCode::not_found);
    EXPECT_EQ(jobs->retry("x").error().code, ErrorCode::not_found);
    EXPECT_EQ(jobs->wait_for_change("x", 0, Milliseconds{0}).error().code, ErrorCode::not_found);
    EXPECT_EQ(worker({})->run_until_final("x").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace stroma::pipeline
