#include <gtest/gtest.h>

#include "front/http/certificate.h"
#include "front/http/server.h"
#include "front/http/test_client.h"

// HTTP/2 in raw frames; that real clients are understood is shown by test/acceptance/test_s3.py.

namespace stroma::front::http {
namespace {

std::string frame(char type, char flags, char stream, const std::string& payload) {
    std::string text(9, '\0');
    text[1] = static_cast<char>(payload.size() >> 8);
    text[2] = static_cast<char>(payload.size() & 255);
    text[3] = type;
    text[4] = flags;
    text[8] = stream;
    return text + payload;
}

constexpr char data = 0, headers = 1, settings = 4;
constexpr char ends_stream = 1, ends_headers = 4;

/// "method" 2 is GET and 3 POST in HPACK's static table; "/" and http, host localhost.
std::string head(char method, char stream, bool ends) {
    const std::string block =
        std::string(1, static_cast<char>(0x80 | method)) + "\x86\x84\x41\x09localhost";
    return frame(headers, static_cast<char>(ends_headers | (ends ? ends_stream : 0)), stream,
                 block);
}

std::string preface() { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0, ""); }

class Http2Test : public ::testing::Test {
protected:
    void SetUp() override {
        ServerOptions options;
        options.http2 = true;
        options.access_log = false;
        server = Server::listen(options,
                                {{"*", "*",
                                  [](Request& request) {
                                      const auto body = request.text_body();
                                      return text_response(
                                          200, request.method + " <" + body.value_or("?") + ">");
                                  }}},
                                nullptr)
                     .value();
        server->start();
    }
    void TearDown() override { server->stop(Milliseconds{1000}); }
    std::unique_ptr<Server> server;
};

TEST_F(Http2Test, ManyRequestsOfOneConnectionAreAnswered) {
    TestClient client(server->port());
    client.send(preface() + head(3, 1, false) + head(2, 3, true));
    EXPECT_NE(client.receive_until("GET <>").find("GET <>"), std::string::npos);
    client.send(frame(data, 0, 1, "first ") + frame(data, ends_stream, 1, "last"));
    EXPECT_NE(client.receive_until(">").find("POST <first last>"), std::string::npos);
}

TEST_F(Http2Test, ThePrefaceMayComeInPieces) {
    TestClient client(server->port());
    for (const char c : preface() + head(2, 1, true)) client.send(std::string(1, c));
    EXPECT_NE(client.receive_until("GET <>").find("GET <>"), std::string::npos);
}

TEST_F(Http2Test, DamagedFramesEndTheirConnectionAndNothingElse) {
    const std::string whole = preface() + head(3, 1, false) + frame(data, ends_stream, 1, "body");
    for (std::size_t at = 24; at < whole.size(); ++at)
        for (const char flip : {'\x01', '\x80', '\xff'}) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ flip);
            TestClient client(server->port());
            client.send(damaged);
            client.close();
        }
    EXPECT_EQ(ask(server->port(), "GET", "/").body, "GET <>");
    TestClient client(server->port());
    client.send(preface() + head(2, 1, true));
    EXPECT_NE(client.receive_until("GET <>").find("GET <>"), std::string::npos);
}

TEST(SelfSigned, IsMadeForNamesAndAddresses) {
    const auto made = self_signed({"localhost", "127.0.0.1", "::1", "*.lab.example"});
    ASSERT_TRUE(made);
    EXPECT_TRUE(made->certificate.starts_with("-----BEGIN CERTIFICATE-----"));
    ServerOptions options;
    options.tls_certificate = made->certificate;
    options.tls_key = made->key;
    EXPECT_TRUE(Server::listen(options, {}, nullptr));
    options.tls_key = self_signed({"localhost"}).value().key;
    EXPECT_FALSE(Server::listen(options, {}, nullptr));
}

}  // namespace
}  // namespace stroma::front::http
