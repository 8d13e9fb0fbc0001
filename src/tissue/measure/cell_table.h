#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "expression/sealed_dataset.h"

namespace stroma::tissue {

/// A number of each cell; NaN where there is none.
struct NumberColumn {
    std::string name;
    std::vector<double> values;
};

/// A word of each cell: which of `levels`, or -1 where there is none.
struct WordColumn {
    std::string name;
    std::vector<std::int32_t> codes;
    std::vector<std::string> levels;

    /// Adds the word's place among the levels.
    void push_back(std::string_view word);
    /// The number of the levels that occur first is 0, and so on; built from words.
    static WordColumn of(std::string name, const std::vector<std::string>& words);
};

/// One number of every marker in every cell: row-major, markers side by side.
struct MarkerLayer {
    std::string name;  ///< "X", "median", "nucleus_mean"
    std::vector<float> values;
};

/// A few numbers of each cell that belong together: coordinates in a picture of alike cells.
struct CellEmbedding {
    std::string name;
    std::uint32_t dims = 0;
    std::vector<double> values;  ///< row-major
};

/// Cells as the steps of the pipeline hand them on. In memory whole.
struct CellTable {
    std::vector<std::string> ids;
    std::vector<NumberColumn> numbers;
    std::vector<WordColumn> words;
    std::vector<std::string> markers;
    std::vector<MarkerLayer> layers;        ///< "X" first
    std::vector<CellEmbedding> embeddings;  ///< "spatial" are centroids, micrometres, x and y
    /// What made it, oldest first: one JSON object for each step. In uns["stroma_pipeline"].
    std::vector<std::string> steps;

    std::size_t cell_count() const { return ids.size(); }
    const NumberColumn* number(std::string_view name) const;
    const WordColumn* word(std::string_view name) const;
    const MarkerLayer* layer(std::string_view name) const;
    const CellEmbedding* embedding(std::string_view name) const;
    /// Sets a column, in the place of one of that name.
    void set(NumberColumn column);
    void set(WordColumn column);
    void set(MarkerLayer layer);
    void set(CellEmbedding embedding);
};

/// As AnnData: X and layers dense, the columns in obs, embeddings in obsm. Takes the table's
/// values.
expression::AnnotatedData annotated(CellTable table);
/// What a sealed dataset has of such a table; X's genes are the markers.
/// errors  exhausted  more values than fit into memory_bytes; corrupt
Result<CellTable> cell_table_of(const expression::SealedDataset& dataset,
                                std::uint64_t memory_bytes);

/// The table as text with commas and a heading: CellID, the markers of X, of the other layers as
/// `marker_layer`, numbers, words. Numbers in their shortest form that reads back.
Result<void> write_csv(const CellTable& table, const fs::path& path);

}  // namespace stroma::tissue
