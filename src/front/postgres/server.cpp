#include "front/postgres/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "front/postgres/dialogue.h"
#include "front/postgres/greeting.h"
#include "front/postgres/hall.h"

namespace stroma::front::postgres {
namespace {

constexpr int look_around_ms = 500;

struct Endpoint {
    sockaddr_storage address{};
    socklen_t size = 0;
    int family = AF_INET;
};

Result<Endpoint> endpoint_of(const std::string& address, int port) {
    Endpoint endpoint;
    auto* const four = reinterpret_cast<sockaddr_in*>(&endpoint.address);
    auto* const six = reinterpret_cast<sockaddr_in6*>(&endpoint.address);
    const std::string text = address == "localhost" ? "127.0.0.1" : address;
    if (::inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(static_cast<std::uint16_t>(port));
        endpoint.size = sizeof *four;
    } else if (::inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(static_cast<std::uint16_t>(port));
        endpoint.size = sizeof *six;
        endpoint.family = AF_INET6;
    } else {
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is not an IP address to listen on", address));
    }
    return endpoint;
}

std::string peer_of(const sockaddr_storage& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.ss_family == AF_INET)
        ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text,
                    sizeof text);
    else
        ::inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, text,
                    sizeof text);
    return text;
}

/// The whole of one connection, on its own thread.
void receive(Hall& hall, const std::shared_ptr<Visitor>& visitor) {
    static Gauge& open = gauge("stroma_postgres_connections", "PostgreSQL connections open now");
    open.add(1);
    if (auto session = greet(hall, *visitor)) {
        {
            const std::lock_guard lock(visitor->mutex);
            visitor->session = session.get();
        }
        Dialogue(hall, *visitor, *session).run();
        const std::lock_guard lock(visitor->mutex);
        visitor->session = nullptr;
    }
    open.add(-1);
    hall.dismiss(*visitor);
}

}  // namespace

void cancel_session(Visitor& visitor) {
    const std::lock_guard lock(visitor.mutex);
    if (visitor.session != nullptr) visitor.session->cancel();
}

void Hall::admit(const std::shared_ptr<Visitor>& visitor) {
    std::string secret;
    // 8 hexadecimal digits are the four bytes that clients of protocol 3.0 can keep.
    const std::string digits = ids.secret(4);
    for (std::size_t i = 0; i < 8; i += 2)
        secret += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    const std::lock_guard lock(mutex_);
    do {
        last_process_ = last_process_ == INT32_MAX ? 1000 : last_process_ + 1;
    } while (visitors_.contains(last_process_));
    visitor->process = last_process_;
    visitor->secret = secret;
    visitors_.emplace(visitor->process, visitor);
}

void Hall::dismiss(const Visitor& visitor) {
    // Notified under the lock: whoever waits may take this apart at once.
    const std::lock_guard lock(mutex_);
    visitors_.erase(visitor.process);
    left_.notify_all();
}

std::size_t Hall::count() {
    const std::lock_guard lock(mutex_);
    return visitors_.size();
}

void Hall::cancel(std::uint32_t process, std::string_view secret) {
    std::shared_ptr<Visitor> found;
    {
        const std::lock_guard lock(mutex_);
        const auto place = visitors_.find(static_cast<std::int32_t>(process));
        if (place == visitors_.end()) return;
        found = place->second;
    }
    if (equal_in_constant_time(found->secret, secret)) cancel_session(*found);
}

std::vector<std::shared_ptr<Visitor>> Hall::visitors() {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Visitor>> all;
    for (const auto& [process, visitor] : visitors_) all.push_back(visitor);
    return all;
}

bool Hall::wait_until_empty(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    return left_.wait_for(lock, longest, [this] { return visitors_.empty(); });
}

struct Server::State {
    State(ServerOptions options, FindUser find_user, Connect connect, IdSource& ids)
        : hall(std::move(options), std::move(find_user), std::move(connect), ids) {}
    void accept_one();
    void look_around();
    void listen(std::stop_token stop);

    Hall hall;
    File listener, wake;
    int port = 0;
    std::jthread accepting;
    bool stopped = false;
};

void Server::State::accept_one() {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int descriptor = ::accept4(listener.descriptor(), reinterpret_cast<sockaddr*>(&address),
                                     &size, SOCK_CLOEXEC);
    if (descriptor < 0) return;
    auto visitor = std::make_shared<Visitor>(descriptor, hall.options.idle);
    visitor->peer = peer_of(address);
    visitor->is_local = visitor->peer == "::1" || visitor->peer.starts_with("127.") ||
                        visitor->peer.starts_with("::ffff:127.");
    if (hall.count() >= hall.options.connections_max + 10) return;  // not even told
    hall.admit(visitor);
    // Detached: it says goodbye to the hall, and the hall waits for that.
    std::thread([this, visitor] { receive(hall, visitor); }).detach();
}

/// Ends statements whose client has gone.
void Server::State::look_around() {
    for (const auto& visitor : hall.visitors())
        if (visitor->busy && visitor->channel.is_gone()) cancel_session(*visitor);
}

void Server::State::listen(std::stop_token stop) {
    while (!stop.stop_requested()) {
        pollfd asked[] = {{listener.descriptor(), POLLIN, 0}, {wake.descriptor(), POLLIN, 0}};
        const int found = ::poll(asked, 2, look_around_ms);
        if (stop.stop_requested()) return;
        if (found > 0 && asked[0].revents != 0) accept_one();
        if (found == 0) look_around();
    }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { stop(Milliseconds{0}); }
int Server::port() const { return state_->port; }

Result<std::unique_ptr<Server>> Server::listen(ServerOptions options, FindUser find_user,
                                               Connect connect, IdSource& ids) {
    std::signal(SIGPIPE, SIG_IGN);  // a client that leaves must not end the process
    auto state =
        std::make_unique<State>(std::move(options), std::move(find_user), std::move(connect), ids);
    const ServerOptions& asked = state->hall.options;
    if (!asked.certificate.empty()) state->hall.tls = TRY(Tls::make(asked.certificate, asked.key));
    const Endpoint endpoint = TRY(endpoint_of(asked.address, asked.port));
    state->listener =
        File(::socket(endpoint.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "listener");
    state->wake = File(::eventfd(0, EFD_CLOEXEC), "wake");
    const int on = 1;
    const int listener = state->listener.descriptor();
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.size) !=
            0 ||
        ::listen(listener, 256) != 0)
        return fail(ErrorCode::unavailable,
                    fmt::format("cannot listen on {}:{}: {}; choose another port or stop what "
                                "uses it",
                                asked.address, asked.port, std::strerror(errno)));
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listener, reinterpret_cast<sockaddr*>(&bound), &size);
    state->port =
        ntohs(bound.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in&>(bound).sin_port
                                         : reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

void Server::start() {
    state_->accepting =
        std::jthread([state = state_.get()](std::stop_token stop) { state->listen(stop); });
}

void Server::stop(Milliseconds drain) {
    State& state = *state_;
    if (state.stopped) return;
    state.stopped = true;
    state.hall.closing = true;
    if (state.accepting.joinable()) {
        state.accepting.request_stop();
        const std::uint64_t one = 1;
        (void)!::write(state.wake.descriptor(), &one, sizeof one);
        state.accepting.join();
    }
    for (const auto& visitor : state.hall.visitors()) visitor->channel.stop_reading();
    if (state.hall.wait_until_empty(drain)) return;
    for (const auto& visitor : state.hall.visitors()) {
        cancel_session(*visitor);
        visitor->channel.hang_up();
    }
    while (!state.hall.wait_until_empty(std::chrono::seconds{5}))
        log(LogLevel::warning, "PostgreSQL sessions take long to end");
}

}  // namespace stroma::front::postgres
