#include "expression/h5ad/hdf5_filters.h"

#include <blosc.h>
#include <gtest/gtest.h>
#include <libdeflate.h>
#include <zstd.h>

#include <random>

#include "expression/h5ad/hdf5_type.h"

// The bytes that HDF5 itself writes are checked under test/formats; here it is what it never
// writes that matters.

namespace stroma::expression {
namespace {

Bytes sample(std::size_t size) {
    std::mt19937 random(1);
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = std::byte(random() % 4);
    return bytes;
}

Bytes deflated(const Bytes& bytes) {
    libdeflate_compressor* compressor = libdeflate_alloc_compressor(6);
    Bytes out(libdeflate_zlib_compress_bound(compressor, bytes.size()));
    out.resize(
        libdeflate_zlib_compress(compressor, bytes.data(), bytes.size(), out.data(), out.size()));
    libdeflate_free_compressor(compressor);
    return out;
}

Bytes zstd_packed(const Bytes& bytes) {
    Bytes out(ZSTD_compressBound(bytes.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
    return out;
}

Bytes blosc_packed(const Bytes& bytes) {
    Bytes out(bytes.size() + BLOSC_MAX_OVERHEAD);
    const int size = blosc_compress_ctx(5, 1, 4, bytes.size(), bytes.data(), out.data(), out.size(),
                                        "lz4", 0, 1);
    out.resize(static_cast<std::size_t>(size));
    return out;
}

const Hdf5Filter deflate{1, {6}, "deflate"}, shuffle{2, {4}, "shuffle"}, lzf{32000, {}, "lzf"},
    blosc{32001, {}, "blosc"}, zstd{32015, {}, "zstd"}, fletcher32{3, {}, "fletcher32"};

TEST(Hdf5Filters, EachCompressorGivesBackItsBytes) {
    const Bytes bytes = sample(10'000);
    const std::pair<Hdf5Filter, Bytes> packed[] = {
        {deflate, deflated(bytes)}, {zstd, zstd_packed(bytes)}, {blosc, blosc_packed(bytes)}};
    for (const auto& [filter, stored] : packed) {
        Bytes raw = stored, out(bytes.size());
        ASSERT_TRUE(undo_filters({filter}, 0, raw, out)) << filter.name;
        EXPECT_EQ(out, bytes) << filter.name;
    }
}

TEST(Hdf5Filters, AChunkOfAnotherLengthIsRefused) {
    const Bytes bytes = sample(10'000);
    const std::pair<Hdf5Filter, Bytes> packed[] = {
        {deflate, deflated(bytes)}, {zstd, zstd_packed(bytes)}, {blosc, blosc_packed(bytes)}};
    for (const auto& [filter, stored] : packed)
        for (const std::size_t size : {0u, 9'999u, 10'001u}) {
            Bytes raw = stored, out(size);
            const auto done = undo_filters({filter}, 0, raw, out);
            ASSERT_FALSE(done) << filter.name << " into " << size;
            EXPECT_EQ(done.error().code, ErrorCode::invalid_input);
        }
}

TEST(Hdf5Filters, AFilterThatWasSkippedIsNotUndone) {
    const Bytes bytes = sample(64);
    Bytes raw = bytes, out(64);
    ASSERT_TRUE(undo_filters({shuffle, deflate}, 3, raw, out));
    EXPECT_EQ(out, bytes);
}

TEST(Hdf5Filters, LzfReadsLiteralsAndReferencesBehindOnly) {
    // Three literals "abc", then 4 bytes from 3 behind: "abca".
    Bytes raw =
        to_bytes(std::string_view("\x02"
                                  "abc"
                                  "\x40\x02",
                                  6));
    Bytes out(7);
    ASSERT_TRUE(undo_filters({lzf}, 0, raw, out));
    EXPECT_EQ(as_text(out), "abcabca");
    for (const std::string_view bad :
         {std::string_view("\x02"
                           "ab",
                           3),
          std::string_view("\x40\x00", 2), std::string_view("\xe0", 1), std::string_view("\x40", 1),
          std::string_view("\x00"
                           "a\x40\x05",
                           4),
          std::string_view("", 0)}) {
        Bytes damaged = to_bytes(bad);
        EXPECT_FALSE(undo_filters({lzf}, 0, damaged, out));
    }
}

TEST(Hdf5Filters, DamagedBytesNeverPassTheirBuffers) {
    std::mt19937 random(2);
    const Bytes bytes = sample(512);
    const std::pair<Hdf5Filter, Bytes> packed[] = {{deflate, deflated(bytes)},
                                                   {zstd, zstd_packed(bytes)},
                                                   {blosc, blosc_packed(bytes)},
                                                   {lzf, sample(300)}};
    for (const auto& [filter, stored] : packed)
        for (int i = 0; i < 2000; ++i) {
            Bytes raw = stored, out(512);
            raw[random() % raw.size()] = std::byte(random());
            if (i % 3 == 0) raw.resize(random() % raw.size());
            static_cast<void>(undo_filters({shuffle, filter, fletcher32}, i % 8, raw, out));
        }
}

TEST(Hdf5Filters, WhatIsNotOnTheListIsRefusedByName) {
    const auto refused = check_filters({shuffle, {32008, {}, "bitshuffle"}});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
    EXPECT_NE(refused.error().message.find("32008 (bitshuffle): filter not allowed"),
              std::string::npos);
    EXPECT_FALSE(check_filters({deflate, zstd})) << "two compressors";
    EXPECT_TRUE(check_filters({shuffle, deflate, fletcher32}));
}

TEST(Hdf5Type, Utf8IsChecked) {
    for (const std::string_view good : {"", "abc", "é", "€", "😀", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(is_utf8(good)) << good;
    for (const std::string_view bad : {"\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xe2\x82",
                                       "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff"})
        EXPECT_FALSE(is_utf8(bad)) << bad;
}

TEST(Hdf5Type, HalfFloatsBecomeSingleOnes) {
    const std::uint16_t halves[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00};
    const float wanted[] = {
        0.0f,     -0.0f,           1.0f,     -2.0f,
        0x1p-24f, 1023 * 0x1p-24f, 65504.0f, std::numeric_limits<float>::infinity()};
    Hdf5Type type;
    type.kind = Hdf5Type::Kind::floating;
    type.size = 2;
    float got[8];
    decode_numbers(type, {std::as_bytes(std::span(halves)), 2, 8},
                   std::as_writable_bytes(std::span(got)).data());
    for (int i = 0; i < 8; ++i) EXPECT_EQ(got[i], wanted[i]) << i;
}

}  // namespace
}  // namespace stroma::expression
