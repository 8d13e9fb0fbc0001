#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "image/pyramid_writer.h"
#include "object/mapped_reader.h"
#include "tissue/segment/matching.h"
#include "tissue/segment/segmentation.h"

namespace stroma::tissue {
namespace {

/// Bright disks, some of which touch, on a slope with noise.
class MadePicture final : public image::ImageSource {
public:
    MadePicture() {
        info_.width = 324;
        info_.height = 264;
        info_.type = image::PixelType::uint16;
        info_.channels = {image::Channel{.name = "DNA"}};
    }
    const image::ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        out[0].resize(rows * info_.width * 2);
        for (std::uint64_t i = 0; i < rows * info_.width; ++i) {
            const std::uint16_t value = value_at(i % info_.width, first + i / info_.width);
            std::memcpy(out[0].data() + 2 * i, &value, 2);
        }
        return {};
    }
    /// The disk that a pixel lies in, or 0.
    static std::uint32_t truth(std::uint64_t x, std::uint64_t y) {
        return away(x, y) <= 7 ? static_cast<std::uint32_t>(1 + x / 18 + 100 * (y / 22)) : 0;
    }

private:
    static double away(std::uint64_t x, std::uint64_t y) {
        const double shift = static_cast<double>((x / 18 * 7 + y / 22 * 3) % 5);
        return std::hypot(static_cast<double>(x % 18) - 8.5,
                          static_cast<double>(y % 22) - 8 - shift);
    }
    static std::uint16_t value_at(std::uint64_t x, std::uint64_t y) {
        std::uint64_t noise = (y * 330 + x + 1) * 0x9e3779b97f4a7c15u;
        noise ^= noise >> 29;
        const double light = 4000 / (1 + std::exp(2 * (away(x, y) - 7.5)));
        return static_cast<std::uint16_t>(300 + light + static_cast<double>(x + noise % 150));
    }
    image::ImageInfo info_;
};

std::shared_ptr<const image::StoredImage> made_picture() {
    MadePicture source;
    File file = *File::temporary(fs::temp_directory_path());
    EXPECT_TRUE(image::write_pyramid(source, file, {}, false, {}));
    return *image::StoredImage::open(
        std::make_unique<object::MappedReader>(*MappedFile::map(file), "picture"));
}

std::vector<std::uint32_t> labels_of(const ScratchPlane<std::uint32_t>& plane) {
    return {plane.row(0), plane.row(0) + plane.width() * plane.height()};
}

std::vector<std::uint32_t> segmented(std::int64_t tile_side) {
    SegmentOptions options;
    options.tile_side = tile_side;
    const auto made = segment_nuclei(*made_picture(), options, fs::temp_directory_path(), {});
    EXPECT_TRUE(made) << made.error().message;
    return labels_of(made->labels);
}

TEST(Segmentation, NoTileIsSeenInTheLabels) {
    const std::vector<std::uint32_t> whole = segmented(1024);
    for (const std::int64_t side : {32, 57, 100, 256}) EXPECT_EQ(segmented(side), whole) << side;
}

TEST(Segmentation, FindsTheDisksThatWereDrawn) {
    std::vector<std::uint32_t> truth;
    for (std::uint64_t i = 0; i < 324 * 264; ++i)
        truth.push_back(MadePicture::truth(i % 324, i / 324));
    EXPECT_GT(agreement(truth, segmented(256), 0.5).f1(), 0.9);
}

TEST(Segmentation, WhatIsSurelyNoneCanBeKeptOrLeftOut) {
    std::size_t before = SIZE_MAX;
    for (const double least : {0.0, 0.4, 1.0}) {
        SegmentOptions options;
        options.chance_min = least;
        const auto made = segment_nuclei(*made_picture(), options, fs::temp_directory_path(), {});
        ASSERT_TRUE(made);
        EXPECT_LE(made->count, before);
        before = made->count;
    }
    EXPECT_EQ(before, 0u) << "no rule is as sure as that";
}

TEST(Segmentation, AnOptionOutOfItsRangeIsNamed) {
    SegmentOptions options;
    options.border_share = 2;
    const auto made = segment_nuclei(*made_picture(), options, fs::temp_directory_path(), {});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message, "border share is 2; it must be from 0 to 0.99");
}

TEST(Expansion, EachPixelGoesToTheNearestLabelAndOfEqualsToTheSmallest) {
    auto nuclei = ScratchPlane<std::uint32_t>::make(fs::temp_directory_path(), 40, 30);
    ASSERT_TRUE(nuclei) << nuclei.error().message;
    nuclei->row(10)[10] = 7;
    nuclei->row(10)[16] = 3;
    nuclei->row(14)[10] = 9;
    const auto grown = expand_labels(*nuclei, 4.5, fs::temp_directory_path(), {});
    ASSERT_TRUE(grown) << grown.error().message;
    for (std::int64_t y = 0; y < 30; ++y)
        for (std::int64_t x = 0; x < 40; ++x) {
            std::pair<std::int64_t, std::uint32_t> best{20, 0};  // 4.5 squared is 20.25
            for (const auto& [sx, sy, label] :
                 {std::tuple{10, 10, 7u}, std::tuple{16, 10, 3u}, std::tuple{10, 14, 9u}}) {
                const std::int64_t away = (x - sx) * (x - sx) + (y - sy) * (y - sy);
                if (away <= 20)
                    best = best.second == 0 ? std::pair{away, label}
                                            : std::min(best, std::pair{away, label});
            }
            EXPECT_EQ(grown->row(y)[x], best.second) << x << ", " << y;
        }
}

TEST(Agreement, CountsPairsThatOverlapByMoreThanTheLeast) {
    // 1 is found whole; of 2 half of the union, which is not more than half; 3 is missed.
    const std::vector<std::uint32_t> truth = {1, 1, 1, 0, 2, 2, 0, 3, 0, 0};
    const std::vector<std::uint32_t> found = {5, 5, 5, 0, 6, 0, 0, 0, 0, 8};
    const Agreement made = agreement(truth, found, 0.5);
    EXPECT_EQ(made.matched, 1);
    EXPECT_EQ(made.invented, 2);
    EXPECT_EQ(made.missed, 2);
    EXPECT_DOUBLE_EQ(made.f1(), 2.0 / 6);
    EXPECT_DOUBLE_EQ(made.average_precision(), 1.0 / 5);
    EXPECT_DOUBLE_EQ(made.panoptic_quality(), 1.0 / 3);
}

}  // namespace
}  // namespace stroma::tissue
