#include "image/jpeg2000/jpeg_2000.h"

#include <gtest/gtest.h>
#include <openjpeg.h>

#include <memory>

namespace stroma::image {
namespace {

struct Written {
    std::vector<std::byte> bytes;
    std::uint64_t at = 0;
};

/// A lossless codestream of planes whose value at (x, y) is seed + 7 x + 3 y, of that many bits.
std::vector<std::byte> codestream(std::uint32_t width, std::uint32_t height, std::uint32_t planes,
                                  std::uint32_t bits) {
    std::vector<opj_image_cmptparm_t> shape(planes);
    for (auto& one : shape) {
        one.dx = one.dy = 1;
        one.w = width;
        one.h = height;
        one.prec = bits;
    }
    opj_image_t* image =
        opj_image_create(planes, shape.data(), planes == 3 ? OPJ_CLRSPC_SRGB : OPJ_CLRSPC_GRAY);
    image->x1 = width;
    image->y1 = height;
    for (std::uint32_t plane = 0; plane < planes; ++plane)
        for (std::uint32_t i = 0; i < width * height; ++i)
            image->comps[plane].data[i] = static_cast<std::int32_t>(
                (plane * 50 + 7 * (i % width) + 3 * (i / width)) & ((1u << bits) - 1));
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    parameters.numresolution = 3;
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    opj_codec_t* codec = opj_create_compress(OPJ_CODEC_J2K);
    EXPECT_NE(opj_setup_encoder(codec, &parameters, image), 0);
    Written written;
    opj_stream_t* stream = opj_stream_default_create(OPJ_FALSE);
    opj_stream_set_user_data(stream, &written, nullptr);
    opj_stream_set_write_function(stream, [](void* from, OPJ_SIZE_T count, void* data) {
        auto& out = *static_cast<Written*>(data);
        const auto* bytes = static_cast<const std::byte*>(from);
        if (out.bytes.size() < out.at + count) out.bytes.resize(out.at + count);
        std::copy_n(bytes, count, out.bytes.begin() + static_cast<std::ptrdiff_t>(out.at));
        out.at += count;
        return count;
    });
    opj_stream_set_seek_function(stream, [](OPJ_OFF_T to, void* data) -> OPJ_BOOL {
        static_cast<Written*>(data)->at = static_cast<std::uint64_t>(to);
        return OPJ_TRUE;
    });
    opj_stream_set_skip_function(stream, [](OPJ_OFF_T count, void* data) {
        static_cast<Written*>(data)->at += static_cast<std::uint64_t>(count);
        return count;
    });
    EXPECT_NE(opj_start_compress(codec, image, stream), 0);
    EXPECT_NE(opj_encode(codec, stream), 0);
    EXPECT_NE(opj_end_compress(codec, stream), 0);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return written.bytes;
}

constexpr std::uint64_t memory = std::uint64_t{64} << 20;

TEST(Jpeg2000, ValuesComeOutAsTheyWentIn) {
    const auto bytes = codestream(40, 30, 1, 16);
    const auto picture = decode_jpeg_2000(bytes, Jpeg2000Colors::as_said, memory);
    ASSERT_TRUE(picture) << picture.error().message;
    EXPECT_EQ(picture->width, 40u);
    EXPECT_EQ(picture->height, 30u);
    EXPECT_EQ(picture->type, PixelType::uint16);
    for (std::uint32_t i = 0; i < 40 * 30; ++i)
        ASSERT_EQ(load<std::uint16_t>(picture->planes[0].data() + i * 2),
                  7 * (i % 40) + 3 * (i / 40));
}

TEST(Jpeg2000, BrightnessAndDifferencesOfColourBecomeRedGreenAndBlue) {
    const auto bytes = codestream(8, 8, 3, 8);
    const auto as_said = decode_jpeg_2000(bytes, Jpeg2000Colors::as_said, memory);
    const auto colors = decode_jpeg_2000(bytes, Jpeg2000Colors::luma_and_chroma, memory);
    ASSERT_TRUE(as_said && colors);
    EXPECT_EQ(as_said->planes[1][0], std::byte{50});
    // Y 0, Cb 50, Cr 100: R = 1.402 * -28 < 0, G = 0.344 * 78 + 0.714 * 28 = 46.8, B < 0.
    EXPECT_EQ(colors->planes[0][0], std::byte{0});
    EXPECT_EQ(colors->planes[1][0], std::byte{47});
    EXPECT_EQ(colors->planes[2][0], std::byte{0});
}

TEST(Jpeg2000, WhatIsCutOffIsDamagedWhereverItIsCut) {
    const auto bytes = codestream(64, 64, 1, 8);
    for (std::size_t length = 0; length + 2 < bytes.size(); length += 1 + bytes.size() / 60) {
        const auto cut =
            decode_jpeg_2000(ByteSpan(bytes).first(length), Jpeg2000Colors::as_said, memory);
        ASSERT_FALSE(cut) << length << " of " << bytes.size();
        EXPECT_EQ(cut.error().code, ErrorCode::invalid_input);
    }
}

TEST(Jpeg2000, AHeaderOfTooManyPixelsIsRefusedBeforeTheyAreMade) {
    const auto bytes = codestream(64, 64, 1, 8);
    const auto small = decode_jpeg_2000(bytes, Jpeg2000Colors::as_said, 64 * 64);
    ASSERT_FALSE(small);
    EXPECT_EQ(small.error().code, ErrorCode::exhausted);
}

}  // namespace
}  // namespace stroma::image
