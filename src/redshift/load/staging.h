#pragma once

#include "base/file.h"
#include "redshift/lake.h"

namespace stroma::redshift {

/// Files that the engine reads or writes by name, in a folder of their own that goes with this.
class Staging {
public:
    explicit Staging(const fs::path& folder);
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;
    /// An object's bytes under a name that the engine may open. Several threads read (and so check)
    /// and write its blocks.
    Result<fs::path> take(LakeReader& object);
    /// For a file that somebody else writes.
    fs::path next_path();
    const fs::path& folder() const { return folder_; }

private:
    fs::path folder_;
    std::size_t count_ = 0;
};

}  // namespace stroma::redshift
