#pragma once

#include "front/http/stream.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "front/http/http2_session.h"
#include "front/http/request_parser.h"
#include "front/http/site.h"

namespace stroma::front::http {

/// One client's connection: reads requests one behind the other, has each handled, and answers in
/// that order. Everything runs on the thread of its io_context, but wake().
class Connection : public std::enable_shared_from_this<Connection> {
public:
    using Time = std::chrono::steady_clock::time_point;

    Connection(boost::asio::io_context& context, Site& site, std::unique_ptr<Stream> stream,
               std::string client);
    /// Runs until the connection ends; then calls `ended` once.
    void start(std::function<void(Connection*)> ended);
    /// Cuts what the client was too slow for.
    void check_deadline(Time now);
    /// No new request: closes when idle; asks an endless stream to stop.
    void drain();
    void abort();
    /// Answers 503 to whatever comes and closes; for a server with too many connections.
    void turn_away() { turned_away_ = true; }

private:
    template <class T>
    using Task = boost::asio::awaitable<T>;

    Task<void> run();
    Task<void> run_http1();
    Task<bool> choose_protocol();
    Task<bool> shake_hands();
    Task<bool> read_head();
    Task<bool> read_more();
    Task<bool> serve();
    Task<bool> serve_route(const Router::Match& match);
    Task<bool> pump();
    Task<void> wait_for_wake();
    Task<void> read_for_handler();
    Task<void> tell_to_go_on(int status);
    bool read_ready(Bytes& piece);
    bool read_ahead();
    void give_body(Bytes piece);
    Task<bool> send(Response response);
    Task<bool> send_file(const Response& response, bool keep);
    Task<bool> send_piece(const Response& response, bool keep);
    Task<bool> send_descriptor(int descriptor, std::uint64_t offset, std::uint64_t left);
    Task<bool> send_stream(const Response& response);
    Task<bool> send_pieces(bool chunked);
    Task<bool> write(std::string_view first, std::string_view second);
    Task<void> linger();

    Response error(int status, std::string_view message) const;
    std::optional<Response> refused_by_server(const Router::Match& match) const;
    void start_handler(const std::shared_ptr<Exchange>& exchange, const Route& route);
    void watch_client();
    void record(const Request& request, const Route* route);
    void wake();
    void set_deadline(std::chrono::milliseconds from_now);
    bool may_keep() const;
    Time now() const { return std::chrono::steady_clock::now(); }

    boost::asio::io_context& context_;
    Site& site_;
    std::unique_ptr<Stream> stream_;
    const std::string client_;
    boost::asio::steady_timer wake_timer_;
    std::optional<RequestParser> parser_;
    std::optional<Refusal> refusal_;      // of the request's head, or of its body
    std::shared_ptr<Exchange> exchange_;  // while a handler works
    std::shared_ptr<Http2Session> http2_;
    std::string input_;  // read, not yet parsed
    std::string request_id_;
    Time deadline_ = Time::max();
    Time started_{}, body_started_{};
    std::uint64_t body_bytes_ = 0, bytes_sent_ = 0;
    int status_ = 0;
    bool head_only_ = false, timed_out_ = false, watching_ = false, continued_ = false;
    bool wants_body_ = false;  // the handler has begun to read it
    bool idle_ = true, turned_away_ = false, broken_ = false, endless_ = false;
    bool secure_ = false;
};

}  // namespace stroma::front::http
