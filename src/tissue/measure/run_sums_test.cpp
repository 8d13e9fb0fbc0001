#include "tissue/measure/run_sums.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace stroma::tissue {
namespace {

constexpr Window plane{0, 0, 700, 300};

/// Labels in blocks, single pixels and one object over everything else; 0 between.
std::vector<std::uint32_t> made_labels() {
    std::vector<std::uint32_t> labels(static_cast<std::size_t>(plane.width * plane.height));
    std::mt19937 random(3);
    for (std::int64_t y = 0; y < plane.height; ++y)
        for (std::int64_t x = 0; x < plane.width; ++x) {
            auto& label = labels[static_cast<std::size_t>(y * plane.width + x)];
            if (y < 100) label = static_cast<std::uint32_t>(1 + x / 37 + y / 20 * 100);
            if (y >= 100 && y < 150) label = static_cast<std::uint32_t>(random() % 3 * 5000);
            if (y >= 160) label = 7;
        }
    return labels;
}

template <class T>
std::vector<T> made_pixels(T low, T high) {
    std::vector<T> pixels(static_cast<std::size_t>(plane.width * plane.height) + gather_slack);
    std::mt19937 random(4);
    for (T& pixel : pixels)
        pixel = static_cast<T>(low + random() % (std::uint32_t{high} - low + 1u));
    return pixels;
}

std::vector<std::uint16_t> values_of(const std::vector<std::uint16_t>& pixels,
                                     std::span<const PixelRun> runs) {
    std::vector<std::uint16_t> values;
    for (const PixelRun& run : runs)
        for (std::int64_t x = run.x0; x < run.x1; ++x)
            values.push_back(pixels[static_cast<std::size_t>(run.y * plane.width + x)]);
    return values;
}

TEST(RunSums, AreThoseOfEachPixelByItself) {
    const auto labels = made_labels();
    ObjectRuns objects;
    objects.find(plane, labels);
    for (const auto& [low, high] : {std::pair<int, int>{0, 65'535}, {65'535, 65'535}, {0, 0}}) {
        const auto pixels =
            made_pixels(static_cast<std::uint16_t>(low), static_cast<std::uint16_t>(high));
        const Pixels<std::uint16_t> view{pixels.data(), plane};
        RowSums rows;
        const auto by_rows = rows.of(view, objects);
        std::vector<std::uint16_t> room;
        for (std::size_t i = 0; i < objects.count(); ++i) {
            const auto values = values_of(pixels, objects.runs(i));
            std::uint64_t sum = 0, squares = 0;
            for (const std::uint64_t value : values) {
                sum += value;
                squares += value * value;
            }
            ASSERT_EQ(by_rows[i], sum);
            for (const bool with_squares : {false, true})
                for (const bool with_extremes : {false, true}) {
                    const auto found =
                        moments_under(view, objects.runs(i), {with_squares, with_extremes}, room);
                    ASSERT_EQ(found.count, values.size());
                    ASSERT_EQ(static_cast<std::uint64_t>(found.sum), sum);
                    if (with_squares) {
                        ASSERT_EQ(static_cast<std::uint64_t>(found.squares), squares);
                    }
                    if (with_extremes) {
                        ASSERT_EQ(found.least, *std::min_element(values.begin(), values.end()));
                        ASSERT_EQ(found.most, *std::max_element(values.begin(), values.end()));
                    }
                }
        }
    }
}

TEST(RunSums, QuantilesAreThoseOfSortedValues) {
    const double shares[] = {0, 0.1, 0.5, 0.5, 0.9, 0.999, 1};
    QuantileFinder<std::uint16_t> finder;
    std::mt19937 random(6);
    for (const std::size_t count : {1, 2, 23, 24, 31, 32, 33, 290, 5000, 65'535, 65'536, 70'000})
        for (const std::uint32_t range : {1u, 2u, 300u, 65'536u}) {
            std::vector<std::uint16_t> values(count);
            for (auto& value : values)
                value = static_cast<std::uint16_t>(65'535 - random() % range);
            const auto found = finder.of(values, shares);
            auto sorted = values;
            std::sort(sorted.begin(), sorted.end());
            for (std::size_t i = 0; i < std::size(shares); ++i) {
                const double place = shares[i] * static_cast<double>(count - 1);
                const auto below = static_cast<std::size_t>(place);
                const double low = sorted[below], high = sorted[std::min(below + 1, count - 1)];
                ASSERT_EQ(found[i], low + (high - low) * (place - static_cast<double>(below)))
                    << count << ' ' << range << ' ' << shares[i];
            }
        }
}

TEST(RunSums, WhatWasPackedIsTheSameAgain) {
    const auto labels = made_labels();
    const Window window{1024, 512, plane.width, plane.height};
    ObjectRuns objects, again;
    objects.find(window, labels);
    again.restore(window, objects.packed());
    ASSERT_EQ(again.count(), objects.count());
    std::uint64_t pixels = 0;
    for (std::size_t i = 0; i < objects.count(); ++i) {
        ASSERT_EQ(again.label(i), objects.label(i));
        const auto one = objects.runs(i), other = again.runs(i);
        ASSERT_EQ(one.size(), other.size());
        for (std::size_t run = 0; run < one.size(); ++run) {
            ASSERT_EQ(one[run].y, other[run].y);
            ASSERT_EQ(one[run].x0, other[run].x0);
            ASSERT_EQ(one[run].x1, other[run].x1);
            for (std::int64_t x = one[run].x0; x < one[run].x1; ++x)
                ASSERT_EQ(labels[static_cast<std::size_t>((one[run].y - window.y) * plane.width +
                                                          x - window.x)],
                          objects.label(i));
        }
        pixels += pixel_count(one);
    }
    EXPECT_EQ(pixels, labels.size() -
                          static_cast<std::size_t>(std::count(labels.begin(), labels.end(), 0u)));
}

}  // namespace
}  // namespace stroma::tissue
