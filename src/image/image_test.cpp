#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "base/json.h"
#include "expression/sealed/container.h"
#include "image/image_files.h"
#include "image/pyramid_writer.h"
#include "image/thumbnail.h"
#include "image/visium.h"
#include "object/memory/memory_store.h"

namespace stroma::image {
namespace {

/// Values that follow from their place; channel after channel, or all together.
class MadeSource final : public ImageSource {
public:
    MadeSource(ImageInfo info, bool together) : info_(std::move(info)), together_(together) {}
    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override {
        if (together_) return {info_.channels.size()};
        return std::vector<std::size_t>(info_.channels.size(), 1);
    }
    Result<void> read_rows(std::size_t group, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        for (std::size_t i = 0; i < out.size(); ++i)
            for (std::uint64_t row = 0; row < rows; ++row)
                for (std::uint64_t x = 0; x < info_.width; ++x)
                    store(out[i].data() + (row * info_.width + x) * size_of(info_.type), group + i,
                          x, first + row);
        return {};
    }
    double at(std::size_t channel, std::uint64_t x, std::uint64_t y) const {
        if (info_.content == Content::labels) return static_cast<double>(x / 9 + y / 7 * 1000);
        return static_cast<double>((x * 31 + y * 17 + channel * 101 + x * y % 13) % 251);
    }

private:
    void store(std::byte* to, std::size_t channel, std::uint64_t x, std::uint64_t y) const {
        with_pixel_type(info_.type,
                        [&]<class T>(T) { stroma::store(to, static_cast<T>(at(channel, x, y))); });
    }
    ImageInfo info_;
    bool together_;
};

ImageInfo info_of_size(std::uint64_t width, std::uint64_t height, PixelType type, int channels) {
    ImageInfo info{width, height, type};
    for (int i = 0; i < channels; ++i) info.channels.push_back({"c" + std::to_string(i)});
    return info;
}

class Images : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "image-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override { fs::remove_all(folder_); }
    fs::path written(ImageSource& source, const std::string& name) {
        File file = *File::create(folder_ / name);
        const auto done = write_pyramid(source, file, {}, false, {});
        EXPECT_TRUE(done) << done.error().message;
        return folder_ / name;
    }
    std::shared_ptr<const StoredImage> kept(ImageSource& source, const std::string& id) {
        EXPECT_TRUE(objects_.put_file(ImageFiles::object_key(id), written(source, id), {}));
        return files_.open(id).value();
    }
    fs::path folder_;
    object::MemoryStore objects_;
    ImageFiles files_{objects_};
};

double value_in(const Tile& tile, PixelType type, std::uint64_t x, std::uint64_t y) {
    return with_pixel_type(type, [&]<class T>(T) {
        return static_cast<double>(load<T>(tile.values.data() + (y * tile.width + x) * sizeof(T)));
    });
}

TEST_F(Images, EveryPixelOfEveryChannelIsInItsTile) {
    for (const PixelType type : {PixelType::uint8, PixelType::uint16, PixelType::float32}) {
        MadeSource source(info_of_size(1100, 700, type, 2), type == PixelType::uint16);
        const auto image = kept(source, std::string(name_of(type)));
        ASSERT_EQ(image->levels().size(), 3u);
        EXPECT_EQ(image->levels()[1].width, 550u);
        EXPECT_EQ(image->levels()[2].width, 275u);
        for (std::size_t channel = 0; channel < 2; ++channel)
            for (std::uint64_t y = 0; y < 700; y += 23)
                for (std::uint64_t x = 0; x < 1100; x += 19) {
                    const Tile tile = image->tile(0, channel, x / tile_side, y / tile_side).value();
                    ASSERT_EQ(value_in(tile, type, x % tile_side, y % tile_side),
                              source.at(channel, x, y));
                }
    }
}

TEST_F(Images, APixelOfTheNextLevelIsTheMeanOfItsFour) {
    MadeSource source(info_of_size(601, 513, PixelType::uint16, 1), false);
    const auto image = kept(source, "mean");
    const Tile half = image->tile(1, 0, 0, 0).value();
    ASSERT_EQ(half.width, 301u);
    ASSERT_EQ(half.height, 257u);
    for (std::uint64_t y = 0; y < half.height; ++y)
        for (std::uint64_t x = 0; x < half.width; ++x) {
            double sum = 0;
            int count = 0;
            for (std::uint64_t dy = 0; dy < 2; ++dy)
                for (std::uint64_t dx = 0; dx < 2; ++dx)
                    if (2 * x + dx < 601 && 2 * y + dy < 513) {
                        sum += source.at(0, 2 * x + dx, 2 * y + dy);
                        ++count;
                    }
            ASSERT_EQ(value_in(half, PixelType::uint16, x, y), std::floor(sum / count + 0.5));
        }
}

TEST_F(Images, AHalvedLabelIsALabelThatWasThere) {
    ImageInfo info = info_of_size(700, 600, PixelType::uint32, 1);
    info.content = Content::labels;
    MadeSource source(info, false);
    const auto image = kept(source, "labels");
    const Tile half = image->tile(1, 0, 0, 0).value();
    for (std::uint64_t y = 0; y < half.height; y += 3)
        for (std::uint64_t x = 0; x < half.width; x += 3)
            ASSERT_EQ(value_in(half, PixelType::uint32, x, y), source.at(0, 2 * x, 2 * y));
}

TEST_F(Images, TheSamePictureGivesTheSameBytes) {
    MadeSource first(info_of_size(600, 40, PixelType::uint8, 3), true);
    MadeSource again(info_of_size(600, 40, PixelType::uint8, 3), true);
    EXPECT_EQ(*read_file(written(first, "one")), *read_file(written(again, "two")));
}

TEST_F(Images, ItsRangeIsLearntOnTheWay) {
    MadeSource source(info_of_size(600, 600, PixelType::uint8, 1), false);
    const Channel channel = kept(source, "range")->info().channels[0];
    EXPECT_EQ(channel.min, 0);
    EXPECT_EQ(channel.max, 250);
    EXPECT_GE(channel.low, 1);
    EXPECT_LE(channel.low, 4);
    EXPECT_GE(channel.high, 245);
}

TEST_F(Images, AFlippedBitAnywhereInATileIsFound) {
    MadeSource source(info_of_size(600, 600, PixelType::uint8, 1), false);
    const fs::path path = written(source, "good");
    const std::string good = *read_file(path);
    for (const std::size_t at : {std::size_t{60}, good.size() / 3, good.size() / 2}) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 4);
        const std::string id = "bad" + std::to_string(at);
        ASSERT_TRUE(objects_.put(ImageFiles::object_key(id), as_bytes(bad)));
        const auto image = files_.open(id);
        const Result<void> verified =
            image ? (*image)->verify({}) : Result<void>(fail(image.error()));
        ASSERT_FALSE(verified) << at;
        EXPECT_EQ(verified.error().code, ErrorCode::corrupt);
    }
}

TEST_F(Images, WhatIsNotThereIsNotFound) {
    MadeSource source(info_of_size(600, 600, PixelType::uint8, 1), false);
    const auto image = kept(source, "small");
    EXPECT_EQ(image->tile(0, 0, 2, 0).error().code, ErrorCode::not_found);
    EXPECT_EQ(image->tile(2, 0, 0, 0).error().code, ErrorCode::not_found);
    EXPECT_EQ(image->tile(0, 1, 0, 0).error().code, ErrorCode::not_found);
    EXPECT_EQ(rgb_tile_png(*image, 0, 0, 0).error().code, ErrorCode::not_found);
    EXPECT_TRUE(thumbnail_png(*image)->starts_with("\x89PNG"));
}

TEST_F(Images, TooManyPixelsAreRefusedByTheLimitsName) {
    MadeSource source(
        info_of_size(std::uint64_t{1} << 23, std::uint64_t{1} << 23, PixelType::uint8, 1), false);
    File file = *File::create(folder_ / "large");
    const auto done = write_pyramid(source, file, {}, false, {});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::exhausted);
    EXPECT_NE(done.error().message.find("limit: pixels"), std::string::npos);
}

expression::Dict visium_uns(const expression::Array& hires, double scale) {
    using expression::Array;
    using expression::Dict;
    using expression::Element;
    const auto number = [](double value) {
        Array array = Array::of(std::vector{value});
        array.shape.clear();
        return Element{array};
    };
    Dict images, factors, library, libraries, uns;
    images.emplace_back("hires", Element{hires});
    factors.emplace_back("tissue_hires_scalef", number(scale));
    factors.emplace_back("spot_diameter_fullres", number(130));
    library.emplace_back("images", Element{images});
    library.emplace_back("scalefactors", Element{factors});
    libraries.emplace_back("heart", Element{library});
    uns.emplace_back("spatial", Element{libraries});
    return uns;
}

TEST(VisiumImages, APictureOfSharesBecomesBytesThatLieUnderTheSpots) {
    expression::Array pixels = expression::Array::of(std::vector<float>{0, 0.5f, 1, 0.2f, 0.4f, 1});
    pixels.shape = {2, 1, 3};
    std::vector<std::string> notes;
    const expression::Dict uns = visium_uns(pixels, 0.25);
    auto found = visium_images(uns, notes);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_TRUE(notes.empty());
    EXPECT_EQ(found[0].name, "heart hires");
    EXPECT_EQ(found[0].transform, (Transform{4, 0, 0, 0, 4, 0}));
    EXPECT_DOUBLE_EQ(found[0].source->info().micrometres_x.value(), 2);
    std::vector<Bytes> rows(3, Bytes(2));
    ASSERT_TRUE(found[0].source->read_rows(0, 0, 2, rows));
    EXPECT_EQ(rows[1][0], std::byte{128});
    EXPECT_EQ(rows[0][1], std::byte{51});
}

TEST(VisiumImages, WhatIsNoPictureIsLeftOutAndSaid) {
    expression::Array pixels = expression::Array::of(std::vector<float>{0, 0.5f});
    std::vector<std::string> notes;
    EXPECT_TRUE(visium_images(visium_uns(pixels, 0.25), notes).empty());
    pixels.shape = {1, 2};
    EXPECT_TRUE(visium_images(visium_uns(pixels, -1), notes).empty());
    EXPECT_EQ(notes.size(), 2u);
}

TEST(PlacedImage, ATransformThatFlattensIsRefused) {
    EXPECT_TRUE(transform_of("[2, 0, 1, 0, -2, 5]"));
    for (const char* bad : {"[1, 2, 0, 2, 4, 0]", "[1, 0, 0, 0, 1]", "[1, 0, 0, 0, \"1\", 0]", "{"})
        EXPECT_FALSE(transform_of(bad)) << bad;
}

}  // namespace
}  // namespace stroma::image
