#pragma once

#include "arrow/ipc_writer.h"

namespace stroma::arrow {

/// One buffer of a compressed body: its length as int64, then an LZ4 or zstd frame; the length -1
/// and the bytes as they are where a frame would not be shorter. Not for BodyCompression::none.
Result<Bytes> compress_buffer(ByteSpan bytes, BodyCompression compression);

}  // namespace stroma::arrow
