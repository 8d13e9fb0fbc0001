#include "sync/sending.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/digest.h"

namespace stroma::sync {
namespace {

constexpr std::uint64_t parts_max = 10'000;
constexpr int tries_max = 6;
constexpr Milliseconds first_pause{250};

std::string sha256_of(std::string_view bytes) { return sha256_hex(bytes); }

Error changed(const std::string& path) {
    return {ErrorCode::conflict, path + " was changed while it was sent; it is sent again later"};
}

/// A file that isn't for us is that file's trouble; denied is what the store says of our keys.
Result<File> open_source(const fs::path& path) {
    auto file = File::open_to_read(path);
    if (!file && file.error().code == ErrorCode::denied)
        file.error().code = ErrorCode::invalid_input;
    return file;
}

/// The bytes of one part, its number from 1.
Result<std::string> read_part(const File& file, std::uint64_t size, std::uint64_t part_bytes,
                              int number) {
    const std::uint64_t begin = (static_cast<std::uint64_t>(number) - 1) * part_bytes;
    std::string bytes(std::min(part_bytes, size - begin), '\0');
    TRY(file.read_at(begin, std::as_writable_bytes(std::span(bytes))));
    return bytes;
}

int part_count(std::uint64_t size, std::uint64_t part_bytes) {
    return size <= part_bytes ? 1 : static_cast<int>((size + part_bytes - 1) / part_bytes);
}

/// One file on its way. The open file stays the same bytes when its name is given to another.
struct Sending {
    PlannedFile planned;
    std::string key;
    File file;
    std::uint64_t part_bytes = 0;
    std::string upload;
    std::vector<SentPart> parts;  ///< by number - 1; without an ETag until sent
    int missing = 0;              ///< parts that aren't done; the last one completes the file
    bool has_failed = false;
};

struct Task {
    std::shared_ptr<Sending> sending;
    int part = 0;
};

/// The queue of files and parts that the connections share.
class Sender {
public:
    Sender(const SendSite& site, const std::vector<PlannedFile>& files, SendCounts& counts,
           std::vector<SendProblem>& problems, const std::stop_token& stop)
        : site_(site), files_(files), counts_(counts), problems_(problems), outer_(stop) {}

    Result<void> run() {
        const std::stop_callback hand_on(outer_, [this] { end_.request_stop(); });
        std::vector<std::jthread> threads;
        const auto connections = std::min<std::size_t>(
            static_cast<std::size_t>(site_.job.connections), std::max<std::size_t>(1, work()));
        for (std::size_t i = 0; i < connections; ++i)
            threads.emplace_back([this] { serve_one_connection(); });
        threads.clear();
        if (outer_.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        if (fatal_) return fail(*fatal_);
        return {};
    }

private:
    /// Connections beyond this many have nothing to do.
    std::size_t work() const {
        std::size_t parts = 0;
        for (const PlannedFile& file : files_) {
            parts += static_cast<std::size_t>(
                part_count(file.state.size, part_bytes_for(file.state.size, site_.job.part_bytes)));
            if (parts > 64) break;
        }
        return parts;
    }

    void serve_one_connection() {
        auto connection = site_.open(site_.pace, end_.get_token());
        if (!connection) return end_all(connection.error());
        while (auto task = next_task(**connection)) {
            const Result<void> done = do_part(**connection, *task);
            finish_part(**connection, *task, done);
        }
    }

    /// A part of a file that is on its way, else the next file's first. Nothing at the end.
    std::optional<Task> next_task(Destination& destination) {
        for (;;) {
            std::unique_lock lock(mutex_);
            if (end_.stop_requested()) return std::nullopt;
            if (!parts_.empty()) {
                Task task = std::move(parts_.front());
                parts_.pop_front();
                return task;
            }
            if (next_file_ < files_.size()) {
                const PlannedFile& planned = files_[next_file_++];
                ++opening_;
                lock.unlock();
                const Result<void> opened = open_file(destination, planned);
                lock.lock();
                --opening_;
                changed_.notify_all();
                lock.unlock();
                if (!opened) note_problem(planned.path, opened.error());
                continue;
            }
            if (opening_ == 0) return std::nullopt;
            // Another connection is about to open a file whose parts can be shared.
            changed_.wait(lock, end_.get_token(),
                          [this] { return opening_ == 0 || !parts_.empty(); });
        }
    }

    Result<void> open_file(Destination& destination, const PlannedFile& planned) {
        auto sending = std::make_shared<Sending>();
        sending->planned = planned;
        sending->key = site_.job.key_of(planned.path);
        sending->file = TRY(open_source(fs::path(site_.job.folder) / planned.path));
        if (is_being_written(sending->file)) {
            ++counts_.waiting;
            return {};
        }
        if (TRY(state_of(sending->file)) != planned.state) return fail(changed(planned.path));
        sending->part_bytes = planned.part_bytes != 0 && !planned.upload.empty()
                                  ? planned.part_bytes
                                  : part_bytes_for(planned.state.size, site_.job.part_bytes);
        sending->parts.resize(
            static_cast<std::size_t>(part_count(planned.state.size, sending->part_bytes)));
        if (sending->parts.size() > 1) TRY(open_upload(destination, *sending));
        queue_missing_parts(destination, sending);
        return {};
    }

    /// Goes on with the upload that was begun before, as far as both sides know its parts.
    Result<void> open_upload(Destination& destination, Sending& sending) {
        const std::string& path = sending.planned.path;
        if (!sending.planned.upload.empty()) {
            const auto stored = destination.parts(sending.key, sending.planned.upload);
            if (stored) {
                sending.upload = sending.planned.upload;
                const auto noted = TRY(site_.manifest.parts(site_.job.name, path));
                for (const auto& [number, part] : noted)
                    if (const auto there = stored->find(number);
                        there != stored->end() && there->second == part.etag)
                        sending.parts.at(static_cast<std::size_t>(number) - 1) = part;
                return {};
            }
            if (stored.error().code != ErrorCode::not_found) return fail(stored.error());
            TRY(site_.manifest.drop_upload(site_.job.name, path));
        }
        sending.upload = TRY(destination.begin_upload(sending.key));
        return site_.manifest.begin_upload(site_.job.name, path, sending.upload,
                                           sending.part_bytes);
    }

    void queue_missing_parts(Destination& destination, const std::shared_ptr<Sending>& sending) {
        std::vector<Task> tasks;
        for (std::size_t i = 0; i < sending->parts.size(); ++i) {
            if (sending->parts[i].etag.empty()) {
                tasks.push_back({sending, static_cast<int>(i) + 1});
                continue;
            }
            ++counts_.resumed_parts;
            counts_.resumed_bytes += static_cast<std::int64_t>(std::min(
                sending->part_bytes, sending->planned.state.size - i * sending->part_bytes));
        }
        sending->missing = static_cast<int>(tasks.size());
        if (tasks.empty()) {
            finish_file(destination, *sending);
            return;
        }
        const std::lock_guard lock(mutex_);
        parts_.insert(parts_.end(), tasks.begin(), tasks.end());
        changed_.notify_all();
    }

    Result<void> do_part(Destination& destination, const Task& task) {
        Sending& sending = *task.sending;
        const std::string bytes =
            TRY(read_part(sending.file, sending.planned.state.size, sending.part_bytes, task.part));
        const Sendable body{bytes, sha256_of(bytes)};
        SentPart sent{.etag = "", .sha256 = body.sha256};
        sent.etag = TRY(again_while_unavailable([&] {
            return sending.upload.empty()
                       ? destination.put(sending.key, body)
                       : destination.put_part(sending.key, sending.upload, task.part, body);
        }));
        counts_.bytes += static_cast<std::int64_t>(bytes.size());
        if (!sending.upload.empty())
            TRY(site_.manifest.add_part(site_.job.name, sending.planned.path, task.part, sent));
        sending.parts[static_cast<std::size_t>(task.part) - 1] = std::move(sent);
        return {};
    }

    void finish_part(Destination& destination, const Task& task, const Result<void>& done) {
        bool is_last = false, has_failed = false;
        {
            const std::lock_guard lock(mutex_);
            if (!done) {
                if (!task.sending->has_failed)
                    note_problem_locked(task.sending->planned.path, done.error());
                task.sending->has_failed = true;
            }
            is_last = --task.sending->missing == 0;
            has_failed = task.sending->has_failed;
        }
        if (is_last && !has_failed) finish_file(destination, *task.sending);
    }

    void finish_file(Destination& destination, Sending& sending) {
        if (const auto finished = complete(destination, sending); !finished)
            note_problem(sending.planned.path, finished.error());
        else
            ++counts_.files;
    }

    /// The file is whole at the store, and what the store has is what the file is.
    Result<void> complete(Destination& destination, Sending& sending) {
        const SyncJob& job = site_.job;
        const std::string& path = sending.planned.path;
        std::vector<std::string> digests, etags;
        for (const SentPart& part : sending.parts) {
            digests.push_back(part.sha256);
            etags.push_back(part.etag);
        }
        KnownFile known{.state = sending.planned.state,
                        .sha256 = digest_of_parts(digests),
                        .part_bytes = sending.part_bytes,
                        .etag = etags.front()};
        if (const auto unchanged = check_source(sending, known.sha256); !unchanged) {
            if (!sending.upload.empty() && unchanged.error().code == ErrorCode::conflict) {
                TRY(destination.abandon_upload(sending.key, sending.upload));
                TRY(site_.manifest.drop_upload(job.name, path));
            }
            return unchanged;
        }
        if (!sending.upload.empty())
            known.etag = TRY(again_while_unavailable(
                [&] { return destination.complete_upload(sending.key, sending.upload, etags); }));
        const auto stored = TRY(destination.find(sending.key));
        if (!stored || stored->size != sending.planned.state.size)
            return fail(ErrorCode::corrupt,
                        fmt::format("{}: the store has {} bytes of {}", path,
                                    stored ? stored->size : 0, sending.planned.state.size));
        return site_.manifest.set_sent(job.name, path, known, site_.clock.unix_ms());
    }

    Result<void> check_source(const Sending& sending, const std::string& sha256) {
        const std::string& path = sending.planned.path;
        if (TRY(state_of(sending.file)) != sending.planned.state) return fail(changed(path));
        if (site_.job.verification != Verification::transferred) return {};
        const std::string now =
            TRY(digest_of_file(fs::path(site_.job.folder) / path, sending.planned.state,
                               sending.part_bytes, end_.get_token()));
        if (now != sha256) return fail(changed(path));
        return {};
    }

    template <class Work>
    auto again_while_unavailable(const Work& work) -> decltype(work()) {
        Milliseconds pause = first_pause;
        for (int tries = 1;; ++tries, pause *= 2) {
            auto result = work();
            const bool is_final = result || !result.error().may_pass_by_itself();
            if (is_final || tries == tries_max) return result;
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, end_.get_token(), pause, [] { return false; });
            if (end_.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        }
    }

    void note_problem(const std::string& path, const Error& error) {
        const std::lock_guard lock(mutex_);
        note_problem_locked(path, error);
    }

    void note_problem_locked(const std::string& path, const Error& error) {
        if (error.code == ErrorCode::cancelled) return;
        problems_.push_back({path, error});
        if (error.code != ErrorCode::denied) return;
        if (!fatal_) fatal_ = error;
        end_.request_stop();
    }

    void end_all(const Error& error) {
        const std::lock_guard lock(mutex_);
        if (!fatal_ && error.code != ErrorCode::cancelled) fatal_ = error;
        end_.request_stop();
    }

    const SendSite& site_;
    const std::vector<PlannedFile>& files_;
    SendCounts& counts_;
    std::vector<SendProblem>& problems_;
    const std::stop_token outer_;
    std::stop_source end_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Task> parts_;
    std::size_t next_file_ = 0;
    int opening_ = 0;
    std::optional<Error> fatal_;
};

}  // namespace

Result<void> send_files(const SendSite& site, const std::vector<PlannedFile>& files,
                        SendCounts& counts, std::vector<SendProblem>& problems,
                        const std::stop_token& stop) {
    return Sender(site, files, counts, problems, stop).run();
}

std::uint64_t part_bytes_for(std::uint64_t size, std::uint64_t wanted) {
    constexpr std::uint64_t mebibyte = 1u << 20;
    const std::uint64_t least = (size + parts_max - 1) / parts_max;
    return std::max(wanted, (least + mebibyte - 1) / mebibyte * mebibyte);
}

std::string digest_of_parts(const std::vector<std::string>& sha256s) {
    if (sha256s.size() == 1) return sha256s.front();
    Digest digest(DigestKind::sha256);
    for (const std::string& sha256 : sha256s) digest.update(sha256);
    return digest.hex();
}

Result<std::string> digest_of_file(const fs::path& path, const FileState& state,
                                   std::uint64_t part_bytes, const std::stop_token& stop) {
    const File file = TRY(File::open_to_read(path));
    if (TRY(state_of(file)) != state) return fail(changed(path.string()));
    std::vector<std::string> digests;
    const int count = part_count(state.size, part_bytes);
    for (int number = 1; number <= count; ++number) {
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        digests.push_back(sha256_of(TRY(read_part(file, state.size, part_bytes, number))));
    }
    return digest_of_parts(digests);
}

}  // namespace stroma::sync
