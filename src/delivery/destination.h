#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "delivery/compression.h"
#include "delivery/jq_query.h"
#include "delivery/table_rows.h"

namespace stroma::delivery {

/// Where raw records go besides.
struct Backup {
    std::string bucket, prefix;
    Compression compression = Compression::none;
};

/// What is done with records, read from the client's ExtendedS3DestinationConfiguration.
struct Destination {
    std::string bucket;  ///< its name
    std::string prefix, error_prefix, zone, extension;
    std::uint64_t buffer_bytes = 5u << 20;
    Milliseconds buffer_time{300'000};
    Compression compression = Compression::none;
    bool partitions = false;               ///< dynamic partitioning
    std::optional<JqQuery> query;          ///< partition keys of a record
    std::optional<std::string> delimiter;  ///< put behind each record
    bool takes_apart = false;         ///< records hold several JSON values, one behind the other
    std::string transform;            ///< name of the user's command; "" for none
    std::optional<TableShape> table;  ///< rows of it, as Parquet
    std::optional<Backup> backup;
};

/// errors  invalid_input  in words for the client
Result<Destination> parse_destination(std::string_view json);
/// As a client gives it for the first time: its query is compiled, too (JqQuery::check).
Result<void> check_destination(std::string_view json);
/// "arn:aws:s3:::name" → "name"; invalid_input for another.
Result<std::string> bucket_of_arn(std::string_view arn);

}  // namespace stroma::delivery
