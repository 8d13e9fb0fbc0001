#include "flow/worker/pool.h"

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"

namespace stroma::flow {
namespace {

constexpr Milliseconds between_looks{200};

}  // namespace

Pool::Pool(TaskSource& source, PoolOptions options)
    : source_(source), options_(std::move(options)), left_(options_.whole) {}

Pool::~Pool() { stop(); }

void Pool::start() {
    if (thread_.joinable()) return;
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Pool::drain() {
    draining_ = true;
    changed_.notify_all();
}

void Pool::give_back() {
    stopping_ = true;
    drain();
}

void Pool::stop() {
    give_back();
    wait();
}

void Pool::wait() {
    if (thread_.joinable()) thread_.join();
}

void Pool::join_ended(std::unique_lock<std::mutex>& lock) {
    for (auto task = running_.begin(); task != running_.end();) {
        if (!task->is_over) {
            ++task;
            continue;
        }
        std::list<Running> ended;
        ended.splice(ended.begin(), running_, task++);
        lock.unlock();
        ended.clear();  // joins
        lock.lock();
        task = running_.begin();
    }
}

void Pool::begin(Assignment assignment) {
    const std::lock_guard lock(mutex_);
    Running& task = running_.emplace_back();
    task.takes = {assignment.cores, assignment.memory_bytes};
    left_.cores -= task.takes.cores;
    left_.memory_bytes -= task.takes.memory_bytes;
    task.thread = std::jthread([this, &task, work = std::move(assignment)] {
        const WorkEnd end =
            do_task(work, options_.program, source_, [this] { return stopping_.load(); });
        if (const auto told = source_.finish(work, end); !told)
            log(LogLevel::warning, "what a pipeline's task made was not taken",
                {{"task", std::to_string(work.task)}, {"error", told.error().message}});
        const std::lock_guard ending(mutex_);
        left_.cores += task.takes.cores;
        left_.memory_bytes += task.takes.memory_bytes;
        task.is_over = true;
        changed_.notify_all();
    });
}

void Pool::work(const std::stop_token& stop) {
    Gauge& busy = gauge("stroma_pipeline_tasks_running", "Tasks of pipelines under way here");
    std::int64_t idle_since = system_clock().steady_ms();
    std::unique_lock lock(mutex_);
    while (true) {
        join_ended(lock);
        busy.set(static_cast<double>(running_.size()));
        const bool is_leaving = draining_ || stop.stop_requested();
        if (is_leaving && running_.empty()) break;
        const std::int64_t now = system_clock().steady_ms();
        if (!running_.empty()) idle_since = now;
        if (options_.idle.count() > 0 && now - idle_since > options_.idle.count()) break;
        const int running = static_cast<int>(running_.size());
        int most = options_.tasks_max;
        if (options_.wanted) {
            lock.unlock();
            most = std::min(most, options_.wanted(running));
            lock.lock();
        }
        if (is_leaving || running >= most) {
            changed_.wait_for(lock, between_looks);
            continue;
        }
        const Offer offer{options_.worker, options_.is_local, left_, options_.whole, options_.run};
        lock.unlock();
        auto work = source_.lease(offer);
        if (work && *work)
            begin(**std::move(work));
        else
            source_.wait(between_looks);
        lock.lock();
    }
}

}  // namespace stroma::flow
