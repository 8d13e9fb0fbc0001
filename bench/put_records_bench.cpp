// Appends records to a stream as fast as its server takes them, and says how fast that was.
//
//   put_records_bench PORT STREAM [connections=4] [records=500] [bytes=200] [seconds=10]
//                     [kinesis|redis|jetstream]
//
// Each connection sends the next batch once the last is acknowledged: one PutRecords (PutRecord for
// one record), or as many XADD, or as many messages published to JetStream under the stream's name,
// sent together. Keys and data are random letters, batches are made before the clock starts.
// Requests to Kinesis bear a signature that nobody has made: the port must take any (stroma serve
// --insecure-any-credentials; kinesalite takes any). Prints one line of JSON; a record that wasn't
// taken ends it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/base64.h"

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Options {
    int port = 4566, connections = 4, records = 500, bytes = 200;
    double seconds = 10;
    std::string stream, protocol = "kinesis";
};

[[noreturn]] void end(const char* why) {
    std::fprintf(stderr, "put_records_bench: %s\n", why);
    std::exit(1);
}

std::string data(const Options& options, std::mt19937_64& random) {
    std::string bytes(static_cast<std::size_t>(options.bytes), '\0');
    for (char& c : bytes) c = static_cast<char>('a' + random() % 16);
    return bytes;
}

std::string record(const Options& options, std::mt19937_64& random) {
    return "\"Data\":\"" + stroma::base64(data(options, random)) + "\",\"PartitionKey\":\"" +
           std::to_string(random()) + "\"";
}

std::string bulk(const std::string& word) {
    return "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
}

/// The same records for a server whose answers are lines.
std::string lines_request(const Options& options, int connection, std::mt19937_64& random) {
    std::string batch;
    for (int r = 0; r < options.records; ++r)
        batch += options.protocol == "redis"
                     ? "*5\r\n" + bulk("XADD") + bulk(options.stream) + bulk("*") + bulk("d") +
                           bulk(data(options, random))
                     : "PUB " + options.stream + " bench.ack." + std::to_string(connection) + " " +
                           std::to_string(options.bytes) + "\r\n" + data(options, random) + "\r\n";
    return batch;
}

std::string request(const Options& options, std::mt19937_64& random) {
    std::string body = "{\"StreamName\":\"" + options.stream + "\",";
    if (options.records == 1) {
        body += record(options, random) + "}";
    } else {
        body += "\"Records\":[";
        for (int r = 0; r < options.records; ++r)
            body += (r == 0 ? "{" : ",{") + record(options, random) + "}";
        body += "]}";
    }
    return "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\n"
           "X-Amz-Target: Kinesis_20131202." +
           std::string(options.records == 1 ? "PutRecord" : "PutRecords") +
           "\r\nX-Amz-Date: 20261122T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 "
           "Credential=any/20261122/us-east-1/kinesis/aws4_request, SignedHeaders=host, "
           "Signature=any\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

int connect_to(int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        end("nobody listens there");
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

void send_all(int socket, const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t put = ::send(socket, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (put <= 0) end("the connection broke");
        done += static_cast<std::size_t>(put);
    }
}

/// The next answer's body, whose length its head tells.
void receive(int socket, std::string& held) {
    held.clear();
    std::size_t whole = 0;
    char bytes[64 << 10];
    while (whole == 0 || held.size() < whole) {
        const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
        if (got <= 0) end("the connection broke");
        held.append(bytes, static_cast<std::size_t>(got));
        const std::size_t head = held.find("\r\n\r\n");
        if (whole != 0 || head == std::string::npos) continue;
        std::size_t at = held.find("ontent-");
        while (at != std::string::npos &&
               ::strncasecmp(held.c_str() + at, "ontent-length:", 14) != 0)
            at = held.find("ontent-", at + 1);
        if (at == std::string::npos || at > head) end("an answer without a length");
        whole = head + 4 + std::strtoul(held.c_str() + at + 14, nullptr, 10);
    }
    if (held.compare(9, 3, "200") != 0) end(held.c_str());
    if (held.find("FailedRecordCount") != std::string::npos &&
        held.find("\"FailedRecordCount\":0") == std::string::npos)
        end("a record wasn't taken");
}

/// Lines of a server, one after the other.
class Lines {
public:
    explicit Lines(int socket) : socket_(socket) {}
    std::string next() {
        std::size_t end_of_line = held_.find("\r\n", at_);
        while (end_of_line == std::string::npos) {
            held_.erase(0, at_);
            at_ = 0;
            const ssize_t got = ::recv(socket_, buffer_, sizeof buffer_, 0);
            if (got <= 0) end("the connection broke");
            held_.append(buffer_, static_cast<std::size_t>(got));
            end_of_line = held_.find("\r\n");
        }
        const std::size_t begin = std::exchange(at_, end_of_line + 2);
        return held_.substr(begin, end_of_line - begin);
    }

private:
    const int socket_;
    std::size_t at_ = 0;
    std::string held_;
    char buffer_[64 << 10];
};

/// Waits until each record of a batch is acknowledged: an acknowledgement is a line that announces
/// it and a line with the record's place.
void receive_lines(int socket, Lines& lines, const Options& options) {
    for (int r = 0; r < options.records;) {
        const std::string announced = lines.next();
        if (announced == "PING") {
            send_all(socket, "PONG\r\n");
        } else if (announced.starts_with("$") || announced.starts_with("MSG ")) {
            const std::string place = lines.next();
            if (place.find("\"error\"") != std::string::npos) end(place.c_str());
            ++r;
        } else {
            end(announced.c_str());
        }
    }
}

/// Sends its batches in turn, each once the one before is acknowledged.
class Producer {
public:
    Producer(const Options& options, int number)
        : options_(options), socket_(connect_to(options.port)), lines_(socket_) {
        std::mt19937_64 random(static_cast<std::uint64_t>(number) + 1);
        for (int r = 0; r < 16; ++r)
            requests_.push_back(options.protocol == "kinesis"
                                    ? request(options, random)
                                    : lines_request(options, number, random));
        if (options.protocol != "jetstream") return;
        lines_.next();  // what the server says of itself
        send_all(socket_, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB bench.ack." +
                              std::to_string(number) + " 1\r\n");
    }
    ~Producer() { ::close(socket_); }
    Producer(const Producer&) = delete;
    Producer& operator=(const Producer&) = delete;

    void step() {
        send_all(socket_, requests_[count_++ % requests_.size()]);
        if (options_.protocol == "kinesis")
            receive(socket_, held_);
        else
            receive_lines(socket_, lines_, options_);
    }

private:
    const Options& options_;
    const int socket_;
    Lines lines_;
    std::size_t count_ = 0;
    std::vector<std::string> requests_;
    std::string held_;
};

}  // namespace

int main(int count, char** given) {
    if (count < 3) end("put_records_bench PORT STREAM [connections] [records] [bytes] [seconds]");
    Options options;
    options.port = std::atoi(given[1]);
    options.stream = given[2];
    if (count > 3) options.connections = std::atoi(given[3]);
    if (count > 4) options.records = std::atoi(given[4]);
    if (count > 5) options.bytes = std::atoi(given[5]);
    if (count > 6) options.seconds = std::atof(given[6]);
    if (count > 7) options.protocol = given[7];
    if (options.protocol != "kinesis" && options.protocol != "redis" &&
        options.protocol != "jetstream")
        end("the protocol is kinesis, redis or jetstream");
    std::vector<std::vector<double>> latencies(static_cast<std::size_t>(options.connections));
    std::vector<std::thread> threads;
    std::atomic<int> ready{0};
    std::atomic<bool> go{false};
    SteadyClock::time_point until;
    for (int c = 0; c < options.connections; ++c)
        threads.emplace_back([&, c] {
            Producer producer(options, c);
            ++ready;
            go.wait(false);
            auto& mine = latencies[static_cast<std::size_t>(c)];
            for (;;) {
                const auto before = SteadyClock::now();
                if (before >= until) break;
                producer.step();
                mine.push_back(
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
    if (all.empty()) end("no request was answered");
    const auto percentile = [&](double p) {
        return all[static_cast<std::size_t>(p * static_cast<double>(all.size() - 1))];
    };
    std::printf(
        "{\"connections\": %d, \"records_per_request\": %d, \"bytes\": %d, "
        "\"requests\": %zu, \"records_per_second\": %.0f, \"p50_ms\": %.3f, "
        "\"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
        options.connections, options.records, options.bytes, all.size(),
        static_cast<double>(all.size()) * options.records / seconds, percentile(0.5),
        percentile(0.99), all.back());
    return 0;
}
