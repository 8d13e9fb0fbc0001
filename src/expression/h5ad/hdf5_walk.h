#pragma once

#include <set>

#include "base/result.h"
#include "expression/h5ad/hdf5_file.h"

namespace stroma::expression {

/// Goes through everything a foreign HDF5 file links to, opens each dataset's header and refuses
/// the file at the first thing that isn't allowed. No values are read.
class Hdf5Walk {
public:
    Hdf5Walk(const Hdf5File& file, const Hdf5Limits& limits) : file_(&file), limits_(limits) {}
    Result<void> run();

private:
    struct Group {
        std::string path;
        std::size_t depth;
    };
    Result<void> visit_group(const Group& group);
    Result<void> visit_dataset(const std::string& path);

    const Hdf5File* file_;
    Hdf5Limits limits_;
    std::vector<Group> pending_;
    std::set<std::uint64_t> seen_;  ///< addresses of what was visited
    std::uint64_t objects_ = 0, unpacked_bytes_ = 0;
};

}  // namespace stroma::expression
