#include <fmt/format.h>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "image/zarr/ome_zarr_writer.h"

namespace stroma::app {
namespace {

/// What the labels of that picture are called: "a.cells.ome.tiff" of "a" are "cells"; "" of another
/// picture's.
std::string name_of_labels(const fs::path& labels, const std::string& picture) {
    const std::string stem = stem_of(labels);
    if (stem == picture) return "labels";
    return stem.starts_with(picture + ".") ? stem.substr(picture.size() + 1) : "";
}

Result<void> export_one(StepRun& run, const fs::path& path) {
    const std::string stem = stem_of(path), file = stem + ".ome.zarr";
    const Picture picture = TRY(open_picture(run, path, false));
    std::vector<Picture> open;
    std::vector<image::NamedLabels> labels;
    for (const fs::path& one : run.inputs("labels")) {
        const std::string name = name_of_labels(one, stem);
        if (name.empty()) continue;
        open.push_back(TRY(open_picture(run, one, true)));
        const image::ImageInfo &info = picture->info(), &own = open.back()->info();
        if (own.width != info.width || own.height != info.height)
            return fail(ErrorCode::invalid_input,
                        fmt::format("the labels {} are {} by {} pixels, the picture is {} by {}; "
                                    "they must be equal",
                                    one.filename().string(), own.width, own.height, info.width,
                                    info.height));
        labels.push_back({name, open.back().get()});
    }
    // What a broken run left.
    std::error_code error;
    fs::remove_all(run.output() / file, error);
    TRY(image::write_ome_zarr(*picture, labels, stem, run.output() / file,
                              run.watch("writing " + file)));
    run.made("image", file);
    run.tell(stem + ": labels", static_cast<double>(labels.size()));
    return {};
}

Result<void> export_pictures(StepRun& run) {
    for (const fs::path& path : run.inputs("image"))
        TRY_WITH(export_one(run, path), path.filename().string());
    return {};
}

}  // namespace

Step export_step() {
    return {
        .name = "export",
        .summary = "Pictures and their labels as OME-Zarr 0.4",
        .inputs = {{"image", "image", "pictures"},
                   {"labels", "labels", "named as the pictures: a.cells.ome.tiff of a.ome.tiff",
                    false}},
        .outputs = {{"image", "image", "a folder a.ome.zarr for each"}},
        .parameters = {},
        .run = export_pictures,
    };
}

}  // namespace stroma::app
