#pragma once

#include <memory>

#include "expression/format.h"

namespace stroma::expression {

/// Reads matrices out of delimited text (',' tab ';' '|'; plain or gzip; quotes as in RFC 4180):
/// - wide tables: a header of ids, then one line per cell or per gene, its id first. Which it is
///   comes from ReadOptions::orientation, else from the first header field, else from what the ids
///   look like; what was found is noted. R's header without a field over the ids is known.
/// - long tables whose header names a cell, a gene and a value column (cellkey, featurekey,
///   exprvalue ...; others are passed over), one line per stored value; '|' with backslash escapes.
///   The matrix service's own, cell|gene|kind|value, need no header.
/// - folders of the HCA matrix service: expression.csv, cells.csv, genes.csv.
/// Every line is checked in a first reading on all threads. Values of wide tables come in a second
/// one, those of long tables wait in the scratch file. Memory: ids, lengths of lines and a few
/// blocks of text.
/// errors  invalid_input  names the line and field: another number of fields, no number, NUL, not
///                        UTF-8, a line over 64 MiB
std::unique_ptr<FormatReader> make_csv_reader();

}  // namespace stroma::expression
