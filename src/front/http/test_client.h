#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stroma::front::http {

/// A raw socket to a server on 127.0.0.1, for tests: says exactly these bytes, hears exactly those.
class TestClient {
public:
    explicit TestClient(int port);
    ~TestClient();
    TestClient(const TestClient&) = delete;

    void send(std::string_view bytes);
    void close();

    struct Answer {
        int status = 0;  ///< 0: the connection ended without an answer
        std::vector<std::pair<std::string, std::string>>
            headers;  ///< names in lower case, trailers last
        std::string body;
        bool whole = false;  ///< the body ended where it said it would
        std::string header(std::string_view name) const;
    };
    /// The next answer; `head` when it answers a HEAD.
    Answer receive(bool head = false);
    /// The next bytes up to and with `end`; what came when the connection ends before.
    std::string receive_until(std::string_view end);
    /// Whether the server closed and sent nothing more; false when it only kept silent.
    bool at_end();

private:
    bool fill();
    int socket_ = -1;
    bool ended_ = false;  // the server closed, as the last fill() saw
    std::string input_;
};

/// One request on a connection of its own.
TestClient::Answer ask(int port, std::string_view method, std::string_view target,
                       std::vector<std::pair<std::string, std::string>> headers = {},
                       std::string_view body = {});

}  // namespace stroma::front::http
