#include <fmt/format.h>

#include <set>

#include "app/demo/demo_counts.h"

namespace stroma::app {
namespace {

// The mitochondrial genes, and the ribosomal ones that are most of any blood cell's molecules.
constexpr std::string_view housekeeping[] = {
    "MT-ND1", "MT-ND2",  "MT-CO1", "MT-CO2", "MT-ATP8", "MT-ATP6", "MT-CO3", "MT-ND3",
    "MT-ND4", "MT-ND4L", "MT-ND5", "MT-ND6", "MT-CYB",  "RPL3",    "RPL10",  "RPL13",
    "RPL21",  "RPL32",   "RPL34",  "RPS3",   "RPS6",    "RPS12",   "RPS18",  "RPS27",
    "ACTB",   "B2M",     "GAPDH",  "MALAT1", "TMSB4X",  "FTL",     "FTH1",   "EEF1A1"};

}  // namespace

const std::vector<DemoCellType>& demo_cell_types() {
    static const std::vector<DemoCellType> types = {
        {"CD4 T cell",
         "CL:0000624",
         "#1f77b4",
         0.32,
         {"CD3D", "CD3E", "IL7R", "CCR7", "CD4", "LEF1", "MAL"}},
        {"CD8 T cell",
         "CL:0000625",
         "#aec7e8",
         0.17,
         {"CD3D", "CD3E", "CD8A", "CD8B", "GZMK", "CCL5"}},
        {"B cell",
         "CL:0000236",
         "#2ca02c",
         0.14,
         {"MS4A1", "CD79A", "CD79B", "CD19", "TCL1A", "HLA-DRA"}},
        {"natural killer cell",
         "CL:0000623",
         "#ff7f0e",
         0.11,
         {"NKG7", "GNLY", "GZMB", "PRF1", "KLRD1", "CCL5"}},
        {"CD14 monocyte",
         "CL:0001054",
         "#d62728",
         0.15,
         {"LYZ", "CD14", "S100A8", "S100A9", "CST3", "FCN1"}},
        {"FCGR3A monocyte",
         "CL:0002396",
         "#ff9896",
         0.05,
         {"LYZ", "FCGR3A", "MS4A7", "LST1", "CST3", "CDKN1C"}},
        {"dendritic cell",
         "CL:0000451",
         "#9467bd",
         0.04,
         {"FCER1A", "CLEC10A", "CD1C", "CST3", "HLA-DRA"}},
        {"megakaryocyte",
         "CL:0000556",
         "#8c564b",
         0.02,
         {"PPBP", "PF4", "GNG11", "ITGA2B", "TUBB1"}},
    };
    return types;
}

std::vector<std::string> demo_gene_names(std::uint32_t count) {
    std::vector<std::string> names;
    std::set<std::string_view> seen;
    for (const auto& type : demo_cell_types())
        for (const auto marker : type.markers)
            if (seen.insert(marker).second) names.emplace_back(marker);
    names.insert(names.end(), std::begin(housekeeping), std::end(housekeeping));
    while (names.size() < count) names.push_back(fmt::format("DEMO{:05}", names.size() + 1));
    names.resize(count);
    return names;
}

}  // namespace stroma::app
