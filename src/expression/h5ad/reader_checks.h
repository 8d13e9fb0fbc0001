#pragma once

#include <string>
#include <vector>

#include "expression/format.h"

namespace stroma::expression {

/// Sees to it that the ids of a table are distinct: repeated ones are an error that lists the
/// first ten, or get "-1", "-2"... and a note when options.make_ids_unique.
/// `what` is "cell" or "gene", `place` names the part of the file.
Result<void> settle_ids(Frame& frame, const std::string& what, const std::string& place,
                        const ReadOptions& options, std::vector<std::string>& notes);

/// Whether the input is one file that is HDF5 and holds all the paths. Cheap, never fails.
bool is_hdf5_with(InputFiles& files, const std::vector<std::string>& paths);

/// Opens the one file of the input with the limits of the options.
/// errors  invalid_input  a folder; else as Hdf5File::open
Result<std::shared_ptr<class Hdf5File>> open_hdf5_input(InputFiles& files,
                                                        const ReadOptions& options);

}  // namespace stroma::expression
