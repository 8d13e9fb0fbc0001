#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/delivery_state.h"
#include "delivery/destination.h"

namespace stroma::delivery {

/// A record of a batch, raw.
struct RawRecord {
    std::string data;
    std::int64_t arrived_ms = 0;
    std::string id;  ///< tells it from all others of the delivery, the same at each repeat
    std::uint32_t shard = 0;
    std::uint64_t number = 0;  ///< its sequence number there
};

/// Names of buffers that are no partition's.
constexpr std::string_view errors_buffer = "!errors", raw_buffer = "!raw";
constexpr std::size_t partitions_max = 500;
constexpr std::string_view too_many_code = "DynamicPartitioning.ActivePartitionsLimitExceeded",
                           stopped_code = "DynamicPartitioning.MetadataExtractionStopped";

/// Something that a record holds, and the buffer that it belongs into.
struct ItemPlace {
    std::size_t record = 0;  ///< which of the records
    std::string id, buffer;
    std::uint64_t bytes = 0;
    std::string forced;  ///< the code under which it goes to the errors, come what may; "" for none
};

/// The buffers that a batch is made of, where partitions are buffered apart.
struct Chosen {
    std::map<std::string, Positions> from;
    std::map<std::string, ForcedItem> forced;  ///< as OpenBuffers has it
};

/// What a batch is called by: the same at each repeat.
struct BatchName {
    std::string delivery;  ///< its name
    std::string delivery_id;
    int version = 1;    ///< of the destination
    std::string range;  ///< which records these are
    std::int64_t planned_ms = 0;
    std::string arn, region;
    std::string given_up;  ///< why the endpoint gets nothing of it; "" while it may
    int attempts = 0;      ///< at the endpoint, before it was given up
};

struct MadeObject {
    std::string bucket, key, bytes;
};

/// What is posted to an HTTP endpoint.
struct Post {
    std::string id, body;
};

struct Batch {
    std::vector<MadeObject> objects;
    std::vector<Post> posts;
    std::string manifest;  ///< of the objects: the key of what a warehouse copies; "" for none
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

/// The objects that the records become; of the buffers that are chosen, if any. Nothing but the
/// arguments decides what they are.
Result<Batch> make_batch(const BatchName& name, const Destination& destination,
                         const std::vector<RawRecord>& records, const BatchTools& tools,
                         const Chosen* chosen = nullptr);
/// Into which buffers the records' items belong, where partitions are buffered apart; those of the
/// chosen buffers alone, if any. In the order of the records.
Result<std::vector<ItemPlace>> places_of(const BatchName& name, const Destination& destination,
                                         const std::vector<RawRecord>& records,
                                         const Chosen* chosen = nullptr);
/// Whether an item of that buffer and place is among the chosen.
bool is_chosen(const Chosen& chosen, const std::string& buffer, std::uint32_t shard,
               std::uint64_t number);
/// Whether an HTTP endpoint's answer says that it took the request of that id.
bool endpoint_took(std::string_view answer, const std::string& post_id);

}  // namespace stroma::delivery
