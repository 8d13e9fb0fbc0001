#include "front/http/connection.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

#include "front/http/file_answer.h"
#include "front/http/response_head.h"
#include "front/http/url.h"

namespace stroma::front::http {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {
constexpr std::size_t read_bytes = 64u << 10;
/// Bodies up to this are read before the handler gets a thread, so a slow client holds none.
constexpr std::uint64_t prefetch_bytes_max = 64u << 10;
/// Of a body at most that much is read at once where it is there.
constexpr std::size_t ready_bytes = 256u << 10;
constexpr std::size_t linger_bytes_max = 4u << 20;
constexpr milliseconds linger_time{2000};
}  // namespace

Connection::Connection(asio::io_context& context, Site& site, std::unique_ptr<Stream> stream,
                       std::string client)
    : context_(context),
      site_(site),
      stream_(std::move(stream)),
      client_(std::move(client)),
      wake_timer_(context) {}

void Connection::start(std::function<void(Connection*)> ended) {
    auto self = shared_from_this();
    asio::co_spawn(
        context_, [self]() -> Task<void> { co_await self->run(); },
        [self, ended = std::move(ended)](std::exception_ptr) { ended(self.get()); });
}

void Connection::set_deadline(milliseconds from_now) { deadline_ = now() + from_now; }

void Connection::check_deadline(Time at) {
    if (at < deadline_) return;
    deadline_ = Time::max();
    timed_out_ = true;
    error_code ignored;
    stream_->socket().cancel(ignored);
}

void Connection::drain() {
    if (http2_)
        http2_->drain();
    else if (idle_)
        abort();
    else if (endless_ && exchange_)
        exchange_->ask_to_stop();
}

void Connection::abort() {
    broken_ = true;
    error_code ignored;
    stream_->socket().close(ignored);
    if (exchange_) exchange_->abandon();
    if (http2_) http2_->abandon();
    wake_timer_.cancel();
}

Connection::Task<void> Connection::run() {
    const bool known = co_await choose_protocol();
    if (known && http2_) {
        co_await http2_->run(std::exchange(input_, {}));
    } else if (known) {
        co_await run_http1();
    }
    error_code ignored;
    stream_->socket().close(ignored);
}

/// What the client's first bytes say it speaks. False when it left before it said anything.
Connection::Task<bool> Connection::choose_protocol() {
    if (site_.tls == nullptr && !site_.options.http2) co_return true;
    set_deadline(std::chrono::seconds(site_.options.idle_seconds_max));
    bool chosen_http2 = false;
    if (site_.tls != nullptr) {
        error_code failed;
        co_await stream_->socket().async_wait(Socket::wait_read,
                                              asio::redirect_error(asio::use_awaitable, failed));
        char first = 0;
        if (failed || ::recv(stream_->socket().native_handle(), &first, 1, MSG_PEEK) != 1)
            co_return false;
        constexpr char tls_handshake = 0x16;
        if (first == tls_handshake) {
            const bool shaken = co_await shake_hands();
            if (!shaken) co_return false;
            chosen_http2 = stream_->chosen_protocol() == "h2";
        }
    }
    // No method of HTTP/1.1 begins with "PR" but PROPFIND and PROPPATCH, which nobody serves here.
    constexpr std::string_view preface = "PRI";
    while (site_.options.http2 && !chosen_http2 && input_.size() < preface.size() &&
           preface.starts_with(input_)) {
        const bool read = co_await read_more();
        if (!read) co_return false;
    }
    if (site_.options.http2 && (chosen_http2 || input_.starts_with(preface))) {
        auto self = shared_from_this();
        http2_ = std::make_shared<Http2Session>(
            context_, site_, *stream_, Http2Session::Client{client_, secure_, self},
            [this](std::optional<milliseconds> patience) {
                deadline_ = patience ? now() + *patience : Time::max();
            });
    }
    deadline_ = Time::max();
    co_return true;
}

Connection::Task<bool> Connection::shake_hands() {
    auto secured = std::make_unique<TlsStream>(stream_->release(), *site_.tls);
    TlsStream& tls = *secured;
    stream_ = std::move(secured);
    error_code failed;
    co_await tls.shake_hands(failed);
    secure_ = true;
    co_return !failed && !broken_ && !timed_out_;
}

Connection::Task<void> Connection::run_http1() {
    bool keep = true;
    while (keep && !broken_) {
        parser_.emplace(ParserLimits{site_.options.head_bytes_max, site_.options.url_bytes_max,
                                     site_.options.headers_max, site_.options.body_bytes_max});
        refusal_.reset();
        const bool read = co_await read_head();
        if (!read) break;
        keep = co_await serve();
        exchange_.reset();
    }
    if (!broken_) co_await linger();
}

Connection::Task<bool> Connection::read_more() {
    char buffer[read_bytes];
    error_code failed;
    const std::size_t count =
        co_await stream_->read_some(asio::mutable_buffer(buffer, sizeof buffer), failed);
    input_.append(buffer, count);
    // A deadline that passed when the read was done already had nothing left to cancel.
    co_return !failed && !timed_out_;
}

Connection::Task<bool> Connection::read_head() {
    const milliseconds patience = std::chrono::seconds(site_.options.idle_seconds_max);
    idle_ = input_.empty();
    timed_out_ = false;
    set_deadline(patience);
    for (;;) {
        if (!input_.empty()) {
            std::size_t taken = 0;
            refusal_ = parser_->read_head(input_, taken);
            input_.erase(0, taken);
            if (refusal_ || parser_->has_head()) break;
        }
        if (idle_ && site_.draining) co_return false;
        bool read = co_await read_more();
        if (idle_ && timed_out_ && !input_.empty()) {
            // A head that begins in the moment in which the idle time ends did begin.
            timed_out_ = false;
            read = true;
        }
        if (!read && (!timed_out_ || input_.empty())) co_return false;
        if (!read) {
            refusal_ = Refusal{408, "the request's head did not arrive in time"};
            break;
        }
        // The clock runs from the head's first byte: more bytes don't buy more time.
        if (idle_) set_deadline(patience);
        idle_ = false;
    }
    idle_ = false;
    deadline_ = Time::max();
    co_return true;
}

Response Connection::error(int status, std::string_view message) const {
    return site_.options.error_answer(status, message, request_id_);
}

void Connection::record(const Request& request, const Route* route) {
    AccessRecord access{request_id_, request.method, request.target, client_, request.principal.id,
                        route,       status_,        bytes_sent_,    0};
    access.seconds = std::chrono::duration<double>(now() - started_).count();
    site_.record(access);
}

std::optional<Response> Connection::refused_by_server(const Router::Match& match) const {
    const Request& request = parser_->request();
    if (turned_away_) {
        Response response = error(503, "too many connections are open; try again soon");
        response.headers.emplace_back("Retry-After", "2");
        return response;
    }
    if (!site_.knows_host(request.header("host").value_or("")))
        return error(421, "this server does not answer for the host that the request names");
    if (match.route != nullptr) return std::nullopt;
    if (match.allowed.empty()) return error(404, "there is nothing at this address");
    Response response = error(405, "this address does not have this method");
    if (request.method == "OPTIONS") {
        response = Response();
        response.status = 204;
    }
    response.headers.emplace_back("Allow", match.allowed);
    return response;
}

Connection::Task<bool> Connection::serve() {
    started_ = body_started_ = now();
    body_bytes_ = bytes_sent_ = 0;
    continued_ = false;
    request_id_ = site_.next_request_id();
    Request& request = parser_->request();
    head_only_ = request.method == "HEAD";
    if (refusal_) {
        Response response = error(refusal_->status, refusal_->message);
        co_await send(std::move(response));
        record(request, nullptr);
        co_return false;
    }
    const Router::Match match = site_.router.find(request.method, parser_->raw_path());
    std::optional<Response> refused = refused_by_server(match);
    if (refused) {
        std::size_t taken = 0;
        Bytes dropped;  // a body that is here already doesn't end the connection
        refusal_ = parser_->read_body(input_, taken, dropped);
        input_.erase(0, taken);
        const bool keep = co_await send(std::move(*refused));
        record(request, match.route);
        co_return keep && !turned_away_;
    }
    site_.begin_exchange();
    const bool keep = co_await serve_route(match);
    site_.end_exchange();
    co_return keep;
}

Connection::Task<bool> Connection::serve_route(const Router::Match& match) {
    Request& parsed = parser_->request();
    parsed.id = request_id_;
    parsed.client = client_;
    parsed.secure = secure_;
    parsed.parameters = match.parameters;
    auto self = shared_from_this();
    exchange_ = std::make_shared<Exchange>(std::move(parsed), [self] { self->wake(); });
    endless_ = wants_body_ = false;
    if (!parser_->expects_continue() &&
        parser_->content_length().value_or(~0ull) <= prefetch_bytes_max) {
        do {
            co_await read_for_handler();
        } while (!parser_->done() && !refusal_ && !broken_);
    }
    bool keep = false;
    if (refusal_) {
        keep = co_await send(error(refusal_->status, refusal_->message));
    } else if (!broken_) {
        start_handler(exchange_, *match.route);
        keep = co_await pump();
    }
    record(exchange_->request, match.route);
    exchange_->abandon();
    co_return keep;
}

void Connection::start_handler(const std::shared_ptr<Exchange>& exchange, const Route& route) {
    Site& site = site_;
    if (route.runs_on == RunsOn::reactor && parser_->done())
        return site.run_handler(exchange, route);
    const Route* handled_by = &route;
    if (site.handlers.submit(
            [exchange, handled_by, &site] { site.run_handler(exchange, *handled_by); }))
        return;
    Response response = error(503, "the server is busy; try again soon");
    response.headers.emplace_back("Retry-After", "1");
    exchange->answer(std::move(response));
}

/// Serves the handler's wishes until it has answered and the answer is out.
Connection::Task<bool> Connection::pump() {
    for (;;) {
        Exchange::Wanted wanted = exchange_->take();
        if (broken_) co_return false;
        if (wanted.body) co_await read_for_handler();
        if (broken_) co_return false;
        if (wanted.response) {
            // A broken body is the client's fault whatever the handler made of it.
            if (refusal_) *wanted.response = error(refusal_->status, refusal_->message);
            co_await tell_to_go_on(wanted.response->status);
            if (broken_) co_return false;
            endless_ = wanted.response->endless;
            if (endless_ && site_.draining) exchange_->ask_to_stop();
            co_return co_await send(std::move(*wanted.response));
        }
        wants_body_ = wants_body_ || wanted.body;
        if (wanted.body) continue;
        if (read_ahead())
            co_await asio::post(context_, asio::use_awaitable);  // the others' turn
        else
            co_await wait_for_wake();
    }
}

void Connection::wake() {
    auto self = shared_from_this();
    asio::post(context_, [self] { self->wake_timer_.cancel(); });
}

Connection::Task<void> Connection::wait_for_wake() {
    watch_client();
    wake_timer_.expires_at(Time::max());
    error_code ignored;
    co_await wake_timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

/// Notices a client that leaves while its request is worked on.
void Connection::watch_client() {
    if (watching_ || broken_ || !input_.empty()) return;
    watching_ = true;
    auto self = shared_from_this();
    stream_->socket().async_wait(Socket::wait_read, [self](const error_code& failed) {
        self->watching_ = false;
        if (failed || !self->exchange_) return;
        char byte;
        const ssize_t count =
            ::recv(self->stream_->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (count == 0) self->exchange_->ask_to_stop();
        if (count < 0 && errno != EAGAIN && errno != EINTR) self->abort();
    });
}

/// Whoever expects to be told to go on is told it for an empty body, too: AWS's clients of before
/// 2023 take the next answer on the connection for this one's where they never were.
Connection::Task<void> Connection::tell_to_go_on(int status) {
    const bool is_empty = parser_->done() && parser_->content_length() == 0;
    if (!parser_->expects_continue() || continued_ || !is_empty || status >= 300) co_return;
    continued_ = true;
    co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
}

Connection::Task<void> Connection::read_for_handler() {
    Bytes piece;
    const auto& options = site_.options;
    if (parser_->expects_continue() && !continued_ && input_.empty() && !parser_->done()) {
        continued_ = true;
        const bool sent = co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
        if (!sent) co_return;
    }
    while (piece.empty() && !parser_->done()) {
        if (!input_.empty()) {
            std::size_t taken = 0;
            refusal_ = parser_->read_body(input_, taken, piece);
            input_.erase(0, taken);
            if (refusal_) break;
            if (!piece.empty() || parser_->done()) break;
            if (input_.size() > read_bytes) {
                refusal_ = Refusal{400, "a chunk of the body has an endless header"};
                break;
            }
        } else if (read_ready(piece)) {
            if (refusal_) break;
            continue;
        }
        timed_out_ = false;
        const auto earned = milliseconds(body_bytes_ * 1000 / options.body_bytes_per_second_min);
        const auto spent = std::chrono::duration_cast<milliseconds>(now() - body_started_);
        const milliseconds patience = std::chrono::seconds(options.idle_seconds_max);
        set_deadline(std::min(patience, patience + earned - spent));
        const bool read = co_await read_more();
        deadline_ = Time::max();
        if (read) continue;
        if (timed_out_) {
            refusal_ = Refusal{408, "the request's body came too slowly"};
            break;
        }
        abort();
        co_return;
    }
    give_body(std::move(piece));
}

void Connection::give_body(Bytes piece) {
    body_bytes_ += piece.size();
    if (refusal_)
        exchange_->fail_body(
            Error{refusal_->status == 413 ? ErrorCode::exhausted : ErrorCode::invalid_input,
                  refusal_->message});
    else
        exchange_->give_body(std::move(piece), parser_->done());
}

/// Takes what the socket holds of the body: in larger pieces and copied less often than by
/// read_more(). False when there is nothing.
bool Connection::read_ready(Bytes& piece) {
    // The bytes are used up before anybody else of this thread runs.
    thread_local const std::unique_ptr<std::byte[]> buffer(new std::byte[ready_bytes]);
    const std::size_t count = stream_->read_ready(asio::mutable_buffer(buffer.get(), ready_bytes));
    if (count == 0) return false;
    const std::string_view come = as_text(ByteSpan(buffer.get(), count));
    std::size_t taken = 0;
    refusal_ = parser_->read_body(come, taken, piece);
    input_.assign(come.substr(taken));
    return true;
}

/// Reads more of the body while the handler works on what it has. False when there is nothing to
/// read, or enough has been.
bool Connection::read_ahead() {
    // Only a body that says its length never leaves bytes over that belong to it.
    if (!wants_body_ || refusal_ || !input_.empty() || !parser_->content_length() ||
        !exchange_->has_room())
        return false;
    Bytes piece;
    if (!read_ready(piece)) return false;
    give_body(std::move(piece));
    return true;
}

bool Connection::may_keep() const {
    // As S3 does: older clients of AWS, which were refused before they were told to go on, read the
    // next "100 Continue" of the connection as the head of what was refused.
    if (status_ >= 300 && parser_->has_head() && parser_->expects_continue() && !continued_)
        return false;
    return !refusal_ && !turned_away_ && parser_->has_head() && parser_->done() &&
           parser_->keep_alive() && !site_.draining;
}

Connection::Task<bool> Connection::write(std::string_view first, std::string_view second) {
    timed_out_ = false;
    error_code failed;
    set_deadline(std::chrono::seconds(site_.options.idle_seconds_max));
    co_await stream_->write(asio::const_buffer(first.data(), first.size()),
                            asio::const_buffer(second.data(), second.size()), failed);
    deadline_ = Time::max();
    if (failed) {
        abort();
        co_return false;
    }
    bytes_sent_ += first.size() + second.size();
    co_return true;
}

Connection::Task<bool> Connection::send(Response response) {
    status_ = response.status;
    if (response.file) co_return co_await send_file(response, may_keep());
    if (response.piece) co_return co_await send_piece(response, may_keep());
    if (response.stream) co_return co_await send_stream(response);
    const bool keep = may_keep();
    const std::string_view etag = response.header("ETag");
    const bool reads = exchange_ && (exchange_->request.method == "GET" || head_only_);
    if (status_ == 200 && etag.size() > 2 && reads) {
        const auto known = exchange_->request.header("if-none-match");
        if (known && names_etag(*known, etag.substr(1, etag.size() - 2), true)) {
            response.status = status_ = 304;
            response.body.clear();
        }
    }
    const bool has_body = status_ >= 200 && status_ != 204 && status_ != 304;
    HeadOptions options{std::nullopt, false, !keep, request_id_};
    if (has_body) options.content_length = response.length.value_or(response.body.size());
    const std::string head = response_head(response, options);
    const std::string_view body =
        head_only_ || !has_body ? std::string_view() : std::string_view(response.body);
    const bool sent = co_await write(head, body);
    co_return sent&& keep;
}

Connection::Task<bool> Connection::send_file(const Response& given, bool keep) {
    const Response::FileBody& file = *given.file;
    const FileAnswer answer = answer_for_file(exchange_->request, file.etag, file.size_bytes);
    Response response;
    response.headers = given.headers;
    response.status = status_ = answer.status;
    if (!file.etag.empty()) response.headers.emplace_back("ETag", "\"" + file.etag + "\"");
    response.headers.emplace_back("Accept-Ranges", "bytes");
    if (status_ == 206)
        response.headers.emplace_back(
            "Content-Range", fmt::format("bytes {}-{}/{}", answer.offset,
                                         answer.offset + answer.count - 1, file.size_bytes));
    if (status_ == 416)
        response.headers.emplace_back("Content-Range", fmt::format("bytes */{}", file.size_bytes));
    HeadOptions options{answer.count, false, !keep, request_id_};
    if (status_ == 304) options.content_length.reset();
    const std::string head = response_head(response, options);
    const bool sent = co_await write(head, {});
    if (!sent) co_return false;
    const bool whole = co_await send_descriptor(file.file->descriptor(), answer.offset,
                                                head_only_ ? 0 : answer.count);
    co_return whole&& keep;
}

Connection::Task<bool> Connection::send_piece(const Response& response, bool keep) {
    const Response::PieceBody& piece = *response.piece;
    const std::string head =
        response_head(response, HeadOptions{piece.count, false, !keep, request_id_});
    const bool sent = co_await write(head, {});
    if (!sent) co_return false;
    const bool whole =
        co_await send_descriptor(piece.descriptor, piece.offset, head_only_ ? 0 : piece.count);
    co_return whole&& keep;
}

Connection::Task<bool> Connection::send_descriptor(int descriptor, std::uint64_t offset,
                                                   std::uint64_t left) {
    while (left > 0) {
        error_code failed;
        set_deadline(std::chrono::seconds(site_.options.idle_seconds_max));
        const std::uint64_t before = left;
        co_await stream_->send_file(descriptor, offset, left, failed);
        deadline_ = Time::max();
        bytes_sent_ += before - left;
        if (failed || broken_) {
            abort();
            co_return false;
        }
        // Other connections of this thread get their turn between two pieces.
        co_await asio::post(context_, asio::use_awaitable);
    }
    co_return true;
}

Connection::Task<bool> Connection::send_stream(const Response& response) {
    const bool chunked = !response.length && !parser_->is_http_1_0() && !head_only_;
    const bool keep = may_keep() && (chunked || head_only_ || response.length);
    const std::string head =
        response_head(response, HeadOptions{response.length, chunked, !keep, request_id_});
    const bool sent = co_await write(head, {});
    if (!sent || head_only_) co_return sent&& keep;
    const bool whole = co_await send_pieces(chunked);
    co_return whole&& keep && !site_.draining;
}

Connection::Task<bool> Connection::send_pieces(bool chunked) {
    for (;;) {
        Exchange::Wanted wanted = exchange_->take();
        if (broken_) co_return false;
        if (wanted.body) co_await read_for_handler();
        if (!wanted.output.empty()) {
            bool sent;
            if (chunked) {
                const std::string size = fmt::format("{:x}\r\n", wanted.output.size());
                wanted.output += "\r\n";
                sent = co_await write(size, wanted.output);
            } else {
                sent = co_await write(wanted.output, {});
            }
            if (!sent) co_return false;
        }
        if (wanted.failed) {
            abort();
            co_return false;
        }
        if (wanted.ended) {
            if (!chunked) co_return true;
            co_return co_await write(last_chunk(wanted.trailers), {});
        }
        if (wanted.nothing()) co_await wait_for_wake();
    }
}

/// Reads over what the client still sends, so that our last answer isn't lost in a reset.
Connection::Task<void> Connection::linger() {
    error_code ignored;
    stream_->socket().shutdown(Socket::shutdown_send, ignored);
    set_deadline(linger_time);
    for (std::size_t dropped = 0; dropped < linger_bytes_max && !broken_;) {
        input_.clear();
        const bool read = co_await read_more();
        if (!read) break;
        dropped += input_.size();
    }
    deadline_ = Time::max();
}

}  // namespace stroma::front::http
