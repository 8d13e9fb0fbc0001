// Puts and gets objects, sends, receives and deletes messages on an AWS-compatible port as fast as
// it answers, and says how fast that was. bench/port.py starts a server and runs it.
//
//   port_bench PORT put|get|send|work PLACE [connections=4] [bytes=1024] [seconds=10]
//
// PLACE is a bucket, or a queue's path ("/000000000000/name"). `get` reads what a `put` of the same
// connections and bytes has left; `work` receives a message and deletes it. Requests bear a
// signature that nobody has made: the port must take any (--insecure-any-credentials). Prints one
// line of JSON; an answer that isn't 200 ends it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Options {
    int port = 4566, connections = 4;
    std::size_t bytes = 1024;
    double seconds = 10;
    std::string kind, place;
};

[[noreturn]] void give_up(const std::string& why) {
    std::fprintf(stderr, "port_bench: %s\n", why.c_str());
    std::exit(1);
}

class Connection {
public:
    explicit Connection(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            give_up("nobody listens there");
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~Connection() { ::close(socket_); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void send(const std::string& bytes) {
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t put =
                ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
            if (put <= 0) give_up("the connection broke");
            done += static_cast<std::size_t>(put);
        }
    }
    /// The next answer; of its body only the beginning is kept.
    const std::string& receive() {
        held_.clear();
        std::size_t whole = 0, had = 0;
        while (whole == 0 || had < whole) {
            const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
            if (got <= 0) give_up("the connection broke");
            had += static_cast<std::size_t>(got);
            if (held_.size() < kept_bytes)
                held_.append(buffer_.data(), static_cast<std::size_t>(got));
            const std::size_t head = held_.find("\r\n\r\n");
            if (whole == 0 && head != std::string::npos) whole = head + 4 + length_of(head);
        }
        if (held_.compare(9, 3, "200") != 0) give_up(held_);
        return held_;
    }

private:
    static constexpr std::size_t kept_bytes = 16u << 10;
    std::size_t length_of(std::size_t head) const {
        for (std::size_t at = held_.find("\r\n"); at < head; at = held_.find("\r\n", at + 2))
            if (::strncasecmp(held_.c_str() + at + 2, "content-length:", 15) == 0)
                return std::strtoul(held_.c_str() + at + 17, nullptr, 10);
        give_up("an answer without a length");
    }
    const int socket_;
    std::string held_;
    std::string buffer_ = std::string(256u << 10, '\0');
};

/// Of this minute, since servers compare clocks, and by the key that s3rver knows.
std::string signed_by_nobody() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char day[16], time[32];
    std::strftime(day, sizeof day, "%Y%m%d", &parts);
    std::strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &parts);
    return "X-Amz-Date: " + std::string(time) +
           "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=S3RVER/" + day +
           "/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=any\r\n";
}
const std::string signature_lines = signed_by_nobody();

std::string call(const char* operation, const std::string& body) {
    return "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\n"
           "X-Amz-Target: AmazonSQS." +
           std::string(operation) + "\r\n" + signature_lines +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Does one thing after the other on its connection.
class Client {
public:
    Client(const Options& options, int number)
        : options_(options), connection_(options.port), number_(number) {
        std::mt19937_64 random(static_cast<std::uint64_t>(number) + 1);
        body_.resize(options.bytes);
        const char letters[] = "0123456789abcdef";
        for (char& c : body_) c = letters[random() % 16];
        queue_ = "{\"QueueUrl\":\"http://127.0.0.1" + options.place + "\"";
    }

    void step() {
        if (options_.kind == "put" || options_.kind == "get") return object();
        if (options_.kind == "send") {
            connection_.send(call("SendMessage", queue_ + ",\"MessageBody\":\"" + body_ + "\"}"));
            connection_.receive();
            return;
        }
        connection_.send(call("ReceiveMessage", queue_ + "}"));
        const std::string& got = connection_.receive();
        const std::string name = "\"ReceiptHandle\":\"";
        const std::size_t at = got.find(name);
        if (at == std::string::npos) give_up("there are no more messages");
        const std::size_t begin = at + name.size();
        const std::string receipt = got.substr(begin, got.find('"', begin) - begin);
        connection_.send(call("DeleteMessage", queue_ + ",\"ReceiptHandle\":\"" + receipt + "\"}"));
        connection_.receive();
    }

private:
    void object() {
        const bool puts = options_.kind == "put";
        // Few keys: what is put over goes, so that the disk doesn't fill.
        const std::string head = (puts ? "PUT /" : "GET /") + options_.place + "/bench-" +
                                 std::to_string(body_.size()) + "-" + std::to_string(number_) +
                                 "-" + std::to_string(count_++ % 2) +
                                 " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + signature_lines +
                                 "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n";
        if (puts) {
            connection_.send(head + "x-amz-sdk-checksum-algorithm: CRC32\r\nContent-Length: " +
                             std::to_string(body_.size()) + "\r\n\r\n");
            connection_.send(body_);
        } else {
            connection_.send(head + "\r\n");
        }
        connection_.receive();
    }

    const Options& options_;
    Connection connection_;
    const int number_;
    int count_ = 0;
    std::string body_, queue_;
};

}  // namespace

int main(int count, char** given) {
    if (count < 4)
        give_up("port_bench PORT put|get|send|work PLACE [connections] [bytes] [seconds]");
    Options options;
    options.port = std::atoi(given[1]);
    options.kind = given[2];
    options.place = given[3];
    if (count > 4) options.connections = std::atoi(given[4]);
    if (count > 5) options.bytes = std::strtoul(given[5], nullptr, 10);
    if (count > 6) options.seconds = std::atof(given[6]);
    std::vector<std::vector<double>> latencies(static_cast<std::size_t>(options.connections));
    std::vector<std::thread> threads;
    std::atomic<int> ready{0};
    std::atomic<bool> go{false};
    SteadyClock::time_point until;
    for (int c = 0; c < options.connections; ++c)
        threads.emplace_back([&, c] {
            Client client(options, c);
            ++ready;
            go.wait(false);
            for (;;) {
                const auto before = SteadyClock::now();
                if (before >= until) break;
                client.step();
                latencies[static_cast<std::size_t>(c)].push_back(
                    std::chrono::duration<double, std::milli>(SteadyClock::now() - before).count());
            }
        });
    while (ready < options.connections) std::this_thread::yield();
    const auto begin = SteadyClock::now();
    until = begin + std::chrono::microseconds(static_cast<std::int64_t>(options.seconds * 1e6));
    go = true;
    go.notify_all();
    for (std::thread& thread : threads) thread.join();
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
    std::vector<double> all;
    for (const auto& each : latencies) all.insert(all.end(), each.begin(), each.end());
    std::sort(all.begin(), all.end());
    if (all.empty()) give_up("nothing was answered");
    const double rate = static_cast<double>(all.size()) / seconds;
    const auto percentile = [&](double p) {
        return all[static_cast<std::size_t>(p * static_cast<double>(all.size() - 1))];
    };
    std::printf(
        "{\"kind\": \"%s\", \"connections\": %d, \"bytes\": %zu, \"requests\": %zu, "
        "\"per_second\": %.0f, "
        "\"mb_per_second\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
        options.kind.c_str(), options.connections, options.bytes, all.size(), rate,
        rate * static_cast<double>(options.bytes) / 1e6, percentile(0.5), percentile(0.99),
        all.back());
    return 0;
}
