#include "base/crash_states.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <random>

namespace stroma {
namespace {

struct Recording {
    std::atomic<bool> is_on{false};
    std::mutex mutex;
    std::string folder;
    std::vector<FileChange> changes;
};

Recording& recording() {
    static Recording the_one;
    return the_one;
}

constexpr std::uint64_t sector_bytes = 512;

/// A file's bytes, and what was written and has not been synced.
struct Inode {
    bool is_folder = false;
    std::string durable;
    std::vector<FileChange> pending;
};

/// A change of names that has not been synced: `gone` loses its file, `path` gets one.
struct NameChange {
    std::string gone, path;
    std::size_t inode = 0;
};

std::string parent_of(const std::string& path) { return fs::path(path).parent_path().string(); }

void apply(std::string& bytes, const FileChange& change) {
    if (change.kind == FileChange::Kind::truncate) {
        bytes.resize(change.offset);
        return;
    }
    const std::uint64_t end = change.offset + change.bytes.size();
    if (bytes.size() < end) bytes.resize(end);
    bytes.replace(change.offset, change.bytes.size(), change.bytes);
}

class Disk {
public:
    explicit Disk(std::uint64_t seed) : random_(seed) {}

    void make(const FileChange& change);
    void fail_power();
    void write_to(const std::string& recorded, const fs::path& to) const;

private:
    using Names = std::map<std::string, std::size_t>;
    std::uint64_t draw(std::uint64_t below) { return random_() % below; }
    void name(NameChange change) {
        rename(live_, change);
        unsynced_[parent_of(change.path.empty() ? change.gone : change.path)].push_back(
            std::move(change));
    }
    static void rename(Names& names, const NameChange& change) {
        if (!change.gone.empty()) names.erase(change.gone);
        if (!change.path.empty()) names[change.path] = change.inode;
    }
    std::size_t add(bool is_folder) {
        inodes_.push_back({is_folder, {}, {}});
        return inodes_.size() - 1;
    }
    void tear(Inode& inode, const FileChange& change);

    std::mt19937_64 random_;
    std::vector<Inode> inodes_;
    Names live_, durable_;
    std::map<std::string, std::vector<NameChange>> unsynced_;
};

void Disk::make(const FileChange& change) {
    using Kind = FileChange::Kind;
    const auto found = live_.find(change.path);
    const bool is_there = found != live_.end();
    switch (change.kind) {
        case Kind::create:
            if (!is_there) name({.gone = "", .path = change.path, .inode = add(false)});
            break;
        case Kind::make_folder:
            if (!is_there) name({.gone = "", .path = change.path, .inode = add(true)});
            break;
        case Kind::write:
        case Kind::truncate:
            if (is_there) inodes_[found->second].pending.push_back(change);
            break;
        case Kind::sync:
            if (!is_there) break;
            for (const FileChange& each : inodes_[found->second].pending)
                apply(inodes_[found->second].durable, each);
            inodes_[found->second].pending.clear();
            break;
        case Kind::rename:
            if (is_there) name({.gone = change.path, .path = change.to, .inode = found->second});
            break;
        case Kind::link:
            if (is_there) name({.gone = "", .path = change.to, .inode = found->second});
            break;
        case Kind::remove:
            if (is_there) name({.gone = change.path, .path = "", .inode = 0});
            break;
        case Kind::sync_folder:
            for (const NameChange& each : unsynced_[change.path]) rename(durable_, each);
            unsynced_[change.path].clear();
            break;
        case Kind::note: break;
    }
}

/// A write that was under way: sectors of it, or its length without its bytes.
void Disk::tear(Inode& inode, const FileChange& change) {
    const bool only_length = draw(4) == 0;
    const std::uint64_t end = change.offset + change.bytes.size();
    if (only_length || draw(2) == 0)
        if (inode.durable.size() < end) inode.durable.resize(end);
    if (only_length) return;
    const bool is_prefix = draw(2) == 0;
    const std::uint64_t sectors = end / sector_bytes - change.offset / sector_bytes + 1;
    const std::uint64_t kept = draw(sectors + 1);
    for (std::uint64_t s = 0, from = change.offset; s < sectors && from < end; ++s) {
        const std::uint64_t to = std::min(end, (from / sector_bytes + 1) * sector_bytes);
        if (is_prefix ? s < kept : draw(2) == 0)
            apply(inode.durable, {.kind = FileChange::Kind::write,
                                  .path = "",
                                  .to = "",
                                  .offset = from,
                                  .bytes = change.bytes.substr(from - change.offset, to - from)});
        from = to;
    }
}

void Disk::fail_power() {
    for (Inode& inode : inodes_) {
        const std::uint64_t how = draw(4);  // nothing, all, a beginning, any of it
        const std::uint64_t most = how == 2 ? draw(inode.pending.size() + 1) : inode.pending.size();
        for (std::uint64_t p = 0; p < most && how != 0; ++p) {
            const FileChange& change = inode.pending[p];
            const std::uint64_t luck = how == 3 ? draw(3) : how == 2 && p + 1 == most ? 2 : 1;
            if (luck == 1 || (luck == 2 && change.kind == FileChange::Kind::truncate))
                apply(inode.durable, change);
            else if (luck == 2)
                tear(inode, change);
        }
    }
    for (const auto& [folder, changes] : unsynced_) {
        const std::uint64_t how = draw(4);
        const std::uint64_t most = how == 2 ? draw(changes.size() + 1) : changes.size();
        for (std::uint64_t n = 0; n < most && how != 0; ++n)
            if (how != 3 || draw(2) == 0) rename(durable_, changes[n]);
    }
}

void Disk::write_to(const std::string& recorded, const fs::path& to) const {
    fs::create_directories(to);
    for (const auto& [path, inode] : durable_) {
        const fs::path place = to / path.substr(recorded.size() + 1);
        if (!fs::is_directory(place.parent_path())) continue;  // its folder's name was lost
        if (inodes_[inode].is_folder)
            fs::create_directory(place);
        else
            std::ofstream(place, std::ios::binary) << inodes_[inode].durable;
    }
}

}  // namespace

RecordedChanges::RecordedChanges(fs::path folder) : folder_(std::move(folder)) {
    Recording& all = recording();
    const std::lock_guard lock(all.mutex);
    all.folder = folder_.string();
    all.changes.clear();
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
        const std::string path = entry.path().string();
        if (entry.is_directory()) {
            all.changes.push_back(
                {.kind = FileChange::Kind::make_folder, .path = path, .to = "", .bytes = ""});
        } else {
            std::ifstream file(path, std::ios::binary);
            std::string bytes{std::istreambuf_iterator<char>(file), {}};
            for (const auto kind :
                 {FileChange::Kind::create, FileChange::Kind::write, FileChange::Kind::sync})
                all.changes.push_back({.kind = kind,
                                       .path = path,
                                       .to = "",
                                       .bytes = kind == FileChange::Kind::write ? bytes : ""});
        }
        all.changes.push_back({.kind = FileChange::Kind::sync_folder,
                               .path = entry.path().parent_path().string(),
                               .to = "",
                               .bytes = ""});
    }
    before_ = all.changes.size();
    all.is_on = true;
}

RecordedChanges::~RecordedChanges() { recording().is_on = false; }

void RecordedChanges::note(std::string text) {
    record_change({.kind = FileChange::Kind::note,
                   .path = recording().folder + "/",
                   .to = "",
                   .bytes = std::move(text)});
}

std::vector<FileChange> RecordedChanges::take() {
    Recording& all = recording();
    const std::lock_guard lock(all.mutex);
    all.is_on = false;
    return std::move(all.changes);
}

bool are_changes_recorded() { return recording().is_on.load(std::memory_order_relaxed); }

void record_change(FileChange change) {
    Recording& all = recording();
    const std::lock_guard lock(all.mutex);
    const std::string& path = change.path;
    if (!all.is_on || !path.starts_with(all.folder) ||
        (path.size() > all.folder.size() && path[all.folder.size()] != '/'))
        return;
    all.changes.push_back(std::move(change));
}

void build_crash_state(const std::vector<FileChange>& changes, std::size_t count,
                       std::uint64_t seed, const fs::path& recorded, const fs::path& to) {
    Disk disk(seed);
    for (std::size_t c = 0; c < count && c < changes.size(); ++c) disk.make(changes[c]);
    disk.fail_power();
    disk.write_to(recorded.string(), to);
}

}  // namespace stroma
