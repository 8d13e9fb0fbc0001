#include "tissue/measure/joined_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace stroma::tissue {
namespace {

/// Puts in what the columns lack up to that many cells.
void fill(std::vector<NumberColumn>& columns, std::size_t cells) {
    for (NumberColumn& column : columns)
        column.values.resize(cells, std::numeric_limits<double>::quiet_NaN());
}
void fill(std::vector<WordColumn>& columns, std::size_t cells) {
    for (WordColumn& column : columns) column.codes.resize(cells, -1);
}

/// The one of that name, made with `cells` empty cells where there is none.
template <class Column>
Column& column_of(std::vector<Column>& columns, const std::string& name, std::size_t cells) {
    const auto found = std::ranges::find(columns, name, &Column::name);
    if (found != columns.end()) return *found;
    columns.emplace_back().name = name;
    fill(columns, cells);
    return columns.back();
}

void add_words(const WordColumn& from, WordColumn& to) {
    std::vector<std::int32_t> code_of(from.levels.size());
    for (std::size_t level = 0; level < from.levels.size(); ++level) {
        const auto found = std::ranges::find(to.levels, from.levels[level]);
        code_of[level] = static_cast<std::int32_t>(found - to.levels.begin());
        if (found == to.levels.end()) to.levels.push_back(from.levels[level]);
    }
    for (const std::int32_t code : from.codes)
        to.codes.push_back(code < 0 ? -1 : code_of[static_cast<std::size_t>(code)]);
}

/// Drops what the other table lacks, and adds its values to the rest.
template <class Block>
void add_blocks(std::vector<Block>& to, const std::vector<Block>& from) {
    std::erase_if(to, [&](const Block& block) {
        return std::ranges::find(from, block.name, &Block::name) == from.end();
    });
    for (Block& block : to) {
        const auto& more = *std::ranges::find(from, block.name, &Block::name);
        block.values.insert(block.values.end(), more.values.begin(), more.values.end());
    }
}

Result<void> check_alike(const CellTable& first, const CellTable& other, std::size_t place) {
    if (first.markers != other.markers)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the first file's cells have {} markers, those of file {} {}, or "
                                "others or in another order; measure all with the same channels",
                                first.markers.size(), place + 1, other.markers.size()));
    for (const CellEmbedding& embedding : first.embeddings)
        if (const CellEmbedding* same = other.embedding(embedding.name);
            same != nullptr && same->dims != embedding.dims)
            return fail(ErrorCode::invalid_input,
                        fmt::format("'{}' has {} columns in the first file, {} in file {}",
                                    embedding.name, embedding.dims, same->dims, place + 1));
    return {};
}

void add(const CellTable& from, std::size_t place, std::unordered_set<std::string>& ids,
         CellTable& to) {
    const std::size_t before = to.cell_count();
    for (const std::string& id : from.ids) {
        std::string own = id;
        for (std::size_t number = place; !ids.insert(own).second; ++number)
            own = fmt::format("{}-{}", id, number);
        to.ids.push_back(std::move(own));
    }
    for (const NumberColumn& column : from.numbers) {
        auto& values = column_of(to.numbers, column.name, before).values;
        values.insert(values.end(), column.values.begin(), column.values.end());
    }
    for (const WordColumn& column : from.words)
        add_words(column, column_of(to.words, column.name, before));
    fill(to.numbers, to.cell_count());
    fill(to.words, to.cell_count());
    add_blocks(to.layers, from.layers);
    add_blocks(to.embeddings, from.embeddings);
    for (const std::string& step : from.steps)
        if (std::ranges::find(to.steps, step) == to.steps.end()) to.steps.push_back(step);
}

}  // namespace

Result<CellTable> joined_cells(std::vector<CellTable> tables) {
    if (tables.empty()) return fail(ErrorCode::invalid_input, "there are no cells to join");
    for (std::size_t i = 1; i < tables.size(); ++i) TRY(check_alike(tables.front(), tables[i], i));
    CellTable joined = std::move(tables.front());
    std::unordered_set<std::string> ids(joined.ids.begin(), joined.ids.end());
    for (std::size_t i = 1; i < tables.size(); ++i) {
        add(tables[i], i, ids, joined);
        tables[i] = {};
    }
    return joined;
}

}  // namespace stroma::tissue
