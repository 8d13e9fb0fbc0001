#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "front/http/message.h"

namespace stroma::front::http {

/// Why a request isn't served: the connection answers it and closes.
struct Refusal {
    int status = 400;
    std::string message;
};

/// Takes a request's target ("/a%20b?c=d") apart into request.path and query; `raw_path` is the
/// path as it came.
std::optional<Refusal> read_target(std::string_view target, Request& request,
                                   std::string& raw_path);

struct ParserLimits {
    std::uint64_t head_bytes_max = 32u << 10;
    std::uint64_t url_bytes_max = 8u << 10;
    int headers_max = 100;
    std::uint64_t body_bytes_max = 50ull << 30;
};

/// Parses one HTTP/1.x request that comes in pieces, more strictly than RFC 9112 asks: CRLF only,
/// no folded headers, one Host, one Content-Length, "chunked" as the only transfer coding, and
/// never both. The answer doesn't depend on how the bytes were cut. One thread.
class RequestParser {
public:
    explicit RequestParser(const ParserLimits& limits);
    ~RequestParser();
    RequestParser(RequestParser&&) noexcept;

    /// Takes bytes of the head from the front of `bytes` (what it took is removed by the caller:
    /// `taken`). After the head is complete, nothing is taken. Bytes that don't complete the head
    /// are not taken; call again with more behind them.
    std::optional<Refusal> read_head(std::string_view bytes, std::size_t& taken);
    bool has_head() const;

    /// Takes bytes of the body and appends what they carry to `into`. It may take less than given
    /// without an end: then more bytes are needed behind the rest.
    std::optional<Refusal> read_body(std::string_view bytes, std::size_t& taken, Bytes& into);
    /// The whole request was seen.
    bool done() const;

    /// Valid once has_head(): method, target, path, query and headers are set.
    Request& request();
    const Request& request() const;
    std::string_view raw_path() const;  ///< of the target, not decoded
    bool keep_alive() const;
    bool is_http_1_0() const;
    bool expects_continue() const;
    /// Nothing when the body is chunked.
    std::optional<std::uint64_t> content_length() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace stroma::front::http
