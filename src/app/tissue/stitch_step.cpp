#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "app/tissue/step_tables.h"
#include "expression/text/numbers.h"
#include "expression/text/table.h"
#include "tissue/correct/stitching.h"

namespace stroma::app {
namespace {

using Places = std::vector<tissue::FieldPlace>;

/// Fields in rows of a grid, in the order in which a stage goes over it.
Result<Places> grid_places(const StepRun& run, const image::ImageInfo& field) {
    const std::size_t count = run.inputs("image").size();
    const auto columns = static_cast<std::size_t>(run.integer("columns"));
    if (count % columns != 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} fields don't fill rows of {}; say columns, or give positions",
                                count, columns));
    const double step = 1 - run.number("overlap");
    const bool is_snake = run.text("order") == "snake";
    Places places;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t row = i / columns;
        const std::size_t column =
            is_snake && row % 2 == 1 ? columns - 1 - i % columns : i % columns;
        places.push_back({static_cast<double>(column) * step * static_cast<double>(field.width),
                          static_cast<double>(row) * step * static_cast<double>(field.height)});
    }
    return places;
}

Result<double> place_number(const expression::TextArray& texts, std::size_t row,
                            const fs::path& path) {
    expression::NumberText number;
    if (!expression::parse_number(texts[row], number))
        return fail(ErrorCode::invalid_input, fmt::format("{}: line {}: '{}' is no number",
                                                          path.string(), row + 2, texts[row]));
    return number.value;
}

/// Places from a table: image, and x and y in pixels or x_um and y_um.
Result<Places> told_places(const StepRun& run, const image::ImageInfo& field) {
    const fs::path& path = run.inputs("positions").front();
    const auto files = TRY(expression::open_input(path));
    expression::TableOptions options;
    options.guess = true;
    const auto table = TRY(expression::read_table(*files, files->name(), options));
    const auto* names = table.find("image");
    const bool are_pixels = table.find("x") != nullptr;
    const auto* across = table.find(are_pixels ? "x" : "x_um");
    const auto* down = table.find(are_pixels ? "y" : "y_um");
    if (names == nullptr || across == nullptr || down == nullptr)
        return fail(ErrorCode::invalid_input,
                    path.string() + ": needs columns image, x and y in pixels (or x_um and y_um)");
    if (!are_pixels && (!field.micrometres_x || !field.micrometres_y))
        return fail(ErrorCode::invalid_input,
                    path.string() +
                        ": places are in micrometres, but the fields don't say how "
                        "large a pixel is; give x and y in pixels");
    const double scale_x = are_pixels ? 1 : *field.micrometres_x;
    const double scale_y = are_pixels ? 1 : *field.micrometres_y;
    std::map<std::string, tissue::FieldPlace> known;
    for (std::size_t row = 0; row < names->size(); ++row)
        known[stem_of(std::string((*names)[row]))] = {
            TRY(place_number(*across, row, path)) / scale_x,
            TRY(place_number(*down, row, path)) / scale_y};
    Places places;
    for (const fs::path& image : run.inputs("image")) {
        const auto found = known.find(stem_of(image));
        if (found == known.end())
            return fail(ErrorCode::invalid_input, fmt::format("{}: no line for the field '{}'",
                                                              path.string(), stem_of(image)));
        places.push_back(found->second);
    }
    return places;
}

Result<void> write_places(StepRun& run, const tissue::StitchedFields& stitched,
                          const Places& stage) {
    const auto name = [&](std::size_t i) { return run.inputs("image")[i].filename().string(); };
    CsvText places({"image", "x", "y", "stage_x", "stage_y"});
    for (std::size_t i = 0; i < stage.size(); ++i)
        places.row({name(i), CsvText::number(stitched.places[i].x),
                    CsvText::number(stitched.places[i].y), CsvText::number(stage[i].x),
                    CsvText::number(stage[i].y)});
    TRY(places.write(run.output() / "places.csv"));
    run.made("places", "places.csv");
    CsvText pairs({"one", "other", "x", "y", "agreement", "used", "left_over"});
    double used = 0;
    for (const tissue::FieldPair& pair : stitched.pairs) {
        pairs.row({name(pair.one), name(pair.other), CsvText::number(pair.between.x),
                   CsvText::number(pair.between.y), CsvText::number(pair.between.agreement),
                   pair.is_used ? "yes" : "no", CsvText::number(pair.left_over)});
        used += pair.is_used ? 1 : 0;
    }
    TRY(pairs.write(run.output() / "pairs.csv"));
    run.made("pairs", "pairs.csv");
    run.tell("fields", static_cast<double>(stage.size()));
    run.tell("pairs", static_cast<double>(stitched.pairs.size()));
    run.tell("pairs used", used);
    run.tell("fields laid by the stage", static_cast<double>(stitched.loose_count));
    return {};
}

Result<void> stitch(StepRun& run) {
    std::vector<Picture> fields;
    for (const fs::path& path : run.inputs("image"))
        fields.push_back(TRY(open_picture(run, path, false)));
    image::ImageInfo shape = fields[0]->info();
    const std::size_t channel =
        TRY(channel_named(shape, run.has("channel") ? run.text("channel") : ""));
    const Places stage = run.inputs("positions").empty() ? TRY(grid_places(run, shape))
                                                         : TRY(told_places(run, shape));
    const tissue::StitchedFields stitched = TRY(tissue::stitch_fields(
        fields, channel, stage, {run.number("max_shift"), run.number("agreement")},
        run.watch("finding places")));
    shape.width = stitched.width;
    shape.height = stitched.height;
    const MakeWindow make = [&](std::size_t at, const tissue::Window& window,
                                tissue::Raster<float>& out) {
        return tissue::stitched_window(fields, stitched, at, window, out);
    };
    TRY(write_made(run, shape, make, "stitched.ome.tiff"));
    run.made("image", "stitched.ome.tiff");
    return write_places(run, stitched, stage);
}

}  // namespace

Step stitch_step() {
    using enum ParameterType;
    return {
        .name = "stitch",
        .summary = "Overlapping fields of a microscope laid side by side, to a fraction of a pixel",
        .inputs = {{"image", "image", "the fields, of one size, in the order of the scan"},
                   {"positions", "table",
                    "CSV of image, x and y in pixels (or x_um and y_um): the stage's places",
                    false}},
        .outputs = {{"image", "image", "one picture, blended where fields overlap"},
                    {"places", "table", "where each field lies, and where the stage said"},
                    {"pairs", "table", "what each two fields that overlap say, and whether used"}},
        .parameters =
            {{"columns", integer, "1", "fields in a row, without positions", 1, 10000},
             {"overlap", number, "0.1", "share of a field that its neighbour sees too", 0.01, 0.9},
             {"order",
              text,
              "\"rows\"",
              "each row from the left, or back and forth",
              {},
              {},
              {"rows", "snake"}},
             {"channel", text, "null",
              "by which places are found; left out: DAPI, DNA, Hoechst, … , else the first"},
             {"max_shift", number, "30", "pixels a field may lie beside its place", 1, 500},
             {"agreement", number, "0.3",
              "least correlation of two fields where they "
              "overlap",
              0, 1}},
        .run = stitch,
    };
}

}  // namespace stroma::app
