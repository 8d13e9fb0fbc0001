#include <fmt/format.h>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "app/tissue/step_tables.h"
#include "expression/text/table.h"
#include "tissue/correct/affine.h"

namespace stroma::app {
namespace {

using tissue::PointPair;

/// Columns x, y of the first picture and moving_x, moving_y, in pixels.
Result<std::vector<PointPair>> landmarks(const fs::path& path) {
    const auto files = TRY(expression::open_input(path));
    expression::TableOptions options;
    options.guess = true;
    const auto table = TRY(expression::read_table(*files, files->name(), options));
    std::vector<PointPair> pairs(table.row_count());
    const std::pair<const char*, double PointPair::*> columns[] = {
        {"x", &PointPair::x},
        {"y", &PointPair::y},
        {"moving_x", &PointPair::moving_x},
        {"moving_y", &PointPair::moving_y}};
    for (const auto& [name, member] : columns) {
        const expression::TextArray* const column = table.find(name);
        if (column == nullptr)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: no column '{}'; it has x, y, moving_x, moving_y",
                                    path.string(), name));
        for (std::size_t row = 0; row < pairs.size(); ++row) {
            const std::string text((*column)[row]);
            char* end = nullptr;
            pairs[row].*member = std::strtod(text.c_str(), &end);
            if (text.empty() || *end != '\0')
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}: row {}, column '{}': '{}' is no number", path.string(),
                                        row + 1, name, text));
        }
    }
    return pairs;
}

Result<void> align_pictures(StepRun& run) {
    const fs::path &fixed_path = run.inputs("image").front(),
                   &moving_path = run.inputs("moving").front();
    const Picture fixed = TRY(open_picture(run, fixed_path, false));
    const Picture moving = TRY(open_picture(run, moving_path, false));
    const auto stain = [&](const Picture& picture,
                           const char* name) -> Result<tissue::StainChannel> {
        return tissue::StainChannel{
            picture.get(),
            TRY(channel_named(picture->info(), run.has(name) ? run.text(name) : ""))};
    };
    const auto pairs = TRY(landmarks(run.inputs("points").front()));
    tissue::RefinedAffine found;
    found.affine = TRY(tissue::affine_of(pairs));
    if (run.flag("refine")) {
        const tissue::StainChannel one = TRY(stain(fixed, "channel"));
        const tissue::StainChannel other = TRY(stain(moving, "moving_channel"));
        found = TRY(tissue::refined_affine(one, other, found.affine,
                                           run.watch("refining " + stem_of(moving_path))));
        run.tell("windows that agree", static_cast<double>(found.windows));
        run.tell("their residual in pixels", found.residual);
    }
    image::ImageInfo shape = moving->info();
    shape.width = fixed->info().width;
    shape.height = fixed->info().height;
    shape.micrometres_x = fixed->info().micrometres_x;
    shape.micrometres_y = fixed->info().micrometres_y;
    const MakeWindow make = [&](std::size_t channel, const tissue::Window& window,
                                tissue::Raster<float>& out) {
        return tissue::affine_window(*moving, channel, found.affine, window.x, window.y, out);
    };
    const std::string file = stem_of(moving_path) + ".aligned.ome.tiff";
    TRY(write_made(run, shape, make, file));
    run.made("image", file);
    const tissue::Affine& affine = found.affine;
    CsvText csv({"a", "b", "c", "d", "e", "f"});
    csv.row({CsvText::number(affine.a), CsvText::number(affine.b), CsvText::number(affine.c),
             CsvText::number(affine.d), CsvText::number(affine.e), CsvText::number(affine.f)});
    TRY(csv.write(run.output() / "affine.csv"));
    run.made("table", "affine.csv");
    return {};
}

}  // namespace

Step align_step() {
    using enum ParameterType;
    return {
        .name = "align",
        .summary = "A picture (such as H&E) laid onto another one by landmarks, then by nuclei",
        .inputs = {{"image", "image", "the one that stays, such as fluorescence"},
                   {"moving", "image", "the one that is turned, stretched and moved"},
                   {"points", "table", "CSV: x, y and the same place as moving_x, moving_y"}},
        .outputs = {{"image", "image", "the moving one, pixel by pixel on the other"},
                    {"table", "table",
                     "(x, y) is found at (a x + b y + c, d x + e y + f) of the moving one"}},
        .parameters = {{"channel", text, "null",
                        "of nuclei; left out: DAPI, DNA, …, else the first"},
                       {"moving_channel", text, "null",
                        "the same of the moving one; of a photograph haematoxylin is taken"},
                       {"refine", flag, "true", "by what windows of nuclei say, too"}},
        .run = align_pictures,
    };
}

}  // namespace stroma::app
