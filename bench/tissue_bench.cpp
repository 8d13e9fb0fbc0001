// tissue_bench VERB …, of which each prints processor time (on one thread with STROMA_THREADS=1):
//
// - score FOLDER [otsu=0.6]… [model=FILE.onnx] [half=even|odd]: segments FOLDER/images/*.png (or
// every
//   second of them by name) and compares with FOLDER/labels
// - candidates FOLDER OUT.csv: all that nuclei are chosen from in these pictures, with what the
// masks
//   say, for bench/train_choice.py
// - speed SIDE: segments a made-up slide of SIDE x SIDE pixels
// - measure SIDE: measures the cells of such a slide in eight channels, packed as a slide lies
// - kernel SIDE [CHANNELS]: the same of labels and pixels in memory, as the peers have them
// - enrich CELLS: graphs and exact enrichment of that many cells of 12 kinds
// - leiden CELLS [FILE]: groups cells of 12 kinds in 20 numbers; FILE gets the graph's edges, two
//   32-bit numbers and a 32-bit float each, for bench/tissue_peers.py
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <optional>

#include "cluster/leiden.h"
#include "image/png/png_reader.h"
#include "image/pyramid_writer.h"
#include "object/mapped_reader.h"
#include "tissue/measure/measurement.h"
#include "tissue/measure/object_runs.h"
#include "tissue/measure/run_sums.h"
#include "tissue/network/network_segmentation.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/matching.h"
#include "tissue/segment/objects.h"
#include "tissue/segment/segmentation.h"
#include "tissue/statistics/enrichment.h"

namespace stroma {
namespace {

using Stored = std::shared_ptr<const image::StoredImage>;

Result<Stored> stored(image::ImageSource& source, bool are_labels, const fs::path& folder) {
    const fs::path path = folder / "tissue_bench.image";
    TRY(remove_file(path));
    File file = TRY(File::create(path));
    image::ImageOptions options;
    options.are_labels = are_labels;
    TRY(image::write_pyramid(source, file, options, false, {}));
    MappedFile map = TRY(MappedFile::map(file));
    TRY(remove_file(path));
    return image::StoredImage::open(
        std::make_unique<object::MappedReader>(std::move(map), path.string()));
}

Result<Stored> png(const fs::path& path, bool are_labels) {
    const auto files = TRY(expression::open_input(path));
    std::vector<std::string> notes;
    image::ImageOptions options;
    options.are_labels = are_labels;
    const auto source = TRY(image::png_reader().open(*files, options, notes));
    return stored(*source, are_labels, fs::temp_directory_path());
}

struct Scores {
    std::uint64_t images = 0;
    tissue::Agreement at[3];
};

/// Options of the segmentation as "otsu=0.6": of each the first letters are enough.
Result<tissue::SegmentOptions> options_of(std::span<char*> words) {
    tissue::SegmentOptions options;
    const std::map<std::string_view, double*> known = {
        {"envelope", &options.envelope_share}, {"otsu", &options.otsu_share},
        {"spot", &options.spot_weight},        {"seed", &options.seed_height},
        {"join", &options.join_bias},          {"border", &options.border_share},
        {"area", &options.area_share},         {"chance", &options.chance_min}};
    for (const std::string_view word : words) {
        const std::size_t at = word.find('=');
        const auto found = known.find(word.substr(0, at));
        if (at == word.npos || found == known.end())
            return fail(ErrorCode::invalid_input,
                        "envelope=, otsu=, spot=, seed=, join=, chance=, border= or area= and a "
                        "number");
        *found->second = std::strtod(word.data() + at + 1, nullptr);
    }
    return options;
}

/// The word after "name=", taken out of the words.
std::string taken(std::vector<char*>& words, std::string_view name) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (!word.starts_with(name) || word.substr(name.size(), 1) != "=") continue;
        words.erase(words.begin() + static_cast<std::ptrdiff_t>(i));
        return std::string(word.substr(name.size() + 1));
    }
    return "";
}

Result<std::vector<fs::path>> pictures_in(const fs::path& folder, const std::string& half) {
    std::vector<fs::path> names, chosen;
    for (const auto& entry : fs::directory_iterator(folder / "images"))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    if (!half.empty() && half != "even" && half != "odd")
        return fail(ErrorCode::invalid_input, "half= is even or odd");
    for (std::size_t i = 0; i < names.size(); ++i)
        if (half.empty() || (i % 2 == 0) == (half == "even")) chosen.push_back(names[i]);
    return chosen;
}

Result<void> score(const fs::path& folder, std::vector<char*> words) {
    const std::string model_file = taken(words, "model");
    const std::vector<fs::path> names = TRY(pictures_in(folder, taken(words, "half")));
    const tissue::SegmentOptions options = TRY(options_of(words));
    std::optional<tissue::NetworkModel> model;
    if (!model_file.empty()) {
        const std::string network = TRY(read_file(model_file));
        const std::string rules = TRY(read_file(model_file + ".json"));
        model = TRY(tissue::read_network(network, rules));
    }
    std::map<std::string, Scores> classes;
    double pixels = 0, seconds = 0;
    for (const fs::path& name : names) {
        const Stored image = TRY(png(folder / "images" / name, false));
        const Stored truth = TRY(png(folder / "labels" / name, true));
        const std::uint64_t width = image->info().width, height = image->info().height;
        const std::clock_t start = std::clock();
        const fs::path scratch = fs::temp_directory_path();
        const auto made = model ? TRY(tissue::segment_by_network(*image, *model, options, scratch,
                                                                 1u << 30, {}, nullptr))
                                : TRY(tissue::segment_nuclei(*image, options, scratch, {}));
        seconds += static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        pixels += static_cast<double>(width * height);
        std::vector<std::uint32_t> expected;
        TRY(tissue::PixelReader(*truth, 0).read_labels(
            {0, 0, static_cast<std::int64_t>(width), static_cast<std::int64_t>(height)}, expected));
        const std::string size = fmt::format("{}x{}", width, height);
        for (const std::string& group : {size, std::string("all")}) {
            Scores& scores = classes[group];
            ++scores.images;
            for (int i = 0; i < 3; ++i)
                scores.at[i] += tissue::agreement(expected, {made.labels.row(0), width * height},
                                                  i == 2 ? 0.9 : 0.5 + 0.25 * i);
        }
    }
    for (const auto& [size, scores] : classes)
        fmt::print(
            "{:>10} images {:4} F1@0.5 {:.3f} AP@0.5 {:.3f} F1@0.75 {:.3f} F1@0.9 {:.3f}"
            " precision {:.3f} recall {:.3f}\n",
            size, scores.images, scores.at[0].f1(), scores.at[0].average_precision(),
            scores.at[1].f1(), scores.at[2].f1(), scores.at[0].precision(), scores.at[0].recall());
    fmt::print("{:.2f} MPix in {:.2f} s of processor time: {:.2f} MPix/s\n", pixels / 1e6, seconds,
               pixels / 1e6 / seconds);
    return {};
}

/// The best true partner of each candidate once its border is drawn.
struct Partner {
    std::uint32_t truth = 0, pixels = 0;
    double overlap = 0;
};

/// Some candidates of which no two share a pixel, and their pieces.
struct Layer {
    std::vector<std::uint32_t> nodes;
    std::vector<tissue::Basin> basins;
    std::vector<std::uint32_t> of_piece;  ///< 1 + its place among the nodes, or a number above
};

Layer layer_of(const tissue::NucleusCandidates& found, const std::vector<tissue::Basin>& boxes,
               const std::vector<std::uint32_t>& depths, std::uint32_t depth) {
    constexpr std::uint32_t none = tissue::MergeNode::none, other = none - 1;
    Layer layer;
    std::vector<std::uint32_t>& of = layer.of_piece;
    of.assign(boxes.size(), other);
    for (std::uint32_t i = 0; i < boxes.size(); ++i) {
        if (depths[i] != depth) continue;
        layer.nodes.push_back(i);
        layer.basins.push_back(boxes[i]);
        of[i] = static_cast<std::uint32_t>(layer.nodes.size());
    }
    for (std::size_t i = boxes.size(); i-- > 0;) {
        const tissue::Candidate& node = found.candidates[i];
        if (node.left != none && of[i] != other) of[node.left] = of[node.right] = of[i];
    }
    return layer;
}

/// Draws the layer's candidates and gives each its pixels and its best true partner.
Result<void> draw_layer(const tissue::NucleusCandidates& found, const Layer& layer,
                        const std::vector<std::uint32_t>& truth,
                        const std::vector<std::uint32_t>& true_area,
                        const tissue::SegmentOptions& options, std::vector<Partner>& partners) {
    const std::uint64_t width = found.pieces.width(), height = found.pieces.height();
    const fs::path scratch = fs::temp_directory_path();
    auto plane = TRY(tissue::ScratchPlane<std::uint32_t>::make(scratch, width, height));
    auto drawn = TRY(tissue::ScratchPlane<std::uint32_t>::make(scratch, width, height));
    for (std::uint64_t i = 0; i < width * height; ++i)
        if (const std::uint32_t piece = found.pieces.row(0)[i]; piece != 0)
            plane.row(0)[i] = layer.of_piece[piece - 1];
    const std::uint32_t count = TRY(
        tissue::draw_objects(layer.basins, plane, found.light, options, found.radius, drawn, {}));
    std::vector<std::uint32_t> node_of(count + 1);
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> shared;
    for (std::uint64_t i = 0; i < width * height; ++i) {
        const std::uint32_t label = drawn.row(0)[i], piece = plane.row(0)[i];
        if (label == 0) continue;
        if (piece != 0) node_of[label] = layer.nodes[piece - 1];  // else a hole that was filled
        ++shared[{label, truth[i]}];
    }
    for (const auto& [pair, pixels] : shared) partners[node_of[pair.first]].pixels += pixels;
    for (const auto& [pair, pixels] : shared) {
        Partner& partner = partners[node_of[pair.first]];
        const std::uint32_t either = partner.pixels + true_area[pair.second] - pixels;
        const double overlap = static_cast<double>(pixels) / either;
        if (pair.second == 0 || overlap <= partner.overlap) continue;
        partner.overlap = overlap;
        partner.truth = pair.second;
    }
    return {};
}

/// Candidates that are as many unions deep share no pixel: they are drawn at once.
Result<std::vector<Partner>> partners_of(const tissue::NucleusCandidates& found,
                                         const std::vector<std::uint32_t>& truth,
                                         const tissue::SegmentOptions& options) {
    const auto& nodes = found.candidates;
    std::vector<std::uint32_t> depths(nodes.size()), true_area;
    std::vector<tissue::Basin> boxes = found.basins;
    for (std::size_t i = boxes.size(); i < nodes.size(); ++i) {
        const auto &a = boxes[nodes[i].left], &b = boxes[nodes[i].right];
        depths[i] = 1 + std::max(depths[nodes[i].left], depths[nodes[i].right]);
        boxes.push_back({.anchor = a.anchor,
                         .x0 = std::min(a.x0, b.x0),
                         .y0 = std::min(a.y0, b.y0),
                         .x1 = std::max(a.x1, b.x1),
                         .y1 = std::max(a.y1, b.y1)});
    }
    for (const std::uint32_t id : truth) {
        if (id >= true_area.size()) true_area.resize(id + 1);
        ++true_area[id];
    }
    std::vector<Partner> partners(nodes.size());
    const auto deepest = std::max_element(depths.begin(), depths.end());
    for (std::uint32_t depth = 0; deepest != depths.end() && depth <= *deepest; ++depth)
        TRY(draw_layer(found, layer_of(found, boxes, depths, depth), truth, true_area, options,
                       partners));
    return partners;
}

Result<void> write_candidates(const fs::path& folder, const char* out, std::vector<char*> words) {
    const std::vector<fs::path> names = TRY(pictures_in(folder, taken(words, "half")));
    const tissue::SegmentOptions options = TRY(options_of(words));
    std::string text;
    for (const fs::path& name : names) {
        const Stored image = TRY(png(folder / "images" / name, false));
        const Stored masks = TRY(png(folder / "labels" / name, true));
        const auto width = static_cast<std::int64_t>(image->info().width);
        const auto height = static_cast<std::int64_t>(image->info().height);
        std::vector<std::uint32_t> truth;
        TRY(tissue::PixelReader(*masks, 0).read_labels({0, 0, width, height}, truth));
        const auto found =
            TRY(tissue::nucleus_candidates(*image, options, fs::temp_directory_path()));
        const auto partners = TRY(partners_of(found, truth, options));
        for (std::size_t i = 0; i < found.candidates.size(); ++i) {
            const auto& candidate = found.candidates[i];
            text += fmt::format("{},{}x{},{},{},{},{},{:.4f}", name.stem().string(), width, height,
                                static_cast<std::int32_t>(candidate.left),
                                static_cast<std::int32_t>(candidate.right), partners[i].truth,
                                partners[i].pixels, partners[i].overlap);
            for (const float feature : candidate.features) text += fmt::format(",{:.7g}", feature);
            text += '\n';
        }
    }
    return replace_file(out, std::as_bytes(std::span(text)));
}

/// A jittered grid of bright disks on a slope with noise: 16 bits.
class MadeSlide final : public image::ImageSource {
public:
    explicit MadeSlide(std::uint64_t side) {
        info_.width = info_.height = side;
        info_.type = image::PixelType::uint16;
        info_.channels = {{.name = "DNA"}};
    }
    const image::ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        out[0].resize(rows * info_.width * 2);
        auto* to = reinterpret_cast<std::uint16_t*>(out[0].data());
        for (std::uint64_t y = first; y < first + rows; ++y)
            for (std::uint64_t x = 0; x < info_.width; ++x) *to++ = value(x, y);
        return {};
    }

private:
    static std::uint64_t mixed(std::uint64_t seed) {
        seed = (seed ^ (seed >> 30)) * 0xbf58476d1ce4e5b9u;
        seed = (seed ^ (seed >> 27)) * 0x94d049bb133111ebu;
        return seed ^ (seed >> 31);
    }
    std::uint16_t value(std::uint64_t x, std::uint64_t y) const {
        constexpr std::uint64_t pitch = 28;
        double light = 500 + 0.02 * static_cast<double>(x + y);
        const std::uint64_t gx = x / pitch, gy = y / pitch;
        const std::uint64_t random = mixed(gy * 0x9e3779b97f4a7c15u + gx + 1);
        const double cx = static_cast<double>(gx * pitch) + 10 + static_cast<double>(random % 9);
        const double cy =
            static_cast<double>(gy * pitch) + 10 + static_cast<double>(random / 9 % 9);
        const double radius = 8 + static_cast<double>(random / 81 % 4);
        const double away = std::hypot(static_cast<double>(x) - cx, static_cast<double>(y) - cy);
        light += 6000 / (1 + std::exp(2 * (away - radius)));
        light += static_cast<double>(mixed(y * info_.width + x) % 400);
        return static_cast<std::uint16_t>(light);
    }
    image::ImageInfo info_;
};

Result<void> speed(std::uint64_t side) {
    MadeSlide source(side);
    const Stored image = TRY(stored(source, false, fs::temp_directory_path()));
    const double pixels = static_cast<double>(side) * static_cast<double>(side) / 1e6;
    const std::clock_t start = std::clock();
    const auto made = TRY(tissue::segment_nuclei(*image, {}, fs::temp_directory_path(), {}));
    const std::clock_t segmented = std::clock();
    const auto cells = TRY(tissue::expand_labels(made.labels, 5, fs::temp_directory_path(), {}));
    const std::clock_t expanded = std::clock();
    const auto rate = [&](std::clock_t from, std::clock_t to) {
        return pixels * CLOCKS_PER_SEC / static_cast<double>(to - from);
    };
    fmt::print("segment {:.1f} MPix, {} nuclei, radius {:.1f}: {:.1f} MPix/s of processor time\n",
               pixels, made.count, made.radius, rate(start, segmented));
    fmt::print("expand 5 px: {:.1f} MPix/s\n", rate(segmented, expanded));
    return {};
}

/// The made-up slide in several channels.
class ManyChannels final : public image::ImageSource {
public:
    ManyChannels(std::uint64_t side, std::size_t channels) : slide_(side), info_(slide_.info()) {
        info_.channels.clear();
        for (std::size_t i = 0; i < channels; ++i)
            info_.channels.push_back({.name = fmt::format("marker {}", i)});
    }
    const image::ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override {
        return std::vector<std::size_t>(info_.channels.size(), 1);
    }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        return slide_.read_rows(0, first, rows, out);
    }

private:
    MadeSlide slide_;
    image::ImageInfo info_;
};

/// Labels as an image.
class MadeLabels final : public image::ImageSource {
public:
    explicit MadeLabels(const tissue::ScratchPlane<std::uint32_t>& plane) : plane_(plane) {
        info_.width = plane.width();
        info_.height = plane.height();
        info_.type = image::PixelType::uint32;
        info_.content = image::Content::labels;
        info_.channels = {{.name = "labels"}};
    }
    const image::ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        const auto* from = reinterpret_cast<const std::byte*>(plane_.row(first));
        out[0].assign(from, from + rows * info_.width * 4);
        return {};
    }

private:
    const tissue::ScratchPlane<std::uint32_t>& plane_;
    image::ImageInfo info_;
};

double since(std::clock_t start) {
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

Result<void> measure_speed(std::uint64_t side) {
    constexpr std::size_t channels = 8;
    ManyChannels source(side, channels);
    const Stored image = TRY(stored(source, false, fs::temp_directory_path()));
    const auto made = TRY(tissue::segment_nuclei(*image, {}, fs::temp_directory_path(), {}));
    MadeLabels label_source(made.labels);
    const Stored labels = TRY(stored(label_source, true, fs::temp_directory_path()));
    // The floor: unpacking the pixels and labels, and nothing else.
    std::clock_t unpacking = std::clock();
    for (std::uint64_t y = 0; y < side; y += image::tile_side)
        for (std::uint64_t x = 0; x < side; x += image::tile_side) {
            for (std::size_t channel = 0; channel < channels; ++channel)
                static_cast<void>(
                    TRY(image->tile(0, channel, x / image::tile_side, y / image::tile_side)));
            static_cast<void>(TRY(labels->tile(0, 0, x / image::tile_side, y / image::tile_side)));
        }
    fmt::print("unpacking alone: {:.2f} s\n", since(unpacking));
    for (const bool is_all : {false, true}) {
        tissue::MeasureOptions options;
        if (!is_all) options = {{"mean"}, {}, {}};
        const std::clock_t start = std::clock();
        const auto measured = TRY(tissue::measure(*image, *labels, nullptr, options, {}));
        const double seconds = since(start);
        fmt::print(
            "{}: {} cells, {} channels, shapes: {:.2f} s, {:.0f} k cell channels/s, {:.0f} "
            "MPix channels/s of processor time\n",
            is_all ? "mean, median, sd, sum, 2 quantiles" : "mean", measured.labels.size(),
            channels, seconds,
            static_cast<double>(measured.labels.size() * channels) / seconds / 1e3,
            static_cast<double>(side * side * channels) / seconds / 1e6);
    }
    return {};
}

/// What one cell and channel needs of the kernel, from labels and pixels in memory.
Result<void> kernel_speed(std::uint64_t side, std::size_t channels) {
    MadeSlide source(side);
    const Stored image = TRY(stored(source, false, fs::temp_directory_path()));
    const auto made = TRY(tissue::segment_nuclei(*image, {}, fs::temp_directory_path(), {}));
    const tissue::Window window{0, 0, static_cast<std::int64_t>(side),
                                static_cast<std::int64_t>(side)};
    const std::span<const std::uint32_t> labels(made.labels.row(0), side * side);
    std::vector<std::vector<std::uint16_t>> planes(channels);
    for (auto& plane : planes) {
        TRY(tissue::PixelReader(*image, 0).read_as(window, plane));
        plane.resize(plane.size() + tissue::gather_slack);
    }
    tissue::ObjectRuns objects;
    objects.find(window, labels);  // its memory is there now
    std::vector<std::uint16_t> room;
    tissue::QuantileFinder<std::uint16_t> finder;
    tissue::RowSums row_sums;
    const auto tell = [&](std::string_view what, double seconds, double encoding) {
        const auto count = static_cast<double>(objects.count() * channels);
        fmt::print(
            "in memory, {}: {} cells, {} channels: {:.1f} ms and {:.1f} ms of runs: {:.2f} "
            "M cell channels/s, {:.0f} MPix channels/s of processor time\n",
            what, objects.count(), channels, 1e3 * seconds, 1e3 * encoding,
            count / (seconds + encoding) / 1e6,
            static_cast<double>(side * side * channels) / (seconds + encoding) / 1e6);
    };
    std::vector<float> numbers(objects.count() * channels);
    for (int round = 0; round < 3; ++round) {
        std::clock_t start = std::clock();
        objects.find(window, labels);
        std::vector<std::uint64_t> areas;
        for (std::size_t i = 0; i < objects.count(); ++i)
            areas.push_back(tissue::pixel_count(objects.runs(i)));
        const double encoding = since(start);
        start = std::clock();
        for (std::size_t channel = 0; channel < channels; ++channel) {
            const tissue::Pixels<std::uint16_t> pixels{planes[channel].data(), window};
            const auto sums = row_sums.of(pixels, objects);
            for (std::size_t i = 0; i < objects.count(); ++i)
                numbers[i * channels + channel] = static_cast<float>(static_cast<double>(sums[i]) /
                                                                     static_cast<double>(areas[i]));
        }
        tell("mean", since(start), encoding);
        constexpr double half[] = {0.5};
        start = std::clock();
        for (std::size_t channel = 0; channel < channels; ++channel) {
            const tissue::Pixels<std::uint16_t> pixels{planes[channel].data(), window};
            for (std::size_t i = 0; i < objects.count(); ++i)
                numbers[i * channels + channel] = static_cast<float>(
                    finder.of(tissue::gather(pixels, objects.runs(i), room), half)[0]);
        }
        tell("median", since(start), encoding);
        start = std::clock();
        double perimeters = 0;
        for (std::size_t i = 0; i < objects.count(); ++i)
            perimeters += tissue::region_of(objects.runs(i)).perimeter;
        fmt::print("shapes: {:.0f} k cells/s (mean perimeter {:.2f})\n",
                   static_cast<double>(objects.count()) / since(start) / 1e3,
                   perimeters / static_cast<double>(objects.count()));
    }
    return {};
}

Result<void> enrich_speed(std::uint64_t cells) {
    constexpr std::size_t kinds = 12;
    tissue::Places places;
    std::vector<std::int32_t> of_cells;
    std::uint64_t state = 1;
    const auto next = [&state] {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<double>(state >> 11) * 0x1p-53;
    };
    const double side = 10 * std::sqrt(static_cast<double>(cells));
    for (std::uint64_t i = 0; i < cells; ++i) {
        places.x.push_back(next() * side);
        places.y.push_back(next() * side);
        of_cells.push_back(static_cast<std::int32_t>(next() * kinds));
    }
    std::clock_t start = std::clock();
    const auto near = tissue::nearest_graph(places, 6);
    const double nearest = since(start);
    start = std::clock();
    const auto triangles = tissue::delaunay_graph(places, 0);
    const double delaunay = since(start);
    double best = 1e9;
    for (int round = 0; round < 10; ++round) {
        start = std::clock();
        static_cast<void>(tissue::exact_enrichment(near, of_cells, kinds));
        best = std::min(best, since(start));
    }
    fmt::print(
        "{} cells: 6 nearest {:.3f} s, Delaunay {:.3f} s ({} edges), exact enrichment of {} "
        "edges {:.2f} ms\n",
        cells, nearest, delaunay, triangles.edge_count() / 2, near.edge_count(), best * 1e3);
    return {};
}

Result<void> write_edges(const cluster::CellGraph& graph, const fs::path& path) {
    Bytes bytes;
    for (std::uint32_t from = 0; from < graph.node_count(); ++from)
        for (std::uint64_t e = graph.starts[from]; e < graph.starts[from + 1]; ++e) {
            if (graph.nodes[e] <= from) continue;
            const std::uint32_t ends[2] = {from, graph.nodes[e]};
            const auto* const both = reinterpret_cast<const std::byte*>(ends);
            const auto* const weight = reinterpret_cast<const std::byte*>(&graph.weights[e]);
            bytes.insert(bytes.end(), both, both + sizeof(ends));
            bytes.insert(bytes.end(), weight, weight + sizeof(float));
        }
    return replace_file(path, bytes);
}

Result<void> leiden_speed(std::uint64_t cells, const char* file) {
    constexpr std::uint32_t kinds = 12, dims = 20;
    std::uint64_t state = 7;
    const auto normal = [&state] {
        double sum = 0;
        for (int i = 0; i < 12; ++i) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            sum += static_cast<double>(state >> 11) * 0x1p-53;
        }
        return sum - 6;
    };
    std::vector<double> centres;
    for (std::uint32_t i = 0; i < kinds * dims; ++i) centres.push_back(1.2 * normal());
    std::vector<float> values;
    for (std::uint64_t cell = 0; cell < cells; ++cell)
        for (std::uint32_t dim = 0; dim < dims; ++dim)
            values.push_back(static_cast<float>(centres[cell % kinds * dims + dim] + normal()));
    std::clock_t start = std::clock();
    const auto near = TRY(cluster::find_neighbours({dims, values}, 15, 1, {}));
    const auto graph = cluster::graph_of(near);
    const double graph_seconds = since(start);
    start = std::clock();
    const auto found = TRY(cluster::leiden(graph, {}, {}));
    const double seconds = since(start);
    std::uint32_t count = 0;
    for (const std::uint32_t one : found) count = std::max(count, one + 1);
    fmt::print(
        "leiden: {} cells, {} edges, {} communities, modularity {:.5f}: {:.2f} s of processor time "
        "(15 nearest and weights {:.2f} s)\n",
        cells, graph.nodes.size() / 2, count, cluster::modularity(graph, found, 1), seconds,
        graph_seconds);
    if (file != nullptr) TRY(write_edges(graph, file));
    return {};
}

}  // namespace
}  // namespace stroma

int main(int argument_count, char** arguments) {
    using namespace stroma;
    const std::string verb = argument_count >= 3 ? arguments[1] : "";
    Result<void> done = fail(ErrorCode::invalid_input,
                             "score FOLDER, speed SIDE, measure SIDE, kernel SIDE "
                             "[CHANNELS], enrich CELLS or leiden CELLS [FILE]");
    if (verb == "score") done = score(arguments[2], {arguments + 3, arguments + argument_count});
    if (verb == "candidates" && argument_count >= 4)
        done = write_candidates(arguments[2], arguments[3],
                                {arguments + 4, arguments + argument_count});
    if (verb == "speed") done = speed(std::strtoull(arguments[2], nullptr, 10));
    if (verb == "measure") done = measure_speed(std::strtoull(arguments[2], nullptr, 10));
    if (verb == "kernel")
        done = kernel_speed(std::strtoull(arguments[2], nullptr, 10),
                            argument_count == 4 ? std::strtoull(arguments[3], nullptr, 10) : 8);
    if (verb == "enrich") done = enrich_speed(std::strtoull(arguments[2], nullptr, 10));
    if (verb == "leiden")
        done = leiden_speed(std::strtoull(arguments[2], nullptr, 10),
                            argument_count == 4 ? arguments[3] : nullptr);
    if (done) return 0;
    fmt::print(stderr, "tissue_bench: {}\n", done.error().message);
    return 1;
}
