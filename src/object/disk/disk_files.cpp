#include "object/disk/disk_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>

#include "base/context.h"
#include "base/digest.h"

namespace stroma::object {

Result<void> KeyLocks::set(std::size_t stripe, short type) {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(stripe);
    range.l_len = 1;
    while (::fcntl(file_.descriptor(), F_OFD_SETLKW, &range) != 0)
        if (errno != EINTR) return fail(error_from_errno("locking", file_.name(), errno));
    return {};
}

Result<KeyLocks::Held> KeyLocks::hold(std::string_view key) {
    const std::size_t stripe = checksum64(as_bytes(key)) % stripe_count;
    mutexes_[stripe].lock();
    if (auto locked = set(stripe, F_WRLCK); !locked) {
        mutexes_[stripe].unlock();
        return fail(std::move(locked.error()));
    }
    return Held(*this, stripe);
}

KeyLocks::Held::~Held() {
    if (locks_ == nullptr) return;
    (void)locks_->set(stripe_, F_UNLCK);
    locks_->mutexes_[stripe_].unlock();
}

namespace {

constexpr std::string_view claim_suffix = ".claim";

std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
        names.push_back(entry->path().filename().string());
    return names;
}

/// Whether the open file still is the one at that path.
bool is_at(const File& file, const fs::path& path) {
    struct stat open {
    }, named{};
    return ::fstat(file.descriptor(), &open) == 0 && ::stat(path.c_str(), &named) == 0 &&
           open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

/// Removes what dead processes left. Trouble is left to the next open.
void sweep(const fs::path& folder) {
    const std::vector<std::string> names = names_in(folder);
    std::set<std::string> prefixes;
    for (const std::string& name : names) prefixes.insert(name.substr(0, name.find('.')));
    for (const std::string& prefix : prefixes) {
        const fs::path claim_path = folder / (prefix + std::string(claim_suffix));
        const auto claim = File::open_to_read(claim_path);
        const bool alive = claim && ::flock(claim->descriptor(), LOCK_EX | LOCK_NB) != 0;
        if (alive || (claim && !is_at(*claim, claim_path))) continue;
        if (!claim && claim.error().code != ErrorCode::not_found) continue;
        bool all_gone = true;
        for (const std::string& name : names)
            if (name.rfind(prefix + ".", 0) == 0 && folder / name != claim_path)
                all_gone = remove_file(folder / name).has_value() && all_gone;
        // The claim goes last, so that an interrupted sweep is gone on with.
        if (claim && all_gone) (void)remove_file(claim_path);
    }
}

}  // namespace

TemporaryFiles::TemporaryFiles(fs::path folder, std::string prefix, File claim)
    : folder_(std::move(folder)), prefix_(std::move(prefix)), claim_(std::move(claim)) {}

TemporaryFiles::~TemporaryFiles() {
    (void)remove_file(folder_ / (prefix_ + std::string(claim_suffix)));
}

Result<std::unique_ptr<TemporaryFiles>> TemporaryFiles::claim(const fs::path& folder) {
    sweep(folder);
    static IdSource ids;
    for (;;) {
        std::string prefix = ids.secret(8);
        const fs::path path = folder / (prefix + std::string(claim_suffix));
        File file = TRY(File::create(path));
        // Between the two a sweep may have taken it for a dead process's.
        if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) == 0 && is_at(file, path))
            return std::unique_ptr<TemporaryFiles>(
                new TemporaryFiles(folder, std::move(prefix), std::move(file)));
    }
}

fs::path TemporaryFiles::next() { return folder_ / fmt::format("{}.{}", prefix_, ++number_); }

namespace {

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

Result<std::vector<KeyPiece>> read_pieces(const fs::path& folder) {
    std::vector<KeyPiece> pieces;
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), &::closedir);
    if (!open && errno == ENOENT) return pieces;
    if (!open) return fail(error_from_errno("listing", folder.string(), errno));
    errno = 0;
    while (const dirent* entry = ::readdir(open.get()))
        if (auto piece = piece_of_name(entry->d_name)) pieces.push_back(*std::move(piece));
    if (errno != 0) return fail(error_from_errno("listing", folder.string(), errno));
    std::sort(pieces.begin(), pieces.end(),
              [](const KeyPiece& a, const KeyPiece& b) { return a.bytes < b.bytes; });
    return pieces;
}

}  // namespace

Result<FolderNames::Pieces> FolderNames::read(const fs::path& folder) {
    // A change within the clock's tick of another may leave the folder's time as it was, so only
    // a time that has been the same for a while tells that nothing changed.
    constexpr std::int64_t settled_ns = 1'000'000'000;
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0 && errno == ENOENT)
        return std::make_shared<const std::vector<KeyPiece>>();
    const std::int64_t changed_ns = nanoseconds(status.st_mtim);
    {
        const std::lock_guard lock(mutex_);
        const auto known = known_.find(folder.string());
        if (known != known_.end() && known->second.changed_ns == changed_ns)
            return known->second.pieces;
    }
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    auto pieces = std::make_shared<const std::vector<KeyPiece>>(TRY(read_pieces(folder)));
    if (nanoseconds(now) - changed_ns > settled_ns) {
        const std::lock_guard lock(mutex_);
        if (known_.size() >= known_max) known_.clear();
        known_[folder.string()] = {changed_ns, pieces};
    }
    return pieces;
}

}  // namespace stroma::object
