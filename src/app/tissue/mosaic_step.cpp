#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "image/label_cells.h"
#include "image/tiff/ome_tiff_writer.h"
#include "tissue/pixel_reader.h"

// Slides beside each other, so that all cells of a run are one dataset on one picture.

namespace stroma::app {
namespace {

constexpr std::uint64_t slide_gap = 32, strip = 512;

/// Slides row by row in places of one size.
struct Mosaic {
    std::vector<Picture> pictures;
    std::vector<std::uint32_t> label_offsets;  ///< of labels: what is added to a slide's
    std::uint64_t columns = 1, rows = 1, width = 0, height = 0;  ///< the latter of a place

    std::uint64_t whole_width() const { return columns * (width + slide_gap) - slide_gap; }
    std::uint64_t whole_height() const { return rows * (height + slide_gap) - slide_gap; }
    std::uint64_t left_of(std::size_t slide) const { return slide % columns * (width + slide_gap); }
    std::uint64_t top_of(std::size_t slide) const { return slide / columns * (height + slide_gap); }
};

Result<Mosaic> laid_out(const StepRun& run, std::string_view port) {
    Mosaic mosaic;
    std::uint64_t labels = 0;
    for (const fs::path& path : run.inputs(port)) {
        mosaic.pictures.push_back(TRY(open_picture(run, path, port == "labels")));
        const auto& info = mosaic.pictures.back()->info();
        const auto& first = mosaic.pictures.front()->info();
        if (info.channels.size() != first.channels.size() || info.type != first.type ||
            info.micrometres_x != first.micrometres_x)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: its channels, type or pixel size aren't those of {}",
                                    path.filename().string(),
                                    run.inputs(port).front().filename().string()));
        mosaic.width = std::max(mosaic.width, info.width);
        mosaic.height = std::max(mosaic.height, info.height);
        mosaic.label_offsets.push_back(static_cast<std::uint32_t>(labels));
        if (port == "labels") labels += static_cast<std::uint64_t>(info.channels[0].max);
    }
    if (static_cast<double>(labels) > image::label_max)
        return fail(ErrorCode::exhausted, "limit: labels: all slides have 16,777,215 at most");
    const auto count = static_cast<double>(mosaic.pictures.size());
    mosaic.columns = static_cast<std::uint64_t>(std::ceil(std::sqrt(count)));
    mosaic.rows = (mosaic.pictures.size() + mosaic.columns - 1) / mosaic.columns;
    return mosaic;
}

/// Rows of the whole, strip by strip: a slide's tiles are read once for each channel and level.
template <class T>
class MosaicRows {
public:
    explicit MosaicRows(const Mosaic& mosaic) : mosaic_(mosaic) {}

    Result<const std::byte*> row(std::size_t channel, std::uint64_t y) {
        if (channel != channel_ || y / strip != strip_) TRY(fill(channel, y / strip));
        return reinterpret_cast<const std::byte*>(values_.data() +
                                                  y % strip * mosaic_.whole_width());
    }

private:
    Result<void> fill(std::size_t channel, std::uint64_t number) {
        const std::uint64_t top = number * strip, width = mosaic_.whole_width();
        values_.assign(strip * width, T{});
        for (std::size_t slide = 0; slide < mosaic_.pictures.size(); ++slide)
            TRY(put(slide, channel, top));
        channel_ = channel;
        strip_ = number;
        return {};
    }

    Result<void> put(std::size_t slide, std::size_t channel, std::uint64_t top) {
        const image::StoredImage& picture = *mosaic_.pictures[slide];
        const std::uint64_t above = mosaic_.top_of(slide);
        const std::uint64_t from = std::max(top, above);
        const std::uint64_t to = std::min(top + strip, above + picture.info().height);
        if (from >= to) return {};
        const std::uint64_t width = picture.info().width;
        std::vector<T> read;
        TRY(tissue::PixelReader(picture, channel)
                .read_as({0, static_cast<std::int64_t>(from - above),
                          static_cast<std::int64_t>(width), static_cast<std::int64_t>(to - from)},
                         read));
        const bool are_labels = picture.info().content == image::Content::labels;
        for (std::uint64_t y = from; y < to; ++y) {
            T* out = values_.data() + (y - top) * mosaic_.whole_width() + mosaic_.left_of(slide);
            const T* in = read.data() + (y - from) * width;
            for (std::uint64_t x = 0; x < width; ++x)
                out[x] = are_labels && in[x] != T{}
                             ? static_cast<T>(in[x] + static_cast<T>(mosaic_.label_offsets[slide]))
                             : in[x];
        }
        return {};
    }

    const Mosaic& mosaic_;
    std::vector<T> values_;
    std::size_t channel_ = SIZE_MAX;
    std::uint64_t strip_ = 0;
};

Result<void> write_mosaic(StepRun& run, const Mosaic& mosaic, const std::string& file) {
    const auto& info = mosaic.pictures.front()->info();
    image::OmeTiff picture;
    picture.name = file;
    picture.width = mosaic.whole_width();
    picture.height = mosaic.whole_height();
    picture.are_labels = info.content == image::Content::labels;
    picture.type = picture.are_labels ? image::PixelType::uint32 : info.type;
    for (const image::Channel& channel : info.channels) picture.channels.push_back(channel.name);
    picture.micrometres_x = info.micrometres_x;
    picture.micrometres_y = info.micrometres_y;
    TRY(remove_file(run.output() / file));
    return image::with_pixel_type(picture.type, [&]<class T>(T) -> Result<void> {
        MosaicRows<T> rows(mosaic);
        picture.row = [&](std::size_t channel, std::uint64_t y) { return rows.row(channel, y); };
        return image::write_ome_tiff(picture, run.output() / file);
    });
}

/// Which slide each of the column's words is; -1 for none.
std::vector<std::int64_t> slides_named(const StepRun& run, const tissue::WordColumn& images) {
    std::vector<std::int64_t> slides;
    for (const std::string& name : images.levels) {
        const auto& paths = run.inputs("image");
        const auto at = std::ranges::find_if(
            paths, [&](const fs::path& path) { return stem_of(path) == name; });
        slides.push_back(at == paths.end() ? -1 : at - paths.begin());
    }
    return slides;
}

/// Cells with their places in the whole, and the label that each has there.
Result<tissue::CellTable> moved_cells(const StepRun& run, const Mosaic& labels) {
    tissue::CellTable table = TRY(open_all_cells(run));
    const auto images = TRY(words_named(table, "image"));
    const tissue::NumberColumn* own = table.number("label");
    const tissue::CellEmbedding* before = table.embedding("spatial");
    if (own == nullptr || before == nullptr || before->dims != 2)
        return fail(ErrorCode::invalid_input,
                    "cells: the columns 'label' and 'spatial' of the step measure are needed");
    const auto slides = slides_named(run, images);
    const double pixel = labels.pictures.front()->info().micrometres_x.value_or(1);
    tissue::CellEmbedding spatial = *before;
    tissue::NumberColumn numbers{"mosaic_label", {}};
    for (std::size_t cell = 0; cell < table.cell_count(); ++cell) {
        const std::int32_t code = images.codes[cell];
        const std::int64_t slide = code < 0 ? -1 : slides[static_cast<std::size_t>(code)];
        if (slide < 0)
            return fail(ErrorCode::invalid_input,
                        fmt::format("cell {} is of an image that isn't among the pictures",
                                    table.ids[cell]));
        const auto at = static_cast<std::size_t>(slide);
        spatial.values[2 * cell] += pixel * static_cast<double>(labels.left_of(at));
        spatial.values[2 * cell + 1] += pixel * static_cast<double>(labels.top_of(at));
        numbers.values.push_back(own->values[cell] + labels.label_offsets[at]);
    }
    table.set(std::move(spatial));
    table.set(std::move(numbers));
    return table;
}

Result<void> make_mosaic(StepRun& run) {
    const Mosaic image = TRY(laid_out(run, "image")), labels = TRY(laid_out(run, "labels"));
    if (image.pictures.size() != labels.pictures.size() || image.width != labels.width ||
        image.height != labels.height)
        return fail(ErrorCode::invalid_input, "each picture needs labels of its size");
    TRY(write_mosaic(run, image, "mosaic.ome.tiff"));
    run.made("image", "mosaic.ome.tiff");
    TRY(write_mosaic(run, labels, "mosaic.labels.ome.tiff"));
    run.made("labels", "mosaic.labels.ome.tiff");
    auto cells = TRY(moved_cells(run, labels));
    run.tell("slides", static_cast<double>(image.pictures.size()));
    run.tell("cells", static_cast<double>(cells.cell_count()));
    run.made("cells", TRY(write_cells(run, std::move(cells), "cells")));
    return {};
}

}  // namespace

Step mosaic_step() {
    return {
        .name = "mosaic",
        .summary = "Slides beside each other as one picture, with all their cells as one table",
        .inputs = {{"image", "image", "slides of the same channels"},
                   {"labels", "labels", "their cells, one file for each"},
                   {"cells", "cells", "the cells of all of them, as 'measure' made them"}},
        .outputs = {{"image", "image", "row by row, with a gap"},
                    {"labels", "labels", "the same of the cells, numbered through"},
                    {"cells", "cells", "with places in it, and their labels as mosaic_label"}},
        .parameters = {},
        .run = make_mosaic,
    };
}

}  // namespace stroma::app
