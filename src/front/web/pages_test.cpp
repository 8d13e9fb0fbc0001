#include "front/web/pages.h"

#include <gtest/gtest.h>

namespace stroma::front::web {
namespace {

std::string field(std::string_view text) {
    std::string bytes(4, '\0');
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(text.size() >> (8 * i));
    return bytes + std::string(text);
}

/// "hello" by gzip, made elsewhere.
const std::string hello_gzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00"
    "\x00\x00",
    25);

std::string pack_of_one(std::string_view path) {
    return std::string("\x01\0\0\0", 4) + field(path) + field("text/html") + field("e1") +
           field(hello_gzip);
}

http::Response get(const http::Handler& handler,
                   std::vector<std::pair<std::string, std::string>> headers) {
    http::Request request;
    request.method = "GET";
    request.headers = std::move(headers);
    return handler(request);
}

TEST(Pages, APackThatEndsWithinAFileIsRefused) {
    const std::string pack = pack_of_one("index.html");
    for (std::size_t length = 0; length < pack.size(); ++length)
        EXPECT_FALSE(read_pack(std::string_view(pack).substr(0, length))) << length;
    EXPECT_TRUE(read_pack(pack));
    EXPECT_FALSE(read_pack(pack + "x"));
}

TEST(Pages, TheFirstPageIsServedCompressedOrNotAsTheClientAsks) {
    const std::string pack = pack_of_one("index.html");
    const auto home = home_of(*read_pack(pack), "'self' https://lab.example");
    ASSERT_TRUE(home);
    const auto packed = get(home, {{"accept-encoding", "br, gzip"}});
    EXPECT_EQ(packed.body, hello_gzip);
    EXPECT_EQ(packed.header("content-encoding"), "gzip");
    const auto plain = get(home, {});
    EXPECT_EQ(plain.body, "hello");
    EXPECT_EQ(plain.header("content-encoding"), "");
    EXPECT_EQ(plain.header("cache-control"), "no-cache");
    EXPECT_TRUE(plain.header("content-security-policy")
                    .ends_with("; frame-ancestors 'self' https://lab.example"));
}

TEST(Pages, WhoMayFrameThemIsASourceListAndNothingElse) {
    for (const char* good :
         {"'none'", "'self'", "'self' https://lab.example:8443", "https://*.lab.example"})
        EXPECT_TRUE(check_frame_ancestors(good)) << good;
    for (const char* bad : {"", "none", "'none' 'self'", "*", "https://a.example; script-src *",
                            "https://a.example\r\nX: y", "'self'  'self'"})
        EXPECT_FALSE(check_frame_ancestors(bad)) << bad;
}

TEST(Pages, AnUnchangedPageIsNotSentAgain) {
    const std::string pack = pack_of_one("assets/a.js");
    const auto routes = asset_routes(*read_pack(pack));
    ASSERT_EQ(routes.size(), 1u);
    EXPECT_EQ(routes[0].pattern, "/assets/a.js");
    const auto first = get(routes[0].handler, {});
    EXPECT_NE(first.header("cache-control").find("immutable"), std::string_view::npos);
    const std::string etag(first.header("etag"));
    const auto again = get(routes[0].handler, {{"if-none-match", etag}});
    EXPECT_EQ(again.status, 304);
    EXPECT_EQ(again.body, "");
}

TEST(Pages, WhatTheProgramCarriesHasAFirstPageOrNothing) {
    const auto pages = own_pages();
    EXPECT_EQ(static_cast<bool>(home_of(pages)), !pages.empty());
}

}  // namespace
}  // namespace stroma::front::web
