#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace stroma::delivery {

/// Records of one shard: from `from` up to before `to`.
struct Range {
    std::uint32_t shard = 0;
    std::uint64_t from = 0, to = 0;
};

/// The batch that is being delivered. It was written down before its first object was put, with
/// all that decides what its objects are.
struct Plan {
    std::vector<Range> ranges;
    std::int64_t planned_ms = 0;
    int version = 1;
    std::string config;
    std::string text() const;  ///< the ranges
};

/// What a delivery is, and how far it has come. A snapshot.
struct DeliveryState {
    std::string name, id;
    std::string owner;  ///< id of the principal who made it
    std::int64_t created_ms = 0, updated_ms = 0;
    int version = 1;
    std::string source;  ///< name of the stream that is delivered; "" when records are put
    std::string source_arn, source_role;
    std::string config;  ///< ExtendedS3DestinationConfiguration as the client gave it
    std::map<std::string, std::string> tags;
    std::map<std::uint32_t, std::uint64_t> cursors;  ///< of each shard: delivered up to before
    std::optional<Plan> plan;
};

std::string state_json(const DeliveryState& state);
Result<DeliveryState> parse_state(std::string_view json);

}  // namespace stroma::delivery
