#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "delivery/destination.h"

namespace stroma::delivery {

/// A record of a batch, raw.
struct RawRecord {
    std::string data;
    std::int64_t arrived_ms = 0;
    std::string id;  ///< tells it from all others of the delivery, the same at each repeat
};

/// What a batch is called by: the same at each repeat.
struct BatchName {
    std::string delivery;  ///< its name
    std::string delivery_id;
    int version = 1;    ///< of the destination
    std::string range;  ///< which records these are
    std::int64_t planned_ms = 0;
    std::string arn, region;
};

struct MadeObject {
    std::string bucket, key, bytes;
};

struct Batch {
    std::vector<MadeObject> objects;
    std::uint64_t delivered = 0, refused = 0, dropped = 0;  ///< records
};

/// Answers a transform's request with the name of the command; both JSON, as AWS has them.
using Transform =
    std::function<Result<std::string>(const std::string& command, const std::string& request)>;

struct BatchTools {
    /// Opens what writes Parquet; unsupported without.
    std::function<Result<std::shared_ptr<sql::EmbeddedDatabase>>()> open_engine;
    fs::path scratch;
    Transform transform;
};

/// The objects that the records become. Nothing but the arguments decides what they are.
Result<Batch> make_batch(const BatchName& name, const Destination& destination,
                         const std::vector<RawRecord>& records, const BatchTools& tools);

}  // namespace stroma::delivery
