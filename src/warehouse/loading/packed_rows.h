#pragma once

#include <string>
#include <string_view>

#include "warehouse/loading/revision_tables.h"

namespace stroma::warehouse {

/// All of a revision's rows as one text of bytes, and back
/// (docs/decisions/0003-arrived-datasets.md). Without genes, only their table's shape is in it.
std::string pack(const RevisionTables& tables, bool with_genes = true);
/// errors  corrupt      the bytes end early or make no sense
///         unsupported  a newer program packed them
Result<RevisionTables> unpack(std::string_view packed);

/// A hash of everything in the rows: names, types and values.
std::string content_of(const FrameRows& rows);

}  // namespace stroma::warehouse
