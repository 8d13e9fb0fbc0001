#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "catalog/principal.h"
#include "redshift/session.h"

namespace stroma::front::postgres {

struct ServerOptions {
    std::string address = "127.0.0.1";
    int port = 0;
    std::string certificate, key;  ///< PEM; "": no TLS
    /// Beyond loopback, connections without TLS are turned away.
    bool needs_tls = false;
    /// Any user and password, and none, is the local administrator. Loopback only.
    bool any_credentials = false;
    std::size_t connections_max = 100;
    std::size_t message_bytes_max = 64u << 20;
    /// How long a client may keep its session waiting for a message, or for room to write.
    std::chrono::milliseconds idle{std::chrono::hours{4}};
};

/// Who a user name stands for, and what proves it: any of these secrets is the password.
struct Known {
    catalog::Principal principal;
    std::string role;  ///< what the session calls the user
    std::vector<std::string> secrets;
};
using FindUser = std::function<Result<std::optional<Known>>(std::string_view user)>;
using Connect = std::function<redshift::Answer<std::unique_ptr<redshift::Session>>(
    redshift::SessionOptions options)>;

/// PostgreSQL's protocol 3.0 on one port. A thread for each connection: a session is bound to one
/// thread anyway, and a statement's way has no hand-over in it.
class Server {
public:
    /// Listens, but answers nothing until start(). `connect` is called by many threads.
    /// errors  invalid_input  an address, a certificate    unavailable  the port is taken
    static Result<std::unique_ptr<Server>> listen(ServerOptions options, FindUser find_user,
                                                  Connect connect, IdSource& ids);
    ~Server();
    int port() const;
    void start();
    /// Clients that wait are told that we end; what runs may take so long.
    void stop(Milliseconds drain);

    struct State;

private:
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::front::postgres
