#include "front/s3/md5.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/digest.h"
#include "front/s3/checksum.h"

namespace stroma::front::s3 {
namespace {

Bytes bytes_of(std::size_t count, unsigned seed) {
    Bytes bytes(count);
    for (std::byte& one : bytes) {
        seed = seed * 1'664'525u + 1'013'904'223u;
        one = static_cast<std::byte>(seed >> 24);
    }
    return bytes;
}

std::string md5_by_library(ByteSpan bytes) {
    Digest digest(DigestKind::md5);
    digest.update(bytes);
    return digest.hex();
}

TEST(Md5, OfAnyLengthInAnyPiecesIsTheLibrarys) {
    for (std::size_t length = 0; length < 300; ++length) {
        const Bytes bytes = bytes_of(length, 7);
        for (const std::size_t piece : {1u, 7u, 63u, 64u, 65u, 128u, 300u}) {
            Md5 md5;
            for (std::size_t at = 0; at < length; at += piece)
                md5.update(ByteSpan(bytes).subspan(at, std::min(piece, length - at)));
            EXPECT_EQ(to_hex(md5.finish()), md5_by_library(bytes)) << length << " by " << piece;
        }
    }
}

TEST(Md5, StreamsSideBySideDontMix) {
    for (std::size_t count = 1; count <= Md5::lanes_max; ++count) {
        std::vector<Bytes> bytes;
        std::vector<Md5> md5(count);
        std::vector<Md5::Lane> lanes;
        for (std::size_t l = 0; l < count; ++l) {
            bytes.push_back(bytes_of(1000 + 130 * l, static_cast<unsigned>(l)));
            lanes.push_back({&md5[l], bytes[l]});
        }
        const std::size_t taken = Md5::update_together(lanes.data(), count);
        EXPECT_EQ(taken, 960u);
        for (std::size_t l = 0; l < count; ++l) {
            md5[l].update(ByteSpan(bytes[l]).subspan(taken));
            EXPECT_EQ(to_hex(md5[l].finish()), md5_by_library(bytes[l])) << l << " of " << count;
        }
    }
}

TEST(Md5, ManyThatAreFedAtOnceAreEachTheirOwn) {
    std::vector<std::thread> feeders;
    std::vector<std::string> found(9), wanted(9);
    for (unsigned f = 0; f < 9; ++f)
        feeders.emplace_back([f, &found, &wanted] {
            const Bytes bytes = bytes_of(3'000'000 + 12'345 * f, f);
            Md5 before;
            before.update(ByteSpan(bytes).first(100 + f));
            Md5Beside md5(before);
            std::size_t at = 100 + f;
            for (std::size_t piece = 1; at < bytes.size(); piece = piece * 3 % 70'001) {
                const ByteSpan next =
                    ByteSpan(bytes).subspan(at, std::min(piece, bytes.size() - at));
                md5.feed(std::make_shared<const Bytes>(next.begin(), next.end()));
                at += next.size();
            }
            found[f] = to_hex(md5.finish());
            wanted[f] = md5_by_library(bytes);
        });
    for (std::thread& feeder : feeders) feeder.join();
    EXPECT_EQ(found, wanted);
}

TEST(Md5, WhoIsLeftWithoutAnEndWaitsForItsThread) {
    for (int i = 0; i < 50; ++i) {
        Md5Beside md5;
        md5.feed(std::make_shared<const Bytes>(bytes_of(100'000, 1)));
    }
}

TEST(Checksum, Crc64OfAnyLengthIsThatOfItsBytesOneByOne) {
    // The check value of the catalogue of CRCs: "123456789" is 0xae8b14860a799888.
    Checksum check(ChecksumKind::crc64nvme);
    check.update(as_bytes("123456789"));
    EXPECT_EQ(check.base64(), "rosUhgp5mIg=");
    for (std::size_t length = 0; length < 200; ++length) {
        const Bytes bytes = bytes_of(length, 3);
        Checksum whole(ChecksumKind::crc64nvme), single(ChecksumKind::crc64nvme);
        whole.update(bytes);
        for (const std::byte& one : bytes) single.update(ByteSpan(&one, 1));
        EXPECT_EQ(whole.base64(), single.base64()) << length;
    }
}

}  // namespace
}  // namespace stroma::front::s3
