#include "app/flow/intake_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "sync/folder_scan.h"
#include "sync/folder_watch.h"

namespace stroma::app {
namespace {

using flow::Arrival;
using flow::Intake;

/// A folder is walked at least so often: some file systems tell of no changes.
constexpr Milliseconds walk_at_least{60'000};
constexpr Milliseconds again_after{5'000}, between_walks{200};
constexpr std::size_t keys_max = 100'000;

void tell_of_arrival(const Intake& intake, const std::string& source,
                     const Result<Arrival>& arrived) {
    if (!arrived)
        log(LogLevel::warning, "what came to an intake could not be taken",
            {{"intake", intake.name}, {"source", source}, {"error", arrived.error().message}});
    else if (!arrived->error.empty())
        log(LogLevel::warning, "no run could begin for what came to an intake",
            {{"intake", intake.name}, {"source", source}, {"error", arrived->error}});
    else
        log(LogLevel::info, "something came to an intake",
            {{"intake", intake.name}, {"source", source}, {"run", arrived->run}});
}

/// Files of a folder that wait until they are quiet.
class QuietFiles {
public:
    QuietFiles(flow::Intakes& intakes, const Intake& intake) : intakes_(intakes), intake_(intake) {
        job_.folder = intake.location;
    }

    /// Walks the folder and begins runs for files that are quiet. Gives when the next may be.
    Result<std::optional<Milliseconds>> walk(const std::stop_token& stop) {
        const auto scan = TRY(sync::scan_folder(job_, stop));
        const std::int64_t now = system_clock().steady_ms();
        std::map<std::string, Seen> seen;
        std::optional<Milliseconds> next;
        for (const auto& [path, state] : scan.files) {
            if (stop.stop_requested()) break;
            if (!intake_.takes(path.substr(path.rfind('/') + 1))) continue;
            const auto before = seen_.find(path);
            Seen& one = seen[path];
            one = {state, now, false};
            if (before != seen_.end() && before->second.state == state) one = before->second;
            if (one.is_done) continue;
            const Milliseconds left{one.since_ms + intake_.quiet.count() - now};
            if (left.count() <= 0) TRY(take(path, one));
            const Milliseconds wait = left.count() > 0 ? left : again_after;
            if (!one.is_done) next = next ? std::min(*next, wait) : wait;
        }
        seen_ = std::move(seen);
        return next;
    }

private:
    struct Seen {
        sync::FileState state;
        std::int64_t since_ms = 0;
        bool is_done = false;
    };

    /// It isn't done while somebody writes the file, or it can't be read yet.
    Result<void> take(const std::string& path, Seen& seen) {
        const fs::path file = fs::path(intake_.location) / path;
        const std::string mark = fmt::format("{}:{}", seen.state.size, seen.state.modified_ns);
        seen.is_done = TRY(intakes_.is_known(intake_.name, file.string(), mark));
        if (seen.is_done) return {};
        {
            const auto open = File::open_to_read(file);
            if (!open || sync::is_being_written(*open)) return {};
        }
        const auto arrived = intakes_.arrive(intake_, file.string(), mark, file);
        tell_of_arrival(intake_, file.string(), arrived);
        seen.is_done = arrived.has_value();
        return {};
    }

    flow::Intakes& intakes_;
    const Intake& intake_;
    sync::SyncJob job_;
    std::map<std::string, Seen> seen_;
};

}  // namespace

IntakeService::IntakeService(flow::Intakes& intakes, flow::Engine& engine, fs::path copies)
    : intakes_(intakes), engine_(engine), copies_(std::move(copies)) {
    intakes_.follow([this] { refresh(); });
}

IntakeService::~IntakeService() { stop(); }

void IntakeService::start(bucket::Buckets* buckets) {
    {
        const std::lock_guard lock(mutex_);
        buckets_ = buckets;
        is_running_ = true;
    }
    refresh();
}

void IntakeService::stop() {
    std::map<std::string, std::unique_ptr<Looker>> running;
    std::vector<std::unique_ptr<Looker>> ended;
    {
        const std::lock_guard lock(mutex_);
        is_running_ = false;
        running.swap(lookers_);
        ended.swap(ended_);
    }
    for (auto& [name, looker] : running) looker->thread.request_stop();
    running.clear();  // joins
}

/// Threads for intakes that are new; those of removed ones end.
void IntakeService::refresh() {
    const auto all = intakes_.all();
    if (!all) {
        log(LogLevel::error, "intakes could not be read", {{"error", all.error().message}});
        return;
    }
    const std::lock_guard lock(mutex_);
    if (!is_running_) return;
    for (auto entry = lookers_.begin(); entry != lookers_.end();) {
        const bool is_there = std::ranges::any_of(*all, [&](const Intake& intake) {
            return intake.name == entry->first &&
                   intake.created_ms == entry->second->intake.created_ms;
        });
        if (is_there) {
            ++entry;
            continue;
        }
        entry->second->thread.request_stop();
        ended_.push_back(std::move(entry->second));
        entry = lookers_.erase(entry);
    }
    for (const Intake& intake : *all) {
        if (lookers_.contains(intake.name)) continue;
        if (intake.kind == flow::IntakeKind::bucket && buckets_ == nullptr) {
            log(LogLevel::warning,
                "an intake looks at a bucket, and no port for buckets is open: set aws.address",
                {{"intake", intake.name}});
            continue;
        }
        auto& looker = lookers_[intake.name] = std::make_unique<Looker>();
        looker->intake = intake;
        looker->thread = std::jthread([this, looker = looker.get()](const std::stop_token& stop) {
            if (looker->intake.kind == flow::IntakeKind::folder)
                look_at_folder(looker->intake, stop);
            else
                look_at_bucket(*looker, stop);
        });
    }
}

void IntakeService::look_at_folder(const Intake& intake, const std::stop_token& stop) {
    QuietFiles files(intakes_, intake);
    std::optional<sync::FolderWatch> watch;
    const auto open_watch = [&] {
        if (auto opened = sync::FolderWatch::open(intake.location))
            watch.emplace(*std::move(opened));
    };
    open_watch();
    std::mutex mutex;
    std::condition_variable_any stopped;
    while (!stop.stop_requested()) {
        const auto next = files.walk(stop);
        if (!next && next.error().code != ErrorCode::cancelled)
            log(LogLevel::warning, "an intake's folder could not be read",
                {{"intake", intake.name}, {"error", next.error().message}});
        const Milliseconds wait = next && *next ? std::max(**next, Milliseconds{20})
                                  : next        ? walk_at_least
                                                : again_after;
        const bool has_changed = watch && watch->wait(wait, stop).value_or(false);
        if (watch && !has_changed) continue;
        // Many changes at once are one walk.
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop, watch ? between_walks : wait, [] { return false; });
        if (!watch) open_watch();
    }
}

void IntakeService::object_came(const std::string& bucket, const std::string& key) {
    const std::lock_guard lock(mutex_);
    for (auto& [name, looker] : lookers_) {
        const Intake& intake = looker->intake;
        if (intake.kind != flow::IntakeKind::bucket || intake.bucket() != bucket ||
            !key.starts_with(intake.prefix()))
            continue;
        if (looker->keys.size() < keys_max)
            looker->keys.push_back(key);
        else
            looker->list_all = true;
        looker->wake.notify_all();
    }
}

void IntakeService::look_at_bucket(Looker& looker, const std::stop_token& stop) {
    const Intake& intake = looker.intake;
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        const bool list_all = std::exchange(looker.list_all, false);
        const std::deque<std::string> keys = std::exchange(looker.keys, {});
        lock.unlock();
        Result<void> done;
        if (list_all) done = list_bucket(intake, stop);
        for (const std::string& key : keys)
            if (auto taken = take_object(intake, key); !taken) done = std::move(taken);
        if (done) done = drop_copies(intake);
        if (!done)
            log(LogLevel::warning, "an intake's bucket could not be read",
                {{"intake", intake.name}, {"error", done.error().message}});
        lock.lock();
        // What failed is found again by the list.
        looker.list_all = looker.list_all || !done;
        const auto has_work = [&] { return !looker.keys.empty(); };
        looker.wake.wait_for(lock, stop, done ? walk_at_least : again_after, has_work);
    }
}

Result<void> IntakeService::list_bucket(const Intake& intake, const std::stop_token& stop) {
    bucket::ListQuery query{.bucket = intake.bucket(), .prefix = intake.prefix()};
    while (!stop.stop_requested()) {
        const auto page = buckets_->list(query);
        if (!page && page.error().why == bucket::Why::failed) return fail(page.error().error);
        if (!page) return fail(ErrorCode::unavailable, "there is no bucket " + intake.bucket());
        for (const bucket::ObjectVersion& object : page->objects)
            TRY(take_object(intake, object.key));
        if (!page->is_cut) break;
        query.after = page->next_key;
    }
    return {};
}

fs::path IntakeService::copy_of(const Intake& intake, const std::string& source,
                                const std::string& mark) const {
    return copies_ / sha256_hex(intake.name + "\n" + source + "\n" + mark).substr(0, 24);
}

Result<void> IntakeService::take_object(const Intake& intake, const std::string& key) {
    const std::string file = key.substr(key.rfind('/') + 1);
    if (!intake.takes(file) || file.find('\0') != std::string::npos) return {};
    const auto object = buckets_->get(intake.bucket(), key, "", true);
    if (!object && object.error().why == bucket::Why::failed) return fail(object.error().error);
    if (!object) return {};  // it has gone meanwhile
    if (bucket::is_archive(object->storage_class) && object->restored.empty()) return {};
    const std::string source = fmt::format("s3://{}/{}", intake.bucket(), key);
    const std::string mark = fmt::format("{}:{}", object->etag, object->modified_ms);
    if (TRY(intakes_.is_known(intake.name, source, mark))) return {};
    const fs::path folder = copy_of(intake, source, mark);
    TRY(make_folders(folder));
    TRY(copy_object(*object, folder / file));
    const auto arrived = intakes_.arrive(intake, source, mark, folder / file);
    tell_of_arrival(intake, source, arrived);
    std::error_code error;
    if (arrived && (!arrived->is_first || arrived->run.empty())) fs::remove_all(folder, error);
    return arrived ? Result<void>{} : fail(arrived.error());
}

Result<void> IntakeService::copy_object(const bucket::ObjectVersion& object, const fs::path& to) {
    constexpr std::uint64_t piece_bytes = 4u << 20;
    TRY(remove_file(to));
    File file = TRY(File::create(to));
    for (std::uint64_t at = 0; at < object.size;) {
        const Bytes piece = TRY(buckets_->read(object.body, at, piece_bytes));
        if (piece.empty())
            return fail(ErrorCode::corrupt, "the object " + object.key + " ends too early");
        TRY(file.write_at(at, piece));
        at += piece.size();
    }
    return file.sync();
}

/// Copies of objects whose run has succeeded.
Result<void> IntakeService::drop_copies(const Intake& intake) {
    constexpr int most = 10'000;
    std::error_code error;
    if (!fs::exists(copies_, error) || fs::is_empty(copies_, error)) return {};
    for (const Arrival& arrival : TRY(intakes_.arrivals(intake.name, most))) {
        const fs::path folder = copy_of(intake, arrival.source, arrival.mark);
        if (arrival.run.empty() || !fs::exists(folder, error)) continue;
        const auto run = engine_.find(arrival.run);
        if (run && run->state == flow::RunState::succeeded) fs::remove_all(folder, error);
    }
    return {};
}

}  // namespace stroma::app
