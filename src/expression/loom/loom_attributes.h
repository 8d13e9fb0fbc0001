#pragma once

#include <string>
#include <string_view>

#include "expression/output/h5.h"

namespace stroma::expression {

/// When a deterministic file says it was made.
inline constexpr const char* loom_timestamp = "19700101T000000.000000Z";
inline constexpr unsigned loom_gzip_level = 2;

/// A text as loompy 2 stores it: ASCII, other characters as "&#233;". Bytes that are not UTF-8
/// become "&#65533;".
std::string loom_text(std::string_view utf8);

/// Writes one attribute of the rows or columns: "/col_attrs/CellID". Texts become byte strings of
/// one length; booleans uint8; masked integers float64 with NaN; gzip 2.
Result<void> write_loom_attribute(hid_t file, const std::string& path, const Column& column);
Result<void> write_loom_ids(hid_t file, const std::string& path, const TextArray& ids);
/// Numbers of one or two dimensions; others are left out.
Result<void> write_loom_array(hid_t file, const std::string& path, const Array& values);

}  // namespace stroma::expression
