#include "expression/visium/space_ranger_reader.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "base/json.h"
#include "expression/keeping_source.h"
#include "expression/part_of_input.h"
#include "expression/text/table.h"
#include "expression/visium/space_ranger.h"

namespace stroma::expression {
namespace {

/// barcode, in_tissue, array_row, array_col, pxl_row_in_fullres, pxl_col_in_fullres
constexpr std::size_t position_columns = 6;

Result<double> number_in(std::string_view text, const std::string& file, std::size_t line) {
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() ||
        !std::isfinite(value) || std::abs(value) > 1e9)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: line {}: '{}' is no number", file, line, text));
    return value;
}

/// Every spot of the matrix gets its place; those without one have none.
Result<void> add_positions(InputFiles& files, const SpaceRangerFolder& folder,
                           AnnotatedData& data) {
    const std::string& file = folder.positions;
    const Table table = TRY(read_table(
        files, file,
        {.has_header = folder.has_header, .dialect = {.separator = ',', .quotes = true}}));
    if (table.columns.size() != position_columns)
        return fail(ErrorCode::invalid_input, fmt::format("{} has {} columns, not {}", file,
                                                          table.columns.size(), position_columns));
    std::unordered_map<std::string_view, std::size_t> line_of;
    for (std::size_t i = 0; i < table.row_count(); ++i) line_of.emplace(table.columns[0][i], i);
    const std::size_t cells = data.obs.row_count();
    std::array<std::vector<std::int32_t>, 3> whole;
    std::vector<double> places;
    std::size_t lost = 0;
    for (std::size_t cell = 0; cell < cells; ++cell) {
        const auto found = line_of.find(data.obs.index[cell]);
        if (found == line_of.end()) ++lost;
        std::array<double, position_columns> values{};
        values.fill(std::nan(""));
        for (std::size_t column = 1; found != line_of.end() && column < values.size(); ++column)
            values[column] = TRY(number_in(table.columns[column][found->second], file,
                                           found->second + (folder.has_header ? 2 : 1)));
        for (std::size_t i = 0; i < whole.size(); ++i)
            whole[i].push_back(
                std::isnan(values[i + 1]) ? -1 : static_cast<std::int32_t>(values[i + 1]));
        places.push_back(values[5]);
        places.push_back(values[4]);
    }
    if (lost == cells && cells > 0)
        return fail(ErrorCode::invalid_input, fmt::format("{} knows none of the {} barcodes of {}",
                                                          file, cells, folder.matrix));
    if (lost > 0) data.notes.push_back(fmt::format("{} barcodes have no place in {}", lost, file));
    constexpr std::array<const char*, 3> names = {"in_tissue", "array_row", "array_col"};
    for (std::size_t i = 0; i < names.size(); ++i)
        add_column(data.obs, Column{names[i], Array::of(whole[i]), {}}, data.notes);
    Array spatial = Array::of(places);
    spatial.shape = {cells, 2};
    data.obsm.emplace_back("spatial", Element{std::move(spatial)});
    return {};
}

Element scalar(double value) {
    Array array = Array::of(std::vector<double>{value});
    array.shape.clear();
    return Element{std::move(array)};
}

Result<void> add_scale_factors(InputFiles& files, const SpaceRangerFolder& folder,
                               AnnotatedData& data) {
    const Json json = TRY(read_scale_factors(files, folder));
    Dict factors;
    for (const auto& [name, value] : json.items())
        if (const auto factor = scale_factor(json, name.c_str()))
            factors.emplace_back(name, scalar(*factor));
    Dict library, libraries;
    library.emplace_back("scalefactors", Element{std::move(factors)});
    libraries.emplace_back(files.name(), Element{std::move(library)});
    std::erase_if(data.uns, [](const auto& member) { return member.first == "spatial"; });
    data.uns.emplace_back("spatial", Element{std::move(libraries)});
    return {};
}

class SpaceRangerReader final : public FormatReader {
public:
    SpaceRangerReader(const FormatReader& h5, const FormatReader& mtx) : h5_(h5), mtx_(mtx) {}
    std::string_view name() const override { return "space-ranger"; }
    bool recognises(InputFiles& files) const override {
        const auto found = find_space_ranger(files);
        return found && found->has_value();
    }
    Result<AnnotatedData> read(InputFiles& files, const ReadOptions& options) const override {
        const auto folder = TRY(find_space_ranger(files));
        if (!folder)
            return fail(ErrorCode::invalid_input,
                        files.name() +
                            " holds no spatial/scalefactors_json.json with a "
                            "feature_bc_matrix beside it");
        if (folder->positions.empty())
            return fail(ErrorCode::invalid_input,
                        files.name() + ": spatial/ holds no tissue_positions");
        if (folder->positions.ends_with(".parquet"))
            return fail(ErrorCode::unsupported,
                        folder->positions + ": places in Parquet (Visium HD) are not read");
        const auto part = std::make_shared<PartOfInput>(files, folder->matrix, !folder->is_h5);
        AnnotatedData data = TRY((folder->is_h5 ? h5_ : mtx_).read(*part, options));
        for (NamedMatrix& matrix : data.matrices)
            matrix.source = keeping(part, std::move(matrix.source));
        data.notes.push_back("the counts are those of " + folder->matrix);
        TRY(add_positions(files, *folder, data));
        TRY(add_scale_factors(files, *folder, data));
        return data;
    }

private:
    const FormatReader& h5_;
    const FormatReader& mtx_;
};

}  // namespace

std::unique_ptr<FormatReader> make_space_ranger_reader(const FormatReader& h5,
                                                       const FormatReader& mtx) {
    return std::make_unique<SpaceRangerReader>(h5, mtx);
}

}  // namespace stroma::expression
