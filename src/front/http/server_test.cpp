#include "front/http/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/metrics.h"
#include "front/http/connection.h"
#include "front/http/event_stream.h"
#include "front/http/site.h"
#include "front/http/test_client.h"

namespace stroma::front::http {
namespace {

/// Something that happens once and can be waited for.
class Signal {
public:
    void set() {
        const std::lock_guard lock(mutex_);
        set_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return set_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool set_ = false;
};

void wait_until_left(Request& request) {
    Signal left;
    const std::stop_callback callback(request.left, [&] { left.set(); });
    left.wait();
}

Response echo(Request& request) {
    const auto body = request.text_body();
    if (!body) return text_response(400, body.error().message);
    return text_response(200, request.method + " " + request.path + " " + *body);
}

Response echo_stream(Request& request) {
    BodyReader* body = request.body;
    Response response = text_response(200, "");
    response.stream = [body](BodyWriter& out) -> Result<void> {
        for (;;) {
            const Bytes piece = TRY(body->read());
            if (piece.empty()) return {};
            TRY(out.write(piece));
        }
    };
    return response;
}

class ServerTest : public ::testing::Test {
protected:
    void serve(std::vector<Route> routes, ServerOptions options = {}) {
        options.access_log = false;
        auto server = Server::listen(options, std::move(routes), nullptr);
        ASSERT_TRUE(server) << server.error().message;
        server_ = std::move(*server);
        server_->start();
        port_ = server_->port();
    }
    void TearDown() override {
        if (server_) server_->stop(Milliseconds{10'000});
    }
    std::unique_ptr<Server> server_;
    int port_ = 0;
};

constexpr char host[] = "Host: localhost\r\n";
std::string get(std::string_view path) {
    return "GET " + std::string(path) + " HTTP/1.1\r\n" + host + "\r\n";
}

TEST_F(ServerTest, AnAnswerCarriesTheHeadersThatEveryAnswerHas) {
    serve({{"GET", "/hello", [](Request&) { return json_response(200, "{}"); }}});
    const auto answer = ask(port_, "GET", "/hello");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "{}");
    EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(answer.header("referrer-policy"), "no-referrer");
    EXPECT_EQ(answer.header("cache-control"), "no-store");
    EXPECT_NE(answer.header("content-security-policy"), "");
    EXPECT_NE(answer.header("x-request-id"), "");
    EXPECT_NE(answer.header("date"), "");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInTheirOrder) {
    serve({{"GET", "/{name}", echo}, {"POST", "/{name}", echo}});
    TestClient client(port_);
    client.send(get("/a") + "POST /b HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nxyz" +
                get("/c"));
    EXPECT_EQ(client.receive().body, "GET /a ");
    EXPECT_EQ(client.receive().body, "POST /b xyz");
    EXPECT_EQ(client.receive().body, "GET /c ");
}

TEST_F(ServerTest, ARequestThatComesByteByByteIsTheSameRequest) {
    serve({{"POST", "/x", echo}});
    TestClient client(port_);
    const std::string text = std::string("POST /x HTTP/1.1\r\n") + host +
                             "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;q=1\r\nde\r\n0\r\n"
                             "Trailer: read over\r\n\r\n";
    for (const char c : text) client.send(std::string(1, c));
    EXPECT_EQ(client.receive().body, "POST /x abcde");
    client.send(text);
    EXPECT_EQ(client.receive().body, "POST /x abcde");
}

TEST_F(ServerTest, AClientThatExpects100ContinueIsToldToGoOnOnlyWhenTheBodyIsWanted) {
    serve({{"PUT", "/read", echo},
           {"PUT", "/refuse", [](Request&) { return text_response(403, "no"); }}});
    TestClient client(port_);
    client.send(std::string("PUT /read HTTP/1.1\r\n") + host +
                "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(client.receive().status, 100);
    client.send("ok");
    EXPECT_EQ(client.receive().body, "PUT /read ok");
    client.send(std::string("PUT /read HTTP/1.1\r\n") + host +
                "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(client.receive().status, 100);
    EXPECT_EQ(client.receive().body, "PUT /read ");
    client.send(std::string("PUT /refuse HTTP/1.1\r\n") + host +
                "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    const auto refused = client.receive();
    EXPECT_EQ(refused.status, 403);
    EXPECT_EQ(refused.header("connection"), "close");
    TestClient other(port_);
    other.send(std::string("PUT /refuse HTTP/1.1\r\n") + host +
               "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n");
    const auto refused_empty = other.receive();
    EXPECT_EQ(refused_empty.status, 403);
    EXPECT_EQ(refused_empty.header("connection"), "close");
}

TEST_F(ServerTest, ALargeBodyCrossesBothWaysWhole) {
    serve({{"POST", "/echo", echo_stream}});
    std::string body(20u << 20, '\0');
    for (std::size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<char>(i * 2654435761u >> 13);
    TestClient client(port_);
    std::thread sender([&] {
        client.send(std::string("POST /echo HTTP/1.1\r\n") + host +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    });
    const auto answer = client.receive();
    sender.join();
    EXPECT_TRUE(answer.whole);
    EXPECT_EQ(answer.body.size(), body.size());
    EXPECT_TRUE(answer.body == body);
}

TEST_F(ServerTest, HeadHasTheLengthOfGetAndNoBody) {
    serve({{"GET", "/x", [](Request&) { return text_response(200, "twelve bytes"); }}});
    TestClient client(port_);
    client.send(std::string("HEAD /x HTTP/1.1\r\n") + host + "\r\n" + get("/x"));
    EXPECT_EQ(client.receive(true).header("content-length"), "12");
    EXPECT_EQ(client.receive().body, "twelve bytes");
}

TEST_F(ServerTest, AnUnknownPathIs404AndAKnownPathWithAnotherMethod405WithAllow) {
    serve({{"GET", "/x/{id}", echo}, {"DELETE", "/x/{id}", echo}});
    EXPECT_EQ(ask(port_, "GET", "/y").status, 404);
    const auto answer = ask(port_, "POST", "/x/1");
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.header("allow"), "DELETE, GET, HEAD, OPTIONS");
    EXPECT_EQ(ask(port_, "OPTIONS", "/x/1").status, 204);
}

TEST_F(ServerTest, ALoopbackServerAnswersOnlyForLoopbackAndConfiguredNames) {
    ServerOptions options;
    options.hosts = {"stroma.example"};
    serve({{"GET", "/x", echo}}, options);
    for (const char* good : {"localhost", "localhost:8080", "127.0.0.1", "[::1]:80",
                             "stroma.example", "STROMA.example:8080"})
        EXPECT_EQ(ask(port_, "GET", "/x", {{"Host", good}}).status, 200) << good;
    for (const char* bad : {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example"})
        EXPECT_EQ(ask(port_, "GET", "/x", {{"Host", bad}}).status, 421) << bad;
}

TEST_F(ServerTest, AFileIsServedByRangesAndConditions) {
    auto file = File::temporary(::testing::TempDir());
    ASSERT_TRUE(file);
    std::string content(3u << 20, 'a');
    content.replace(1000, 5, "HELLO");
    ASSERT_TRUE(file->write_at(0, as_bytes(content)));
    const auto shared = std::make_shared<const File>(std::move(*file));
    serve({{"GET", "/f", [&](Request&) {
                Response response;
                response.file = Response::FileBody{shared, content.size(), "tag"};
                return response;
            }}});
    const auto whole = ask(port_, "GET", "/f");
    EXPECT_TRUE(whole.body == content);
    EXPECT_EQ(whole.header("etag"), "\"tag\"");
    const auto part = ask(port_, "GET", "/f", {{"Range", "bytes=1000-1004"}});
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "HELLO");
    EXPECT_EQ(part.header("content-range"), "bytes 1000-1004/3145728");
    const auto past = ask(port_, "GET", "/f", {{"Range", "bytes=3145728-"}});
    EXPECT_EQ(past.status, 416);
    EXPECT_EQ(past.header("content-range"), "bytes */3145728");
    EXPECT_EQ(ask(port_, "GET", "/f", {{"If-None-Match", "\"tag\""}}).status, 304);
    EXPECT_EQ(ask(port_, "GET", "/f", {{"If-Match", "\"other\""}}).status, 412);
    EXPECT_EQ(ask(port_, "HEAD", "/f").header("content-length"), "3145728");
}

TEST_F(ServerTest, AStreamThatFailsIsCutSoThatNobodyTakesItForWhole) {
    serve({{"GET", "/s", [](Request&) {
                Response response;
                response.stream = [](BodyWriter& out) -> Result<void> {
                    TRY(out.write(as_bytes("half of")));
                    return fail(ErrorCode::corrupt, "the other half is damaged");
                };
                return response;
            }}});
    TestClient client(port_);
    client.send(get("/s"));
    EXPECT_FALSE(client.receive().whole);
}

TEST_F(ServerTest, AHandlerLearnsThatItsClientLeft) {
    Signal started, left;
    serve({{"GET", "/wait", [&](Request& request) {
                started.set();
                wait_until_left(request);
                left.set();
                return text_response(200, "");
            }}});
    TestClient client(port_);
    client.send(get("/wait"));
    started.wait();
    client.close();
    left.wait();
}

TEST_F(ServerTest, AFullLineOfRequestsIsAnswered503WithRetryAfter) {
    Signal started, go;
    ServerOptions options;
    options.handler_threads = 1;
    options.waiting_max = 0;
    serve({{"GET", "/slow",
            [&](Request&) {
                started.set();
                go.wait();
                return text_response(200, "done");
            }}},
          options);
    TestClient first(port_);
    first.send(get("/slow"));
    started.wait();
    const auto refused = ask(port_, "GET", "/slow");
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.header("retry-after"), "1");
    go.set();
    EXPECT_EQ(first.receive().body, "done");
}

TEST_F(ServerTest, EventsArriveWhileTheyHappenAndADrainEndsTheStream) {
    Signal first_read;
    serve({{"GET", "/events", [&](Request& request) {
                return event_stream([&](EventWriter& events) -> Result<void> {
                    TRY(events.send("progress", "{\"a\":1}\nsecond", "7"));
                    first_read.wait();
                    TRY(events.send("progress", "later"));
                    wait_until_left(request);
                    return {};
                });
            }}});
    TestClient client(port_);
    client.send(get("/events"));
    EXPECT_NE(client.receive_until("\n\n").find("text/event-stream"), std::string::npos);
    first_read.set();
    EXPECT_NE(client.receive_until("later\n\n").find("event: progress"), std::string::npos);
    server_->stop(Milliseconds{10'000});
    EXPECT_EQ(client.receive_until("0\r\n\r\n").find("0\r\n\r\n"), 2u);
}

TEST_F(ServerTest, ADrainLetsARunningRequestEndAndTakesNoNewOne) {
    Signal started, go;
    serve({{"GET", "/slow", [&](Request&) {
                started.set();
                go.wait();
                return text_response(200, "done");
            }}});
    TestClient idle(port_), busy(port_);
    busy.send(get("/slow"));
    started.wait();
    std::thread stopper([&] { server_->stop(Milliseconds{10'000}); });
    EXPECT_TRUE(idle.at_end());
    go.set();
    const auto answer = busy.receive();
    EXPECT_EQ(answer.body, "done");
    EXPECT_EQ(answer.header("connection"), "close");
    stopper.join();
    EXPECT_EQ(ask(port_, "GET", "/slow").status, 0);
}

TEST_F(ServerTest, ASlowHeadAndASlowBodyGet408) {
    ServerOptions options;
    options.idle_seconds_max = 1;
    serve({{"POST", "/x", echo}}, options);
    TestClient head(port_), body(port_), chunked(port_), silent(port_);
    head.send("POST /x HT");
    body.send(std::string("POST /x HTTP/1.1\r\n") + host + "Content-Length: 9\r\n\r\nabc");
    chunked.send(std::string("POST /x HTTP/1.1\r\n") + host +
                 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    EXPECT_EQ(head.receive().status, 408);
    EXPECT_EQ(body.receive().status, 408);
    EXPECT_EQ(chunked.receive().status, 408);
    EXPECT_TRUE(silent.at_end());
}

TEST_F(ServerTest, ABodyPastTheLimitIs413HoweverItComes) {
    ServerOptions options;
    options.body_bytes_max = 10;
    serve({{"POST", "/x", echo}}, options);
    EXPECT_EQ(ask(port_, "POST", "/x", {}, "0123456789").status, 200);
    EXPECT_EQ(ask(port_, "POST", "/x", {}, "01234567890").status, 413);
    TestClient client(port_);
    client.send(std::string("POST /x HTTP/1.1\r\n") + host +
                "Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive().status, 413);
}

TEST_F(ServerTest, ATextBodyPastItsOwnLimitIsExhausted) {
    serve({{"POST", "/x", [](Request& request) {
                const auto body = request.text_body(4);
                if (body) return text_response(200, *body);
                return text_response(body.error().code == ErrorCode::exhausted ? 413 : 400, "");
            }}});
    EXPECT_EQ(ask(port_, "POST", "/x", {}, "1234").status, 200);
    EXPECT_EQ(ask(port_, "POST", "/x", {}, "12345").status, 413);
}

TEST_F(ServerTest, RequestsAreCountedByRouteAndStatus) {
    serve({{"GET", "/counted/{id}", echo}});
    ask(port_, "GET", "/counted/1");
    ask(port_, "GET", "/counted/2");
    server_->stop(Milliseconds{10'000});
    EXPECT_EQ(
        counter(
            "stroma_http_requests_total", "",
            {{"front", "http"}, {"method", "GET"}, {"route", "/counted/{id}"}, {"status", "200"}})
            .value(),
        2);
}

TEST_F(ServerTest, AHandlerThatThrowsIsAnswered500AndTheServerStays) {
    serve({{"GET", "/throw", [](Request&) -> Response { throw std::runtime_error("secret"); }}});
    const auto answer = ask(port_, "GET", "/throw");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
    EXPECT_EQ(ask(port_, "GET", "/throw").status, 500);
}

TEST(Server, ATakenPortSaysWhatToDo) {
    auto first = Server::listen({}, {}, nullptr);
    ASSERT_TRUE(first);
    ServerOptions options;
    options.port = (*first)->port();
    const auto second = Server::listen(options, {}, nullptr);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
}

/// What a connection that was sent that text says when its deadline passes after so many steps of
/// its thread, and the next deadline right then; "" when it says nothing and stays.
std::string told_when_late(int steps, const std::string& text) {
    boost::asio::io_context context;
    ServerOptions options;
    options.access_log = false;
    Site site(options, {}, nullptr);
    Socket::protocol_type protocol = Socket::protocol_type::v4();
    boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
    Socket client(context);
    client.connect(acceptor.local_endpoint());
    Socket served(context, protocol, acceptor.accept().release());
    EXPECT_EQ(::send(client.native_handle(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    const auto connection = std::make_shared<Connection>(
        context, site, std::make_unique<TcpStream>(std::move(served)), "127.0.0.1");
    bool ended = false;
    connection->start([&](Connection*) { ended = true; });
    for (int step = 0; step < steps; ++step) context.poll_one();
    for (int passed = 0; passed < 2; ++passed) {
        connection->check_deadline(Connection::Time::max() - std::chrono::nanoseconds{1});
        while (context.poll_one() > 0) continue;
    }
    char answer[512];
    const ssize_t count = ::recv(client.native_handle(), answer, sizeof answer, MSG_DONTWAIT);
    std::string told;
    if (count >= 0) told = count == 0 ? "closed" : std::string(answer, answer + count);
    client.close();
    connection->abort();
    context.run();
    EXPECT_TRUE(ended);
    return told;
}

TEST(Connection, ADeadlineThatPassesBetweenAReadAndWhoWaitsForItHolds) {
    int answered = 0;
    for (int steps = 1; steps < 12; ++steps) {
        const std::string told = told_when_late(steps, "GET / HTTP/1.1\r\nHost: loc");
        // Before anything was read nobody is told why.
        EXPECT_TRUE(told == "closed" || told.starts_with("HTTP/1.1 408")) << steps << ": " << told;
        answered += told.starts_with("HTTP/1.1 408") ? 1 : 0;
    }
    EXPECT_GT(answered, 0);
}

TEST(Connection, ARequestThatComesAsTheIdleTimeEndsIsAnsweredOrTheConnectionIsClosed) {
    int answered = 0;
    for (int steps = 1; steps < 12; ++steps) {
        const std::string told = told_when_late(steps, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        // A 408 would be taken for the answer to this request, which came whole.
        EXPECT_TRUE(told == "closed" || told.starts_with("HTTP/1.1 404")) << steps << ": " << told;
        answered += told.starts_with("HTTP/1.1 404") ? 1 : 0;
    }
    EXPECT_GT(answered, 0);
}

}  // namespace
}  // namespace stroma::front::http
