#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>

#include "tissue/segment/basins.h"
#include "tissue/segment/candidates.h"
#include "tissue/segment/filters.h"

namespace stroma::tissue {
namespace {

template <class T>
ScratchPlane<T> plane_of(std::uint64_t width, std::uint64_t height) {
    return *ScratchPlane<T>::make(fs::temp_directory_path(), width, height);
}

/// Two disks of radius 12 whose centres lie `apart` pixels from each other, as heights and light.
struct TwoDisks {
    ScratchPlane<std::uint16_t> heights = plane_of<std::uint16_t>(96, 64);
    ScratchPlane<std::uint16_t> light = plane_of<std::uint16_t>(96, 64);
    CoarsePlane background{4, 96, 64}, envelope{4, 96, 64};

    explicit TwoDisks(double apart) {
        for (std::uint64_t y = 0; y < 64; ++y)
            for (std::uint64_t x = 0; x < 96; ++x) {
                const auto column = static_cast<double>(x), row = static_cast<double>(y);
                const double inside = 12 - std::min(std::hypot(column - 48 + apart / 2, row - 32),
                                                    std::hypot(column - 48 - apart / 2, row - 32));
                heights.row(y)[x] =
                    inside > 0 ? static_cast<std::uint16_t>(1 + inside / 12 * 8192) : 0;
                light.row(y)[x] = static_cast<std::uint16_t>(20'000 / (1 + std::exp(-2 * inside)));
            }
        std::fill(background.values.values.begin(), background.values.values.end(), 2000.f);
        std::fill(envelope.values.values.begin(), envelope.values.values.end(), 20'000.f);
    }
    Scene scene() const { return {light, background, envelope, 8000, 12}; }
    std::vector<Basin> basins(double join_bias) const {
        const Scene here = scene();
        auto labels = plane_of<std::uint32_t>(96, 64);
        return *find_basins(heights, {.height_min = 40, .join_bias = join_bias, .scene = &here},
                            labels, {});
    }
    std::vector<Candidate> candidates() const {
        const Scene here = scene();
        auto labels = plane_of<std::uint32_t>(96, 64);
        std::vector<Candidate> found;
        EXPECT_TRUE(find_basins(heights, {.height_min = 40, .scene = &here}, labels, {}, &found));
        return found;
    }
};

// Places of features, as features_of() gives them.
constexpr std::size_t roundness = 1, raggedness = 3, touching = 4, cut = 5, area_share = 18;

TEST(Choice, TwoDisksComeApartAndOneStaysWhole) {
    const auto pair = TwoDisks(21).basins(0);
    ASSERT_EQ(pair.size(), 2u);
    EXPECT_GT(pair[0].chance, 0.4f);
    EXPECT_GT(pair[1].chance, 0.4f);
    EXPECT_EQ(TwoDisks(0).basins(0).size(), 1u);
}

TEST(Choice, WhoWantsUnionsGetsThem) {
    EXPECT_EQ(TwoDisks(21).basins(10).size(), 1u);
    EXPECT_EQ(TwoDisks(21).basins(-10).size(), 2u);
}

TEST(Choice, AUnionIsMadeOfItsPartsAndHasTheirOutlineButForTheSeam) {
    const auto found = TwoDisks(16).candidates();
    ASSERT_EQ(found.size(), 3u);
    EXPECT_EQ(found[2].left, 0u);
    EXPECT_EQ(found[2].right, 1u);
    EXPECT_GT(found[0].features[touching], 0.1f);
    EXPECT_EQ(found[2].features[touching], 0.f);
    EXPECT_EQ(found[2].features[cut], 0.f);
    EXPECT_NEAR(found[2].features[area_share], 0.5f, 0.03f);
    EXPECT_LT(found[2].features[roundness], 0.98f);
}

TEST(Choice, ADisksOutlineIsThatOfACircle) {
    const auto found = TwoDisks(0).candidates();
    ASSERT_EQ(found.size(), 1u);
    EXPECT_NEAR(found[0].features[raggedness], 1, 0.03);
    EXPECT_NEAR(found[0].features[roundness], 1, 0.01);
}

TEST(Choice, MoreRoundnessIsNeverLessChance) {
    const auto found = TwoDisks(16).candidates();
    for (const Candidate& candidate : found) {
        Features features = candidate.features;
        double before = 0;
        for (float one = 0.5f; one < 1.05f; one += 0.05f) {
            features[roundness] = one;
            const double chance = chance_of(features);
            EXPECT_GE(chance, before);
            before = chance;
        }
        EXPECT_GT(before, 0);
        EXPECT_LT(before, 1);
    }
}

TEST(Filters, WidenedByAnOctagonIsTheLargestValueWithinIt) {
    std::mt19937 random(5);
    for (const std::int64_t radius : {0, 1, 2, 5, 9, 30}) {
        Raster<float> image(41, 23);
        for (float& value : image.values) value = static_cast<float>(random() % 1000);
        Raster<float> widened = image;
        widen(widened, radius);
        const auto cross =
            static_cast<std::int64_t>(std::lround(0.41 * static_cast<double>(radius)));
        const std::int64_t square = radius - cross;
        for (std::int64_t y = 0; y < image.height; ++y)
            for (std::int64_t x = 0; x < image.width; ++x) {
                float most = 0;
                for (std::int64_t v = 0; v < image.height; ++v)
                    for (std::int64_t u = 0; u < image.width; ++u) {
                        const std::int64_t beyond_x =
                            std::max<std::int64_t>(std::abs(u - x) - square, 0);
                        const std::int64_t beyond_y =
                            std::max<std::int64_t>(std::abs(v - y) - square, 0);
                        if (beyond_x + beyond_y <= cross) most = std::max(most, image.row(v)[u]);
                    }
                ASSERT_EQ(widened.row(y)[x], most) << radius << ": " << x << ", " << y;
            }
    }
}

}  // namespace
}  // namespace stroma::tissue
