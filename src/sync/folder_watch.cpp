#include "sync/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace stroma::sync {
namespace {

constexpr std::uint32_t changes = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
                                  IN_DELETE | IN_MODIFY | IN_ONLYDIR | IN_EXCL_UNLINK;

}  // namespace

struct FolderWatch::State {
    File events, wake;
    std::map<int, std::string> folders;  ///< by watch descriptor

    /// A folder that is gone meanwhile, or not for us, isn't watched.
    Result<void> watch(const fs::path& folder) {
        const int descriptor = inotify_add_watch(events.descriptor(), folder.c_str(), changes);
        if (descriptor < 0) {
            if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};
            return fail(error_from_errno("watching", folder.string(), errno));
        }
        folders[descriptor] = folder.string();
        return {};
    }

    Result<void> watch_with_subfolders(const fs::path& folder) {
        TRY(watch(folder));
        std::error_code problem;
        const auto options = fs::directory_options::skip_permission_denied;
        for (fs::recursive_directory_iterator entry(folder, options, problem), end;
             !problem && entry != end; entry.increment(problem))
            if (entry->is_directory(problem) && !entry->is_symlink(problem))
                TRY(watch(entry->path()));
        return {};
    }

    /// Reads what is there; new folders are watched from now on.
    Result<void> take_events() {
        alignas(inotify_event) std::array<char, 64 << 10> buffer;
        for (;;) {
            const ssize_t size = read(events.descriptor(), buffer.data(), buffer.size());
            if (size < 0 && errno == EINTR) continue;
            if (size <= 0) return {};
            for (const char* at = buffer.data(); at < buffer.data() + size;) {
                const auto* const event = reinterpret_cast<const inotify_event*>(at);
                at += sizeof *event + event->len;
                if ((event->mask & IN_IGNORED) != 0) folders.erase(event->wd);
                const auto folder = folders.find(event->wd);
                if ((event->mask & IN_ISDIR) != 0 && event->len > 0 && folder != folders.end())
                    TRY(watch_with_subfolders(fs::path(folder->second) / event->name));
            }
        }
    }
};

FolderWatch::FolderWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
FolderWatch::FolderWatch(FolderWatch&&) noexcept = default;
FolderWatch::~FolderWatch() = default;

Result<FolderWatch> FolderWatch::open(const fs::path& folder) {
    auto state = std::make_unique<State>();
    state->events = File(inotify_init1(IN_NONBLOCK | IN_CLOEXEC), "inotify");
    state->wake = File(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd");
    if (!state->events.is_open() || !state->wake.is_open())
        return fail(error_from_errno("watching", folder.string(), errno));
    TRY(state->watch_with_subfolders(folder));
    return FolderWatch(std::move(state));
}

Result<bool> FolderWatch::wait(Milliseconds time, const std::stop_token& stop) {
    const std::stop_callback wake(stop, [this] { eventfd_write(state_->wake.descriptor(), 1); });
    std::array<pollfd, 2> waiting = {pollfd{state_->events.descriptor(), POLLIN, 0},
                                     pollfd{state_->wake.descriptor(), POLLIN, 0}};
    int ready = 0;
    if (!stop.stop_requested())
        ready = poll(waiting.data(), waiting.size(), static_cast<int>(time.count()));
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
    if (ready <= 0) return false;
    TRY(state_->take_events());
    return true;
}

}  // namespace stroma::sync
