#pragma once

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "queue/segments/segment_stream.h"
#include "stream/streams.h"

// What the fuzz targets of services over streams share.

namespace stroma::stream {

/// Streams in a folder of their own, which goes with them.
class FuzzedStreams {
public:
    FuzzedStreams() {
        streams = Streams::open({.folder = folder / "s"}, log_opener(), clock, ids).value();
    }
    ~FuzzedStreams() {
        streams.reset();
        fs::remove_all(folder);
    }
    FuzzedStreams(const FuzzedStreams&) = delete;
    FuzzedStreams& operator=(const FuzzedStreams&) = delete;

    OpenLog log_opener() {
        return [this](const fs::path& path, const LogOptions& options) {
            return queue::open_segments(
                path, {.shards = options.shards, .retention = options.retention}, clock);
        };
    }

private:
    static fs::path make_folder() {
        std::string pattern = (fs::temp_directory_path() / "stroma-fuzz-XXXXXX").string();
        return ::mkdtemp(pattern.data());
    }

public:
    const fs::path folder = make_folder();
    ManualClock clock;
    IdSource ids{7};
    std::unique_ptr<Streams> streams;
};

}  // namespace stroma::stream
