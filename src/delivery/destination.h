#pragma once

#include <cstdint>
#include <map>
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

/// Where records are posted to; what it doesn't take in time goes to the bucket, under errors.
struct HttpEndpoint {
    std::string url, access_key;
    bool gzip = false;
    std::map<std::string, std::string> attributes;  ///< sent with each request
};

/// A table that takes the objects by COPY.
struct WarehouseTable {
    std::string table, columns, options, role;  ///< as the client wrote them
};

/// What is done with records, read from the client's configuration of a destination.
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
    std::optional<HttpEndpoint> http;
    std::optional<WarehouseTable> warehouse;
    Milliseconds retry_time{300'000};  ///< for how long an endpoint or a table is tried
    /// Whether each partition is a buffer of its own. What a transform names isn't known twice
    /// alike: there a batch ends for all together.
    bool is_apart() const { return partitions && query && transform.empty(); }
};

/// errors  invalid_input  in words for the client
Result<Destination> parse_destination(std::string_view json);
/// As a client gives it for the first time: its query is compiled, too (JqQuery::check).
Result<void> check_destination(std::string_view json);
/// "arn:aws:s3:::name" → "name"; invalid_input for another.
Result<std::string> bucket_of_arn(std::string_view arn);

}  // namespace stroma::delivery
