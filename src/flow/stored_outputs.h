#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "sql/database.h"

namespace stroma::flow {

/// Where outputs lie, as whoever looks after a data directory knows it.
struct OutputPlaces {
    fs::path folder;   ///< "pipelines" of the data directory
    fs::path archive;  ///< "": below `folder`
};
fs::path archive_of(const OutputPlaces& places);

/// Holds outputs where they are: none expires, goes to the archive or comes back. Ends with the
/// process that took it, however that ends.
class OutputsHeld {
public:
    /// Waits for the one that moves just now.
    static Result<OutputsHeld> take(const fs::path& folder);
    /// Nothing when somebody else has it.
    static Result<std::optional<OutputsHeld>> try_take(const fs::path& folder);

private:
    explicit OutputsHeld(File lock) : lock_(std::move(lock)) {}
    File lock_;
};

/// Reads every output that the database knows (those of one run, or of all: "") and holds it
/// against its manifest, here and in the archive, and its key against what is written of inputs,
/// parameters and code. One line for each thing that is wrong; without tables of runs none.
/// errors  cancelled
Result<std::vector<std::string>> verify_stored_outputs(sql::Connection& connection,
                                                       const OutputPlaces& places,
                                                       const std::string& run,
                                                       const std::function<bool()>& cancelled);

/// Copies outputs that the database knows, and archived ones, below `to` as they lie below
/// `places.folder`. OutputsHeld is held since before the database was copied.
/// errors  cancelled
Result<void> copy_stored_outputs(sql::Connection& connection, const OutputPlaces& places,
                                 const fs::path& to, const std::function<bool()>& cancelled);

/// Takes every output out of the database, for a copy that has none.
Result<void> forget_stored_outputs(sql::Connection& connection);

}  // namespace stroma::flow
