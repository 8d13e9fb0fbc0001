#include "front/http/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <charconv>
#include <limits>
#include <utility>

#include "front/http/url.h"

namespace stroma::front::http {
namespace {

namespace beast = boost::beast;
using beast::error_code;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

std::optional<Refusal> refuse(int status, std::string message) {
    return Refusal{status, std::move(message)};
}

/// What Beast lets pass and a proxy in front of us may read otherwise.
std::optional<Refusal> check_raw_head(std::string_view head) {
    for (std::size_t i = 0; i < head.size(); ++i) {
        const char c = head[i];
        if (c == '\0') return refuse(400, "the request's head has a zero byte");
        if (c == '\n' && (i == 0 || head[i - 1] != '\r'))
            return refuse(400, "a line of the request's head ends without a carriage return");
        if (c == '\r' && (i + 1 == head.size() || head[i + 1] != '\n'))
            return refuse(400, "the request's head has a stray carriage return");
        if (c == '\n' && i + 1 < head.size() && (head[i + 1] == ' ' || head[i + 1] == '\t'))
            return refuse(400, "folded header lines are not accepted");
    }
    return std::nullopt;
}

/// "http://host/path" as a proxy's request has it: the path and the host apart.
bool split_absolute(std::string_view target, std::string& path, std::string& host) {
    const std::size_t scheme = target.find("://");
    if (scheme == target.npos) return false;
    const std::string_view name = target.substr(0, scheme);
    if (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https")) return false;
    const std::string_view rest = target.substr(scheme + 3);
    const std::size_t slash = rest.find_first_of("/?");
    host = rest.substr(0, slash);
    path = slash == rest.npos ? "/" : rest.substr(slash);
    if (path.front() == '?') path.insert(0, "/");
    return true;
}

}  // namespace

class RequestParser::Machine final : public beast::http::basic_parser<true> {
public:
    explicit Machine(const ParserLimits& given) : limits(given) {
        // Our own limits come first; Beast's must only not be in the way. With boost::none as the
        // body limit, version 1.74 refuses every body.
        header_limit(static_cast<std::uint32_t>(given.head_bytes_max + (8u << 10)));
        body_limit(std::numeric_limits<std::uint64_t>::max());
    }

    std::optional<Refusal> feed(std::string_view bytes, std::size_t& taken) {
        error_code error;
        taken = put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
        if (refusal) return refusal;
        if (!error || error == beast::http::error::need_more) return std::nullopt;
        if (error == beast::http::error::bad_version)
            return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        return refuse(400, fmt::format("the request isn't HTTP/1.1 ({})", error.message()));
    }

    std::optional<Refusal> finish_head();

    ParserLimits limits;
    Request request;
    std::string host, raw_path;
    Bytes* body = nullptr;
    std::optional<Refusal> refusal;
    std::uint64_t body_bytes = 0;
    std::uint64_t chunk_left = 0;  ///< bytes of the chunk that is being read
    int version = 11;
    bool expects_continue = false;
    bool head_complete = false;
    std::optional<std::uint64_t> length;

private:
    void stop(int status, std::string message, error_code& error) {
        refusal = Refusal{status, std::move(message)};
        error = beast::http::error::bad_value;
    }

    void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target,
                         int http_version, error_code& error) override {
        request.method = view(method);
        request.target = view(target);
        version = http_version;
        if (target.size() > limits.url_bytes_max)
            stop(414, fmt::format("the URL is longer than {} bytes", limits.url_bytes_max), error);
    }
    void on_response_impl(int, beast::string_view, int, error_code&) override {}

    void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                       error_code& error) override {
        if (head_complete) return;  // a trailer: read over, never believed
        if (request.headers.size() >= static_cast<std::size_t>(limits.headers_max))
            return stop(431, fmt::format("more than {} headers", limits.headers_max), error);
        std::string key = lower_case(view(name));
        const std::string_view text = trimmed(view(value));
        const bool single = key == "host" || key == "content-length" || key == "authorization" ||
                            key == "transfer-encoding" || key == "expect" || key == "range";
        if (single && request.header(key))
            return stop(400, fmt::format("the header '{}' is there twice", key), error);
        if (key == "transfer-encoding" && !equal_ignoring_case(text, "chunked"))
            return stop(501, "the only transfer coding accepted is 'chunked'", error);
        if (key == "content-length" && text.find_first_not_of("0123456789") != text.npos)
            return stop(400, "the Content-Length is not one whole number", error);
        request.headers.emplace_back(std::move(key), text);
    }

    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t add(beast::string_view bytes, error_code& error) {
        body_bytes += bytes.size();
        if (body_bytes > limits.body_bytes_max)
            stop(413, fmt::format("the body is larger than {} bytes", limits.body_bytes_max),
                 error);
        else if (body != nullptr)
            body->insert(body->end(), reinterpret_cast<const std::byte*>(bytes.data()),
                         reinterpret_cast<const std::byte*>(bytes.data() + bytes.size()));
        return bytes.size();
    }
    std::size_t on_body_impl(beast::string_view bytes, error_code& error) override {
        return add(bytes, error);
    }
    void on_chunk_header_impl(std::uint64_t bytes, beast::string_view, error_code&) override {
        chunk_left = bytes;
    }
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes,
                                   error_code& error) override {
        chunk_left -= bytes.size();
        return add(bytes, error);
    }
    void on_finish_impl(error_code&) override {}
};

std::optional<Refusal> RequestParser::Machine::finish_head() {
    if (const auto named = request.header("host"))
        host = *named;
    else if (version == 11)
        return refuse(400, "the Host header is missing");
    const bool chunked_body = request.header("transfer-encoding").has_value();
    if (chunked_body && request.header("content-length"))
        return refuse(400, "Content-Length and Transfer-Encoding must not come together");
    if (chunked_body && version == 10) return refuse(400, "HTTP/1.0 has no chunked bodies");
    if (!chunked_body) {
        // Beast has refused what isn't a number of 64 bits; it tells the length only later.
        const std::string text = request.header("content-length").value_or("0");
        length = 0;
        std::from_chars(text.data(), text.data() + text.size(), *length);
    }
    if (length.value_or(0) > limits.body_bytes_max)
        return refuse(413, fmt::format("the body is larger than {} bytes", limits.body_bytes_max));
    if (const auto expect = request.header("expect")) {
        if (!expect->empty() && !equal_ignoring_case(*expect, "100-continue"))
            return refuse(417, "the only expectation known is '100-continue'");
        expects_continue = version == 11 && !expect->empty();
    }
    std::string target = request.target;
    std::string absolute_host;
    if (target.front() != '/' && target != "*") {
        if (!split_absolute(request.target, target, absolute_host))
            return refuse(400, "the request's target must start with '/'");
        host = absolute_host;
        for (auto& [name, value] : request.headers)
            if (name == "host") value = host;
    }
    if (auto wrong = read_target(target, request, raw_path)) return wrong;
    head_complete = true;
    return std::nullopt;
}

std::optional<Refusal> read_target(std::string_view target, Request& request,
                                   std::string& raw_path) {
    if (target.find('#') != target.npos) return refuse(400, "a URL sent to a server has no '#'");
    const std::size_t question = target.find('?');
    raw_path = target.substr(0, question);
    const auto path = percent_decode(raw_path, false);
    if (!path || !is_clean_utf8(*path)) return refuse(400, "the URL's path is not valid UTF-8");
    request.path = *path;
    auto query =
        parse_query(question == target.npos ? std::string_view() : target.substr(question + 1));
    if (!query) return refuse(400, "the URL's query has a broken percent escape");
    request.query = std::move(*query);
    return std::nullopt;
}

RequestParser::RequestParser(const ParserLimits& limits)
    : machine_(std::make_unique<Machine>(limits)) {}
RequestParser::~RequestParser() = default;
RequestParser::RequestParser(RequestParser&&) noexcept = default;

std::optional<Refusal> RequestParser::read_head(std::string_view bytes, std::size_t& taken) {
    taken = 0;
    Machine& machine = *machine_;
    if (machine.head_complete) return std::nullopt;
    const ParserLimits& limits = machine.limits;
    // RFC 9112 2.2: an empty line before the request is read over; here at most two.
    std::size_t start = 0;
    while (start < 4 && bytes.substr(start, 2) == "\r\n") start += 2;
    const std::string_view rest = bytes.substr(start);
    const std::size_t end = rest.find("\r\n\r\n");
    const std::size_t head_bytes = end == rest.npos ? rest.size() : end + 4;
    if (const std::size_t line = rest.find('\n');
        std::min(line, rest.size()) > limits.url_bytes_max + 64)
        return refuse(414, fmt::format("the URL is longer than {} bytes", limits.url_bytes_max));
    if (head_bytes > limits.head_bytes_max)
        return refuse(431, fmt::format("the head is larger than {} bytes", limits.head_bytes_max));
    if (end == rest.npos) {
        // Said at once, since such a head may never get its CRLF CRLF.
        if (rest.find("\n\n") != rest.npos) return check_raw_head(rest);
        return std::nullopt;
    }
    const std::string_view head = rest.substr(0, head_bytes);
    if (auto refusal = check_raw_head(head)) return refusal;
    std::size_t parsed = 0;
    if (auto refusal = machine.feed(head, parsed)) return refusal;
    if (!machine.is_header_done()) return refuse(400, "the request's head isn't HTTP/1.1");
    taken = start + head_bytes;
    return machine.finish_head();
}

bool RequestParser::has_head() const { return machine_->head_complete; }

std::optional<Refusal> RequestParser::read_body(std::string_view bytes, std::size_t& taken,
                                                Bytes& into) {
    taken = 0;
    Machine& machine = *machine_;
    machine.body = &into;
    while (!machine.is_done() && taken < bytes.size()) {
        // Beast 1.74 asserts (and so ends the process) on a last chunk that it sees in two parts,
        // the first under five bytes; no chunked body ends in fewer behind a chunk.
        if (!machine.length && machine.chunk_left == 0 && bytes.size() - taken < 5) break;
        std::size_t parsed = 0;
        if (auto refusal = machine.feed(bytes.substr(taken), parsed)) return refusal;
        if (parsed == 0) break;
        taken += parsed;
    }
    machine.body = nullptr;
    return std::nullopt;
}

bool RequestParser::done() const { return machine_->is_done(); }
Request& RequestParser::request() { return machine_->request; }
const Request& RequestParser::request() const { return machine_->request; }
std::string_view RequestParser::raw_path() const { return machine_->raw_path; }
bool RequestParser::keep_alive() const { return machine_->keep_alive(); }
bool RequestParser::is_http_1_0() const { return machine_->version == 10; }
bool RequestParser::expects_continue() const { return machine_->expects_continue; }
std::optional<std::uint64_t> RequestParser::content_length() const { return machine_->length; }

}  // namespace stroma::front::http
