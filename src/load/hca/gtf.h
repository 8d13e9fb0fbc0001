#pragma once

#include <functional>
#include <string>
#include <vector>

#include "expression/input_files.h"
#include "warehouse/warehouse.h"

namespace stroma::loading {

struct GtfOptions {
    std::string species = "Homo sapiens";  ///< genus_species of every row
    std::uint64_t unpacked_bytes_max = std::uint64_t{16} << 30;
};

/// Reads the gene and transcript lines of a GTF file, plain or gzip, as rows of `feature`:
/// featurekey (id cut at the first dot, "_PAR_Y" put back), featurename, featuretype, chromosome,
/// featurestart, featureend, isgene, genus_species. Rows keep the file's order; a key that occurs
/// again is left out and noted.
/// Format: GENCODE and Ensembl GTF (GTF2.2; gene_type or gene_biotype).
/// errors  invalid_input  names the line
struct GtfFeatures {
    std::vector<warehouse::Row> rows;
    std::vector<std::string> notes;
};
Result<GtfFeatures> read_gtf(expression::InputFiles& files, std::string_view name,
                             const GtfOptions& options);

}  // namespace stroma::loading
