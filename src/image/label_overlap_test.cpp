#include "image/label_overlap.h"

#include <gtest/gtest.h>

#include <cstring>

#include "image/pyramid_writer.h"
#include "object/mapped_reader.h"

namespace stroma::image {
namespace {

/// Labels that are given as a picture of so many columns.
class GivenLabels final : public ImageSource {
public:
    GivenLabels(std::uint64_t width, std::vector<std::uint32_t> labels)
        : labels_(std::move(labels)) {
        info_.width = width;
        info_.height = labels_.size() / width;
        info_.type = PixelType::uint32;
        info_.content = Content::labels;
        info_.channels.resize(1);
    }
    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        std::memcpy(out[0].data(), labels_.data() + first * info_.width,
                    rows * info_.width * sizeof(std::uint32_t));
        return {};
    }

private:
    ImageInfo info_;
    std::vector<std::uint32_t> labels_;
};

class LabelOverlap : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = fs::temp_directory_path() / "label-overlap-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override { fs::remove_all(folder_); }
    std::shared_ptr<const StoredImage> stored(std::uint64_t width,
                                              std::vector<std::uint32_t> labels) {
        GivenLabels source(width, std::move(labels));
        const fs::path path = folder_ / std::to_string(++count_);
        File file = *File::create(path);
        EXPECT_TRUE(write_pyramid(source, file, {.are_labels = true}, false, {}));
        const File written = *File::open_to_read(path);
        return *StoredImage::open(
            std::make_unique<object::MappedReader>(*MappedFile::map(written), "labels"));
    }
    fs::path folder_;
    int count_ = 0;
};

TEST_F(LabelOverlap, TellsSameFromChangedFromMissing) {
    // 1 is the same under another number, 2 lost one of four pixels, 3 fell into two halves, 5 is
    // new.
    const auto first = stored(6, {1, 1, 0, 2, 2, 0,  //
                                  1, 1, 0, 2, 2, 0,  //
                                  3, 3, 3, 3, 0, 0});
    const auto second = stored(6, {9, 9, 0, 4, 4, 5,  //
                                   9, 9, 0, 4, 0, 5,  //
                                   6, 6, 7, 7, 0, 0});
    const LabelDifference found = *label_difference(*first, *second, {});
    EXPECT_EQ(found.same, 1u);
    EXPECT_EQ(found.changed, 1u);
    EXPECT_EQ(found.changed_first, std::vector<std::uint32_t>{2});
    EXPECT_EQ(found.changed_second, std::vector<std::uint32_t>{4});
    // Exactly half on either side is no counterpart.
    EXPECT_EQ(found.only_first, std::vector<std::uint32_t>{3});
    EXPECT_EQ(found.only_second, (std::vector<std::uint32_t>{5, 6, 7}));
}

TEST_F(LabelOverlap, ReadsAllTilesAndRefusesOtherSizes) {
    std::vector<std::uint32_t> labels(700 * 600);
    for (std::size_t at = 0; at < labels.size(); ++at)
        labels[at] = static_cast<std::uint32_t>(at / 700 / 50 * 14 + at % 700 / 50 + 1);
    const auto first = stored(700, labels);
    labels[0] = 0;  // the first of all
    labels.back() = 0;
    const LabelDifference found = *label_difference(*first, *stored(700, labels), {});
    EXPECT_EQ(found.same, 12u * 14 - 2);
    EXPECT_EQ(found.changed_first, (std::vector<std::uint32_t>{1, 168}));
    EXPECT_TRUE(found.only_first.empty() && found.only_second.empty());
    EXPECT_EQ(label_difference(*first, *stored(6, std::vector<std::uint32_t>(12)), {}).error().code,
              ErrorCode::invalid_input);
    const expression::Watch stopped{{}, [] { return true; }};
    EXPECT_EQ(label_difference(*first, *first, stopped).error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace stroma::image
