#pragma once

#include "expression/output/output_files.h"

namespace stroma::expression {

/// OutputFiles as a zip archive (APPNOTE 6.3.9: methods 0 and 8, zip64), appended to and never gone
/// back in. A file in pieces has its sizes in a data descriptor behind it, and is deflated even
/// where nothing is gained (as stored blocks), so that its end can be found without the directory.
Result<std::unique_ptr<OutputFiles>> create_zip(PendingOutput output, bool deflated,
                                                std::string_view stem, Settled settled);

}  // namespace stroma::expression
