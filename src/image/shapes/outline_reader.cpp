#include "image/shapes/outline_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "image/shapes/outlines.h"

namespace stroma::image {
namespace {

/// The crossings of a ring with the line through the middle of a row of pixels.
void add_crossings(const std::vector<std::array<double, 2>>& ring, double y,
                   std::vector<double>& crossings) {
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const auto& from = ring[i];
        const auto& to = ring[(i + 1) % ring.size()];
        // Half open, so that a corner counts once.
        if ((from[1] <= y) == (to[1] <= y)) continue;
        crossings.push_back(from[0] + (y - from[1]) / (to[1] - from[1]) * (to[0] - from[0]));
    }
}

/// Outlines filled as the rows are asked for; of two that overlap the later one is seen.
class OutlineSource final : public ImageSource {
public:
    OutlineSource(std::vector<Outline> outlines, ImageInfo info)
        : outlines_(std::move(outlines)), info_(std::move(info)) {
        for (const Outline& outline : outlines_) ids_.push_back(outline.id);
    }
    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    const std::vector<std::string>& label_ids() const override { return ids_; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        std::fill(out[0].begin(), out[0].end(), std::byte{0});
        const auto top = static_cast<double>(first), bottom = static_cast<double>(first + rows);
        for (std::size_t i = 0; i < outlines_.size(); ++i) {
            const Outline& outline = outlines_[i];
            if (outline.high < top || outline.low > bottom) continue;
            const double from = std::max(top, std::floor(outline.low));
            const double to = std::min(bottom, std::ceil(outline.high));
            for (double row = from; row < to; ++row)
                fill(outline, row, static_cast<std::uint32_t>(i + 1),
                     out[0].data() + static_cast<std::uint64_t>(row - top) * info_.width *
                                         sizeof(std::uint32_t));
        }
        return {};
    }

private:
    void fill(const Outline& outline, double row, std::uint32_t label, std::byte* line) {
        crossings_.clear();
        for (const auto& ring : outline.rings) add_crossings(ring, row + 0.5, crossings_);
        std::sort(crossings_.begin(), crossings_.end());
        const auto width = static_cast<double>(info_.width);
        for (std::size_t i = 0; i + 1 < crossings_.size(); i += 2) {
            const auto left =
                static_cast<std::uint64_t>(std::clamp(std::ceil(crossings_[i] - 0.5), 0.0, width));
            const auto right = static_cast<std::uint64_t>(
                std::clamp(std::ceil(crossings_[i + 1] - 0.5), 0.0, width));
            for (std::uint64_t x = left; x < right; ++x) store(line + x * sizeof label, label);
        }
    }

    std::vector<Outline> outlines_;
    std::vector<std::string> ids_;
    ImageInfo info_;
    std::vector<double> crossings_;
};

Result<std::unique_ptr<ImageSource>> outline_source(expression::InputFiles& files,
                                                    std::vector<std::string>& notes) {
    const File file = TRY(files.open(files.name()));
    const std::uint64_t size = TRY(file.size());
    if (size > geojson_bytes_max)
        return fail(ErrorCode::exhausted, "limit: GeoJSON of more than 512 MiB");
    Bytes text(size);
    TRY(file.read_at(0, text));
    std::vector<Outline> outlines = TRY(outlines_in(as_text(text)));
    double right = 1, bottom = 1, left = 0, top = 0;
    for (const Outline& outline : outlines) {
        bottom = std::max(bottom, outline.high);
        top = std::min(top, outline.low);
        for (const auto& ring : outline.rings)
            for (const auto& point : ring) {
                right = std::max(right, point[0]);
                left = std::min(left, point[0]);
            }
    }
    if (left < 0 || top < 0) notes.emplace_back("what lies left of 0 or above it is cut off");
    ImageInfo info;
    info.width = static_cast<std::uint64_t>(std::ceil(right));
    info.height = static_cast<std::uint64_t>(std::ceil(bottom));
    info.type = PixelType::uint32;
    info.content = Content::labels;
    info.channels = {{.name = "labels", .color = ""}};
    TRY(check(info));
    return std::make_unique<OutlineSource>(std::move(outlines), std::move(info));
}

class OutlineReader final : public ImageReader {
public:
    std::string_view name() const override { return "geojson"; }

    bool recognises(expression::InputFiles& files) const override {
        if (files.is_folder()) return false;
        const auto file = files.open(files.name());
        std::byte head[1];
        return file && file->read_at(0, head) &&
               (files.name().ends_with(".geojson") || files.name().ends_with(".json")) &&
               (head[0] == std::byte{'{'} || head[0] == std::byte{'['} ||
                head[0] == std::byte{' '} || head[0] == std::byte{'\n'});
    }

    Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files, const ImageOptions&,
                                              std::vector<std::string>& notes) const override {
        auto made = outline_source(files, notes);
        if (!made) return fail(std::move(made.error()).with(files.name()));
        return made;
    }
};

}  // namespace

const ImageReader& outline_reader() {
    static const OutlineReader reader;
    return reader;
}

}  // namespace stroma::image
