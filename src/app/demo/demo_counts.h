#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo/demo_data.h"
#include "expression/matrix_source.h"

namespace stroma::app {

/// Random numbers of one cell (or one purpose): xoshiro256** by Blackman and Vigna, seeded by
/// splitmix64, so that any cell can be made without those before it.
class DemoRandom {
public:
    DemoRandom(std::uint64_t seed, std::uint64_t stream);
    double uniform();  ///< in (0, 1)
    double normal();   ///< mean 0, variance 1
    std::size_t below(std::size_t count) {
        return static_cast<std::size_t>(uniform() * double(count));
    }

private:
    std::uint64_t next();
    std::uint64_t state_[4];
};

struct DemoCellType {
    std::string_view name, ontology_id, colour;
    double share;
    std::vector<std::string_view> markers;
};
const std::vector<DemoCellType>& demo_cell_types();

/// The names of the genes: markers, mitochondrial and ribosomal genes, then numbered ones.
std::vector<std::string> demo_gene_names(std::uint32_t count);

/// What decides one cell's counts.
struct DemoCell {
    std::size_t type = 0, donor = 0;
    double depth = 0;  ///< expected molecules
};

/// Who the cells are, and how likely each gene is in each type.
struct DemoModel {
    DemoShape shape;
    std::vector<DemoCell> cells;
    std::vector<std::vector<double>> gene_shares;  ///< [type][gene], each type adds up to 1
    std::vector<std::uint32_t> totals;             ///< molecules of each cell
    std::vector<std::uint32_t> lengths;            ///< genes seen in each cell
    std::vector<std::uint32_t> mitochondrial;      ///< molecules of MT- genes
};
std::shared_ptr<const DemoModel> make_demo_model(const DemoShape& shape,
                                                 const std::vector<std::string>& gene_names);

enum class DemoValues { counts, log_normalised };

/// The model's counts, or log(1 + 10,000 * count / total), by cell.
std::unique_ptr<expression::MatrixSource> demo_matrix(std::shared_ptr<const DemoModel> model,
                                                      DemoValues values);

}  // namespace stroma::app
