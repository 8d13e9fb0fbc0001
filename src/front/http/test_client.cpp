#include "front/http/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "front/http/url.h"

namespace stroma::front::http {

TestClient::TestClient(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // A test that hangs says less than one that fails.
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

TestClient::~TestClient() { close(); }

void TestClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void TestClient::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

bool TestClient::fill() {
    char buffer[65536];
    ssize_t count;
    // A process that is stopped and continued finds EINTR here, handler or not: the socket has a
    // time limit.
    do {
        count = ::recv(socket_, buffer, sizeof buffer, 0);
    } while (count < 0 && errno == EINTR);
    ended_ = count == 0 || (count < 0 && errno == ECONNRESET);
    if (count <= 0) return false;
    input_.append(buffer, static_cast<std::size_t>(count));
    return true;
}

std::string TestClient::receive_until(std::string_view end) {
    for (;;) {
        const std::size_t at = input_.find(end);
        if (at != input_.npos) {
            const std::string text = input_.substr(0, at + end.size());
            input_.erase(0, at + end.size());
            return text;
        }
        if (!fill()) return std::exchange(input_, std::string());
    }
}

bool TestClient::at_end() { return input_.empty() && !fill() && ended_; }

std::string TestClient::Answer::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

TestClient::Answer TestClient::receive(bool head_only) {
    Answer answer;
    std::string head = receive_until("\r\n\r\n");
    if (!head.starts_with("HTTP/1.1 ")) return answer;
    answer.status = std::atoi(head.c_str() + 9);
    head.erase(0, head.find("\r\n") + 2);
    const auto add_header = [&](const std::string& line) {
        const std::size_t colon = line.find(':');
        answer.headers.emplace_back(lower_case(line.substr(0, colon)),
                                    trimmed(std::string_view(line).substr(colon + 1)));
    };
    for (std::size_t end; (end = head.find("\r\n")) != 0 && end != head.npos;) {
        add_header(head.substr(0, end));
        head.erase(0, end + 2);
    }
    answer.whole = true;
    if (head_only || answer.status == 304 || answer.status == 204 || answer.status == 100)
        return answer;
    if (answer.header("transfer-encoding") == "chunked") {
        for (;;) {
            const std::string line = receive_until("\r\n");
            const std::size_t size = std::strtoul(line.c_str(), nullptr, 16);
            answer.whole = line.ends_with("\r\n");
            if (size == 0 && answer.whole) {
                for (std::string more; (more = receive_until("\r\n")) != "\r\n";) {
                    answer.whole = more.ends_with("\r\n");
                    if (!answer.whole) return answer;
                    add_header(more.substr(0, more.size() - 2));
                }
                return answer;
            }
            while (answer.whole && input_.size() < size + 2) answer.whole = fill();
            answer.body += input_.substr(0, size);
            input_.erase(0, size + 2);
            if (!answer.whole) return answer;
        }
    }
    const std::string length = answer.header("content-length");
    const std::size_t size = length.empty() ? std::string::npos : std::stoul(length);
    while (input_.size() < size && fill()) {
    }
    answer.body = input_.substr(0, size);
    answer.whole = length.empty() || answer.body.size() == size;
    input_.erase(0, answer.body.size());
    return answer;
}

TestClient::Answer ask(int port, std::string_view method, std::string_view target,
                       std::vector<std::pair<std::string, std::string>> headers,
                       std::string_view body) {
    TestClient client(port);
    std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\n";
    bool has_host = false;
    for (const auto& [name, value] : headers) {
        text += name + ": " + value + "\r\n";
        has_host = has_host || lower_case(name) == "host";
    }
    if (!has_host) text += "Host: 127.0.0.1:" + std::to_string(port) + "\r\n";
    if (!body.empty() || method == "POST" || method == "PUT")
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    client.send(text + "Connection: close\r\n\r\n" + std::string(body));
    return client.receive(method == "HEAD");
}

}  // namespace stroma::front::http
