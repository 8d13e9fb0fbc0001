#include "load/image_import.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/metrics.h"
#include "image/label_cells.h"
#include "image/stored_image.h"
#include "object/mapped_reader.h"

namespace stroma::loading {
namespace {

struct Target {
    catalog::Dataset dataset;
    std::string revision;
    std::shared_ptr<const expression::SealedDataset> cells;
};

Result<Target> target_of(const ImagePlacing& placing, const ImageImport& with) {
    const auto dataset = TRY(with.catalog.find_dataset(placing.dataset));
    if (!dataset || dataset->current_revision.empty())
        return fail(
            ErrorCode::not_found,
            fmt::format("there is no dataset '{}' for the image to lie under", placing.dataset));
    Target target{*dataset, dataset->current_revision,
                  TRY(with.loader.open_revision(dataset->current_revision))};
    const expression::Dict obsm = TRY(target.cells->annotations("obsm"));
    const bool is_there = std::any_of(
        obsm.begin(), obsm.end(), [&](const auto& one) { return one.first == placing.embedding; });
    if (!is_there)
        return fail(ErrorCode::not_found,
                    fmt::format("dataset '{}' has no embedding '{}'; name one with --embedding",
                                dataset->name, placing.embedding));
    return target;
}

Result<std::shared_ptr<const image::StoredImage>> opened(const fs::path& path) {
    const File file = TRY(File::open_to_read(path));
    MappedFile map = TRY(MappedFile::map(file));
    return image::StoredImage::open(
        std::make_unique<object::MappedReader>(std::move(map), path.filename().string()));
}

/// How many labels are cells; none is a mistake.
Result<std::string> note_of_labels(const image::StoredImage& stored, const Target& target,
                                   const ImagePlacing& placing, const expression::Watch& watch) {
    const auto cells = TRY(image::label_cells(stored, *target.cells, placing.cell_column));
    const auto labels = TRY(image::labels_in(stored, watch));
    const auto known = std::count_if(labels.begin(), labels.end(), [&](std::uint32_t label) {
        return label < cells.rows.size() && cells.rows[label] >= 0;
    });
    if (known == 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("none of the {} labels is a cell of '{}'; name the obs column that "
                                "has them with --cell-column",
                                labels.size(), target.dataset.name));
    return fmt::format("{} of {} labels are cells, by {}", known, labels.size(), cells.by);
}

}  // namespace

Result<std::string> import_image(const ImportRequest& request, const ImageImport& with,
                                 std::string_view work_id, pipeline::StageContext& context) {
    const ImagePlacing& placing = request.image;
    const Target target = TRY(target_of(placing, with));
    NewImage made;
    made.embedding = placing.embedding;
    if (!placing.transform.empty()) made.transform = TRY(image::transform_of(placing.transform));
    made.name = request.name.empty() ? request.path.filename().string() : request.name;
    made.file = with.staging / (std::string(work_id) + ".image");
    TRY(remove_file(made.file));
    context.progress({"looking at " + request.path.filename().string(), 0, 0, ""});
    made.content_key = TRY(content_key_of(
        request.path, fmt::format("{}|{}|{}|{}", image::to_text(made.transform), made.embedding,
                                  placing.are_labels, placing.cell_column)));
    const std::string step = "reading " + request.path.filename().string();
    const expression::Watch watch{[&](double done, double total, std::string_view unit) {
                                      context.progress({step, done, total, std::string(unit)});
                                  },
                                  [&] { return context.cancelled(); }};
    ParseRequest order{.input = request.path, .output = made.file, .scratch_folder = with.staging};
    order.is_image = true;
    order.image.are_labels = placing.are_labels;
    ParseReport report = TRY(parse_in_child(order, {}, watch));
    const auto discard = [&](Error error) {
        static_cast<void>(remove_file(made.file));
        return fail(std::move(error));
    };
    auto stored = opened(made.file);
    if (!stored) return discard(std::move(stored.error()));
    if ((*stored)->info().content == image::Content::labels) {
        auto note = note_of_labels(**stored, target, placing, watch);
        if (!note) return discard(std::move(note.error()));
        report.notes.push_back(*std::move(note));
    }
    for (const std::string& note : report.notes) context.note("info", note);
    made.source = Json{{"path", request.path.string()},
                       {"format", report.format},
                       {"cell_column", placing.cell_column}}
                      .dump();
    const std::uint64_t bytes = fs::file_size(made.file);
    const catalog::Image kept = TRY(with.loader.attach_image(target.revision, made));
    if (request.remove_source && !context.cancelled()) TRY(remove_file(request.path));
    counter("stroma_images_total", "Images imported", {{"format", report.format}}).add();
    return Json{{"dataset", target.dataset.id},
                {"name", target.dataset.name},
                {"revision", target.revision},
                {"image", kept.id},
                {"image_name", kept.name},
                {"format", report.format},
                {"width", (*stored)->info().width},
                {"height", (*stored)->info().height},
                {"channels", (*stored)->info().channels.size()},
                {"levels", (*stored)->levels().size()},
                {"bytes", bytes},
                {"notes", report.notes}}
        .dump();
}

}  // namespace stroma::loading
