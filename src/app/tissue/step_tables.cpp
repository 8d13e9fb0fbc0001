#include "app/tissue/step_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace stroma::app {

void CsvText::row(const std::vector<std::string>& fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        if (i > 0) text_ += ',';
        if (fields[i].find_first_of(",\"\r\n") == std::string::npos) {
            text_ += fields[i];
            continue;
        }
        text_ += '"';
        for (const char c : fields[i]) text_ += c == '"' ? std::string("\"\"") : std::string(1, c);
        text_ += '"';
    }
    text_ += '\n';
}

std::string CsvText::number(double value) {
    if (!std::isfinite(value)) return "";
    char text[32];
    return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

Result<void> CsvText::write(const fs::path& path) const {
    return replace_file(path, as_bytes(text_));
}

Result<tissue::WordColumn> words_named(const tissue::CellTable& table, const std::string& name) {
    if (const auto* words = table.word(name)) return *words;
    const auto* numbers = table.number(name);
    if (numbers == nullptr) {
        std::string names;
        for (const auto& column : table.words) names += (names.empty() ? "" : ", ") + column.name;
        return fail(ErrorCode::invalid_input,
                    fmt::format("the cells have no column '{}'; of words there are {}", name,
                                names.empty() ? "none" : names));
    }
    std::vector<std::string> texts;
    for (const double value : numbers->values) texts.push_back(CsvText::number(value));
    return tissue::WordColumn::of(name, texts);
}

Result<tissue::Places> places_of(const tissue::CellTable& table) {
    const auto* spatial = table.embedding("spatial");
    if (spatial == nullptr || spatial->dims < 2)
        return fail(ErrorCode::invalid_input,
                    "the cells have no places: obsm \"spatial\", or X_centroid and Y_centroid");
    tissue::Places places;
    for (std::size_t i = 0; i < table.cell_count(); ++i) {
        places.x.push_back(spatial->values[i * spatial->dims]);
        places.y.push_back(spatial->values[i * spatial->dims + 1]);
        if (!std::isfinite(places.x.back()) || !std::isfinite(places.y.back()))
            return fail(ErrorCode::invalid_input,
                        fmt::format("cell '{}' has a place that is no number", table.ids[i]));
    }
    return places;
}

Result<std::vector<CellGroup>> cell_groups(const tissue::CellTable& table,
                                           const std::string& column) {
    std::vector<CellGroup> groups;
    if (column.empty()) {
        groups.push_back({"all", std::vector<std::uint32_t>(table.cell_count())});
        std::iota(groups[0].cells.begin(), groups[0].cells.end(), 0u);
        return groups;
    }
    const Kinds kinds = sorted_kinds(TRY(words_named(table, column)));
    for (const std::string& name : kinds.names) groups.push_back({name, {}});
    for (std::uint32_t i = 0; i < table.cell_count(); ++i)
        if (kinds.of_cells[i] >= 0)
            groups[static_cast<std::size_t>(kinds.of_cells[i])].cells.push_back(i);
    return groups;
}

tissue::Places take(const tissue::Places& places, const std::vector<std::uint32_t>& cells) {
    tissue::Places out;
    for (const std::uint32_t cell : cells) {
        out.x.push_back(places.x[cell]);
        out.y.push_back(places.y[cell]);
    }
    return out;
}

std::vector<std::int32_t> take(const std::vector<std::int32_t>& kinds,
                               const std::vector<std::uint32_t>& cells) {
    std::vector<std::int32_t> out;
    for (const std::uint32_t cell : cells) out.push_back(kinds[cell]);
    return out;
}

Kinds sorted_kinds(const tissue::WordColumn& words) {
    std::vector<std::size_t> order(words.levels.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return words.levels[a] < words.levels[b]; });
    Kinds kinds;
    std::vector<std::int32_t> place(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        place[order[i]] = static_cast<std::int32_t>(i);
        kinds.names.push_back(words.levels[order[i]]);
    }
    for (const std::int32_t code : words.codes)
        kinds.of_cells.push_back(code < 0 ? -1 : place[static_cast<std::size_t>(code)]);
    return kinds;
}

std::vector<StepParameter> graph_parameters() {
    using enum ParameterType;
    return {
        {"graph",
         text,
         "\"nearest\"",
         "who is whose neighbour",
         {},
         {},
         {"nearest", "radius", "delaunay"}},
        {"neighbours", integer, "6", "of graph nearest: so many of each cell", 1, 1000},
        {"radius", number, "30", "of graph radius: um around each cell", 1e-6, 1e6},
        {"longest", number, "0", "of graph delaunay: longer edges (um) go; 0 keeps all", 0, 1e9}};
}

Result<tissue::SpatialGraph> graph_asked(const StepRun& run, const tissue::Places& places) {
    if (run.text("graph") == "radius") return tissue::radius_graph(places, run.number("radius"));
    if (run.text("graph") == "delaunay")
        return tissue::delaunay_graph(places, run.number("longest"));
    return tissue::nearest_graph(places, static_cast<std::uint32_t>(run.integer("neighbours")));
}

}  // namespace stroma::app
