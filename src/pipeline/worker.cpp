#include "pipeline/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <exception>
#include <thread>

#include "base/log.h"
#include "base/metrics.h"
#include "pipeline/job_records.h"
#include "pipeline/running_job.h"

namespace stroma::pipeline {
namespace {

constexpr Milliseconds idle_wait{100};
constexpr Milliseconds heartbeat_interval{100};
constexpr std::int64_t backoff_first_ms = 500;
constexpr std::int64_t backoff_most_ms = 60'000;

void count(std::string_view stage, std::string_view state) {
    counter("stroma_jobs_total", "Attempts of jobs by how they ended",
            {{"stage", std::string(stage)}, {"state", std::string(state)}})
        .add();
}

void log_failure(std::string_view what, const Job& job, const Error& error) {
    log(LogLevel::error, what, {{"job", job.id}, {"stage", job.stage}, {"error", error.message}});
}

/// A library may still throw, for want of memory say; that is this job's failure alone.
Result<std::string> run_stage(Stage& stage, const Job& job, StageContext& context) {
    try {
        return stage.run(job, context);
    } catch (const std::bad_alloc&) {
        return fail(ErrorCode::exhausted, "the stage ran out of memory");
    } catch (const std::exception& exception) {
        return fail(ErrorCode::unsupported,
                    fmt::format("the stage threw an exception: {}", exception.what()));
    }
}

}  // namespace

struct Worker::State {
    JobStore::State& records;
    JobStore& jobs;
    queue::Queue& queue;
    std::vector<Stage*> stages;
    const Clock& clock;
    WorkerOptions options;

    RunningJobs running;
    std::vector<std::jthread> threads;
    std::jthread heartbeat;

    Stage* stage_named(std::string_view name) const {
        const auto found = std::find_if(stages.begin(), stages.end(),
                                        [&](const Stage* stage) { return stage->name() == name; });
        return found == stages.end() ? nullptr : *found;
    }

    void start_heartbeat() {
        if (heartbeat.joinable()) return;
        heartbeat = std::jthread([this](std::stop_token stop) {
            for (;;) {
                // Before the look at `stop`: whoever asks for a stop wakes afterwards.
                const std::uint64_t generation = records.channel->generation();
                if (stop.stop_requested()) return;
                running.beat(records, queue, options.lease);
                records.channel->wait_past(generation, heartbeat_interval);
            }
        });
    }

    void stop_heartbeat() {
        if (!heartbeat.joinable()) return;
        heartbeat.request_stop();
        records.channel->wake();
        heartbeat.join();
        heartbeat = {};
    }

    void work(const std::stop_token& stop) {
        for (;;) {
            const std::uint64_t generation = records.channel->generation();
            if (stop.stop_requested()) return;
            const std::int64_t asked_ms = clock.steady_ms();
            // Doesn't wait itself: a stop could not wake it. Every new job wakes the channel.
            const auto messages = queue.receive(1, Milliseconds{0}, options.lease);
            if (!messages)
                log(LogLevel::error, "receiving a job failed",
                    {{"error", messages.error().message}});
            else
                for (const queue::Message& message : *messages)
                    handle_logged(message, asked_ms, stop);
            if (!messages || messages->empty()) records.channel->wait_past(generation, idle_wait);
        }
    }

    /// The lease began at `asked_ms` or later: what passed since then counts for the heartbeat.
    void handle_logged(const queue::Message& message, std::int64_t asked_ms,
                       const std::stop_token& stop) {
        if (auto done = handle(message, asked_ms, stop); !done)
            log(LogLevel::error,
                "a job's record or message could not be settled; it comes back "
                "when its lease ends",
                {{"job", message.body}, {"error", done.error().message}});
    }

    Result<void> handle(const queue::Message& message, std::int64_t asked_ms,
                        const std::stop_token& stop);
    Result<void> settle(RunningJob& run, Result<std::string> outcome);
    Result<void> end(RunningJob& run, JobState state, std::string_view outputs, const Error* error);
    Result<void> again(const RunningJob& run, JobStore::State::Requeue how, Milliseconds delay);
    Milliseconds backoff(int tries);
};

Result<void> Worker::State::handle(const queue::Message& message, std::int64_t asked_ms,
                                   const std::stop_token& stop) {
    if (stop.stop_requested()) return queue.give_back(message.receipt, Milliseconds{0});
    const auto job = TRY(records.start_attempt(message));
    // Final, cancelled or unknown: an earlier delivery has done all but this.
    if (!job) return queue.acknowledge(message.receipt);

    RunningJob run(records, *job, message.receipt, stop);
    const int tries = TRY(records.attempts_made(job->id));
    if (tries > options.attempts_max) {
        const Error error{
            ErrorCode::exhausted,
            fmt::format("its worker died {} times while running it", options.attempts_max)};
        return end(run, JobState::failed, "", &error);
    }
    Stage* const stage = stage_named(job->stage);
    if (stage == nullptr) {
        const Error error{ErrorCode::unsupported,
                          fmt::format("this worker has no stage '{}'", job->stage)};
        return end(run, JobState::failed, "", &error);
    }
    const std::int64_t started_ms = clock.steady_ms();
    running.add(run, asked_ms);
    auto outcome = run_stage(*stage, *job, run);
    running.remove(run);
    histogram("stroma_job_seconds", "How long attempts of jobs ran", {{"stage", job->stage}})
        .observe(static_cast<double>(clock.steady_ms() - started_ms) / 1000);
    return settle(run, std::move(outcome));
}

Result<void> Worker::State::settle(RunningJob& run, Result<std::string> outcome) {
    const Job& job = run.job();
    // Whoever holds the message now settles it; our repeatable work did no harm.
    if (run.lease_lost()) return {};
    if (outcome) return end(run, JobState::succeeded, *outcome, nullptr);
    const Error& error = outcome.error();
    if (error.code == ErrorCode::cancelled) {
        if (TRY(records.cancel_asked(job.id))) return end(run, JobState::cancelled, "", nullptr);
        if (run.stopping())
            return again(run, JobStore::State::Requeue::not_counted, Milliseconds{0});
        return end(run, JobState::cancelled, "", &error);
    }
    const int tries = TRY(records.attempts_made(job.id));
    if (!error.may_pass_by_itself() || tries >= options.attempts_max)
        return end(run, JobState::failed, "", &error);
    const Milliseconds delay = backoff(tries);
    run.note("warning", fmt::format("attempt {} failed and is repeated in {} ms: {}", job.attempt,
                                    delay.count(), error.message));
    return again(run, JobStore::State::Requeue::counted, delay);
}

Result<void> Worker::State::end(RunningJob& run, JobState state, std::string_view outputs,
                                const Error* error) {
    const Job& job = run.job();
    const std::string_view code = error == nullptr ? "" : name_of(error->code);
    const std::string message = error == nullptr ? "" : error->message;
    if (!TRY(records.finish(job, {state, outputs, code, message, run.take_progress()}))) return {};
    count(job.stage, name_of(state));
    if (state != JobState::failed) {
        log(LogLevel::info, "a job ended",
            {{"job", job.id},
             {"stage", job.stage},
             {"attempt", std::to_string(job.attempt)},
             {"state", std::string(name_of(state))}});
        return queue.acknowledge(run.receipt());
    }
    log_failure("a job failed", job, *error);
    return queue.bury(run.receipt(), fmt::format("{}: {}", code, message));
}

Result<void> Worker::State::again(const RunningJob& run, JobStore::State::Requeue how,
                                  Milliseconds delay) {
    if (!TRY(records.requeue(run.job(), how))) return {};
    count(run.job().stage, "queued_again");
    return queue.give_back(run.receipt(), delay);
}

Milliseconds Worker::State::backoff(int tries) {
    const std::int64_t most =
        std::min(backoff_most_ms, backoff_first_ms << std::min(tries - 1, 10));
    const std::int64_t random = std::stoll(records.ids.secret(4), nullptr, 16);
    return Milliseconds{most / 2 + random % (most / 2 + 1)};
}

queue::QueueOptions job_queue_options(const WorkerOptions& options) {
    queue::QueueOptions queue;
    queue.lease = options.lease;
    queue.deliveries_max = 1'000'000;  // attempts are counted by the worker, in the record
    return queue;
}

Worker::Worker(JobStore& jobs, queue::Queue& queue, std::vector<Stage*> stages, const Clock& clock,
               WorkerOptions options)
    : state_(new State{.records = jobs.state(),
                       .jobs = jobs,
                       .queue = queue,
                       .stages = std::move(stages),
                       .clock = clock,
                       .options = options,
                       .running = {},
                       .threads = {},
                       .heartbeat = {}}) {
    for (std::size_t s = 0; s < state_->stages.size(); ++s)
        assert(state_->stage_named(state_->stages[s]->name()) == state_->stages[s]);
}

Worker::~Worker() { stop(); }

Result<void> Worker::recover() {
    // Leases first: a job whose message is still leased must not look free.
    std::int64_t leases = 0;
    if (auto* stored = dynamic_cast<queue::TransactionalQueue*>(&state_->queue))
        leases = TRY(stored->end_leases());
    const std::int64_t jobs = TRY(state_->records.requeue_all_running());
    if (leases > 0 || jobs > 0)
        log(LogLevel::info, "jobs of a dead process were queued again",
            {{"jobs", std::to_string(jobs)}});
    return {};
}

void Worker::start() {
    if (!state_->threads.empty()) return;
    state_->start_heartbeat();
    for (int t = 0; t < state_->options.threads; ++t)
        state_->threads.emplace_back([this](std::stop_token stop) { state_->work(stop); });
}

void Worker::stop() {
    for (std::jthread& thread : state_->threads) thread.request_stop();
    state_->records.channel->wake();
    state_->threads.clear();
    state_->stop_heartbeat();
}

Result<Job> Worker::run_until_final(std::string_view job_id, std::stop_token stop) {
    const bool ours = !state_->heartbeat.joinable();
    state_->start_heartbeat();
    const std::stop_callback cancel_it(stop, [&] { (void)state_->jobs.cancel(job_id); });
    Result<Job> last = fail(ErrorCode::not_found, fmt::format("there is no job '{}'", job_id));
    for (;;) {
        auto job = state_->jobs.find(job_id);
        if (!job)
            last = fail(std::move(job.error()));
        else if (*job)
            last = **std::move(job);
        if (!job || !*job || is_final(last->state)) break;
        const std::int64_t asked_ms = state_->clock.steady_ms();
        auto messages = state_->queue.receive(1, heartbeat_interval, state_->options.lease);
        if (!messages) {
            last = fail(std::move(messages.error()));
            break;
        }
        // The stop is a cancellation of the named job alone; others run to their end.
        for (const queue::Message& message : *messages)
            state_->handle_logged(message, asked_ms, {});
    }
    if (ours) state_->stop_heartbeat();
    return last;
}

}  // namespace stroma::pipeline
