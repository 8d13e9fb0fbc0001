#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_pictures.h"
#include "base/json.h"
#include "tissue/segment/label_edits.h"

namespace stroma::app {
namespace {

using tissue::LabelEdit;
using tissue::ScratchPlane;

/// The edits of each file, in order.
Result<std::map<std::string, std::vector<LabelEdit>>> edits_by_file(const StepRun& run) {
    std::map<std::string, std::vector<LabelEdit>> edits;
    const Json list = TRY(parse_json(run.text("edits"), {.bytes_max = 256u << 20}));
    for (const Json& one : list) {
        const LabelEdit edit = TRY(tissue::label_edit_of(one));
        for (const Json& file : one.value("files", Json::array()))
            if (file.is_string()) edits[file.get<std::string>()].push_back(edit);
    }
    return edits;
}

Result<void> edit_labels_of(StepRun& run, const fs::path& path, const std::string& name,
                            const std::vector<LabelEdit>& edits) {
    constexpr std::int64_t rows = 512;
    const Picture labels = TRY(open_picture(run, path, true));
    const image::ImageInfo& info = labels->info();
    auto plane = TRY(ScratchPlane<std::uint32_t>::make(run.scratch(), info.width, info.height));
    const tissue::PixelReader reader(*labels, 0);
    const expression::Watch watch = run.watch("editing " + name);
    const auto width = static_cast<std::int64_t>(info.width);
    const auto height = static_cast<std::int64_t>(info.height);
    std::vector<std::uint32_t> values;
    for (std::int64_t y = 0; y < height; y += rows) {
        const tissue::Window window{0, y, width, std::min(rows, height - y)};
        TRY(reader.read_labels(window, values));
        tissue::apply(edits, window, values);
        std::copy(values.begin(), values.end(), plane.row(static_cast<std::uint64_t>(y)));
        plane.let_go(static_cast<std::uint64_t>(y), static_cast<std::uint64_t>(window.height));
        if (watch.progress)
            watch.progress(static_cast<double>(y + window.height), static_cast<double>(height),
                           "rows");
    }
    return write_label_picture(info, plane, true, info.channels.front().name, run.output() / name);
}

Result<void> copy_unchanged(const fs::path& from, const fs::path& to) {
    std::error_code error;
    TRY(make_folders(to.parent_path()));
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (error) return fail(error_from_errno("copying", to.string(), error.value()));
    fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, error);
    return {};
}

Result<void> edit_output(StepRun& run) {
    const auto edits = TRY(edits_by_file(run));
    const fs::path folder = run.text("folder");
    std::size_t changed = 0;
    for (const fs::path& path : run.inputs("made")) {
        const std::string name = path.lexically_relative(folder).string();
        if (name.empty() || name.starts_with(".."))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} lies outside of 'folder'", path.string()));
        const auto own = edits.find(name);
        if (own == edits.end()) {
            TRY(copy_unchanged(path, run.output() / name));
            continue;
        }
        ++changed;
        TRY_WITH(edit_labels_of(run, path, name, own->second), name);
    }
    if (changed != edits.size())
        return fail(ErrorCode::invalid_input, "an edit is of a file that isn't there");
    const Json outputs = TRY(parse_json(run.text("outputs")));
    for (const auto& [port, files] : outputs.items())
        for (const Json& file : files) run.made(port, file.get<std::string>());
    for (const std::string& picture : run.texts("pictures")) run.picture(picture);
    const Json list = TRY(parse_json(run.text("edits"), {.bytes_max = 256u << 20}));
    run.tell("edits by hand", static_cast<double>(list.size()));
    return {};
}

}  // namespace

Step edit_step() {
    using enum ParameterType;
    return {
        .name = "edit",
        .summary = "What a stage made, with changes by hand of its labels; the engine asks for it",
        .inputs = {{"made", "any", "all files of the output"}},
        .outputs = {{"*", "any", "the outputs as they are called"}},
        .parameters = {{"folder", text, "\"\"", "that the files lie in"},
                       {"outputs", json, "{}", "names of files by output"},
                       {"pictures", texts, "[]", "files that are shown beside them"},
                       {"edits", json, "[]",
                        "kind (merge, split, delete, draw), files, labels, points, made"}},
        .run = edit_output,
    };
}

}  // namespace stroma::app
