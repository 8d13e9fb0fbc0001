#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "explorer/explorer.h"

// The answers of cellxgene's /api/v0.2 and /api/v0.3, over the same stored data: JSON and
// NetEncoding. X is shown as float32, obs and var in the types that its clients know.

namespace stroma::explorer {

struct CellxgeneStyle {
    bool with_dictionaries = false;  ///< v0.3: categories as codes; v0.2: as JSON
    int bins = 0;                    ///< v0.3: 16-bit codes of so many steps for floats; 0: none
};

constexpr std::size_t cellxgene_columns_max = 32;

Result<Made> cellxgene_schema(const RevisionData& data);
Result<Made> cellxgene_config(const RevisionData& data, std::string_view server_version);
enum class Axis { obs, var };
/// The named columns; none: all. invalid_input names an unknown column
Result<Made> cellxgene_annotations(const RevisionData& data, Axis axis,
                                   const std::vector<std::string>& names,
                                   const CellxgeneStyle& style);
/// invalid_input names an unknown layout     unsupported  there is none
Result<Made> cellxgene_layout(const RevisionData& data, const std::vector<std::string>& names,
                              const CellxgeneStyle& style);

/// What chooses genes or cells: columns joined by "and", the values of one by "or".
struct RowFilter {
    struct Test {
        std::string column;
        std::vector<std::string> values;         ///< equal to one of them, or
        std::optional<double> minimum, maximum;  ///< within these, both inclusive
    };
    std::vector<Test> tests;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> index;  ///< half-open
    bool has_index = false;
};
/// Rising numbers. errors  invalid_input  an unknown column, nothing asked for
///                         not_found      names a value that no gene or cell has
Result<std::vector<std::uint32_t>> rows_matching(const RevisionData& data, Axis axis,
                                                 const RowFilter& filter);
Result<Made> cellxgene_genes(const RevisionData& data, const std::vector<std::uint32_t>& genes,
                             const CellxgeneStyle& style);
/// The mean of X over the genes, as one column of that name.
Result<Made> cellxgene_mean(const RevisionData& data, const std::vector<std::uint32_t>& genes,
                            const std::string& column, const CellxgeneStyle& style);
/// Differential expression of X in cellxgene's own way ("topN"): the first `count` genes of each
/// direction as [gene, log fold change, p, adjusted p]. errors  as compare_as_cellxgene
Result<Made> cellxgene_comparison(const RevisionData& data, const RowFilter& a, const RowFilter& b,
                                  std::uint32_t count, const expression::Watch& watch);

}  // namespace stroma::explorer
