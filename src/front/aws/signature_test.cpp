#include "front/aws/signature.h"

#include <gtest/gtest.h>

#include "base/digest.h"
#include "front/aws/call.h"
#include "front/aws/cbor.h"
#include "front/aws/certificate.h"
#include "front/aws/chunked_body.h"
#include "front/http/request_parser.h"
#include "front/http/server.h"

#include "base/json.h"

// The examples that AWS publishes with the description of its signatures.

namespace stroma::front::aws {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;
constexpr const char* example_id = "AKIAIOSFODNN7EXAMPLE";
const KnownKey example_key{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}, ""};
constexpr std::int64_t example_time_ms = 1369353600000;  // 2013-05-24
constexpr const char* empty_sha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

http::Request request_of(std::string method, std::string target, Headers headers) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers = std::move(headers);
    std::string raw;
    EXPECT_FALSE(http::read_target(request.target, request, raw));
    return request;
}

std::string authorization(std::string_view names, std::string_view signature) {
    return std::string("AWS4-HMAC-SHA256 Credential=") + example_id +
           "/20130524/us-east-1/s3/aws4_request,SignedHeaders=" + std::string(names) +
           ",Signature=" + std::string(signature);
}

Trust<void> checked(const http::Request& request, std::int64_t now_ms = example_time_ms,
                    const KnownKey& key = example_key) {
    const auto claim = read_claim(request);
    if (!claim) return tl::unexpected<Distrust>(claim.error());
    CheckOptions options;
    options.now_ms = now_ms;
    return check_claim(request, *claim, key, empty_sha256, options);
}

http::Request example_get() {
    return request_of(
        "GET", "/test.txt",
        {{"host", "examplebucket.s3.amazonaws.com"},
         {"range", "bytes=0-9"},
         {"x-amz-content-sha256", empty_sha256},
         {"x-amz-date", "20130524T000000Z"},
         {"authorization",
          authorization("host;range;x-amz-content-sha256;x-amz-date",
                        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")}});
}

TEST(Signature, OfAwssExamplesIsTaken) {
    EXPECT_TRUE(checked(example_get()));
    EXPECT_TRUE(checked(request_of(
        "PUT", "/test$file.text",
        {{"host", "examplebucket.s3.amazonaws.com"},
         {"date", "Fri, 24 May 2013 00:00:00 GMT"},
         {"x-amz-date", "20130524T000000Z"},
         {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
         {"x-amz-content-sha256",
          "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
         {"authorization",
          authorization("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")}})));
    EXPECT_TRUE(checked(request_of(
        "GET", "/?max-keys=2&prefix=J",
        {{"host", "examplebucket.s3.amazonaws.com"},
         {"x-amz-content-sha256", empty_sha256},
         {"x-amz-date", "20130524T000000Z"},
         {"authorization",
          authorization("host;x-amz-content-sha256;x-amz-date",
                        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")}})));
}

TEST(Signature, OfAPresignedAddressIsTakenUntilItIsOver) {
    const auto request = request_of(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        {{"host", "examplebucket.s3.amazonaws.com"}});
    EXPECT_TRUE(checked(request, example_time_ms + 86'399'000));
    EXPECT_EQ(checked(request, example_time_ms + 86'401'000).error().why, Distrust::Why::expired);
    EXPECT_EQ(checked(request, example_time_ms - 901'000).error().why, Distrust::Why::skewed);
}

TEST(Signature, IsReadInAnySpacing) {
    auto request = example_get();
    std::string& text = request.headers.back().second;
    for (std::size_t at = text.find(','); at != text.npos; at = text.find(',', at + 3))
        text.replace(at, 1, " , ");
    EXPECT_TRUE(checked(request));
}

TEST(Signature, ThatDiffersInAnythingIsRefused) {
    for (std::size_t i = 0; i < 4; ++i) {
        auto request = example_get();
        std::string& value = request.headers[i].second;
        value.back() = value.back() == '1' ? '2' : '1';
        EXPECT_FALSE(checked(request)) << request.headers[i].first;
    }
    auto request = example_get();
    request.method = "PUT";
    EXPECT_EQ(checked(request).error().why, Distrust::Why::wrong);
    EXPECT_EQ(checked(example_get(), example_time_ms, {"another", {}, ""}).error().why,
              Distrust::Why::wrong);
    EXPECT_EQ(
        checked(example_get(), example_time_ms, {example_key.secret, {}, "token"}).error().why,
        Distrust::Why::wrong_token);
}

TEST(Signature, IsTakenWithinFifteenMinutesOnly) {
    EXPECT_TRUE(checked(example_get(), example_time_ms + 900'000));
    EXPECT_TRUE(checked(example_get(), example_time_ms - 900'000));
    EXPECT_EQ(checked(example_get(), example_time_ms + 900'001).error().why, Distrust::Why::skewed);
    EXPECT_EQ(checked(example_get(), example_time_ms - 900'001).error().why, Distrust::Why::skewed);
}

TEST(Signature, ThatIsNotWholeSaysWhatIsMissing) {
    const auto why = [](const std::string& text, Headers more = {}) {
        more.emplace_back("authorization", text);
        return read_claim(request_of("GET", "/", more)).error();
    };
    EXPECT_EQ(why("Bearer x").why, Distrust::Why::foreign);
    EXPECT_EQ(why("AWS id:signature").why, Distrust::Why::unsupported);
    EXPECT_NE(why("AWS4-HMAC-SHA256 Credential=a").detail.find("'Signature'"), std::string::npos);
    EXPECT_EQ(why("AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host,Signature=0",
                  {{"x-amz-date", "20130524T000000Z"}})
                  .why,
              Distrust::Why::malformed);
    EXPECT_EQ(read_claim(request_of("GET", "/?X-Amz-Algorithm=x", {})).error().why,
              Distrust::Why::incomplete);
}

const std::string chunk_scope = "20130524/us-east-1/s3/aws4_request";

std::optional<ChunkedBody::Signing> example_signing() {
    Claim claim;
    claim.day = "20130524";
    claim.region = "us-east-1";
    claim.service = "s3";
    return ChunkedBody::Signing{signing_key(example_key.secret, claim), "20130524T000000Z",
                                chunk_scope,
                                "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"};
}

std::string example_chunks() {
    return "10000;chunk-signature="
           "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
           std::string(65536, 'a') +
           "\r\n400;chunk-signature="
           "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n" +
           std::string(1024, 'a') +
           "\r\n0;chunk-signature="
           "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
}

TEST(ChunkedBody, OfAwssExampleIsTakenHoweverItIsCut) {
    const std::string text = example_chunks();
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{7}, std::size_t{4096}, text.size()}) {
        ChunkedBody body(example_signing());
        Bytes into;
        for (std::size_t at = 0; at < text.size(); at += piece)
            ASSERT_TRUE(body.feed(std::string_view(text).substr(at, piece), into));
        EXPECT_TRUE(body.whole());
        EXPECT_EQ(as_text(into), std::string(66560, 'a'));
    }
}

TEST(ChunkedBody, WithAChangedByteIsRefused) {
    std::string text = example_chunks();
    text[300] = 'b';
    ChunkedBody body(example_signing());
    Bytes into;
    const auto fed = body.feed(text, into);
    ASSERT_FALSE(fed);
    EXPECT_EQ(fed.error().code, ErrorCode::denied);
    EXPECT_FALSE(body.whole());
}

TEST(ChunkedBody, HasTrailersWithAndWithoutASpace) {
    ChunkedBody body(std::nullopt);
    Bytes into;
    ASSERT_TRUE(body.feed("3\r\nabc\r\n0\r\nX-Amz-Checksum-Crc32: AAAA==\r\nb:c\r\n\r\n", into));
    EXPECT_TRUE(body.whole());
    EXPECT_EQ(as_text(into), "abc");
    const std::vector<std::pair<std::string, std::string>> expected = {
        {"x-amz-checksum-crc32", "AAAA=="}, {"b", "c"}};
    EXPECT_EQ(body.trailers(), expected);
    EXPECT_FALSE(body.feed("x", into));
}

TEST(ChunkedBody, ThatIsBrokenIsRefused) {
    for (const std::string_view text :
         {"x\r\n", "\r\n", "3\r\nabcd\r\n", "1000000000000000\r\n", "0\r\nno colon\r\n"}) {
        ChunkedBody body(std::nullopt);
        Bytes into;
        EXPECT_FALSE(body.feed(text, into)) << text;
    }
}

TEST(Cbor, IsReadAsItWasWritten) {
    Json value = {{"a", 1}, {"b", -7}, {"c", 1.5}, {"d", {true, false, nullptr}}, {"e", "text"}};
    value["f"] = Json::binary({1, 2, 255});
    value["g"] = std::uint64_t{1} << 40;
    EXPECT_EQ(read_cbor(write_cbor(value)).value(), value);
}

TEST(Cbor, OfIndefiniteLengthsAndTagsIsRead) {
    // {_ "a": [_ 1, 2], "t": 1(5), "s": (_ "x", "y")}
    constexpr std::string_view bytes =
        "\xbf\x61\x61\x9f\x01\x02\xff\x61t\xc1\x05\x61s\x7f\x61x\x61y\xff\xff";
    EXPECT_EQ(read_cbor(bytes).value(), (Json{{"a", {1, 2}}, {"t", 5}, {"s", "xy"}}));
}

TEST(Cbor, ThatIsBrokenIsRefused) {
    EXPECT_FALSE(read_cbor(""));
    EXPECT_FALSE(read_cbor("\x9f"));
    EXPECT_FALSE(read_cbor("\x5b\x7f\xff\xff\xff\xff\xff\xff\xff"));
    EXPECT_FALSE(read_cbor(std::string(1000, '\x81')));
    EXPECT_FALSE(read_cbor(std::string("\x01\x02")));
}

TEST(Parameters, OfTheQueryWireAreNestedAndListed) {
    Call call;
    call.wire = Wire::query;
    call.form = {
        {"QueueUrl", "u"}, {"Entry.2.Id", "b"}, {"Entry.1.Id", "a"}, {"Names.member.1", "x"}};
    EXPECT_EQ(
        call.parameters().value(),
        (Json{{"QueueUrl", "u"}, {"Entry", {{{"Id", "a"}}, {{"Id", "b"}}}}, {"Names", {"x"}}}));
}

TEST(Base64, IsWrittenAndReadBack) {
    for (const std::string text : {"", "a", "ab", "abc", "\xff\x00\x01 more"}) {
        std::string back;
        EXPECT_TRUE(base64_decode(base64(text), back));
        EXPECT_EQ(back, text);
    }
    std::string back;
    for (const char* const wrong : {"a", "a===", "ab=c", "a b=", "====", "ab*="})
        EXPECT_FALSE(base64_decode(wrong, back)) << wrong;
}

TEST(SelfSigned, IsMadeForNamesAndAddresses) {
    const auto made = self_signed({"localhost", "127.0.0.1", "::1", "*.lab.example"});
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    http::ServerOptions options;
    options.tls_certificate = made->certificate;
    options.tls_key = made->key;
    EXPECT_TRUE(http::Server::listen(options, {}, nullptr));
    options.tls_key = self_signed({"localhost"}).value().key;
    EXPECT_FALSE(http::Server::listen(options, {}, nullptr));
}

}  // namespace
}  // namespace stroma::front::aws
