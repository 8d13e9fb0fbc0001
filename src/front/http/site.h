#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "front/http/exchange.h"
#include "front/http/router.h"
#include "front/http/server.h"
#include "front/http/thread_pool.h"

namespace boost::asio::ssl {
class context;
}

namespace stroma::front::http {

/// One finished request, for the log and the metrics.
struct AccessRecord {
    std::string_view id, method, target, client, principal;
    const Route* route = nullptr;  ///< null when none was found
    int status = 0;
    std::uint64_t bytes_sent = 0;
    double seconds = 0;
};

/// What all connections of one server share. Any thread.
class Site {
public:
    Site(const ServerOptions& options, std::vector<Route> routes,
         std::function<std::optional<Response>(Request&)> authenticate);

    /// Authenticates, runs the handler, and answers the exchange. On the handler's thread.
    void run_handler(const std::shared_ptr<Exchange>& exchange, const Route& route);
    /// Whether a Host header names this server.
    bool knows_host(std::string_view host) const;
    std::string next_request_id();
    void record(const AccessRecord& access);

    /// Counts running exchanges, so that a drain knows when they are over.
    void begin_exchange();
    void end_exchange();
    bool wait_until_quiet(Milliseconds at_most);

    const ServerOptions options;
    const Router router;
    ThreadPool handlers, streams;
    boost::asio::ssl::context* tls =
        nullptr;  ///< null: plain only; set before the first connection
    std::atomic<bool> draining{false};
    std::atomic<int> connections{0};

private:
    Response call(Request& request, const Route& route);
    std::function<std::optional<Response>(Request&)> authenticate_;
    std::string id_prefix_;
    std::atomic<std::uint64_t> ids_{0};
    std::vector<std::string> hosts_;
    bool any_host_ = false;
    std::mutex mutex_;
    std::condition_variable quiet_;
    int exchanges_ = 0;
    std::mutex metrics_mutex_;
    std::unordered_map<std::string, Counter*> counters_;
    std::unordered_map<const Route*, Histogram*> histograms_;
};

}  // namespace stroma::front::http
