#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "front/http/message.h"

namespace stroma::front::http {

using Handler = std::function<Response(Request&)>;

/// Where a handler runs.
enum class RunsOn {
    pool,    ///< a thread of the pool: it may block
    reactor  ///< the thread that read the request: for answers that are in memory already (< 1 ms)
};

/// One route: "/v1/matrix/{request_id}". A last part "{name...}" takes the rest of the path.
/// The pattern "*" alone is every path, whatever is in it.
/// The method "*" is any. A fixed part wins over a "{name}", which wins over a "{name...}". GET
/// also serves HEAD; the server answers OPTIONS, and 405 with Allow, by itself.
struct Route {
    std::string method, pattern;
    Handler handler;
    RunsOn runs_on = RunsOn::pool;
};

/// Words of an answer that the server gives by itself (400, 404, 405, 408, 413, 414, 421, 431,
/// 500, 503): a front whose protocol has its own error documents puts its own here.
using ErrorAnswer =
    std::function<Response(int status, std::string_view message, std::string_view request_id)>;

/// {"message", "code", "request_id"} as JSON.
Response json_error(int status, std::string_view message, std::string_view request_id);

struct ServerOptions {
    std::string address = "127.0.0.1";
    int port = 0;  ///< 0 picks one
    std::uint64_t head_bytes_max = 32u << 10;
    std::uint64_t url_bytes_max = 8u << 10;
    int headers_max = 100;
    int handler_threads = 16;
    int idle_seconds_max = 30;                   ///< then 408 or a close
    std::uint64_t body_bytes_max = 50ull << 30;  ///< then 413
    /// A body slower than this (after the first idle_seconds_max) is given up with 408.
    std::uint64_t body_bytes_per_second_min = 1024;
    int reactor_threads = 2;       ///< each with its own io_context
    int stream_threads_max = 128;  ///< streamed answers running at once; then 503
    int waiting_max = 256;         ///< requests waiting for a handler thread; then 503
    int connections_max = 4096;    ///< then 503
    /// Host names that requests may carry; ".name": all below it. Loopback names always may. Empty:
    /// any name when the address is not a loopback one, else only loopback ones (DNS rebinding).
    std::vector<std::string> hosts;
    /// Any name: for a front whose clients sign the name that they mean.
    bool any_host = false;
    /// Certificates and key as PEM. With them a connection that begins as TLS is TLS; plain ones
    /// are served too.
    std::string tls_certificate, tls_key;
    bool http2 = false;          ///< with prior knowledge, and over TLS as the client chooses
    std::string front = "http";  ///< label of the metrics and the access log
    bool access_log = true;
    ErrorAnswer error_answer = json_error;
};

/// Serves routes over HTTP/1.1 (and HTTP/2, and TLS, where the options say so): keep-alive, chunked
/// bodies both ways, Expect: 100-continue, HEAD, ranges of file bodies. Handlers run on a pool of
/// threads, so they may block. A client that closes its side (even only for sending) has left:
/// `Request::left` asks its handler to stop.
class Server {
public:
    /// Listens, but serves nothing until start(). `authenticate` names the principal of a request
    /// (or the response that refuses it); it runs before every handler.
    static Result<std::unique_ptr<Server>> listen(
        const ServerOptions& options, std::vector<Route> routes,
        std::function<std::optional<Response>(Request&)> authenticate);
    virtual ~Server() = default;
    virtual int port() const = 0;
    virtual void start() = 0;
    /// Takes no new request, lets running ones end for at most `drain`, then closes.
    virtual void stop(Milliseconds drain) = 0;
};

}  // namespace stroma::front::http
