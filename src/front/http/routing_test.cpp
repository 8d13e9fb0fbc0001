#include <gtest/gtest.h>

#include "front/http/fetch.h"
#include "front/http/file_answer.h"
#include "front/http/router.h"
#include "front/http/url.h"

namespace stroma::front::http {
namespace {

Response nothing(Request&) { return {}; }

TEST(Router, TheMoreExactPatternWins) {
    const Router router({{"GET", "/v1/{kind}/{id}", nothing},
                         {"GET", "/v1/matrix/formats", nothing},
                         {"GET", "/v1/{rest...}", nothing},
                         {"GET", "/v1/matrix/{id}", nothing},
                         {"*", "/any/{key...}", nothing}});
    EXPECT_EQ(router.find("GET", "/v1/matrix/formats").index, 1u);
    EXPECT_EQ(router.find("GET", "/v1/matrix/r1").index, 3u);
    EXPECT_EQ(router.find("GET", "/v1/x/r1").index, 0u);
    EXPECT_EQ(router.find("GET", "/v1/x/y/z").index, 2u);
    EXPECT_EQ(router.find("PROPFIND", "/any/a/b%2Fc").parameters.at("key"), "a/b/c");
    EXPECT_EQ(router.find("GET", "/v1/matrix/r%201").parameters.at("id"), "r 1");
    EXPECT_EQ(router.find("HEAD", "/v1/matrix/r1").index, 3u);
}

TEST(Router, APartIsNeverEmptyNorClimbingNorTwoParts) {
    const Router router({{"GET", "/f/{name}", nothing}});
    for (const char* path :
         {"/f/", "/f", "/f/a/", "/f/..", "/f/%2e%2e", "/f/.", "/f/a%2fb", "//f/a"})
        EXPECT_EQ(router.find("GET", path).route, nullptr) << path;
    EXPECT_NE(router.find("GET", "/f/..a").route, nullptr);
}

TEST(Router, WhatIsNotThereIsToldFromWhatLacksTheMethod) {
    const Router router({{"GET", "/a", nothing}, {"PUT", "/a", nothing}});
    EXPECT_EQ(router.find("GET", "/b").allowed, "");
    EXPECT_EQ(router.find("POST", "/a").allowed, "GET, HEAD, OPTIONS, PUT");
}

TEST(Url, PercentEscapesAreUndoneOnce) {
    EXPECT_EQ(percent_decode("a%2520b+c", false), "a%20b+c");
    EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
    EXPECT_FALSE(percent_decode("%", false));
    EXPECT_FALSE(percent_decode("%a", false));
    EXPECT_EQ(percent_encode("a b/\xc3\xa9"), "a%20b%2F%C3%A9");
    const auto query = parse_query("a=1&b&&c=%26&a=2");
    ASSERT_TRUE(query);
    EXPECT_EQ(query->size(), 4u);
    EXPECT_EQ((*query)[2].second, "&");
}

TEST(Url, OnlyWellFormedUtf8IsClean) {
    for (const char* good : {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"})
        EXPECT_TRUE(is_clean_utf8(good)) << good;
    for (const char* bad : {"\x01", "\x7f", "\x80", "\xc0\xaf", "\xc3", "\xe0\x80\x80",
                            "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"})
        EXPECT_FALSE(is_clean_utf8(bad));
}

FileAnswer answer_of(std::vector<std::pair<std::string, std::string>> headers) {
    Request request;
    request.method = "GET";
    request.headers = std::move(headers);
    return answer_for_file(request, "e", 100);
}

TEST(FileAnswer, OneRangeIsServedAndSeveralOrNoneAreNot) {
    struct Row {
        const char* range;
        int status;
        std::uint64_t offset, count;
    };
    const Row rows[] = {
        {"bytes=0-0", 206, 0, 1},
        {"bytes=10-19", 206, 10, 10},
        {"bytes=90-", 206, 90, 10},
        {"bytes=90-1000", 206, 90, 10},
        {"bytes=-10", 206, 90, 10},
        {"bytes=-1000", 206, 0, 100},
        {"bytes=0-18446744073709551616", 206, 0, 100},
        {"bytes=100-", 416, 0, 0},
        {"bytes=18446744073709551616-", 416, 0, 0},
        {"bytes=-0", 416, 0, 0},
        {"bytes=0-1,3-4", 416, 0, 0},
        {"bytes=9-1", 200, 0, 100},
        {"bytes=a-b", 200, 0, 100},
        {"bytes=-", 200, 0, 100},
        {"bytes=", 200, 0, 100},
        {"cells=0-1", 200, 0, 100},
    };
    for (const Row& row : rows) {
        const FileAnswer answer = answer_of({{"range", row.range}});
        EXPECT_EQ(answer.status, row.status) << row.range;
        EXPECT_EQ(answer.offset, row.offset) << row.range;
        EXPECT_EQ(answer.count, row.count) << row.range;
    }
    std::string many = "bytes=0-0";
    for (int i = 0; i < 10'000; ++i) many += ",0-0";
    EXPECT_EQ(answer_of({{"range", many}}).status, 416);
}

TEST(FileAnswer, ConditionsAreDecidedInTheOrderOfTheStandard) {
    EXPECT_EQ(answer_of({{"if-none-match", "\"x\", W/\"e\""}}).status, 304);
    EXPECT_EQ(answer_of({{"if-none-match", "*"}}).status, 304);
    EXPECT_EQ(answer_of({{"if-none-match", "\"x\""}}).status, 200);
    EXPECT_EQ(answer_of({{"if-match", "\"e\""}}).status, 200);
    EXPECT_EQ(answer_of({{"if-match", "W/\"e\""}}).status, 412);
    EXPECT_EQ(answer_of({{"if-match", "\"x\""}, {"if-none-match", "\"e\""}}).status, 412);
    EXPECT_EQ(answer_of({{"if-range", "\"e\""}, {"range", "bytes=0-0"}}).status, 206);
    EXPECT_EQ(answer_of({{"if-range", "\"x\""}, {"range", "bytes=0-0"}}).status, 200);
    EXPECT_EQ(answer_of({{"if-range", "W/\"e\""}, {"range", "bytes=0-0"}}).status, 200);
    EXPECT_EQ(answer_of({{"if-none-match", "\"e\""}, {"range", "bytes=900-"}}).status, 304);
}

TEST(Fetch, OnlyAddressesOfThePublicInternetArePublic) {
    for (const char* good :
         {"8.8.8.8", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"})
        EXPECT_TRUE(is_public_address(good)) << good;
    for (const char* bad : {"127.0.0.1",
                            "127.1.2.3",
                            "0.0.0.0",
                            "10.1.2.3",
                            "172.16.0.1",
                            "172.31.255.255",
                            "192.168.1.1",
                            "169.254.169.254",
                            "100.64.0.1",
                            "192.0.0.1",
                            "198.18.0.1",
                            "224.0.0.1",
                            "255.255.255.255",
                            "::1",
                            "::",
                            "fe80::1",
                            "fc00::1",
                            "fd12::1",
                            "ff02::1",
                            "::ffff:127.0.0.1",
                            "::ffff:10.0.0.1",
                            "64:ff9b::7f00:1",
                            "2002:7f00:1::",
                            "2001:db8::1",
                            "2001::1",
                            "localhost",
                            ""})
        EXPECT_FALSE(is_public_address(bad)) << bad;
}

TEST(Fetch, WhatIsNotAPlainWebAddressIsRefused) {
    for (const char* bad : {"", "file:///etc/passwd", "gopher://x/", "ftp://x/", "//x",
                            "http://user:secret@x.example/", "http://", "dict://x"}) {
        const auto fetched = fetch(bad);
        ASSERT_FALSE(fetched) << bad;
        EXPECT_EQ(fetched.error().code, ErrorCode::invalid_input) << bad;
    }
}

class FetchTest : public ::testing::Test {
protected:
    void SetUp() override {
        ServerOptions options;
        options.access_log = false;
        options.hosts = {"[::ffff:127.0.0.1]"};
        auto server = Server::listen(
            options,
            {{"GET", "/a", [](Request&) { return text_response(200, "content"); }},
             {"GET", "/loop", [](Request&) { return redirect("/loop"); }},
             {"GET", "/file", [](Request&) { return redirect("file:///etc/passwd"); }},
             {"GET", "/teapot", [](Request&) { return text_response(404, "no"); }}},
            nullptr);
        ASSERT_TRUE(server);
        server_ = std::move(*server);
        server_->start();
        port_ = std::to_string(server_->port());
        allowed_.allow_private = true;
    }
    void TearDown() override { server_->stop(Milliseconds{1000}); }
    static Response redirect(const std::string& to) {
        Response response;
        response.status = 302;
        response.headers.emplace_back("Location", to);
        return response;
    }
    Result<std::string> get(const std::string& path) {
        return fetch("http://127.0.0.1:" + port_ + path, allowed_);
    }
    std::unique_ptr<Server> server_;
    std::string port_;
    FetchOptions allowed_;
};

TEST_F(FetchTest, ALoopbackAddressIsReachedOnlyWhenAllowedWhateverItsSpelling) {
    EXPECT_EQ(get("/a").value(), "content");
    for (const std::string host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1",
                                   "[::ffff:127.0.0.1]", "0.0.0.0"}) {
        const auto fetched = fetch("http://" + host + ":" + port_ + "/a");
        ASSERT_FALSE(fetched) << host;
        EXPECT_EQ(fetched.error().code, ErrorCode::denied) << host << fetched.error().message;
    }
}

TEST_F(FetchTest, LimitsOfSizeRedirectsAndStatusHold) {
    allowed_.bytes_max = 7;
    EXPECT_TRUE(get("/a"));
    allowed_.bytes_max = 6;
    EXPECT_EQ(get("/a").error().code, ErrorCode::exhausted);
    EXPECT_EQ(get("/loop").error().code, ErrorCode::invalid_input);
    EXPECT_FALSE(get("/file"));
    EXPECT_EQ(get("/teapot").error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace stroma::front::http
