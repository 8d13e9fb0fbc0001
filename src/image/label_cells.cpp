#include "image/label_cells.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_map>

#include "image/pyramid_writer.h"

namespace stroma::image {
namespace {

/// Where segmentation tools and SpatialData put a cell's label.
constexpr std::array<std::string_view, 9> usual_columns = {
    "cell_id",      "CellID", "label",   "label_id",  "instance_id",
    "ObjectNumber", "Object", "cell_ID", "segment_id"};

/// Which of the ids each text is: how many are found, and the row of each label.
struct Match {
    std::vector<std::int32_t> rows;
    std::size_t found = 0;
};

template <class TextOf>
Match match(std::size_t labels, const expression::TextArray& ids, std::size_t cells,
            TextOf&& text_of) {
    std::unordered_map<std::string, std::int32_t> row_of;
    row_of.reserve(cells);
    for (std::size_t row = 0; row < cells; ++row)
        row_of.emplace(text_of(row), static_cast<std::int32_t>(row));
    Match made{std::vector<std::int32_t>(labels, -1)};
    for (std::size_t label = 1; label < labels; ++label) {
        const bool has_id = label <= ids.size();
        if (!ids.empty() && !has_id) break;
        const auto row = row_of.find(has_id ? std::string(ids[label - 1]) : std::to_string(label));
        if (row == row_of.end()) continue;
        made.rows[label] = row->second;
        ++made.found;
    }
    return made;
}

}  // namespace

Result<LabelCells> label_cells(const StoredImage& labels, const expression::SealedDataset& cells,
                               std::string_view column) {
    const double largest = labels.info().channels[0].max;
    if (largest > label_max || labels.info().channels[0].min < 0)
        return fail(ErrorCode::exhausted,
                    fmt::format("limit: labels: they are numbers from 0 to {}", label_max));
    const auto count = static_cast<std::size_t>(largest) + 1;
    const expression::TextArray ids = TRY(labels.label_ids());
    Match best{std::vector<std::int32_t>(count, -1)};
    LabelCells made;
    if (column.empty()) {
        const expression::TextArray cell_ids = TRY(cells.cell_ids());
        best = match(count, ids, cell_ids.size(),
                     [&](std::size_t row) { return std::string(cell_ids[row]); });
        made.by = "cell ids";
    }
    const std::vector<std::string> names = cells.obs_column_names();
    if (!column.empty() && std::find(names.begin(), names.end(), column) == names.end())
        return fail(ErrorCode::not_found, fmt::format("obs has no column '{}'", column));
    for (const std::string& name : names) {
        const bool is_usual =
            std::find(usual_columns.begin(), usual_columns.end(), name) != usual_columns.end();
        if (column.empty() ? !is_usual : name != column) continue;
        const expression::Column values = TRY(cells.obs_column(name));
        Match found =
            match(count, ids, values.size(), [&](std::size_t row) { return values.text(row); });
        if (found.found <= best.found) continue;
        best = std::move(found);
        made.by = fmt::format("obs column '{}'", name);
    }
    made.rows = std::move(best.rows);
    return made;
}

Result<std::vector<std::uint32_t>> labels_in(const StoredImage& labels,
                                             const expression::Watch& watch) {
    std::vector<bool> is_there;
    const LevelSize& size = labels.levels()[0];
    for (std::uint64_t y = 0; y < tiles_along(size.height); ++y) {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the reading of the labels was cancelled");
        for (std::uint64_t x = 0; x < tiles_along(size.width); ++x) {
            const Tile tile = TRY(labels.tile(0, 0, x, y));
            with_pixel_type(labels.info().type, [&]<class T>(T) {
                for (std::size_t at = 0; at < tile.width * tile.height; ++at) {
                    const auto value =
                        static_cast<double>(load<T>(tile.values.data() + at * sizeof(T)));
                    if (value <= 0 || value > label_max) continue;
                    const auto label = static_cast<std::size_t>(value);
                    if (label >= is_there.size()) is_there.resize(label + 1);
                    is_there[label] = true;
                }
            });
        }
    }
    std::vector<std::uint32_t> found;
    for (std::size_t label = 1; label < is_there.size(); ++label)
        if (is_there[label]) found.push_back(static_cast<std::uint32_t>(label));
    return found;
}

}  // namespace stroma::image
