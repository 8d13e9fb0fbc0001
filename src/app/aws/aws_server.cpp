#include "app/aws/aws_server.h"

#include <fmt/format.h>

#include <condition_variable>
#include <mutex>
#include <sstream>
#include <thread>

#include "app/aws/delivery_service.h"
#include "app/aws/message_services.h"
#include "app/aws/object_events.h"
#include "app/aws/stream_service.h"
#include "app/aws/watch_service.h"
#include "base/log.h"
#include "bucket/buckets.h"
#include "front/aws/certificate.h"
#include "front/aws/port.h"
#include "front/aws/sts.h"
#include "front/http/server.h"
#include "front/s3/lifecycle.h"
#include "front/s3/s3.h"
#include "sql/sqlite/sqlite_database.h"
#include "sql/write_group.h"

namespace stroma::app {
namespace {

bool is_loopback(std::string_view address) {
    return address == "localhost" || address == "::1" || address.starts_with("127.");
}

std::vector<std::string> words_in(const std::string& text) {
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), {}};
}

Result<front::aws::Certificate> certificate_of(const Settings& settings,
                                               const std::string& address) {
    const std::string how = settings.text("aws.tls");
    if (how == "off") return front::aws::Certificate{};
    if (how == "self-signed") {
        std::vector<std::string> names = {"localhost", "127.0.0.1", "*.localhost"};
        for (const std::string& domain : words_in(settings.text("aws.domains"))) {
            names.push_back(domain);
            names.push_back("*." + domain);
        }
        if (!is_loopback(address) && address != "0.0.0.0" && address != "::")
            names.push_back(address);
        return front::aws::self_signed(names);
    }
    return front::aws::Certificate{
        TRY_WITH(read_file(settings.text("aws.tls_certificate"), 1u << 20), "aws.tls_certificate"),
        TRY_WITH(read_file(settings.text("aws.tls_key"), 1u << 20), "aws.tls_key")};
}

front::aws::FindKey find_key_in(account::AccessKeys& keys) {
    return [&keys](std::string_view id) -> Result<std::optional<front::aws::KnownKey>> {
        auto known = TRY(keys.find(id));
        if (!known) return std::nullopt;
        return front::aws::KnownKey{std::move(known->secret), std::move(known->principal), ""};
    };
}

Result<front::http::ServerOptions> aws_server_options(const Settings& settings,
                                                      const AwsServerOptions& asked) {
    front::http::ServerOptions options;
    options.front = "aws";
    options.error_answer = front::s3::server_error;
    options.address = asked.address;
    options.port = asked.port;
    options.handler_threads = 256;  // a long poll holds one
    options.waiting_max = 1024;
    options.headers_max = static_cast<int>(settings.number("http.headers_max"));
    options.idle_seconds_max = static_cast<int>(settings.duration("http.idle").count() / 1000);
    options.hosts = words_in(settings.text("aws.domains"));
    for (const std::string& domain : words_in(settings.text("aws.domains")))
        options.hosts.push_back("." + domain);  // a bucket's address
    // The name that a client means is signed; without signatures a browser could be tricked.
    options.any_host = !asked.any_credentials;
    options.http2 = true;
    options.access_log = settings.boolean("aws.access_log");
    auto certificate = TRY(certificate_of(settings, asked.address));
    options.tls_certificate = std::move(certificate.certificate);
    options.tls_key = std::move(certificate.key);
    return options;
}

/// Whether a bucket's events can go there: the first message says that they will.
Result<bool> send_test(message::Queues& queues, catalog::Catalog& catalog,
                       const catalog::Principal& principal, std::string_view arn,
                       std::string_view test) {
    const auto queue = queues.find_arn(arn);
    if (!queue || arn.ends_with(".fifo")) return false;
    if (!TRY(catalog.may(principal, catalog::Action::change,
                         {catalog::ThingKind::queue, queue->name, queue->owner})))
        return false;
    message::NewMessage message;
    message.body = test;
    message.sender = "s3";
    for (const auto& sent : queues.send(queue, std::span(&message, 1)))
        if (!sent) return fail(sent.error());
    return true;
}

}  // namespace

namespace {
/// What ends a wait early.
struct Wake {
    std::mutex mutex;
    std::condition_variable_any changed;
    bool is_asked = false;
    void ask() {
        const std::lock_guard lock(mutex);
        is_asked = true;
        changed.notify_all();
    }
};
}  // namespace

/// In the order in which it is made; each uses only what stands above it.
struct AwsServer::State {
    State(Site& the_site, sql::SqliteDatabase& ingest, front::aws::PortOptions options)
        : site(the_site),
          writes(ingest),
          port(std::move(options), find_key_in(the_site.access_keys()), the_site.clock(),
               the_site.ids()),
          sts(port.temporary_keys()) {}

    Site& site;
    sql::WriteGroup writes;
    front::aws::Port port;
    front::aws::Sts sts;
    std::unique_ptr<StreamService> streams;
    std::unique_ptr<MessageServices> messages;
    std::unique_ptr<bucket::Buckets> buckets;
    std::vector<AwsServer::Follow> follows;
    Wake lifecycle_wake;
    std::unique_ptr<front::s3::S3> s3;
    std::unique_ptr<DeliveryService> deliveries;
    std::unique_ptr<watch::Watcher> watcher;
    std::string address, region, account;
    bool has_tls = false;
    std::unique_ptr<front::http::Server> server;
    Milliseconds lifecycle_interval{0};
    std::jthread lifecycle;
};

namespace {

/// Has what is due removed or moved, again and again, until stopped; at once when it is woken.
void follow_lifecycles(std::stop_token stop, bucket::Buckets& buckets, const Clock& clock,
                       Milliseconds interval, Wake& wake) {
    const auto stops = [&] { return stop.stop_requested(); };
    for (;;) {
        {
            std::unique_lock lock(wake.mutex);
            wake.changed.wait_for(lock, stop, interval, [&] { return wake.is_asked; });
            if (stops()) return;
            wake.is_asked = false;
        }
        if (const auto done = front::s3::follow_lifecycles(buckets, clock, stops); !done)
            log(LogLevel::warning, "lifecycle rules could not be followed",
                {{"error", done.error().message}});
    }
}

}  // namespace

Result<void> AwsServer::open_s3(State& state) {
    Site& site = state.site;
    auto* const cold = TRY(site.cold_objects());
    state.buckets =
        TRY(bucket::Buckets::open(state.writes, site.objects(), *cold, site.clock(), site.ids()));
    message::Queues& queues = state.messages->queues();
    state.buckets->set_listener([&state, tell = object_events(queues, state.messages->events())](
                                    sql::Connection& connection,
                                    const bucket::ObjectChange& change) -> Result<void> {
        TRY(tell(connection, change));
        if (state.follows.empty() || change.kind > bucket::ChangeKind::completed) return {};
        state.writes.when_committed([&state, bucket = change.bucket.name, key = change.object.key] {
            for (const Follow& follow : state.follows) follow(bucket, key);
        });
        return {};
    });
    state.s3 = std::make_unique<front::s3::S3>(
        *state.buckets, site.catalog(), site.clock(),
        front::s3::S3Options{
            [&queues, &catalog = site.catalog()](const catalog::Principal& principal,
                                                 std::string_view arn, std::string_view test) {
                return send_test(queues, catalog, principal, arn, test);
            },
            [&wake = state.lifecycle_wake] { wake.ask(); },
            [&port = state.port](std::string_view id) { return port.find_key(id); }});
    state.port.set_rest(
        [s3 = state.s3.get()](front::http::Request& request, const front::aws::Signed& signature) {
            return s3->answer(request, signature);
        },
        front::s3::fault_response);
    return {};
}

/// Has everything watched, shown in the metrics, and copied by backups.
void AwsServer::watch_over(State& state, const Settings& settings) {
    const Watched watched{state.streams->streams(), state.deliveries->deliveries(),
                          state.messages->queues(), state.messages->events()};
    state.watcher =
        make_watcher(watched, settings, state.site.data() / "watched.json", state.site.clock());
    state.site.add_gauges([watched] { return publish_streams(watched); });
    // What deliveries put lies in the database, and what events put on streams is gone from it:
    // streams are copied last, and nothing is delivered meanwhile.
    state.site.copy_records_by(
        [watched, &buckets = *state.buckets](
            const fs::path& to,
            const std::function<Result<void>()>& copy_database) -> Result<std::shared_ptr<void>> {
            auto bytes_stay = buckets.keep_removed_bytes();
            const auto copied = watched.deliveries.while_paused([&]() -> Result<void> {
                TRY(copy_database());
                TRY(watched.streams.copy_to(to / "streams"));
                return watched.deliveries.copy_to(to / "deliveries");
            });
            if (!copied) return fail(copied.error());
            return bytes_stay;
        });
}

AwsServer::AwsServer(std::unique_ptr<State> state) : state_(std::move(state)) {}
AwsServer::~AwsServer() { state_->site.copy_records_by({}); }

Result<std::unique_ptr<AwsServer>> AwsServer::open(Site& site, const Settings& settings,
                                                   const AwsServerOptions& options) {
    if (options.any_credentials && !is_loopback(options.address))
        return fail(ErrorCode::invalid_input,
                    "--insecure-any-credentials works on a loopback address only, not on " +
                        options.address);
    auto* const ingest = TRY(site.ingest());
    auto state = std::make_unique<State>(
        site, *ingest,
        front::aws::PortOptions{.account = settings.text("aws.account"),
                                .region = settings.text("aws.region"),
                                .any_credentials = options.any_credentials,
                                .domains = words_in(settings.text("aws.domains"))});
    // The services, one line each.
    state->port.add(state->sts);
    // Buckets tell events, events go to deliveries, and deliveries go to buckets: the sink is
    // first used after start().
    event::Sinks sinks;
    sinks.record = [made = state.get()](const std::string& arn, const std::string& key,
                                        const std::string& data) {
        return made->deliveries->put(made->streams->streams(), arn, key, data);
    };
    const auto find_record_target = [made = state.get()](const std::string& arn) {
        return made->deliveries->find(made->streams->streams(), arn);
    };
    state->messages = TRY(
        MessageServices::open(site, state->writes, settings, std::move(sinks), find_record_target));
    for (front::aws::Service* service : state->messages->services()) state->port.add(*service);
    TRY(open_s3(*state));
    state->streams = TRY(StreamService::open(site, settings));
    state->port.add(state->streams->kinesis());
    state->deliveries =
        TRY(DeliveryService::open(site, settings, state->streams->streams(), *state->buckets));
    state->port.add(state->deliveries->firehose());
    watch_over(*state, settings);
    const auto server_options = TRY(aws_server_options(settings, options));
    state->lifecycle_interval = settings.duration("aws.lifecycle_interval");
    state->address = options.address;
    state->region = settings.text("aws.region");
    state->account = settings.text("aws.account");
    state->has_tls = !server_options.tls_certificate.empty();
    state->server = TRY(front::http::Server::listen(server_options, state->port.routes(), nullptr));
    return std::unique_ptr<AwsServer>(new AwsServer(std::move(state)));
}

void AwsServer::copy_by(std::function<Result<void>(const delivery::WarehouseCopy& copy)> copy) {
    state_->deliveries->deliveries().copy_by(std::move(copy));
}

void AwsServer::start() {
    state_->messages->start();
    state_->deliveries->start();
    state_->watcher->start();
    state_->server->start();
    state_->lifecycle = std::jthread(
        [buckets = state_->buckets.get(), &clock = state_->site.clock(),
         interval = state_->lifecycle_interval, &wake = state_->lifecycle_wake](
            std::stop_token stop) { follow_lifecycles(stop, *buckets, clock, interval, wake); });
}
void AwsServer::stop(Milliseconds drain) {
    state_->watcher->stop();
    state_->deliveries->stop();
    state_->lifecycle = {};  // stops and joins
    state_->messages->stop();
    state_->server->stop(drain);
    if (const auto closed = state_->buckets->close(); !closed)
        log(LogLevel::warning, "the next start looks for what unfinished uploads left",
            {{"error", closed.error().message}});
}
int AwsServer::port() const { return state_->server->port(); }
front::aws::TemporaryKeys::Issued AwsServer::issue_key(const catalog::Principal& principal) {
    return state_->port.temporary_keys().issue(principal, Milliseconds{3'600'000});
}
const std::string& AwsServer::region() const { return state_->region; }
const std::string& AwsServer::account() const { return state_->account; }
watch::Watcher& AwsServer::watcher() { return *state_->watcher; }
bool AwsServer::has_tls() const { return state_->has_tls; }
bucket::Buckets& AwsServer::buckets() { return *state_->buckets; }
message::Queues& AwsServer::queues() { return state_->messages->queues(); }
event::Events& AwsServer::events() { return state_->messages->events(); }
sql::WriteGroup& AwsServer::writes() { return state_->writes; }
void AwsServer::follow_objects(Follow follow) { state_->follows.push_back(std::move(follow)); }
void AwsServer::add(front::aws::Service& service) { state_->port.add(service); }
std::string AwsServer::url() const {
    return fmt::format("http://{}:{}", state_->address, state_->server->port());
}

}  // namespace stroma::app
