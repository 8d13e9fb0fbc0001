#include <fmt/format.h>

#include <map>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "app/tissue/step_tables.h"
#include "tissue/correct/local_shifts.h"

namespace stroma::app {
namespace {

/// A channel of the joined picture: of which cycle it is.
struct JoinedChannel {
    std::size_t cycle, channel;
};

void tell_field_of_shifts(const fs::path& path, const tissue::ShiftField& field, CsvText& csv) {
    for (std::size_t i = 0; i < field.nodes.size(); ++i) {
        const auto columns = static_cast<std::size_t>(field.columns);
        const tissue::Shift& node = field.nodes[i];
        csv.row({path.filename().string(),
                 CsvText::number(field.first_x + field.step_x * static_cast<double>(i % columns)),
                 CsvText::number(field.first_y + field.step_y * static_cast<double>(i / columns)),
                 CsvText::number(node.x), CsvText::number(node.y),
                 CsvText::number(node.agreement)});
    }
}

Result<void> register_cycles(StepRun& run) {
    const auto& paths = run.inputs("image");
    const std::string channel = run.has("channel") ? run.text("channel") : "";
    std::vector<Picture> cycles;
    std::vector<tissue::Shift> shifts;
    std::vector<tissue::ShiftField> fields;
    std::vector<JoinedChannel> joined;
    CsvText csv({"image", "x", "y", "agreement"});
    CsvText local({"image", "x", "y", "shift_x", "shift_y", "agreement"});
    const double reach = run.number("local");
    image::ImageInfo shape;
    std::map<std::string, int> seen;
    for (const fs::path& path : paths) {
        cycles.push_back(TRY(open_picture(run, path, false)));
        const image::ImageInfo& info = cycles.back()->info();
        if (cycles.size() == 1) {
            shape = info;
            shape.channels.clear();
            shifts.push_back({0, 0, 1});
            fields.emplace_back();
        } else {
            const auto fixed = TRY(channel_named(cycles[0]->info(), channel));
            const auto moving = TRY(channel_named(info, channel));
            shifts.push_back(TRY_WITH(tissue::find_shift(*cycles[0], fixed, *cycles.back(), moving,
                                                         run.watch("registering " + stem_of(path))),
                                      path.filename().string()));
            fields.emplace_back();
            if (reach > 0)
                fields.back() = TRY(tissue::find_local_shifts(
                    *cycles[0], fixed, *cycles.back(), moving, shifts.back(), reach,
                    run.watch("parts of " + stem_of(path))));
            tell_field_of_shifts(path, fields.back(), local);
        }
        if (info.type != cycles[0]->info().type)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} holds {}, the first picture {}; cycles have one type",
                                    path.filename().string(), image::name_of(info.type),
                                    image::name_of(cycles[0]->info().type)));
        const tissue::Shift& shift = shifts.back();
        csv.row({path.filename().string(), CsvText::number(shift.x), CsvText::number(shift.y),
                 CsvText::number(shift.agreement)});
        run.tell(stem_of(path) + ": shift", fmt::format("{:.2f}, {:.2f} pixels", shift.x, shift.y));
        for (std::size_t i = 0; i < info.channels.size(); ++i) {
            image::Channel one = info.channels[i];
            const int times = ++seen[one.name];
            if (times > 1) one.name = fmt::format("{}_{}", one.name, times);
            shape.channels.push_back(one);
            joined.push_back({cycles.size() - 1, i});
        }
    }
    const MakeWindow make = [&](std::size_t at, const tissue::Window& window,
                                tissue::Raster<float>& out) {
        const tissue::ShiftField& field = fields[joined[at].cycle];
        if (!field.nodes.empty())
            return tissue::bent_window(*cycles[joined[at].cycle], joined[at].channel, field,
                                       window.x, window.y, out);
        return tissue::shifted_window(*cycles[joined[at].cycle], joined[at].channel,
                                      shifts[joined[at].cycle], window.x, window.y, out);
    };
    const std::string file = stem_of(paths.front()) + ".registered.ome.tiff";
    TRY(write_made(run, shape, make, file));
    run.made("image", file);
    TRY(csv.write(run.output() / "shifts.csv"));
    run.made("shifts", "shifts.csv");
    if (reach > 0) {
        TRY(local.write(run.output() / "local-shifts.csv"));
        run.made("local", "local-shifts.csv");
    }
    return {};
}

}  // namespace

Step register_step() {
    return {
        .name = "register",
        .summary = "Pictures of several cycles laid onto the first, to a fraction of a pixel",
        .inputs = {{"image", "image", "the first cycle, then the others; shifted, not turned"}},
        .outputs = {{"image", "image", "one picture with the channels of all cycles"},
                    {"shifts", "table", "how far each lay away, in pixels"},
                    {"local", "table", "how far parts of it did, with local", false}},
        .parameters = {{"channel", ParameterType::text, "null",
                        "that all cycles share; left out: DAPI, DNA, Hoechst, … , else the first"},
                       {"local", ParameterType::number, "0",
                        "pixels that a part of a slide may lie beside the whole's shift: then each "
                        "part has its own; 0: one for all",
                        0, 100}},
        .run = register_cycles,
    };
}

}  // namespace stroma::app
