#pragma once

#include <optional>
#include <string>

#include "expression/annotated_data.h"
#include "expression/input_files.h"

namespace stroma::loading {

/// One cell of RSEM's tables: var has a row per gene, then (with isoforms) a row per transcript,
/// with "isgene", "length" and "effective_length"; X is expected_count, layers/tpm is TPM.
/// Native ids are kept; rows with the same id in one table are invalid_input.
/// Format: RSEM 1.3 <sample>.genes.results, <sample>.isoforms.results (tab-separated, one header).
Result<expression::AnnotatedData> read_rsem(expression::InputFiles& files, const std::string& genes,
                                            const std::optional<std::string>& isoforms,
                                            const std::string& cell_id);

}  // namespace stroma::loading
