#include "front/http/server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <thread>
#include <unordered_map>

#include "front/http/connection.h"
#include "front/http/site.h"

namespace stroma::front::http {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds tick{250};

/// One thread with its io_context and the connections that live on it.
class Reactor {
public:
    Reactor() : work_(asio::make_work_guard(context)), ticker_(context) {}

    void start() {
        asio::post(context, [this] { wait_for_tick(); });
        thread_ = std::thread([this] { context.run(); });
    }
    void adopt(const std::shared_ptr<Connection>& connection, const std::function<void()>& gone) {
        connections_.emplace(connection.get(), connection);
        connection->start([this, gone](Connection* ended) {
            connections_.erase(ended);
            gone();
        });
    }
    /// On every connection of this thread, soon.
    void for_each(const std::function<void(Connection&)>& act) {
        asio::post(context, [this, act] {
            // Acting may end a connection and so change the table.
            std::vector<std::shared_ptr<Connection>> all;
            for (const auto& [key, weak] : connections_)
                if (auto connection = weak.lock()) all.push_back(std::move(connection));
            for (const auto& connection : all) act(*connection);
        });
    }
    /// Ends when the last connection of this thread has.
    void join() {
        asio::post(context, [this] {
            ticker_.cancel();
            stopped_ = true;
            work_.reset();
        });
        if (thread_.joinable()) thread_.join();
    }

    asio::io_context context{1};

private:
    void wait_for_tick() {
        if (stopped_) return;
        ticker_.expires_after(tick);
        ticker_.async_wait([this](const error_code& failed) {
            if (failed || stopped_) return;
            const auto now = std::chrono::steady_clock::now();
            std::vector<std::shared_ptr<Connection>> all;
            for (const auto& [key, weak] : connections_)
                if (auto connection = weak.lock()) all.push_back(std::move(connection));
            for (const auto& connection : all) connection->check_deadline(now);
            wait_for_tick();
        });
    }
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    asio::steady_timer ticker_;
    std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
    bool stopped_ = false;
    std::thread thread_;
};

class AsioServer final : public Server {
public:
    AsioServer(const ServerOptions& options, std::vector<Route> routes,
               std::function<std::optional<Response>(Request&)> authenticate)
        : site_(options, std::move(routes), std::move(authenticate)) {
        for (int i = 0; i < std::max(1, options.reactor_threads); ++i)
            reactors_.push_back(std::make_unique<Reactor>());
        acceptor_ = std::make_unique<tcp::acceptor>(reactors_[0]->context);
    }
    ~AsioServer() override { stop(Milliseconds{0}); }

    Result<void> bind();
    int port() const override { return port_; }
    void start() override;
    void stop(Milliseconds drain) override;

private:
    void accept_next();
    void take(tcp::socket socket, Reactor& reactor);

    Site site_;
    std::unique_ptr<asio::ssl::context> tls_;
    std::vector<std::unique_ptr<Reactor>> reactors_;
    std::unique_ptr<tcp::acceptor> acceptor_;
    std::size_t next_reactor_ = 0;
    int port_ = 0;
    bool started_ = false, stopped_ = false;
};

Result<void> AsioServer::bind() {
    const ServerOptions& options = site_.options;
    if (!options.tls_certificate.empty()) {
        tls_ = TRY(tls_context(options.tls_certificate, options.tls_key, options.http2));
        site_.tls = tls_.get();
    }
    const std::string name = fmt::format("{}:{}", options.address, options.port);
    error_code failed;
    const auto address = asio::ip::make_address(
        options.address == "localhost" ? "127.0.0.1" : options.address, failed);
    if (failed)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is not an IP address to listen on", options.address));
    const tcp::endpoint endpoint(address, static_cast<std::uint16_t>(options.port));
    acceptor_->open(endpoint.protocol(), failed);
    if (!failed) acceptor_->set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed) acceptor_->bind(endpoint, failed);
    if (!failed) acceptor_->listen(1024, failed);
    if (failed)
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot listen on {}: {}; choose another port or stop what uses it",
                                name, failed.message()));
    port_ = acceptor_->local_endpoint(failed).port();
    return {};
}

void AsioServer::start() {
    started_ = true;
    for (const auto& reactor : reactors_) reactor->start();
    asio::post(reactors_[0]->context, [this] { accept_next(); });
}

void AsioServer::accept_next() {
    Reactor& reactor = *reactors_[next_reactor_++ % reactors_.size()];
    acceptor_->async_accept(
        reactor.context, [this, &reactor](const error_code& failed, tcp::socket socket) {
            if (!acceptor_->is_open() || failed == asio::error::operation_aborted) return;
            if (!failed) {
                take(std::move(socket), reactor);
            } else if (failed == asio::error::no_descriptors) {
                // Nothing can be accepted until a connection ends; don't spin on the full table.
                auto pause = std::make_shared<asio::steady_timer>(reactors_[0]->context, tick);
                pause->async_wait([this, pause](const error_code&) {
                    if (acceptor_->is_open()) accept_next();
                });
                return;
            }
            accept_next();
        });
}

void AsioServer::take(tcp::socket socket, Reactor& reactor) {
    error_code failed;
    const auto peer = socket.remote_endpoint(failed);
    if (failed) return;
    const int open = ++site_.connections;
    static Gauge& gauge_open = gauge("stroma_http_connections", "HTTP connections open now");
    gauge_open.add(1);
    auto connection = std::make_shared<Connection>(reactor.context, site_,
                                                   std::make_unique<TcpStream>(std::move(socket)),
                                                   peer.address().to_string());
    if (open > site_.options.connections_max) connection->turn_away();
    asio::post(reactor.context, [this, &reactor, connection] {
        reactor.adopt(connection, [this] {
            --site_.connections;
            gauge_open.add(-1);
        });
        if (site_.draining) connection->drain();
    });
}

void AsioServer::stop(Milliseconds drain) {
    if (stopped_) return;
    stopped_ = true;
    site_.draining = true;
    if (started_) {
        asio::post(reactors_[0]->context, [this] {
            error_code ignored;
            acceptor_->close(ignored);
        });
        for (const auto& reactor : reactors_)
            reactor->for_each([](Connection& connection) { connection.drain(); });
        site_.wait_until_quiet(drain);
        for (const auto& reactor : reactors_)
            reactor->for_each([](Connection& connection) { connection.abort(); });
    }
    site_.handlers.close();
    site_.streams.close();
    if (started_)
        for (const auto& reactor : reactors_) reactor->join();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(
    const ServerOptions& options, std::vector<Route> routes,
    std::function<std::optional<Response>(Request&)> authenticate) {
    // sendfile has no flag against SIGPIPE; a client that leaves must not end the process.
    std::signal(SIGPIPE, SIG_IGN);
    auto server = std::make_unique<AsioServer>(options, std::move(routes), std::move(authenticate));
    TRY(server->bind());
    return std::unique_ptr<Server>(std::move(server));
}

}  // namespace stroma::front::http
