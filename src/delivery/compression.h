#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::delivery {

enum class Compression { none, gzip, zip, zstd, snappy, hadoop_snappy };

/// nothing for a name that isn't one: UNCOMPRESSED, GZIP, ZIP, ZSTD, Snappy, HADOOP_SNAPPY.
Result<Compression> compression_named(std::string_view name);
/// ".gz", ".zip", ".zst", ".snappy" or "".
std::string_view extension_of(Compression compression);
/// The same bytes for the same input each time. An archive (ZIP) has one member, "records". Snappy
/// is raw, or in the frames that Hadoop reads.
Result<std::string> compress(std::string_view bytes, Compression compression);

}  // namespace stroma::delivery
