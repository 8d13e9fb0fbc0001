#include "app/redshift/postgres_server.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/redshift/user_database.h"
#include "front/aws/certificate.h"
#include "front/postgres/server.h"

namespace stroma::app {
namespace {

using front::postgres::Known;

constexpr std::size_t keys_tried_max = 20;  // each costs a key derivation of some milliseconds

bool is_loopback_address(std::string_view address) {
    return address == "localhost" || address == "::1" || address.starts_with("127.");
}

Result<front::aws::Certificate> postgres_certificate(const Settings& settings,
                                                     const std::string& address) {
    const std::string how = settings.text("postgres.tls");
    if (how == "off") return front::aws::Certificate{};
    if (how == "self-signed") {
        std::vector<std::string> names = {"localhost", "127.0.0.1"};
        if (!is_loopback_address(address) && address != "0.0.0.0" && address != "::")
            names.push_back(address);
        return front::aws::self_signed(names);
    }
    return front::aws::Certificate{
        TRY_WITH(read_file(settings.text("postgres.tls_certificate"), 1u << 20),
                 "postgres.tls_certificate"),
        TRY_WITH(read_file(settings.text("postgres.tls_key"), 1u << 20), "postgres.tls_key")};
}

/// SCRAM needs the secret itself, or a hash far weaker than the one that passwords are kept as. So
/// what proves a user here are their access keys, which are random and kept for signatures anyway,
/// and the administrator's token of this run.
Result<std::optional<Known>> find_postgres_user(Site& site, const std::string& token,
                                                std::string_view user) {
    if (user == "admin") return Known{catalog::local_administrator(), "admin", {token}};
    if (auto key = TRY(site.access_keys().find(user)))
        return Known{key->principal, key->principal.name, {key->secret}};
    const auto principal = TRY(site.catalog().find_principal(user));
    if (!principal) return std::nullopt;
    Known known{*principal, principal->name, {}};
    for (const auto& key : TRY(site.access_keys().keys_of(principal->id))) {
        if (known.secrets.size() == keys_tried_max) break;
        if (auto found = TRY(site.access_keys().find(key.id))) {
            known.principal = found->principal;
            known.secrets.push_back(std::move(found->secret));
        }
    }
    return known;
}

}  // namespace

struct PostgresServer::State {
    std::string address;
    bool has_tls = false;
    std::unique_ptr<front::postgres::Server> server;
};

PostgresServer::PostgresServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
PostgresServer::~PostgresServer() = default;

Result<std::unique_ptr<PostgresServer>> PostgresServer::open(Site& site, const Settings& settings,
                                                             redshift::Engine& engine,
                                                             const PostgresServerOptions& options) {
    const bool is_local = is_loopback_address(options.address);
    if (options.any_credentials && !is_local)
        return fail(ErrorCode::invalid_input,
                    "--insecure-any-credentials works on a loopback address only, not on " +
                        options.address);
    if (!is_local && settings.text("postgres.tls") == "off")
        return fail(ErrorCode::invalid_input,
                    "beyond loopback the PostgreSQL port needs TLS: set postgres.tls to "
                    "self-signed or files");
    auto certificate = TRY(postgres_certificate(settings, options.address));
    front::postgres::ServerOptions server;
    server.address = options.address;
    server.port = options.port;
    server.certificate = std::move(certificate.certificate);
    server.key = std::move(certificate.key);
    server.needs_tls = !is_local;
    server.any_credentials = options.any_credentials;
    server.connections_max = static_cast<std::size_t>(settings.number("postgres.connections_max"));
    server.message_bytes_max = settings.bytes("postgres.message_max");
    server.idle = settings.duration("postgres.idle");
    auto state = std::make_unique<State>();
    state->address = options.address;
    state->has_tls = !server.certificate.empty();
    const auto find_user = [&site, token = options.token](std::string_view user) {
        return find_postgres_user(site, token, user);
    };
    const auto connect = [&engine, &site](redshift::SessionOptions asked) {
        return connect_user(site, engine, std::move(asked));
    };
    state->server =
        TRY(front::postgres::Server::listen(std::move(server), find_user, connect, site.ids()));
    return std::unique_ptr<PostgresServer>(new PostgresServer(std::move(state)));
}

void PostgresServer::start() { state_->server->start(); }
void PostgresServer::stop(Milliseconds drain) { state_->server->stop(drain); }
std::string PostgresServer::address() const {
    return fmt::format("{}:{}", state_->address, state_->server->port());
}
bool PostgresServer::has_tls() const { return state_->has_tls; }

}  // namespace stroma::app
