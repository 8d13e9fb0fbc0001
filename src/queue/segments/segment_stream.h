#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "queue/growing_stream.h"

namespace stroma::queue {

struct SegmentOptions {
    int shards = 1;  ///< at least that many
    Milliseconds retention{24LL * 3600 * 1000};
    std::uint64_t segment_bytes = 64ull << 20;  ///< past it a new file is begun; below 4 GiB
    /// Goes into every checksum, so that another stream's file is not mistaken for this one's.
    /// Used when the stream is made.
    std::uint64_t identity = 1;
};

/// Opens the stream in that folder, making both when they aren't there. One process at a time.
/// Reads through the last file; of those before it only their indexes, where they have one.
///
/// Group commit: the appends that wait while a write is on its way to the disk go into the next
/// one, together. Whoever finds no write under way does it for all, on its own thread, because
/// waking another one takes longer than the disk does.
///
/// A failed write fails the appends that were in it and leaves nothing; after a failed sync the
/// stream refuses appends (unavailable) until it is opened again.
Result<std::unique_ptr<GrowingStream>> open_segments(const fs::path& folder,
                                                     const SegmentOptions& options,
                                                     const Clock& clock);

/// Reads every file of a stream that nobody has open: a line for each place that is damaged.
Result<std::vector<std::string>> check_segments(const fs::path& folder);

}  // namespace stroma::queue
