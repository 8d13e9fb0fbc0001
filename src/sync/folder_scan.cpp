#include "sync/folder_scan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <set>

#include "base/utf8.h"

namespace stroma::sync {
namespace {

constexpr std::size_t key_bytes_max = 1024;

FileState state_from(const struct stat& status) {
    return {static_cast<std::uint64_t>(status.st_size),
            status.st_mtim.tv_sec * 1'000'000'000LL + status.st_mtim.tv_nsec};
}

class Walk {
public:
    Walk(const SyncJob& job, FolderScan& scan) : job_(job), scan_(scan) {}

    Result<void> run(const std::stop_token& stop) {
        std::error_code problem;
        fs::recursive_directory_iterator entry(job_.folder, problem), end;
        if (problem)
            return fail(error_from_errno("reading the folder", job_.folder, problem.value()));
        while (entry != end) {
            if (stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
            take(entry);
            const std::string path = entry->path().string();
            entry.increment(problem);
            if (problem) {
                // An increment that fails has become the end.
                scan_.problems.push_back(fmt::format("{}: {}", path, problem.message()));
                return fail(error_from_errno("reading the folder", path, problem.value()));
            }
        }
        return {};
    }

private:
    void take(fs::recursive_directory_iterator& entry) {
        const std::string path = entry->path().lexically_relative(job_.folder).generic_string();
        struct stat status {};
        if (lstat(entry->path().c_str(), &status) != 0) return;  // gone meanwhile
        if (S_ISDIR(status.st_mode)) {
            if (access(entry->path().c_str(), R_OK | X_OK) != 0) {
                scan_.problems.push_back(fmt::format("{} can't be read: its rights", path));
                entry.disable_recursion_pending();
            }
            return;
        }
        if (!S_ISREG(status.st_mode)) {
            ++scan_.links;
        } else if (!job_.filter.takes(path)) {
            ++scan_.excluded;
        } else if (!is_utf8(path)) {
            scan_.problems.push_back(fmt::format(
                "{}: its name is not UTF-8, which keys of objects are", entry->path().string()));
        } else if (job_.prefix.size() + path.size() > key_bytes_max) {
            scan_.problems.push_back(fmt::format("{}: its key is over 1024 bytes", path));
        } else {
            scan_.files.emplace(path, state_from(status));
        }
    }

    const SyncJob& job_;
    FolderScan& scan_;
};

/// Leaves the files that have a marker in their folder or in one above it.
void leave_ready(const std::string& marker, FolderScan& scan) {
    std::set<std::string, std::less<>> ready;  // folders, "" for the whole
    for (const auto& [path, state] : scan.files) {
        const std::size_t slash = path.rfind('/');
        const std::size_t name = slash == path.npos ? 0 : slash + 1;
        if (path.compare(name, path.npos, marker) == 0) ready.insert(path.substr(0, name));
    }
    std::erase_if(scan.files, [&](const auto& file) {
        std::string_view folder = file.first;
        for (;;) {
            const std::size_t slash = folder.rfind('/');
            folder = slash == folder.npos ? std::string_view() : folder.substr(0, slash + 1);
            if (ready.contains(folder)) return false;
            if (folder.empty()) break;
            folder.remove_suffix(1);
        }
        ++scan.unready;
        return true;
    });
}

}  // namespace

Result<FolderScan> scan_folder(const SyncJob& job, const std::stop_token& stop) {
    FolderScan scan;
    TRY(Walk(job, scan).run(stop));
    if (!job.ready_marker.empty()) leave_ready(job.ready_marker, scan);
    return scan;
}

Result<FileState> state_of(const File& file) {
    struct stat status {};
    if (fstat(file.descriptor(), &status) != 0)
        return fail(error_from_errno("looking at", file.name(), errno));
    if (!S_ISREG(status.st_mode) || status.st_nlink == 0)
        return fail(ErrorCode::not_found, file.name() + " is gone");
    return state_from(status);
}

bool is_being_written(const File& file) {
    // Who opens the file during the lease sends this signal, and SIGIO would end the process.
    fcntl(file.descriptor(), F_SETSIG, SIGURG);
    if (fcntl(file.descriptor(), F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
    fcntl(file.descriptor(), F_SETLEASE, F_UNLCK);
    return false;
}

}  // namespace stroma::sync
