#pragma once

#include "app/tissue/step.h"
#include "tissue/measure/cell_table.h"
#include "tissue/statistics/spatial_graph.h"

// What several steps ask of a table of cells, and the tables that they write.

namespace stroma::app {

/// A small table of results on its way into a file.
class CsvText {
public:
    explicit CsvText(const std::vector<std::string>& heads) { row(heads); }
    void row(const std::vector<std::string>& fields);
    /// "" for what is no finite number, else the shortest text that reads back.
    static std::string number(double value);
    Result<void> write(const fs::path& path) const;

private:
    std::string text_;
};

/// The column of words of that name, or one made of a column of whole numbers.
/// errors  invalid_input  names the columns that there are
Result<tissue::WordColumn> words_named(const tissue::CellTable& table, const std::string& name);
/// Each cell's place in micrometres. errors  invalid_input  no obsm "spatial", a place that is none
Result<tissue::Places> places_of(const tissue::CellTable& table);
/// Cells by the column's words, in the words' order; of "" all cells as one, called "all".
struct CellGroup {
    std::string name;
    std::vector<std::uint32_t> cells;
};
Result<std::vector<CellGroup>> cell_groups(const tissue::CellTable& table,
                                           const std::string& column);
/// Places, kinds of those cells only.
tissue::Places take(const tissue::Places& places, const std::vector<std::uint32_t>& cells);
std::vector<std::int32_t> take(const std::vector<std::int32_t>& kinds,
                               const std::vector<std::uint32_t>& cells);

/// The levels of a column in the alphabet's order, and each cell's place among them.
struct Kinds {
    std::vector<std::string> names;
    std::vector<std::int32_t> of_cells;
};
Kinds sorted_kinds(const tissue::WordColumn& words);

/// The parameters graph, neighbours, radius and longest, and the graph that they ask for.
std::vector<StepParameter> graph_parameters();
Result<tissue::SpatialGraph> graph_asked(const StepRun& run, const tissue::Places& places);

}  // namespace stroma::app
