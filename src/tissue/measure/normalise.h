#pragma once

#include "tissue/measure/cell_table.h"

namespace stroma::tissue {

struct NormaliseOptions {
    double cofactor = 0;  ///< of arcsinh; 0: 5 times the 20 % quantile (of 0: the largest value)
    double high = 0.999;  ///< quantile that "percentile" calls 1
    std::string by = "";  ///< column of words in whose groups it is done; "": all together
};

/// Adds a layer named as `how`, made of the layer `from`, marker by marker in each group:
/// "arcsinh" of x / cofactor; "log1p"; "zscore" (x - mean) / sd of arcsinh(x / cofactor);
/// "percentile" from the 1 % quantile (0) to `high` (1), not cut. NaN stays.
/// errors  invalid_input  no such layer, column or way
Result<void> normalise(CellTable& table, const std::string& from, const std::string& how,
                       const NormaliseOptions& options);

/// Puts the cells of `more` behind those of `table`. errors  invalid_input  the markers differ
Result<void> append(CellTable& table, const CellTable& more);

/// The number at that share of the sorted values, between its neighbours as numpy's "linear".
double quantile_at(const std::vector<double>& sorted, double share);

}  // namespace stroma::tissue
