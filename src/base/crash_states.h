#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"

// What a disk may hold after a power failure at any moment of a run. For tests only.

namespace stroma {

/// A change of files as it was made, or a note of the test's.
struct FileChange {
    enum class Kind {
        create,
        write,
        truncate,
        sync,
        rename,
        link,
        remove,
        make_folder,
        sync_folder,
        note
    };
    Kind kind = Kind::note;
    std::string path;
    std::string to;            ///< of a rename or a link
    std::uint64_t offset = 0;  ///< of a write; the size of a truncation
    std::string bytes;         ///< of a write; a note's text
};

/// Records the changes that this process makes below a folder, from its beginning to its end; one
/// at a time. Changes count in the order in which they were done.
class RecordedChanges {
public:
    /// What the folder holds already counts as synced: the first `before()` changes made it.
    explicit RecordedChanges(fs::path folder);
    std::size_t before() const { return before_; }
    ~RecordedChanges();
    /// What has been promised, or seen from outside, by now. Any thread.
    static void note(std::string text);
    /// Ends the recording; gives what was changed.
    std::vector<FileChange> take();

private:
    const fs::path folder_;
    std::size_t before_ = 0;
};

/// Fills the new folder `to` with a state that a disk may hold when the power fails behind the
/// first `count` changes, which were recorded below `recorded`. What was synced is there. Of all
/// else `seed` decides: a write is lost, whole, torn at sectors, out of order, or only its length
/// is there; a name is there, the old one, or none.
void build_crash_state(const std::vector<FileChange>& changes, std::size_t count,
                       std::uint64_t seed, const fs::path& recorded, const fs::path& to);

// For file.cpp: tells the recording, if there is one, of a change that was made.
bool are_changes_recorded();
void record_change(FileChange change);

}  // namespace stroma
