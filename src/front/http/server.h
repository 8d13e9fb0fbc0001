#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "front/http/message.h"

namespace stroma::front::http {

using Handler = std::function<Response(Request&)>;

/// One route: "/v1/matrix/{request_id}". A last part "{name...}" takes the rest of the path.
struct Route {
    std::string method, pattern;
    Handler handler;
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    int port = 0;  ///< 0 picks one
    std::uint64_t head_bytes_max = 32u << 10;
    std::uint64_t url_bytes_max = 8u << 10;
    int headers_max = 100;
    int handler_threads = 16;
    int idle_seconds_max = 30;  ///< then 408 or a close
};

/// Serves routes over HTTP/1.1: keep-alive, chunked bodies both ways, Expect: 100-continue, HEAD,
/// ranges of file bodies. Handlers run on a pool of threads, so they may block.
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
