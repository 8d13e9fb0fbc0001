#include <gtest/gtest.h>

#include <atomic>

#include "front/http/server.h"
#include "front/http/test_client.h"

// Requests that no honest client sends, byte for byte, and what they get.

namespace stroma::front::http {
namespace {

struct Case {
    const char* name;
    std::string bytes;
    int status;  ///< 0: closed without an answer
};

std::string get_with(const std::string& headers) {
    return "GET /x HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}
std::string post_with(const std::string& headers, const std::string& body = "") {
    return "POST /x HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
}
std::string headers_of(int count) {
    std::string headers;
    for (int i = 0; i < count; ++i) headers += "H" + std::to_string(i) + ": v\r\n";
    return headers;
}
std::string url_of(std::size_t bytes) {
    return "GET /x?" + std::string(bytes - 3, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}
std::string head_of(std::size_t bytes) {
    const std::string empty = get_with("Pad: \r\n");
    return get_with("Pad: " + std::string(bytes - empty.size(), 'a') + "\r\n");
}

std::vector<Case> cases() {
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    return {
        {"length and coding", post_with("Content-Length: 5\r\n" + chunked, "0\r\n\r\n"), 400},
        {"coding and length", post_with(chunked + "Content-Length: 5\r\n", "0\r\n\r\n"), 400},
        {"two lengths", post_with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), 400},
        {"one length twice", post_with("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
        {"a list of lengths", post_with("Content-Length: 5, 5\r\n", "hello"), 400},
        {"length -1", post_with("Content-Length: -1\r\n"), 400},
        {"length +5", post_with("Content-Length: +5\r\n", "hello"), 400},
        {"length 0x5", post_with("Content-Length: 0x5\r\n", "hello"), 400},
        {"no length", post_with("Content-Length: \r\n"), 400},
        {"length 2^64", post_with("Content-Length: 18446744073709551616\r\n"), 400},
        {"length 2^64-1", post_with("Content-Length: 18446744073709551615\r\n"), 413},
        {"coding twice", post_with(chunked + chunked, "0\r\n\r\n"), 400},
        {"unknown coding", post_with("Transfer-Encoding: gzip\r\n"), 501},
        {"chunked not last", post_with("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 501},
        {"chunked behind gzip", post_with("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
         501},
        {"xchunked", post_with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"), 501},
        {"coding in HTTP/1.0", "POST /x HTTP/1.0\r\n" + chunked + "\r\n0\r\n\r\n", 400},
        {"space before colon", get_with("Content-Length : 5\r\n"), 400},
        {"folded header", get_with("A: b\r\n c\r\n"), 400},
        {"first header folded", "GET /x HTTP/1.1\r\n Host: localhost\r\n\r\n", 400},
        {"bare line feeds", "GET /x HTTP/1.1\nHost: localhost\n\n", 400},
        {"one bare line feed", "GET /x HTTP/1.1\r\nHost: localhost\nA: b\r\n\r\n", 400},
        {"bare carriage return", get_with("A: b\rc\r\n"), 400},
        {"zero byte", get_with(std::string("A: b\0c\r\n", 8)), 400},
        {"header without name", get_with(": b\r\n"), 400},
        {"header without colon", get_with("Nonsense\r\n"), 400},
        {"no host", "GET /x HTTP/1.1\r\n\r\n", 400},
        {"two hosts", get_with("Host: localhost\r\n"), 400},
        {"foreign host", "GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
        {"foreign absolute target", "GET http://evil.example/x HTTP/1.1\r\nHost: localhost\r\n\r\n",
         421},
        {"HTTP/2.0", "GET /x HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
        {"HTTP/1.2", "GET /x HTTP/1.2\r\nHost: localhost\r\n\r\n", 505},
        {"HTTP/0.9", "GET /x\r\n\r\n", 400},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
        {"no target", "GET  HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"relative target", "GET x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"fragment", "GET /x#y HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"broken escape", "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"escape cut short", "GET /%4 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"broken escape in query", "GET /x?a=%g HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"escaped zero byte", "GET /x%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"escaped line feed", "GET /x%0a HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"overlong UTF-8", "GET /%c0%af HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"climbing path", "GET /../x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"escaped climbing path", "GET /%2e%2e/x HTTP/1.1\r\nHost: localhost\r\n\r\n", 404},
        {"unknown expectation", get_with("Expect: miracles\r\n"), 417},
        {"strange method", "BREW /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
        {"method with a slash", "GE/T /x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        {"100 headers", "GET /x HTTP/1.1\r\nHost: localhost\r\n" + headers_of(99) + "\r\n", 200},
        {"101 headers", "GET /x HTTP/1.1\r\nHost: localhost\r\n" + headers_of(100) + "\r\n", 431},
        {"URL of 8 KiB", url_of(8192), 200},
        {"URL past 8 KiB", url_of(8193), 414},
        {"URL without end", "GET /" + std::string(20'000, 'a'), 414},
        {"head of 32 KiB", head_of(32768), 200},
        {"head past 32 KiB", head_of(32769), 431},
        {"head without end", "GET /x HTTP/1.1\r\nA: " + std::string(40'000, 'a'), 431},
    };
}

std::vector<Case> chunked_cases() {
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    return {
        {"chunk size of 17 digits", post_with(chunked, "10000000000000005\r\nhello\r\n0\r\n\r\n"),
         400},
        {"negative chunk", post_with(chunked, "-5\r\nhello\r\n0\r\n\r\n"), 400},
        {"chunk that isn't hex", post_with(chunked, "zz\r\nhello\r\n0\r\n\r\n"), 400},
        {"chunk longer than said", post_with(chunked, "3\r\nhello\r\n0\r\n\r\n"), 400},
        {"chunk extension without end", post_with(chunked, "5;" + std::string(200'000, 'a')), 400},
        {"nothing but line ends", std::string(100, '\n'), 400},
        {"empty chunked body", post_with(chunked, "0\r\n\r\n"), 200},
        {"two empty lines first", "\r\n\r\n" + get_with(""), 200},
    };
}

class HostileRequests : public ::testing::Test {
protected:
    void SetUp() override {
        ServerOptions options;
        options.access_log = false;
        const auto answer = [this](Request& request) {
            const auto body = request.text_body();
            handled_.fetch_add(1);
            return text_response(body ? 200 : 500, "handled");
        };
        auto server =
            Server::listen(options, {{"GET", "/x", answer}, {"POST", "/x", answer}}, nullptr);
        ASSERT_TRUE(server);
        server_ = std::move(*server);
        server_->start();
    }
    void TearDown() override { server_->stop(Milliseconds{10'000}); }
    std::unique_ptr<Server> server_;
    std::atomic<int> handled_{0};
};

TEST_F(HostileRequests, EachGetsItsStatusAndARefusedOneEndsItsConnection) {
    std::vector<Case> all = cases();
    for (Case& one : chunked_cases()) all.push_back(std::move(one));
    for (const Case& one : all) {
        TestClient client(server_->port());
        client.send(one.bytes);
        const auto answer = client.receive();
        EXPECT_EQ(answer.status, one.status) << one.name;
        if (answer.status < 400 || answer.status == 404 || answer.status == 405 ||
            answer.status == 421)
            continue;
        EXPECT_EQ(answer.header("connection"), "close") << one.name;
        EXPECT_TRUE(client.at_end()) << one.name;
    }
}

TEST_F(HostileRequests, TheWayTheBytesAreCutChangesNothing) {
    for (const Case& one : cases()) {
        if (one.bytes.size() > 400) continue;
        TestClient client(server_->port());
        for (const char c : one.bytes) client.send(std::string(1, c));
        EXPECT_EQ(client.receive().status, one.status) << one.name;
    }
}

TEST_F(HostileRequests, ASmuggledRequestIsNeverServed) {
    TestClient client(server_->port());
    client.send(post_with("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\nG") +
                get_with(""));
    EXPECT_EQ(client.receive().status, 400);
    EXPECT_TRUE(client.at_end());
    EXPECT_EQ(handled_, 0);
}

TEST_F(HostileRequests, AHeaderInATrailerIsNotBelieved) {
    TestClient client(server_->port());
    client.send(
        post_with("Transfer-Encoding: chunked\r\n", "0\r\nHost: evil.example\r\nX: y\r\n\r\n") +
        get_with(""));
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(client.receive().status, 200);
    TestClient length(server_->port());
    length.send(post_with("Transfer-Encoding: chunked\r\n", "0\r\nContent-Length: 50\r\n\r\n") +
                get_with(""));
    EXPECT_EQ(length.receive().status, 400);
    EXPECT_TRUE(length.at_end());
}

TEST_F(HostileRequests, TheServerServesOnAfterAllOfThem) {
    for (const Case& one : cases()) {
        TestClient client(server_->port());
        client.send(one.bytes);
        client.close();
    }
    EXPECT_EQ(ask(server_->port(), "GET", "/x").status, 200);
}

}  // namespace
}  // namespace stroma::front::http
