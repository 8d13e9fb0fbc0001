#include "loader/queue_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "base/metrics.h"
#include "loader/loader_rows.h"

namespace stroma::loader {
namespace {

constexpr Milliseconds poll_wait{20'000}, failing_first{500}, failing_most{30'000};

/// Waits so long, or until stopped: then false.
bool wait_for(Milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wakes;
    std::unique_lock lock(mutex);
    wakes.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

/// What a database and JSON take: bytes that are no UTF-8 are replaced.
std::string clean_text(const std::string& text) {
    const auto json = parse_json(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace),
                                 {.string_bytes_max = 8u << 20});
    return json ? json->get<std::string>() : "";
}

std::string place_of(const Notice& notice) { return notice.bucket + "/" + notice.key; }

}  // namespace

/// What was received and isn't settled.
struct QueueWorker::Taken {
    message::QueuePointer queue;
    std::string target;  ///< "public.orders"
    std::vector<std::string> receipts;
    std::vector<Notice> notices;
    struct Unreadable {
        std::string body, reason;
    };
    std::vector<Unreadable> unreadable;
};

QueueWorker::QueueWorker(LoadParts parts, message::Queues& queues,
                         std::function<Result<catalog::Principal>(const std::string&)> principal_of,
                         LoaderConfig config)
    : parts_(parts),
      queues_(queues),
      principal_of_(std::move(principal_of)),
      config_(std::move(config)),
      load_(std::move(parts)) {}

QueueWorker::~QueueWorker() {
    stop();
    thread_ = {};
    keeper_ = {};
}

void QueueWorker::start() {
    // Once: a second thread would use the same session.
    if (thread_.joinable()) return;
    keeper_ = std::jthread([this](std::stop_token stop) { keep_hidden(stop); });
    thread_ = std::jthread([this](std::stop_token stop) { work(stop); });
}

void QueueWorker::stop() {
    thread_.request_stop();
    load_.cancel();
}

WorkerStatus QueueWorker::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void QueueWorker::note(const std::function<void(WorkerStatus&)>& change) {
    const std::lock_guard lock(mutex_);
    change(status_);
}

void QueueWorker::hold(const Taken* taken) {
    const std::lock_guard lock(held_mutex_);
    held_queue_ = taken == nullptr ? nullptr : taken->queue;
    held_ = taken == nullptr ? std::vector<std::string>() : taken->receipts;
}

void QueueWorker::keep_hidden(std::stop_token stop) {
    Milliseconds interval{1'000};
    while (wait_for(interval, stop)) {
        const std::lock_guard lock(held_mutex_);
        if (held_queue_ == nullptr) {
            interval = Milliseconds{1'000};
            continue;
        }
        const Milliseconds visibility = held_queue_->behaviour.visibility;
        interval = std::clamp(visibility / 3, Milliseconds{100}, Milliseconds{20'000});
        std::vector<message::VisibilityChange> changes;
        for (const std::string& receipt : held_) changes.push_back({receipt, visibility});
        queues_.change_visibility(held_queue_, changes);
    }
}

void QueueWorker::work(std::stop_token stop) {
    Milliseconds pause = failing_first;
    while (!stop.stop_requested()) {
        const auto done = take_and_load(load_, poll_wait, stop);
        if (kept_ == nullptr) hold(nullptr);
        if (done) {
            pause = failing_first;
            continue;
        }
        target_.clear();
        if (stop.stop_requested()) break;
        const std::string error = done.error().message;
        bool is_new = false;
        note([&](WorkerStatus& status) {
            is_new = status.error != error;
            status.state = "failing";
            status.error = error;
            status.busy_since_ms = 0;
        });
        if (is_new)
            log(LogLevel::warning, "a queue can't be loaded",
                {{"queue", config_.name}, {"table", config_.table}, {"error", error}});
        if (!wait_for(pause, stop)) break;
        pause = std::min(pause * 2, failing_most);
    }
    note([](WorkerStatus& status) { status.state = "stopped"; });
}

void QueueWorker::read(Taken& taken, std::vector<message::Received> messages) {
    for (message::Received& message : messages) {
        taken.receipts.push_back(message.receipt);
        auto notices = read_notices(message.body);
        if (!notices) {
            taken.unreadable.push_back({std::move(message.body), notices.error().message});
            continue;
        }
        for (Notice& notice : *notices)
            if (notice.is_created) taken.notices.push_back(std::move(notice));
    }
}

Result<void> QueueWorker::take_company(Taken& taken, std::stop_token stop) {
    const std::int64_t until = parts_.clock.steady_ms() + config_.batch_wait.count();
    while (taken.receipts.size() < config_.batch_files && !stop.stop_requested()) {
        const std::int64_t left = until - parts_.clock.steady_ms();
        if (left <= 0) return {};
        hold(&taken);
        message::ReceiveOptions options;
        options.most = static_cast<int>(config_.batch_files - taken.receipts.size());
        options.wait = Milliseconds{left};
        options.left = stop;
        read(taken, TRY(queues_.receive(taken.queue, options)));
    }
    return {};
}

Result<std::size_t> QueueWorker::work_once(Milliseconds wait) {
    return take_and_load(load_, wait, {});
}

Result<void> QueueWorker::take(const message::QueuePointer& queue, Milliseconds wait,
                               std::stop_token stop) {
    auto taken = std::make_unique<Taken>();
    taken->queue = queue;
    message::ReceiveOptions options;
    options.most = static_cast<int>(config_.batch_files);
    options.wait = wait;
    options.left = stop;
    auto received = queues_.receive(queue, options);
    if (!received) return fail(std::move(received.error()).with("receiving from the queue"));
    read(*taken, std::move(*received));
    if (taken->receipts.empty()) return {};
    TRY(take_company(*taken, stop));
    note([&](WorkerStatus& status) {
        status.messages += static_cast<std::int64_t>(taken->receipts.size());
    });
    kept_ = std::move(taken);
    return {};
}

Result<std::size_t> QueueWorker::take_and_load(TableLoad& load, Milliseconds wait,
                                               std::stop_token stop) {
    const bool was_blocked = std::exchange(is_blocked_, true);
    const auto queue = queues_.find(config_.name);
    if (queue == nullptr) {
        kept_.reset();
        return fail(ErrorCode::not_found, fmt::format("there is no queue '{}'", config_.name));
    }
    LoadOrder order = order_of(config_);
    order.principal = TRY(principal_of_(queue->owner));
    // Before anything is taken, so that messages don't wear out while a table is missing.
    if (target_.empty()) target_ = TRY(load.target_of(order.principal, config_.table));
    is_blocked_ = false;
    note([&](WorkerStatus& status) {
        if (was_blocked) status.error.clear();
        if (was_blocked || status.state != "failing") status.state = "waiting";
        status.busy_since_ms = 0;
    });
    if (kept_ == nullptr) TRY(take(queue, wait, stop));
    if (kept_ == nullptr) return std::size_t{0};
    Taken& taken = *kept_;
    taken.queue = queue;
    taken.target = target_;
    hold(&taken);
    note([&](WorkerStatus& status) {
        status.state = "loading";
        status.busy_since_ms = parts_.clock.unix_ms();
    });
    const auto report = TRY(load.run(order, taken.notices, stop));
    if (parts_.at_step)
        if (const auto step = parts_.at_step("delete"); !step)
            return fail(redshift::error_of(step.error()));
    const auto settled = settle(taken, report.objects);
    const bool is_passing = !settled && (settled.error().code == ErrorCode::exhausted ||
                                         settled.error().code == ErrorCode::unavailable);
    if (is_passing) return fail(settled.error());
    const auto done = std::move(kept_);
    if (!settled) return fail(settled.error());
    note([&](WorkerStatus& status) {
        status.error.clear();
        for (const ObjectOutcome& outcome : report.objects) {
            if (outcome.state == ObjectState::loaded) ++status.loaded;
            if (outcome.state == ObjectState::known) ++status.known;
            if (outcome.state == ObjectState::missing) ++status.missing;
            if (outcome.state != ObjectState::refused) continue;
            ++status.refused;
            status.error = outcome.reason;
        }
        status.rows += report.counts.inserted + report.counts.updated;
        status.loads += report.loads;
        status.retries += report.retries;
        status.state = "waiting";
        status.busy_since_ms = 0;
    });
    count_load(taken.target, report);
    return taken.receipts.size();
}

Result<void> QueueWorker::settle(Taken& taken, const std::vector<ObjectOutcome>& outcomes) {
    std::vector<ObjectOutcome> refused;
    for (const ObjectOutcome& outcome : outcomes)
        if (outcome.state == ObjectState::refused) refused.push_back(outcome);
    if (!refused.empty() || !taken.unreadable.empty()) TRY(bury(taken, refused));
    for (const auto& removed : queues_.remove_messages(taken.queue, taken.receipts)) TRY(removed);
    return {};
}

// The letter first, then our row: after a crash between them there is a letter too many, which a
// redrive makes nothing of.
Result<void> QueueWorker::bury(Taken& taken, const std::vector<ObjectOutcome>& refused) {
    struct Letter {
        Notice notice;
        std::string body, reason;
    };
    std::vector<Letter> letters;
    for (const ObjectOutcome& outcome : refused) {
        Notice notice = outcome.notice;
        notice.etag = outcome.etag;
        letters.push_back({notice, notice_text(notice), clean_text(outcome.reason)});
    }
    for (auto& message : taken.unreadable)
        letters.push_back({{}, std::move(message.body), std::move(message.reason)});
    taken.unreadable.clear();
    const auto& redrive = taken.queue->behaviour.redrive;
    if (const auto dead = redrive ? queues_.find(redrive->queue) : nullptr) {
        std::vector<message::NewMessage> messages;
        for (const Letter& letter : letters) {
            message::NewMessage message;
            message.body = letter.body;
            message.attributes.push_back(
                {"reason", "String", clean_text(letter.reason.substr(0, 1024))});
            message.attributes.push_back({"table", "String", config_.table});
            message.sender = "loader";
            message.origin = taken.queue->arn;
            messages.push_back(std::move(message));
        }
        for (const auto& sent : queues_.send(dead, messages)) TRY(sent);
    }
    std::vector<DeadLetter> rows;
    for (Letter& letter : letters) {
        log(LogLevel::warning, "an object can't be loaded",
            {{"queue", config_.name},
             {"object", place_of(letter.notice)},
             {"reason", letter.reason}});
        rows.push_back({taken.target, letter.notice.bucket, letter.notice.key, letter.notice.etag,
                        std::move(letter.reason), clean_text(letter.body)});
    }
    return keep_dead_letters(parts_.ledger(), rows, parts_.clock.unix_ms());
}

}  // namespace stroma::loader
