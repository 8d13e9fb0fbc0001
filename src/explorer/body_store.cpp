#include "explorer/body_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/log.h"

namespace stroma::explorer {
namespace {

/// Rises when the same question gets other bytes, so that old bodies are not found any more.
constexpr int bytes_version = 1;
/// Packing that saves less than this is not worth the client's unpacking.
constexpr double kept_when_below = 0.9;
constexpr std::size_t waiting_max = 64;
/// Of a full store, the share that is emptied at once.
constexpr std::uint64_t spare_share = 64;

Result<std::string> packed(std::string bytes, Coding& coding) {
    if (coding == Coding::identity) return bytes;
    std::string shorter = TRY(encode(bytes, coding));
    if (static_cast<double>(shorter.size()) < kept_when_below * static_cast<double>(bytes.size()))
        return shorter;
    coding = Coding::identity;
    return bytes;
}

}  // namespace

Made json_made(const Json& json) {
    return {json.dump(-1, ' ', false, Json::error_handler_t::replace), "application/json"};
}

BodyStore::BodyStore(object::ObjectStore& objects, fs::path staging, std::string root,
                     PrefixOf prefix_of, BodyStoreOptions options)
    : objects_(objects),
      staging_(std::move(staging)),
      root_(std::move(root)),
      prefix_of_(std::move(prefix_of)),
      options_(options),
      storer_([this](std::stop_token stop) { run(stop); }) {}

BodyStore::~BodyStore() {
    storer_.request_stop();
    changed_.notify_all();
    storer_.join();
    std::error_code ignored;
    for (const Waiting& one : waiting_) fs::remove(one.path, ignored);
}

std::string BodyStore::key_of(const Representation& wanted) const {
    ContentHash hash;
    hash.update(
        as_bytes(fmt::format("{}\n{}\n{}", bytes_version, name_of(wanted.coding), wanted.what)));
    return prefix_of_(wanted.revision) + hash.hex();
}

Result<Body> BodyStore::find_or_make(const Representation& wanted,
                                     const std::function<Result<Made>()>& make) {
    const std::string key = key_of(wanted);
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return making_.count(key) == 0; });
        if (const auto found = open_.find(key); found != open_.end()) {
            newest_first_.splice(newest_first_.begin(), newest_first_, found->second.place);
            if (const auto stored = stored_.find(key); stored != stored_.end())
                stored->second.used = ++uses_;
            return found->second.body;
        }
        making_.insert(key);
    }
    auto body = [&]() -> Result<Body> {
        if (auto stored = TRY(open_stored(key))) return *std::move(stored);
        return make_body(key, wanted, make);
    }();
    {
        const std::lock_guard lock(mutex_);
        making_.erase(key);
        if (body) keep_open_locked(key, *body);
    }
    changed_.notify_all();
    return body;
}

void BodyStore::keep_open_locked(const std::string& key, const Body& body) {
    newest_first_.push_front(key);
    open_[key] = {body, newest_first_.begin()};
    while (open_.size() > options_.open_max) {
        open_.erase(newest_first_.back());
        newest_first_.pop_back();
    }
}

Result<std::optional<Body>> BodyStore::open_stored(const std::string& key) {
    auto reader = objects_.open(key);
    if (!reader && reader.error().code == ErrorCode::not_found) return std::nullopt;
    if (!reader) return fail(reader.error());
    // Each is checked once a process; what lies open is not read again from a damaged disk.
    if (const auto checked = objects_.verify(key); !checked) {
        log(LogLevel::warning, "a stored body was damaged and is made again",
            {{"key", key}, {"why", checked.error().message}});
        TRY(objects_.remove(key));
        return std::nullopt;
    }
    const object::ObjectInfo& info = (*reader)->info();
    Body body{nullptr, info.size_bytes, info.etag, info.content_type, ""};
    if (const auto coding = info.metadata.find("coding"); coding != info.metadata.end())
        body.coding = coding->second;
    if ((*reader)->descriptor() >= 0) {
        const int descriptor = ::dup((*reader)->descriptor());
        if (descriptor < 0) return fail(error_from_errno("opening", key, errno));
        body.file = std::make_shared<const File>(descriptor, key);
        return body;
    }
    File copy = TRY(File::temporary(staging_));
    const Bytes bytes = TRY(objects_.get(key, info.size_bytes));
    TRY(copy.write_at(0, bytes));
    body.file = std::make_shared<const File>(std::move(copy));
    return body;
}

Result<Body> BodyStore::make_body(const std::string& key, const Representation& wanted,
                                  const std::function<Result<Made>()>& make) {
    Made made = TRY(make());
    Coding coding = wanted.coding;
    const std::string bytes = TRY(packed(std::move(made.bytes), coding));
    ContentHash hash;
    hash.update(as_bytes(bytes));
    Body body{nullptr, bytes.size(), hash.hex(), made.media_type, std::string(name_of(coding))};
    fs::path path;
    {
        const std::lock_guard lock(mutex_);
        path = staging_ / fmt::format("body-{}", ++files_);
    }
    File file = TRY(File::create(path));
    if (auto written = file.write_at(0, as_bytes(bytes)); !written) {
        std::error_code ignored;
        fs::remove(path, ignored);
        return fail(written.error());
    }
    body.file = std::make_shared<const File>(std::move(file));
    Waiting waiting{key, path, {}, body.size_bytes};
    waiting.options.content_type = body.media_type;
    waiting.options.known_etag = body.etag;
    if (!body.coding.empty()) waiting.options.metadata["coding"] = body.coding;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < waiting_max && body.size_bytes <= options_.bytes_max) {
            waiting_.push_back(std::move(waiting));
            path.clear();
        }
    }
    std::error_code ignored;
    if (!path.empty()) fs::remove(path, ignored);  // too much at once: the open file serves
    changed_.notify_all();
    return body;
}

void BodyStore::run(std::stop_token stop) {
    read_directory();
    std::unique_lock lock(mutex_);
    for (;;) {
        storing_ = false;
        changed_.notify_all();
        if (!changed_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        storing_ = true;
        lock.unlock();
        store_one(next);
        remove_oldest();
        lock.lock();
    }
}

void BodyStore::read_directory() {
    object::ListOptions options{.prefix = root_, .delimiter = "", .after = ""};
    std::vector<object::ObjectInfo> found;
    for (bool more = true; more;) {
        auto page = objects_.list(options);
        if (!page) {
            log(LogLevel::warning, "stored bodies could not be listed",
                {{"why", page.error().message}});
            break;
        }
        std::move(page->objects.begin(), page->objects.end(), std::back_inserter(found));
        more = page->next_after.has_value();
        if (more) options.after = *page->next_after;
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return a.modified_ms < b.modified_ms; });
    const std::lock_guard lock(mutex_);
    for (const auto& info : found) {
        if (!stored_.emplace(info.key, Stored{info.size_bytes, ++uses_}).second) continue;
        stored_bytes_ += info.size_bytes;
    }
}

void BodyStore::store_one(const Waiting& waiting) {
    const auto put = objects_.put_file(waiting.key, waiting.path, waiting.options);
    if (!put) {
        std::error_code ignored;
        fs::remove(waiting.path, ignored);
        log(LogLevel::warning, "a body could not be stored; it will be made again",
            {{"key", waiting.key}, {"why", put.error().message}});
        return;
    }
    const std::lock_guard lock(mutex_);
    Stored& stored = stored_[waiting.key];
    stored_bytes_ += waiting.size_bytes - stored.size_bytes;
    stored = {waiting.size_bytes, ++uses_};
}

/// Some more than has to go, so that a full store isn't searched again for each new body.
void BodyStore::remove_oldest() {
    std::vector<std::string> removed;
    {
        const std::lock_guard lock(mutex_);
        if (stored_bytes_ <= options_.bytes_max) return;
        std::vector<decltype(stored_)::iterator> oldest;
        for (auto stored = stored_.begin(); stored != stored_.end(); ++stored)
            oldest.push_back(stored);
        std::sort(oldest.begin(), oldest.end(), [](const auto& one, const auto& other) {
            return one->second.used < other->second.used;
        });
        const std::uint64_t wanted = options_.bytes_max - options_.bytes_max / spare_share;
        for (auto next = oldest.begin(); next != oldest.end() && stored_bytes_ > wanted; ++next) {
            stored_bytes_ -= (*next)->second.size_bytes;
            removed.push_back((*next)->first);
            stored_.erase(*next);
        }
    }
    for (const std::string& key : removed)
        if (const auto done = objects_.remove(key); !done)
            log(LogLevel::warning, "an old body could not be removed",
                {{"key", key}, {"why", done.error().message}});
}

void BodyStore::settle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.empty() && !storing_; });
}

std::uint64_t BodyStore::stored_bytes() {
    const std::lock_guard lock(mutex_);
    return stored_bytes_;
}

}  // namespace stroma::explorer
