#include "front/http/site.h"

#include <fmt/format.h>

#include <exception>

#include "base/log.h"
#include "front/http/url.h"

namespace stroma::front::http {
namespace {

bool is_loopback_name(std::string_view name) {
    return name == "localhost" || name == "[::1]" || name == "::1" || name.starts_with("127.");
}

/// Only methods of the standard become labels, so that a client can't make metrics.
std::string_view method_label(std::string_view method) {
    for (const std::string_view known :
         {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"})
        if (method == known) return known;
    return "other";
}

std::string_view code_of_status(int status) {
    switch (status) {
        case 401: return "unauthenticated";
        case 403: return "denied";
        case 404: return "not_found";
        case 408: return "cancelled";
        case 413:
        case 414:
        case 429:
        case 431: return "exhausted";
        case 500: return "internal";
        case 501: return "unsupported";
        case 503: return "unavailable";
        default: return "invalid_input";
    }
}

std::string json_text(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            quoted += fmt::format("\\u{:04x}", int{c});
        else
            quoted += c;
    }
    return quoted + '"';
}

}  // namespace

Response json_error(int status, std::string_view message, std::string_view request_id) {
    return json_response(
        status, fmt::format(R"({{"message":{},"code":"{}","request_id":{}}})", json_text(message),
                            code_of_status(status), json_text(request_id)));
}

Site::Site(const ServerOptions& given, std::vector<Route> routes,
           std::function<std::optional<Response>(Request&)> authenticate)
    : options(given),
      router(std::move(routes)),
      handlers(given.handler_threads, given.waiting_max),
      streams(given.stream_threads_max, 0),
      authenticate_(std::move(authenticate)),
      id_prefix_(IdSource().secret(4)) {
    for (const std::string& host : options.hosts) hosts_.push_back(lower_case(host));
    any_host_ = options.any_host || (hosts_.empty() && !is_loopback_name(options.address));
}

Response Site::call(Request& request, const Route& route) {
    try {
        if (authenticate_)
            if (auto refused = authenticate_(request)) return std::move(*refused);
        return route.handler(request);
    } catch (const std::exception& problem) {
        log(LogLevel::error, "a handler threw; this is a bug",
            {{"request", request.id}, {"route", route.pattern}, {"what", problem.what()}});
        return options.error_answer(500, "the server failed at this request", request.id);
    }
}

void Site::run_handler(const std::shared_ptr<Exchange>& exchange, const Route& route) {
    Response response = call(exchange->request, route);
    if (response.stream && exchange->request.method != "HEAD") {
        auto stream = std::move(response.stream);
        response.stream = [](BodyWriter&) -> Result<void> { return {}; };  // marks the kind
        const bool taken = streams.submit([exchange, stream] {
            const Result<void> streamed = stream(*exchange);
            if (!streamed && streamed.error().code != ErrorCode::cancelled)
                log(LogLevel::warning, "a streamed answer broke off",
                    {{"request", exchange->request.id}, {"why", streamed.error().message}});
            exchange->end_stream(streamed.has_value());
        });
        if (!taken) {
            response = options.error_answer(503, "too many streams are open; try again soon",
                                            exchange->request.id);
            response.headers.emplace_back("Retry-After", "2");
        }
    }
    exchange->answer(std::move(response));
}

bool Site::knows_host(std::string_view host) const {
    if (any_host_ || host.empty()) return true;  // empty: HTTP/1.0 without a Host
    std::string name = lower_case(host);
    const std::size_t bracket = name.rfind(']');
    const std::size_t colon = name.rfind(':');
    if (colon != name.npos && (bracket == name.npos || colon > bracket)) name.resize(colon);
    if (is_loopback_name(name)) {
        // "127.evil.example" must not pass for an address.
        return name.find_first_not_of("0123456789.") == name.npos || !name.starts_with("127.");
    }
    if (name.ends_with(".localhost")) return true;  // RFC 6761: loopback like localhost itself
    for (const std::string& known : hosts_)
        if (known == name || known == lower_case(host) ||
            (known.starts_with('.') && name.ends_with(known)))
            return true;
    return false;
}

std::string Site::next_request_id() {
    return fmt::format("{}-{:x}", id_prefix_, ids_.fetch_add(1, std::memory_order_relaxed));
}

void Site::record(const AccessRecord& access) {
    const std::string_view method = method_label(access.method);
    const std::string route = access.route != nullptr ? access.route->pattern : "none";
    {
        const std::lock_guard lock(metrics_mutex_);
        Counter*& requests = counters_[fmt::format("{} {} {}", method, access.status, route)];
        if (requests == nullptr)
            requests = &counter("stroma_http_requests_total", "HTTP requests answered",
                                {{"front", options.front},
                                 {"method", std::string(method)},
                                 {"route", route},
                                 {"status", std::to_string(access.status)}});
        Histogram*& seconds = histograms_[access.route];
        if (seconds == nullptr)
            seconds = &histogram("stroma_http_seconds", "Seconds from a request's head to its end",
                                 {{"front", options.front}, {"route", route}});
        requests->add();
        seconds->observe(access.seconds);
    }
    if (!options.access_log) return;
    // The query may carry what nobody should find in a log; the path is enough.
    // A path that is a secret itself is known by its route.
    const bool is_secret = route.find("{secret}") != route.npos;
    const std::string_view path =
        is_secret ? route : access.target.substr(0, access.target.find('?'));
    log(LogLevel::info, "request",
        {{"front", options.front},
         {"id", std::string(access.id)},
         {"client", std::string(access.client)},
         {"principal", std::string(access.principal)},
         {"method", std::string(access.method)},
         {"path", std::string(path)},
         {"status", std::to_string(access.status)},
         {"bytes", std::to_string(access.bytes_sent)},
         {"ms", fmt::format("{:.3f}", access.seconds * 1e3)}});
}

void Site::begin_exchange() {
    const std::lock_guard lock(mutex_);
    ++exchanges_;
}

void Site::end_exchange() {
    {
        const std::lock_guard lock(mutex_);
        --exchanges_;
    }
    quiet_.notify_all();
}

bool Site::wait_until_quiet(Milliseconds at_most) {
    std::unique_lock lock(mutex_);
    return quiet_.wait_for(lock, at_most, [&] { return exchanges_ == 0; });
}

}  // namespace stroma::front::http
