#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/text_sealer.h"

namespace stroma::delivery {

/// Records of one shard: from `from` up to before `to`.
struct Range {
    std::uint32_t shard = 0;
    std::uint64_t from = 0, to = 0;
};

/// Of shards: a sequence number each. A shard that isn't named stands before its first record.
using Positions = std::map<std::uint32_t, std::uint64_t>;

/// An item that goes to the errors under that code, and its record.
struct ForcedItem {
    std::string code;
    std::uint32_t shard = 0;
    std::uint64_t number = 0;
};

/// The buffers of a delivery with dynamic partitioning as they stood when a plan was made. A buffer
/// holds the items of its partition that lie from its positions on; what lies before `scanned` and
/// in no open buffer has been delivered.
struct OpenBuffers {
    int version = 1;     ///< of the destination that they were begun for
    std::string config;  ///< and what it was
    Positions scanned;
    std::map<std::string, Positions> from;
    /// By id: items that go to the errors, whatever their partition would be. They are known until
    /// the log before them is done with.
    std::map<std::string, ForcedItem> forced;
};

/// The batch that is being delivered. It was written down before its first object was put, with
/// all that decides what its objects are.
struct Plan {
    std::vector<Range> ranges;
    std::int64_t planned_ms = 0;
    int version = 1;
    std::string config;
    std::map<std::string, Positions> buffers = {};  ///< those it is made of; none: all
    std::optional<OpenBuffers> open = {};           ///< with these among them
    std::string given_up = {};  ///< why the endpoint gets nothing of it; "" while it may
    std::string text() const;   ///< tells it from all others of the delivery
};

/// What a delivery is, and how far it has come. A snapshot.
struct DeliveryState {
    std::string name, id;
    std::string owner;  ///< id of the principal who made it
    std::int64_t created_ms = 0, updated_ms = 0;
    int version = 1;
    std::string source;  ///< name of the stream that is delivered; "" when records are put
    std::string source_arn, source_role;
    /// ExtendedS3DestinationConfiguration as the client gave it, or an object with the name and the
    /// value of the configuration of another destination.
    std::string config;
    std::map<std::string, std::string> tags;
    std::map<std::uint32_t, std::uint64_t> cursors;  ///< of each shard: delivered up to before
    std::optional<OpenBuffers> buffers;
    std::optional<Plan> plan;
};

std::string state_json(const DeliveryState& state);
Result<DeliveryState> parse_state(std::string_view json);

/// In the folder of its delivery.
inline constexpr std::string_view state_file = "delivery.json";
/// The state as it lies on disk: JSON, its destinations, which may hold passwords, sealed.
Result<std::string> to_state_file(DeliveryState state, TextSealer* sealer);
Result<DeliveryState> from_state_file(std::string_view text, TextSealer* sealer);

}  // namespace stroma::delivery
