#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/settings.h"
#include "app/site.h"
#include "bucket/buckets.h"
#include "delivery/deliveries.h"
#include "event/events.h"
#include "front/aws/port.h"
#include "message/queues.h"
#include "watch/watcher.h"

namespace stroma::app {

struct AwsServerOptions {
    std::string address;  ///< of an IP address to listen on
    int port = 0;
    bool any_credentials = false;  ///< only on loopback
};

/// The port of AWS-compatible services, over one site. The site outlives it.
class AwsServer {
public:
    /// Listens, but answers nothing until start().
    /// errors  invalid_input  any_credentials beyond loopback; a TLS setting   unavailable  taken
    static Result<std::unique_ptr<AwsServer>> open(Site& site, const Settings& settings,
                                                   const AwsServerOptions& options);
    ~AwsServer();
    /// Who copies what deliveries bring into tables; before start().
    void copy_by(std::function<Result<void>(const delivery::WarehouseCopy& copy)> copy);
    void start();
    void stop(Milliseconds drain);
    int port() const;
    std::string url() const;  ///< "http://127.0.0.1:4566"
    bool has_tls() const;
    watch::Watcher& watcher();
    /// Keys that act as the principal for an hour, or as long as this runs.
    front::aws::TemporaryKeys::Issued issue_key(const catalog::Principal& principal);
    const std::string& region() const;
    const std::string& account() const;
    bucket::Buckets& buckets();
    message::Queues& queues();
    event::Events& events();
    /// The writes of the database that the port's services share.
    sql::WriteGroup& writes();
    /// Called for each object that came, once it is there for all. Before start().
    using Follow = std::function<void(const std::string& bucket, const std::string& key)>;
    void follow_objects(Follow follow);
    /// One more service, before start(); it outlives the server's work.
    void add(front::aws::Service& service);

private:
    struct State;
    static Result<void> open_s3(State& state);
    static void watch_over(State& state, const Settings& settings);
    explicit AwsServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::app
