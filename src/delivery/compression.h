#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::delivery {

enum class Compression { none, gzip, zstd, snappy, hadoop_snappy };

/// nothing for a name that isn't one: UNCOMPRESSED, GZIP, ZSTD, Snappy, HADOOP_SNAPPY.
Result<Compression> compression_named(std::string_view name);
/// ".gz", ".zst", ".snappy" or "".
std::string_view extension_of(Compression compression);
/// The same bytes for the same input each time. Snappy is raw, or in the frames that Hadoop reads.
Result<std::string> compress(std::string_view bytes, Compression compression);

}  // namespace stroma::delivery
