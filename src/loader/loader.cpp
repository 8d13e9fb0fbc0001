#include "loader/loader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "loader/elsewhere.h"
#include "loader/ends.h"

namespace stroma::loader {

using Documents = std::map<std::string, std::pair<std::string, std::string>>;

/// A configuration and who works by it.
struct Loader::Entry {
    std::string origin, document;
    std::optional<LoaderConfig> config;
    std::string error;
    std::vector<std::unique_ptr<QueueWorker>> workers;
};

Loader::Loader(LoaderParts parts, LoaderOptions options)
    : parts_(std::move(parts)), options_(std::move(options)), bulk_load_(parts_.load) {}

Result<std::unique_ptr<Loader>> Loader::open(LoaderParts parts, LoaderOptions options) {
    TRY(make_tables(parts.load.engine));
    if (parts.load.elsewhere.database != nullptr)
        TRY_WITH(make_ledger(*parts.load.elsewhere.database), "loader.database");
    TRY(show_ledger(parts.load.engine, parts.load.elsewhere.database));
    TRY(tell_left(parts.load));
    std::unique_ptr<Loader> made(new Loader(std::move(parts), std::move(options)));
    TRY(made->refresh());
    return made;
}

Loader::~Loader() { stop(); }

Result<void> Loader::read_lake(Documents& found) {
    const auto prefix = redshift::parse_address(options_.configs);
    if (!prefix) return fail(redshift::error_of(prefix.error()).with("loader.configs"));
    auto& lake = *parts_.load.engine.options().lake;
    const auto principal = catalog::local_administrator();
    for (const redshift::LakeObject& object : TRY(lake.list(principal, *prefix))) {
        const std::string& key = object.address.key;
        // Those of the folder, not of folders in it.
        if (!key.ends_with(".json") || key.find('/', prefix->key.size()) != std::string::npos)
            continue;
        const auto reader = TRY(lake.open(principal, object.address));
        const Bytes bytes = TRY(reader->read(0, 1u << 20));
        found[queue_of_file(key)] = {object.address.url(), std::string(as_text(bytes))};
    }
    return {};
}

Result<void> Loader::read_folder(Documents& found) {
    std::error_code error;
    for (const auto& file : fs::directory_iterator(options_.configs, error)) {
        if (file.path().extension() != ".json") continue;
        found[file.path().stem().string()] = {file.path().string(),
                                              TRY(read_file(file.path(), 1u << 20))};
    }
    if (error)
        return fail(ErrorCode::not_found, fmt::format("loader.configs: {} can't be read ({})",
                                                      options_.configs, error.message()));
    return {};
}

Documents Loader::documents(std::string& error) {
    Documents found;
    const bool is_lake = options_.configs.starts_with("s3://");
    if (!options_.configs.empty()) {
        const auto read = is_lake ? read_lake(found) : read_folder(found);
        if (!read) error = read.error().message;
    }
    const auto kept = kept_configs(parts_.load.engine);
    if (!kept) error = kept.error().message;
    if (kept)
        for (const auto& [name, document] : *kept) found[name] = {"given", document};
    return found;
}

Result<void> Loader::refresh() {
    const std::lock_guard one_at_a_time(refresh_mutex_);
    std::string error;
    auto found = documents(error);
    std::vector<std::unique_ptr<Entry>> ended;  // joined without the lock
    {
        const std::lock_guard lock(mutex_);
        for (auto at = entries_.begin(); at != entries_.end();) {
            const auto still = found.find(at->first);
            // What can't be looked at just now goes on as it was.
            const bool is_same = still == found.end()
                                     ? !error.empty()
                                     : still->second.second == at->second->document;
            if (is_same) {
                if (still != found.end()) at->second->origin = still->second.first;
                ++at;
                continue;
            }
            for (auto& worker : at->second->workers) worker->stop();
            ended.push_back(std::move(at->second));
            at = entries_.erase(at);
        }
        for (auto& [name, kept] : found) {
            if (entries_.contains(name)) continue;
            auto entry = std::make_unique<Entry>();
            std::tie(entry->origin, entry->document) = kept;
            auto config = read_config(entry->document,
                                      entry->origin == "given" ? name + ".json" : entry->origin,
                                      name, options_.role);
            if (!config) {
                entry->error = config.error().message;
                log(LogLevel::warning, "a loader's configuration is wrong",
                    {{"error", entry->error}});
            } else {
                entry->config = std::move(*config);
                for (std::size_t at = 0; at < entry->config->workers; ++at)
                    entry->workers.push_back(std::make_unique<QueueWorker>(
                        parts_.load, parts_.queues, parts_.principal_of, *entry->config));
            }
            entries_[name] = std::move(entry);
        }
        if (is_started_)
            for (auto& [name, entry] : entries_)
                for (auto& worker : entry->workers)
                    if (worker->status().state == "starting") worker->start();
    }
    if (!error.empty() && error != refresh_error_)
        log(LogLevel::warning, "the loader's configurations can't be read", {{"error", error}});
    refresh_error_ = error;
    return {};
}

void Loader::watch(std::stop_token stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    while (!wakes_.wait_for(lock, stop, options_.interval, [] { return false; }) &&
           !stop.stop_requested()) {
        if (options_.configs.empty()) continue;
        if (const auto done = refresh(); !done)
            log(LogLevel::warning, "the loader's configurations can't be read",
                {{"error", done.error().message}});
    }
}

void Loader::start() {
    {
        const std::lock_guard lock(mutex_);
        is_started_ = true;
        for (auto& [name, entry] : entries_)
            for (auto& worker : entry->workers) worker->start();
    }
    watcher_ = std::jthread([this](std::stop_token stop) { watch(stop); });
    bulk_worker_ = std::jthread([this](std::stop_token stop) {
        while (!stop.stop_requested()) {
            {
                std::unique_lock lock(bulk_mutex_);
                if (!bulk_wakes_.wait(lock, stop, [&] { return has_bulks_; })) return;
                has_bulks_ = false;
            }
            if (const auto done = work_on_bulks(stop); !done && !stop.stop_requested())
                log(LogLevel::warning, "bulk loads can't be worked on",
                    {{"error", done.error().message}});
        }
    });
}

void Loader::stop() {
    is_stopping_ = true;
    watcher_ = {};
    if (bulk_worker_.joinable()) {
        bulk_worker_.request_stop();
        {
            const std::lock_guard lock(bulk_mutex_);
            running_stop_.request_stop();
        }
        bulk_load_.cancel();
        bulk_worker_ = {};
    }
    std::map<std::string, std::unique_ptr<Entry>> ended;
    {
        const std::lock_guard lock(mutex_);
        is_started_ = false;
        ended.swap(entries_);
    }
    for (auto& [name, entry] : ended)
        for (auto& worker : entry->workers) worker->stop();
}

std::vector<ConfigStatus> Loader::status() const {
    const std::lock_guard lock(mutex_);
    std::vector<ConfigStatus> all;
    for (const auto& [name, entry] : entries_) {
        ConfigStatus made{name, entry->origin, entry->config, entry->error, {}};
        for (const auto& worker : entry->workers) {
            const WorkerStatus one = worker->status();
            WorkerStatus& sum = made.work;
            // The most telling state of all.
            constexpr std::string_view order[] = {"stopped", "starting", "waiting", "loading",
                                                  "failing"};
            const auto rank = [&](const std::string& state) {
                return std::find(std::begin(order), std::end(order), state);
            };
            if (worker == entry->workers.front() || rank(one.state) > rank(sum.state))
                sum.state = one.state;
            if (!one.error.empty()) sum.error = one.error;
            sum.messages += one.messages;
            sum.loaded += one.loaded;
            sum.known += one.known;
            sum.missing += one.missing;
            sum.refused += one.refused;
            sum.rows += one.rows;
            sum.loads += one.loads;
            sum.retries += one.retries;
        }
        all.push_back(std::move(made));
    }
    return all;
}

Result<void> Loader::give_config(const std::string& name, const std::string& document) {
    TRY(read_config(document, name + ".json", name, options_.role));
    TRY(keep_config(parts_.load.engine, name, document, parts_.load.clock.unix_ms()));
    return refresh();
}

Result<void> Loader::take_config(const std::string& name) {
    TRY(forget_config(parts_.load.engine, name));
    return refresh();
}

Result<WorkerStatus> Loader::drain(const std::string& name, std::stop_token stop) {
    QueueWorker* worker = nullptr;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(name);
        if (found == entries_.end() || found->second->workers.empty())
            return fail(ErrorCode::not_found, fmt::format("there is no configuration '{}'", name));
        worker = found->second->workers.front().get();
    }
    while (!stop.stop_requested())
        if (TRY(worker->work_once(Milliseconds{0})) == 0) break;
    return worker->status();
}

}  // namespace stroma::loader
