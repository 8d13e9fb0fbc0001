#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::delivery {

/// What the Kinesis Producer Library put into one record: magic bytes, a protobuf message with the
/// keys and the data of each, and its MD5.
struct KplRecord {
    std::string_view partition_key;
    std::string_view data;
};
/// The records within; nothing when `data` isn't such an aggregate. Views into `data`.
std::optional<std::vector<KplRecord>> deaggregate(std::string_view data);

}  // namespace stroma::delivery
