#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "expression/zarr/zarr_array.h"

namespace stroma::expression {

/// The indexes of the shards of one array that were used last. Any thread.
/// Format: zarr-specs, codec "sharding_indexed" 1.0: for each chunk, in row-major order, where it
/// begins and how many bytes it has; both all ones where there is none.
class ShardIndexes {
public:
    /// The index of the shard that has this key and is stored.
    /// errors  invalid_input  the shard is shorter than its index, or the index's checksum is wrong
    Result<std::shared_ptr<const Bytes>> get(const ZarrStore& store, const ZarrArray& array,
                                             const std::string& key);

private:
    static constexpr std::size_t kept_max = 8;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const Bytes>> kept_;
};

}  // namespace stroma::expression
