#include "front/http/http2_session.h"

#include <nghttp2/nghttp2.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

#include "front/http/request_parser.h"
#include "front/http/response_head.h"
#include "front/http/url.h"

namespace stroma::front::http {

namespace asio = boost::asio;

namespace {
constexpr std::size_t http2_read_bytes = 64u << 10;
constexpr std::uint32_t streams_at_once_max = 100;
constexpr std::int32_t stream_window = 256 << 10;
constexpr std::int32_t connection_window = 16 << 20;
/// Bodies up to this are read before the handler gets a thread.
constexpr std::uint64_t http2_prefetch_max = 64u << 10;
constexpr std::size_t http2_write_bytes = 256u << 10;
}  // namespace

/// One request of the session and its answer.
struct Http2Session::Running {
    int id = 0;
    Request request;
    std::uint64_t head_bytes = 0;
    bool is_too_large = false;
    std::string scheme, authority, raw_path;
    std::shared_ptr<Exchange> exchange;
    const Route* route = nullptr;
    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    // The request's body
    std::string input;
    std::optional<std::uint64_t> length;
    std::uint64_t body_bytes = 0;
    bool input_ended = false, started = false, wants_body = false, continued = false;
    // The answer
    std::optional<Response> response;
    std::string output;
    std::size_t sent = 0;
    std::uint64_t file_offset = 0, file_left = 0, bytes_sent = 0;
    bool ended = false;

    bool waits_for_client() const {
        return (!input_ended && (wants_body || !started)) || sent < output.size() || file_left > 0;
    }
};

/// What nghttp2 calls.
struct Http2Session::Callbacks {
    static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }

    static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
            return 0;
        auto running = std::make_unique<Running>();
        running->id = frame->hd.stream_id;
        self(user).running_.emplace(running->id, std::move(running));
        return 0;
    }

    static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user) {
        Running* const running = self(user).find(frame->hd.stream_id);
        if (running == nullptr || running->exchange) return 0;  // a trailer is read over
        const std::string_view key(reinterpret_cast<const char*>(name), name_size);
        const std::string_view text(reinterpret_cast<const char*>(value), value_size);
        const auto& options = self(user).site_.options;
        running->head_bytes += name_size + value_size + 4;
        if (running->head_bytes > options.head_bytes_max ||
            running->request.headers.size() >= static_cast<std::size_t>(options.headers_max)) {
            running->is_too_large = true;
            return 0;
        }
        if (key == ":method")
            running->request.method = text;
        else if (key == ":path")
            running->request.target = text;
        else if (key == ":authority")
            running->authority = text;
        else if (key == ":scheme")
            running->scheme = text;
        else
            running->request.headers.emplace_back(key, text);
        return 0;
    }

    static int frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Http2Session& session = self(user);
        Running* const running = session.find(frame->hd.stream_id);
        if (running == nullptr) return 0;
        const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
            running->input_ended = ends;
            session.begin(running->id);
        } else if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
            running->input_ended = true;
            session.hand_over(*running);
        }
        return 0;
    }

    static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                    std::size_t size, void* user) {
        Http2Session& session = self(user);
        Running* const running = session.find(id);
        if (running == nullptr) return 0;
        running->input.append(reinterpret_cast<const char*>(bytes), size);
        running->body_bytes += size;
        if (running->body_bytes > session.site_.options.body_bytes_max && running->exchange)
            running->exchange->fail_body(
                Error{ErrorCode::exhausted, "the body is larger than this server takes"});
        session.hand_over(*running);
        return 0;
    }

    static int closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
        self(user).finish(id);
        return 0;
    }

    static ssize_t body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                        std::uint32_t* flags, nghttp2_data_source* source, void* user) {
        auto& running = *static_cast<Running*>(source->ptr);
        if (running.file_left > 0) {
            const auto wanted = std::min<std::uint64_t>(size, running.file_left);
            const ssize_t read = ::pread(running.response->piece->descriptor, into, wanted,
                                         static_cast<off_t>(running.file_offset));
            if (read <= 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
            running.file_offset += static_cast<std::uint64_t>(read);
            running.file_left -= static_cast<std::uint64_t>(read);
            running.bytes_sent += static_cast<std::uint64_t>(read);
            if (running.file_left == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return read;
        }
        if (running.sent == running.output.size() && !running.ended) self(user).pull(running);
        const std::size_t count = std::min(size, running.output.size() - running.sent);
        std::memcpy(into, running.output.data() + running.sent, count);
        running.sent += count;
        running.bytes_sent += count;
        if (running.sent == running.output.size()) {
            running.output.clear();
            running.sent = 0;
            if (running.ended) *flags |= NGHTTP2_DATA_FLAG_EOF;
        }
        if (count == 0 && !running.ended) return NGHTTP2_ERR_DEFERRED;
        return static_cast<ssize_t>(count);
    }
};

Http2Session::Http2Session(asio::io_context& context, Site& site, Stream& stream, Client client,
                           Patience patience)
    : context_(context),
      site_(site),
      stream_(stream),
      client_(std::move(client)),
      patience_(std::move(patience)) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_server_new2(&session_, callbacks, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_at_once_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(stream_window)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         static_cast<std::uint32_t>(site_.options.head_bytes_max)}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

asio::awaitable<void> Http2Session::run(std::string first) {
    char buffer[http2_read_bytes];
    std::string_view bytes = first;
    for (;;) {
        if (!bytes.empty()) {
            const ssize_t taken = nghttp2_session_mem_recv(
                session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
            flush();
            if (taken < 0) break;
        }
        if (gone_ || (!nghttp2_session_want_read(session_) && running_.empty())) break;
        set_patience();
        error_code failed;
        const std::size_t count =
            co_await stream_.read_some(asio::mutable_buffer(buffer, sizeof buffer), failed);
        if (failed || gone_) break;
        bytes = std::string_view(buffer, count);
    }
    abandon();
}

void Http2Session::set_patience() {
    const bool waits =
        running_.empty() || std::any_of(running_.begin(), running_.end(), [](const auto& running) {
            return running.second->waits_for_client();
        });
    patience_(waits ? std::optional<std::chrono::milliseconds>(
                          std::chrono::seconds(site_.options.idle_seconds_max))
                    : std::nullopt);
}

Http2Session::Running* Http2Session::find(int id) {
    const auto found = running_.find(id);
    return found == running_.end() ? nullptr : found->second.get();
}

void Http2Session::begin(int id) {
    Running& running = *find(id);
    Request& request = running.request;
    request.id = site_.next_request_id();
    request.client = client_.address;
    request.secure = client_.secure;
    if (!running.authority.empty() && !request.header("host"))
        request.headers.emplace_back("host", running.authority);
    if (const auto length = request.header("content-length"))
        running.length = std::strtoull(length->c_str(), nullptr, 10);
    else if (running.input_ended)
        running.length = 0;
    const auto error = [&](int status, std::string_view message) {
        refuse(running, site_.options.error_answer(status, message, request.id));
    };
    if (running.is_too_large) return error(431, "the head is larger than this server takes");
    if (request.target.size() > site_.options.url_bytes_max)
        return error(414, "the URL is longer than this server takes");
    if (running.length.value_or(0) > site_.options.body_bytes_max)
        return error(413, "the body is larger than this server takes");
    if (auto refusal = read_target(request.target, request, running.raw_path))
        return error(refusal->status, refusal->message);
    if (!site_.knows_host(request.header("host").value_or("")))
        return error(421, "this server does not answer for the host that the request names");
    const Router::Match match = site_.router.find(request.method, running.raw_path);
    if (match.route == nullptr)
        return error(match.allowed.empty() ? 404 : 405, "there is nothing at this address");
    request.parameters = match.parameters;
    running.route = match.route;
    auto self = shared_from_this();
    running.exchange =
        std::make_shared<Exchange>(std::move(request), [self, id, context = &context_] {
            asio::post(*context, [self, id] {
                if (self->gone_) return;
                self->serve(id);
                self->flush();
                if (!self->gone_) self->set_patience();
            });
        });
    site_.begin_exchange();
    hand_over(running);
}

/// Gives the handler its thread once enough is here, and the body as it wants it.
void Http2Session::hand_over(Running& running) {
    if (!running.exchange) return;
    const bool expects = running.exchange->request.header("expect").has_value();
    const bool is_small = running.length && *running.length <= http2_prefetch_max && !expects;
    if (!running.started && (running.input_ended || !is_small)) start(running);
    feed(running);
}

void Http2Session::start(Running& running) {
    running.started = true;
    if (running.input_ended) running.wants_body = true;
    feed(running);
    Site& site = site_;
    const Route* const route = running.route;
    auto exchange = running.exchange;
    if (route->runs_on == RunsOn::reactor && running.input_ended)
        return site.run_handler(exchange, *route);
    if (site.handlers.submit([exchange, route, &site] { site.run_handler(exchange, *route); }))
        return;
    exchange->answer(
        site.options.error_answer(503, "the server is busy; try again soon", exchange->request.id));
}

/// Answers without a handler.
void Http2Session::refuse(Running& running, Response response) {
    running.input_ended = true;
    respond(running, std::move(response));
}

void Http2Session::feed(Running& running) {
    if (!running.started || !running.wants_body) return;
    if (running.input.empty() && !running.input_ended) {
        if (!running.continued && running.exchange->request.header("expect")) {
            running.continued = true;
            char name[] = ":status", value[] = "100";
            const nghttp2_nv status{reinterpret_cast<std::uint8_t*>(name),
                                    reinterpret_cast<std::uint8_t*>(value), 7, 3,
                                    NGHTTP2_NV_FLAG_NONE};
            nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, running.id, nullptr, &status, 1,
                                   nullptr);
        }
        return;
    }
    running.wants_body = false;
    nghttp2_session_consume(session_, running.id, running.input.size());
    running.exchange->give_body(to_bytes(running.input), running.input_ended);
    running.input.clear();
}

/// An exchange has something for us.
void Http2Session::serve(int id) {
    Running* const running = find(id);
    if (running == nullptr || !running->exchange) return;
    // What the client hasn't taken yet stays where it slows the handler.
    if (running->response && running->sent < running->output.size()) return;
    pull(*running);
    if (running->response) nghttp2_session_resume_data(session_, id);
}

void Http2Session::pull(Running& running) {
    Exchange::Wanted wanted = running.exchange->take();
    if (wanted.body) {
        running.wants_body = true;
        feed(running);
    }
    if (wanted.response) respond(running, std::move(*wanted.response));
    running.output += wanted.output;
    if (wanted.failed)
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, running.id, NGHTTP2_INTERNAL_ERROR);
    if (wanted.ended) running.ended = true;
}

void Http2Session::respond(Running& running, Response response) {
    if (response.endless && site_.draining && running.exchange) running.exchange->ask_to_stop();
    const bool is_head =
        (running.exchange ? running.exchange->request : running.request).method == "HEAD";
    const std::uint64_t own = response.piece ? response.piece->count : response.body.size();
    const std::uint64_t length = response.length.value_or(own);
    const bool has_length =
        (response.length || !response.stream) && response.status != 204 && response.status != 304;
    std::vector<std::pair<std::string, std::string>> fields = {
        {":status", std::to_string(response.status)}};
    for (const auto& [name, value] : response.headers)
        if (!equal_ignoring_case(name, "connection")) fields.emplace_back(lower_case(name), value);
    if (has_length) fields.emplace_back("content-length", std::to_string(length));
    if (response.header("X-Request-Id").empty())
        fields.emplace_back("x-request-id",
                            (running.exchange ? running.exchange->request : running.request).id);
    std::vector<nghttp2_nv> values;
    for (auto& [name, value] : fields)
        values.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                          reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                          NGHTTP2_NV_FLAG_NONE});
    const bool has_body = !is_head && (response.stream || (has_length && length > 0));
    if (response.piece) {
        running.file_offset = response.piece->offset;
        running.file_left = response.piece->count;
    } else if (!response.stream) {
        running.output = std::move(response.body);
        running.ended = true;
    }
    running.response = std::move(response);
    nghttp2_data_provider provider{};
    provider.source.ptr = &running;
    provider.read_callback = Callbacks::body;
    nghttp2_submit_response(session_, running.id, values.data(), values.size(),
                            has_body ? &provider : nullptr);
}

void Http2Session::finish(int id) {
    const auto found = running_.find(id);
    if (found == running_.end()) return;
    Running& running = *found->second;
    const Request& request = running.exchange ? running.exchange->request : running.request;
    AccessRecord access{request.id,
                        request.method,
                        request.target,
                        client_.address,
                        request.principal.id,
                        running.route,
                        running.response ? running.response->status : 0,
                        running.bytes_sent,
                        0};
    access.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - running.since).count();
    site_.record(access);
    if (running.exchange) {
        running.exchange->abandon();
        site_.end_exchange();
    }
    running_.erase(found);
    if (site_.draining && running_.empty()) nghttp2_session_terminate_session(session_, 0);
}

void Http2Session::drain() {
    if (gone_) return;
    nghttp2_submit_shutdown_notice(session_);
    for (const auto& [id, running] : running_)
        if (running->response && running->response->endless) running->exchange->ask_to_stop();
    if (running_.empty()) nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
    flush();
}

void Http2Session::abandon() {
    if (gone_) return;
    gone_ = true;
    while (!running_.empty()) finish(running_.begin()->first);
}

/// Has what nghttp2 wants to send written, by one writer at a time.
void Http2Session::flush() {
    if (writing_ || gone_) return;
    auto owner = client_.owner.lock();
    if (!owner) return;
    writing_ = true;
    auto self = shared_from_this();
    asio::co_spawn(
        context_, [self, owner]() -> Task<void> { co_await self->write_all(owner); },
        asio::detached);
}

asio::awaitable<void> Http2Session::write_all(std::shared_ptr<void>) {
    std::string output;
    for (;;) {
        output.clear();
        while (!gone_ && output.size() < http2_write_bytes) {
            const std::uint8_t* bytes = nullptr;
            const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
            if (count <= 0) break;
            output.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
        }
        if (output.empty()) break;
        error_code failed;
        co_await stream_.write(asio::const_buffer(output.data(), output.size()), {}, failed);
        if (failed) break;
    }
    writing_ = false;
    // Ended from both sides, or cut: the reader must not wait for a client that won't say more.
    if (!gone_ && !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) {
        error_code ignored;
        stream_.socket().cancel(ignored);
    }
}

}  // namespace stroma::front::http
