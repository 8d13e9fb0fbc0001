#include "app/flow/run_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app/tissue/step.h"
#include "base/ascii.h"
#include "base/digest.h"
#include "base/json.h"
#include "load/child/parser_child.h"
#include "object/mapped_reader.h"

namespace stroma::app {
namespace {

using front::flow::RunPicture;

constexpr std::size_t open_max = 64, marks_max = 100'000;
constexpr std::array<std::string_view, 7> picture_endings = {".tif", ".tiff",  ".png", ".jp2",
                                                             ".j2k", ".image", ".zarr"};

bool is_run_picture(const std::string& name) {
    const std::string ending = ascii_lower(fs::path(name).extension().native());
    return std::ranges::find(picture_endings, ending) != picture_endings.end();
}

/// What a built-in step says of its port; of a command's output and of a run input the name says
/// it.
bool holds_labels(const flow::Stage* stage, std::string_view output) {
    const Step* step = stage == nullptr || stage->step.empty() ? nullptr : find_step(stage->step);
    if (step != nullptr)
        for (const StepPort& port : step->outputs)
            if (port.name == output) return port.kind == "labels";
    return output.ends_with("labels") || output.ends_with("masks") || output.ends_with("nuclei");
}

/// Files at that place of every output with labels and as many files.
std::vector<std::string> label_group(const flow::Manifest& manifest, const flow::Stage* stage,
                                     std::size_t count, std::size_t place) {
    std::vector<std::string> group;
    for (const auto& [output, files] : manifest.outputs)
        if (files.size() == count && holds_labels(stage, output) &&
            std::ranges::find(group, files[place]) == group.end())
            group.push_back(files[place]);
    return group;
}

std::string mark_of(std::string_view text, bool are_labels) {
    ContentHash hash;
    hash.update(as_bytes(text));
    return hash.hex().substr(0, 40) + (are_labels ? "-labels" : "");
}

Result<std::shared_ptr<const image::StoredImage>> opened_picture(const fs::path& path) {
    const File file = TRY(File::open_to_read(path));
    MappedFile map = TRY(MappedFile::map(file));
    return image::StoredImage::open(
        std::make_unique<object::MappedReader>(std::move(map), path.filename().string()));
}

/// Which slide a file belongs to that a task made of all of them: the one that it is named after.
std::string item_named(const std::string& file, const std::set<std::string>& slides) {
    const std::string stem = file.substr(0, file.find('.'));
    return slides.contains(stem) ? stem : "";
}

Error absent_picture(const flow::Run& run, const std::string& id) {
    return {ErrorCode::not_found, fmt::format("run '{}' has no picture '{}'", run.name, id)};
}

}  // namespace

Result<std::vector<RunPictures::Source>> RunPictures::sources(const flow::Run& run) {
    std::vector<Source> list;
    std::set<std::string> slides;
    const Json inputs = TRY(parse_json(run.inputs, {.bytes_max = 1u << 30}));
    for (std::size_t at = 0; at < inputs.size(); ++at) {
        const Json& file = inputs[at];
        const fs::path path = file.value("path", "");
        if (!is_run_picture(path)) continue;
        const auto input = file.value("input", "");
        slides.insert(file.value("label", ""));
        list.push_back({{fmt::format("in-{}", at), "", file.value("label", ""), input,
                         path.filename(), holds_labels(nullptr, input), flow::Tier::hot, ""},
                        path,
                        fmt::format("{} {} {}", path.string(), file["bytes"].dump(),
                                    file["modified_ns"].dump()),
                        0,
                        {}});
    }
    std::map<std::string, flow::Tier> tiers;
    for (const flow::Shelved& one : TRY(engine_.shelf(run.id))) tiers[one.key] = one.tier;
    const auto definition = flow::read_definition(run.definition, {}, nullptr, {}).definition;
    for (const flow::Task& task : TRY(engine_.tasks(run.id))) {
        if (task.state != flow::TaskState::done && task.state != flow::TaskState::review) continue;
        const auto manifest = TRY(engine_.manifest(task.key));
        if (!manifest) continue;
        const flow::Stage* const stage = definition.find_stage(task.stage);
        std::size_t number = 0;
        for (const auto& [output, files] : manifest->outputs)
            for (const std::string& name : files) {
                const std::string id = fmt::format("{}-{}", task.id, number++);
                if (!is_run_picture(name)) continue;
                const std::string item = task.item.empty() ? item_named(name, slides) : task.item;
                const flow::Tier tier = tiers[task.key];
                const bool is_away = tier == flow::Tier::cold || tier == flow::Tier::restoring;
                const bool are_labels = holds_labels(stage, output);
                const auto place = static_cast<std::size_t>(&name - files.data());
                list.push_back(
                    {{id, task.stage, item, output, name, are_labels, tier, task.key.substr(0, 16)},
                     is_away ? fs::path() : TRY(engine_.file_of(task.key, name)),
                     task.key + " " + name,
                     task.id,
                     are_labels ? label_group(*manifest, stage, files.size(), place)
                                : std::vector<std::string>{}});
            }
    }
    return list;
}

Result<std::vector<RunPicture>> RunPictures::list(const flow::Run& run) {
    std::vector<RunPicture> list;
    for (Source& one : TRY(sources(run))) list.push_back(std::move(one.picture));
    return list;
}

Result<RunPictures::Source> RunPictures::source(const flow::Run& run, const std::string& id) {
    for (Source& one : TRY(sources(run)))
        if (one.picture.id == id) return std::move(one);
    return fail(absent_picture(run, id));
}

RunPictures::Stored RunPictures::find(const std::string& mark) {
    const auto found = std::ranges::find(
        open_, mark, [](const auto& one) -> const auto& { return one.first; });
    if (found == open_.end()) return nullptr;
    open_.splice(open_.begin(), open_, found);
    return open_.front().second;
}

void RunPictures::keep(const std::string& mark, const Stored& stored) {
    open_.emplace_front(mark, stored);
    if (open_.size() > open_max) open_.pop_back();
}

Result<RunPictures::Stored> RunPictures::open(const flow::Run& run, const std::string& id) {
    const std::uint64_t moves = engine_.moves();
    {
        const std::lock_guard lock(mutex_);
        // What went to the archive or was made anew meanwhile isn't shown out of what is kept.
        if (moves_ != moves) {
            marks_.clear();
            moves_ = moves;
        }
        if (const auto known = marks_.find({run.id, id}); known != marks_.end())
            if (auto stored = find(known->second)) return stored;
    }
    const Source wanted = TRY(source(run, id));
    const std::string mark = mark_of(wanted.mark, wanted.picture.are_labels);
    if (wanted.path.empty()) {
        TRY(remove_file(folder_ / (mark + ".image")));
        const std::lock_guard lock(mutex_);
        open_.remove_if([&](const auto& one) { return one.first == mark; });
        return fail(ErrorCode::conflict,
                    fmt::format("'{}' lies in the archive; ask for it: stroma pipeline restore {}, "
                                "or Restore on the page",
                                wanted.picture.name, run.name));
    }
    {
        std::unique_lock lock(mutex_);
        if (marks_.size() > marks_max) marks_.clear();
        if (engine_.moves() == moves) marks_[{run.id, id}] = mark;
        // Who asks for what somebody else is making has it when that is done.
        is_made_.wait(lock, [&] { return !making_.contains(mark); });
        if (auto stored = find(mark)) return stored;
        making_.insert(mark);
    }
    auto stored = made(wanted, folder_ / (mark + ".image"));
    const std::lock_guard lock(mutex_);
    making_.erase(mark);
    is_made_.notify_all();
    if (stored) keep(mark, *stored);
    return stored;
}

Result<RunPictures::Stored> RunPictures::made(const Source& source, const fs::path& kept) {
    if (source.path.extension() == ".image") return opened_picture(source.path);
    std::error_code error;
    if (fs::exists(kept, error)) {
        auto stored = opened_picture(kept);
        if (stored) return stored;
        TRY(remove_file(kept));
    }
    TRY(make_folders(folder_));
    TRY(make_room());
    loading::ParseRequest request;
    request.input = source.path;
    request.output = fs::path(kept).concat(".new");
    request.scratch_folder = folder_;
    request.durable = false;
    request.is_image = true;
    request.image.are_labels = source.picture.are_labels;
    request.limits.time = std::chrono::minutes(10);
    TRY(remove_file(request.output));
    TRY(loading::parse_in_child(request, {}, {}));
    TRY(rename_file(request.output, kept));
    return opened_picture(kept);
}

/// Before another is made; readers that have one open keep it.
Result<void> RunPictures::make_room() {
    struct Kept {
        fs::file_time_type time;
        fs::path path;
        std::uint64_t bytes = 0;
    };
    std::vector<Kept> all;
    std::uint64_t bytes = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder_, error)) {
        if (entry.path().extension() != ".image") continue;
        all.push_back({entry.last_write_time(error), entry.path(), entry.file_size(error)});
        bytes += all.back().bytes;
    }
    std::ranges::sort(all, {}, &Kept::time);
    for (const Kept& one : all) {
        if (bytes <= bytes_max_) break;
        TRY(remove_file(one.path));
        bytes -= one.bytes;
    }
    return {};
}

}  // namespace stroma::app
