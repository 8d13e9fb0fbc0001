#pragma once

#include <memory>
#include <string>

#include "app/settings.h"
#include "app/site.h"
#include "redshift/engine.h"

namespace stroma::app {

struct PostgresServerOptions {
    std::string address;  ///< of an IP address to listen on
    int port = 0;
    bool any_credentials = false;  ///< only on loopback
    std::string token;             ///< of this run: the password of the user "admin"
};

/// The port that SQL clients speak PostgreSQL's protocol with. Site and engine outlive it.
class PostgresServer {
public:
    /// Listens, but answers nothing until start().
    /// errors  invalid_input  any_credentials, or no TLS, beyond loopback; a TLS setting
    ///         unavailable    the port is taken
    static Result<std::unique_ptr<PostgresServer>> open(Site& site, const Settings& settings,
                                                        redshift::Engine& engine,
                                                        const PostgresServerOptions& options);
    ~PostgresServer();
    void start();
    void stop(Milliseconds drain);
    std::string address() const;  ///< "127.0.0.1:5439"
    bool has_tls() const;

private:
    struct State;
    explicit PostgresServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
