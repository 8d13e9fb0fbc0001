#pragma once

#include "expression/output/output_files.h"

namespace stroma::expression {

/// OutputFiles as a zip archive (APPNOTE 6.3.9: methods 0 and 8, zip64), streamed into one file.
/// The sizes in an entry's head are written when the entry ends, so a reader needs no data
/// descriptors; the head keeps 20 bytes free for the case that it must become a zip64 head.
Result<std::unique_ptr<OutputFiles>> create_zip(PendingOutput output, bool deflated,
                                                std::string_view stem);

}  // namespace stroma::expression
