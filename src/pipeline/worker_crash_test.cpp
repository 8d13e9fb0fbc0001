#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "pipeline/worker.h"
#include "queue/database/database_queue.h"
#include "queue/faulty/faulty_queue.h"
#include "queue/memory/memory_queue.h"
#include "sql/sqlite/sqlite_database.h"

// What is left of jobs when their process is killed, or their queue fails, at any moment.

namespace stroma::pipeline {
namespace {

/// The control database of one data directory, as one process has it open.
struct Opened {
    explicit Opened(const fs::path& path)
        : database(sql::SqliteDatabase::open(path).value()),
          queue(queue::open_queue(*database, "jobs", job_queue_options(), system_clock(), ids)
                    .value()),
          jobs(JobStore::open(*database, *queue, system_clock(), ids).value()) {}

    IdSource ids;
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<queue::TransactionalQueue> queue;
    std::unique_ptr<JobStore> jobs;
};

class FunctionStage final : public Stage {
public:
    using Run = std::function<Result<std::string>(const Job&)>;
    explicit FunctionStage(Run run) : run_(std::move(run)) {}
    std::string_view name() const override { return "stage"; }
    Result<std::string> run(const Job& job, StageContext&) override { return run_(job); }

private:
    Run run_;
};

class WorkerCrash : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "stroma-worker-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder = pattern;
        path = folder / "control.db";
    }
    void TearDown() override { fs::remove_all(folder); }

    std::string submit(Opened& opened) {
        return opened.jobs
            ->submit({.stage = "stage",
                      .owner = "ada",
                      .title = "t",
                      .inputs = "{}",
                      .idempotency_key = ""})
            ->id;
    }

    /// A child that recovers and works, telling each step of its stage, killed after `steps`.
    void work_and_kill(int steps, bool hang) {
        int told[2];
        ASSERT_EQ(::pipe(told), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            Opened opened(path);
            FunctionStage stage([&](const Job&) -> Result<std::string> {
                for (char step = 0; step < 2; ++step)
                    if (::write(told[1], &step, 1) != 1) ::_exit(1);
                while (hang) ::pause();
                return "{}";
            });
            Worker worker(*opened.jobs, *opened.queue, {&stage}, system_clock(), {.threads = 2});
            if (!worker.recover()) ::_exit(1);
            worker.start();
            for (;;) ::pause();
        }
        ::close(told[1]);
        char step = 0;
        for (int s = 0; s < steps; ++s)
            if (::read(told[0], &step, 1) != 1) break;
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        ::close(told[0]);
    }

    fs::path folder, path;
};

TEST_F(WorkerCrash, AJobWhoseProcessIsKilledComesBackExactlyOnceAfterRecovery) {
    std::string id;
    {
        Opened opened(path);
        id = submit(opened);
    }
    work_and_kill(1, true);
    Opened opened(path);
    EXPECT_EQ(opened.jobs->find(id).value()->state, JobState::running);
    EXPECT_TRUE(opened.queue->receive()->empty());
    int runs = 0;
    FunctionStage stage([&](const Job&) -> Result<std::string> {
        ++runs;
        return "{}";
    });
    Worker worker(*opened.jobs, *opened.queue, {&stage}, system_clock(), {});
    ASSERT_TRUE(worker.recover());
    EXPECT_EQ(opened.jobs->find(id).value()->state, JobState::queued);
    EXPECT_EQ(opened.queue->stats()->ready, 1);
    const Job done = worker.run_until_final(id).value();
    EXPECT_EQ(done.state, JobState::succeeded);
    EXPECT_EQ(done.attempt, 2);
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(opened.queue->stats()->ready + opened.queue->stats()->leased, 0);
}

TEST_F(WorkerCrash, AJobThatKillsItsProcessEachTimeFailsInTheEnd) {
    std::string id;
    {
        Opened opened(path);
        id = submit(opened);
    }
    for (int attempt = 0; attempt < 5; ++attempt) work_and_kill(1, true);
    Opened opened(path);
    FunctionStage stage([](const Job&) -> Result<std::string> { return "{}"; });
    Worker worker(*opened.jobs, *opened.queue, {&stage}, system_clock(), {});
    ASSERT_TRUE(worker.recover());
    const Job failed = worker.run_until_final(id).value();
    EXPECT_EQ(failed.state, JobState::failed);
    EXPECT_EQ(failed.error_code, "exhausted");
    EXPECT_EQ(opened.queue->stats()->dead, 1);
    ASSERT_TRUE(opened.jobs->retry(id));
    EXPECT_EQ(worker.run_until_final(id)->state, JobState::succeeded);
}

TEST_F(WorkerCrash, KilledAnywhereEveryJobIsDoneInTheEnd) {
    std::vector<std::string> submitted;
    for (int round = 0; round < 8; ++round) {
        {
            Opened opened(path);
            for (int job = 0; job < 4; ++job) submitted.push_back(submit(opened));
        }
        work_and_kill(1 + round, false);
    }
    Opened opened(path);
    FunctionStage stage([](const Job&) -> Result<std::string> { return "{}"; });
    Worker worker(*opened.jobs, *opened.queue, {&stage}, system_clock(), {});
    ASSERT_TRUE(worker.recover());
    for (const std::string& id : submitted)
        EXPECT_EQ(worker.run_until_final(id)->state, JobState::succeeded) << id;
    worker.start();
    worker.stop();
    const queue::QueueStats stats = opened.queue->stats().value();
    EXPECT_EQ(stats.leased, 0);
    EXPECT_EQ(stats.dead, 0);
}

TEST(WorkerFaults, WhicheverQueueCallFailsTheJobIsDoneInTheEnd) {
    for (const auto kind : {CallFault::Kind::fail_before, CallFault::Kind::fail_after})
        for (std::uint64_t at = 1; at <= 12; ++at) {
            ManualClock clock;
            IdSource ids{1};
            const auto database = sql::SqliteDatabase::open_in_memory().value();
            queue::MemoryQueue memory(job_queue_options(), clock, ids);
            queue::FaultyQueue faulty(memory);
            const auto jobs = JobStore::open(*database, faulty, clock, ids).value();
            const Job job = jobs->submit({.stage = "stage",
                                          .owner = "ada",
                                          .title = "t",
                                          .inputs = "{}",
                                          .idempotency_key = ""})
                                .value();
            FunctionStage stage([](const Job& running) -> Result<std::string> {
                if (running.attempt == 1) return fail(ErrorCode::conflict, "once");
                return "{}";
            });
            Worker worker(*jobs, faulty, {&stage}, clock, {});
            faulty.faults().plan({.at = at, .kind = kind});
            // Time passes with each call, for the backoff, and for a lease whose end is all that
            // brings a message back after a lost answer.
            faulty.faults().before_each_call(
                [&](std::string_view) { clock.advance(Milliseconds{5'000}); });
            Result<Job> last = worker.run_until_final(job.id);
            for (int tries = 0; !last && tries < 3; ++tries) last = worker.run_until_final(job.id);
            ASSERT_TRUE(last) << last.error().message;
            EXPECT_EQ(last->state, JobState::succeeded) << at;
        }
}

}  // namespace
}  // namespace stroma::pipeline
