#include "tissue/measure/patched_cells.h"

#include <algorithm>

namespace stroma::tissue {
namespace {

struct PatchRow {
    std::uint32_t label = 0;
    const CellTable* from = nullptr;
    std::size_t row = 0;
};

std::optional<std::vector<PatchRow>> patch_rows(const CellTable& before, const CellTable& fresh,
                                                const std::string& image,
                                                std::span<const std::uint32_t> changed) {
    const NumberColumn *const old = before.number("label"), *const now = fresh.number("label");
    const WordColumn* const images = before.word("image");
    if (old == nullptr || now == nullptr || images == nullptr) return std::nullopt;
    std::vector<PatchRow> rows;
    for (std::size_t i = 0; i < before.cell_count(); ++i) {
        const auto label = static_cast<std::uint32_t>(old->values[i]);
        const std::int32_t code = images->codes[i];
        if (code < 0 || images->levels[static_cast<std::size_t>(code)] != image ||
            std::binary_search(changed.begin(), changed.end(), label))
            continue;
        rows.push_back({label, &before, i});
    }
    for (std::size_t i = 0; i < fresh.cell_count(); ++i)
        rows.push_back({static_cast<std::uint32_t>(now->values[i]), &fresh, i});
    std::sort(rows.begin(), rows.end(),
              [](const PatchRow& one, const PatchRow& other) { return one.label < other.label; });
    return rows;
}

bool has_all_of(const CellTable& before, const CellTable& fresh) {
    const auto all = [](const auto& columns, const auto& is_there) {
        return std::all_of(columns.begin(), columns.end(), is_there);
    };
    return before.markers == fresh.markers &&
           all(fresh.numbers,
               [&](const auto& one) { return before.number(one.name) != nullptr; }) &&
           all(fresh.words, [&](const auto& one) { return before.word(one.name) != nullptr; }) &&
           all(fresh.layers, [&](const auto& one) { return before.layer(one.name) != nullptr; }) &&
           all(fresh.embeddings, [&](const CellEmbedding& one) {
               const CellEmbedding* const found = before.embedding(one.name);
               return found != nullptr && found->dims == one.dims;
           });
}

}  // namespace

std::optional<CellTable> patched_cells(const CellTable& before, const CellTable& fresh,
                                       const std::string& image,
                                       std::span<const std::uint32_t> changed) {
    if (!has_all_of(before, fresh)) return std::nullopt;
    const auto rows = patch_rows(before, fresh, image, changed);
    if (!rows) return std::nullopt;
    CellTable out;
    out.markers = fresh.markers;
    const std::size_t width = out.markers.size();
    for (const PatchRow& row : *rows) out.ids.push_back(row.from->ids[row.row]);
    for (const NumberColumn& column : fresh.numbers) {
        NumberColumn whole{column.name, {}};
        for (const PatchRow& row : *rows)
            whole.values.push_back(row.from->number(column.name)->values[row.row]);
        out.set(std::move(whole));
    }
    for (const WordColumn& column : fresh.words) {
        std::vector<std::string> words;
        for (const PatchRow& row : *rows) {
            const WordColumn& from = *row.from->word(column.name);
            words.push_back(from.levels[static_cast<std::size_t>(from.codes[row.row])]);
        }
        out.set(WordColumn::of(column.name, words));
    }
    for (const MarkerLayer& layer : fresh.layers) {
        MarkerLayer whole{layer.name, {}};
        for (const PatchRow& row : *rows) {
            const auto from = row.from->layer(layer.name)->values.begin() +
                              static_cast<std::ptrdiff_t>(row.row * width);
            whole.values.insert(whole.values.end(), from,
                                from + static_cast<std::ptrdiff_t>(width));
        }
        out.layers.push_back(std::move(whole));
    }
    for (const CellEmbedding& embedding : fresh.embeddings) {
        CellEmbedding whole{embedding.name, embedding.dims, {}};
        for (const PatchRow& row : *rows) {
            const auto from = row.from->embedding(embedding.name)->values.begin() +
                              static_cast<std::ptrdiff_t>(row.row * embedding.dims);
            whole.values.insert(whole.values.end(), from,
                                from + static_cast<std::ptrdiff_t>(embedding.dims));
        }
        out.set(std::move(whole));
    }
    return out;
}

}  // namespace stroma::tissue
