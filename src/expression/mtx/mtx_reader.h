#pragma once

#include <memory>

#include "expression/format.h"

namespace stroma::expression {

/// Reads 10x folders (version 2: matrix.mtx, genes.tsv, barcodes.tsv; version 3: matrix.mtx.gz,
/// features.tsv.gz, barcodes.tsv.gz; plain or gzip, with a common prefix before the names or in a
/// subfolder), folders of the HCA matrix service (features, genes and cells tables), and a bare
/// .mtx or .mtx.gz file, whose cells and genes are then numbered.
///
/// MatrixMarket "coordinate" with integer, real or pattern values and "general" symmetry; 1-based.
/// Rows are genes. Cells × genes is accepted when only that fits the two tables, and noted; a bare
/// file follows ReadOptions::orientation (default: cells are columns).
/// The file is read once to check every line and to learn its order, and again while lines are
/// asked for. Memory: lengths of the lines and a few blocks of text; lines that lie in no order
/// are gathered in ranges of cells.
/// Format: math.nist.gov/MatrixMarket/formats.html.
std::unique_ptr<FormatReader> make_mtx_reader();

}  // namespace stroma::expression
