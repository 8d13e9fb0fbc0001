#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "app/answers/answers.h"
#include "app/aws/aws_server.h"
#include "app/command_line.h"
#include "app/control_routes.h"
#include "app/dashboard/panel_runner.h"
#include "app/flow/flow_service.h"
#include "app/loader/loader_service.h"
#include "app/redshift/delivery_copies.h"
#include "app/redshift/postgres_server.h"
#include "app/redshift/statement_service.h"
#include "app/redshift/user_database.h"
#include "app/site.h"
#include "app/verbs/verbs.h"
#include "base/log.h"
#include "front/account/account_front.h"
#include "front/annotation/annotation_front.h"
#include "front/api/api.h"
#include "front/explorer/explorer_front.h"
#include "front/flow/flow_front.h"
#include "front/http/server.h"
#include "front/http/url.h"
#include "front/portal/portal_front.h"
#include "front/watch/watch_front.h"
#include "front/web/pages.h"
#include "loader/elsewhere.h"

namespace stroma::app {
namespace {

struct Listener {
    std::string address;
    int port = 0;
};

Result<Listener> listener_of(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    char* end = nullptr;
    const long port =
        colon == std::string::npos ? -1 : std::strtol(text.c_str() + colon + 1, &end, 10);
    if (port < 0 || port > 65535 || end == nullptr || *end != '\0')
        return fail(ErrorCode::invalid_input,
                    "'" + text + "' is not ADDRESS:PORT, like 127.0.0.1:8080");
    return Listener{text.substr(0, colon), static_cast<int>(port)};
}

/// "a.example, b.example c.example": with commas, spaces or both between them.
std::vector<std::string> words_of(std::string text) {
    std::replace(text.begin(), text.end(), ',', ' ');
    std::istringstream words(text);
    return {std::istream_iterator<std::string>(words), {}};
}

/// "https://stroma.example:8443/lab" → "stroma.example:8443"; "" of nothing.
std::string host_in(const std::string& url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string::npos) return "";
    const std::size_t begin = scheme + 3;
    return url.substr(begin, url.find('/', begin) - begin);
}

front::http::ServerOptions server_options(const Listener& listener, const Settings& settings) {
    front::http::ServerOptions options;
    options.address = listener.address;
    options.port = listener.port;
    options.head_bytes_max = settings.bytes("http.head_max");
    options.url_bytes_max = settings.bytes("http.url_max");
    options.headers_max = static_cast<int>(settings.number("http.headers_max"));
    // An upload's own limit speaks for itself; no other body is nearly as long.
    options.body_bytes_max =
        std::max<std::uint64_t>(settings.bytes("upload.file_max"), options.body_bytes_max);
    options.hosts = words_of(settings.text("http.hosts"));
    options.handler_threads = static_cast<int>(settings.number("http.handler_threads"));
    // Under its public name too, also where it listens on loopback behind a proxy.
    if (const std::string name = host_in(settings.text("http.public_url")); !name.empty())
        options.hosts.push_back(name);
    options.idle_seconds_max = static_cast<int>(settings.duration("http.idle").count() / 1000);
    return options;
}

void wait_for(std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, stop, [] { return false; });
}

Result<account::OidcOptions> oidc_options(const Settings& settings) {
    account::OidcOptions options;
    options.issuer = settings.text("oidc.issuer");
    options.client_id = settings.text("oidc.client_id");
    if (const std::string file = settings.text("oidc.client_secret_file"); !file.empty()) {
        std::ifstream secret(file);
        if (!std::getline(secret, options.client_secret))
            return fail(ErrorCode::invalid_input,
                        "oidc.client_secret_file: " + file + " can't be read");
    }
    options.title = settings.text("oidc.title");
    options.scopes = settings.text("oidc.scopes");
    options.create_users = settings.boolean("oidc.create_users");
    options.role_claim = settings.text("oidc.role_claim");
    options.administrator_values = words_of(settings.text("oidc.administrator_values"));
    options.user_values = words_of(settings.text("oidc.user_values"));
    return options;
}

/// Asks the provider; the operator named it, so it may lie in a private network.
Result<std::string> ask_provider(std::string_view url, std::string_view form,
                                 std::string_view authorization) {
    return front::http::fetch(url, {.bytes_max = 1u << 20,
                                    .allow_private = true,
                                    .form = std::string(form),
                                    .authorization = std::string(authorization)});
}

/// While nobody could administer by signing in, says how the first one does.
Result<void> invite_first_administrator(Site& site, const Settings& settings,
                                        const std::string& url, Terminal& terminal) {
    if (!TRY(site.accounts().needs_setup())) return {};
    const auto invitation = TRY(site.accounts().invite("", Milliseconds{0}));
    const std::string base = settings.text("http.public_url");
    terminal.say("the first administrator is made, once, at " + (base.empty() ? url : base) +
                 "/#/setup?secret=" + invitation.secret);
    return {};
}

/// Removes what is over (expired files, comparisons of removed data), every minute and at start,
/// until stopped.
void keep_house(Site& site, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    // So that nobody's first search waits for what is kept of datasets and terms.
    if (const auto searched = site.portal().search(catalog::local_administrator(), {}); !searched)
        log(LogLevel::warning, "the datasets could not be read for searching",
            {{"error", searched.error().message}});
    do {
        if (const auto removed = site.matrices().files().expire(); !removed)
            log(LogLevel::warning, "expired results could not be removed",
                {{"error", removed.error().message}});
        if (const auto removed = site.accounts().expire(); !removed)
            log(LogLevel::warning, "sessions that are over could not be removed",
                {{"error", removed.error().message}});
        const auto is_there = [&](const std::string& id) -> Result<bool> {
            const auto revision = TRY(site.catalog().find_revision(id));
            return revision && revision->state == catalog::RevisionState::ready;
        };
        if (const auto forgotten = site.comparisons().forget_removed(is_there); !forgotten)
            log(LogLevel::warning, "comparisons of removed data could not be forgotten",
                {{"error", forgotten.error().message}});
        if (const auto forgotten = site.clusterings().forget_removed(is_there); !forgotten)
            log(LogLevel::warning, "clusterings of removed data could not be forgotten",
                {{"error", forgotten.error().message}});
        if (const auto forgotten = site.annotations().spaces.forget_removed(is_there); !forgotten)
            log(LogLevel::warning, "labels of removed data could not be forgotten",
                {{"error", forgotten.error().message}});
        if (const auto forgotten = site.portal().forget_removed(); !forgotten)
            log(LogLevel::warning, "comments on removed data could not be forgotten",
                {{"error", forgotten.error().message}});
    } while (!stopped.wait_for(lock, stop, site.house_keeping_interval(), [] { return false; }) &&
             !stop.stop_requested());
}

Result<std::optional<front::portal::ShownView>> shown_view(Site& site, const std::string& id) {
    const auto view = TRY(site.find_view(id));
    if (!view) return std::nullopt;
    return front::portal::ShownView{{catalog::ThingKind::view, id, view->owner, view->by_link},
                                    view->dataset};
}

std::vector<front::http::Route> joined(
    std::initializer_list<std::vector<front::http::Route>> fronts) {
    std::vector<front::http::Route> routes;
    for (const auto& front : fronts) routes.insert(routes.end(), front.begin(), front.end());
    return routes;
}

/// The AWS port where one is asked for, listening; null else.
Result<std::unique_ptr<AwsServer>> open_aws(Site& site, const Settings& settings,
                                            const ServeOptions& options) {
    const std::string address = options.aws.empty() ? settings.text("aws.address") : options.aws;
    if (address.empty()) return nullptr;
    const auto listener = TRY(listener_of(address));
    return AwsServer::open(site, settings,
                           {listener.address, listener.port, options.any_credentials});
}

std::vector<front::http::Route> watch_routes(Site& site, AwsServer* aws) {
    return front::watch::watch_routes(
        {aws == nullptr ? nullptr : &aws->watcher(),
         [&site](const catalog::Principal& principal, const watch::Stand& stand) {
             constexpr catalog::ThingKind kinds[] = {
                 catalog::ThingKind::stream, catalog::ThingKind::stream, catalog::ThingKind::queue,
                 catalog::ThingKind::bus, catalog::ThingKind::job};
             const auto may = site.catalog().may(
                 principal, catalog::Action::read,
                 {kinds[static_cast<std::size_t>(stand.kind)], stand.name, stand.owner});
             return may && *may;
         }});
}

void start_aws(AwsServer* aws, const ServeOptions& options, Terminal& terminal) {
    if (aws == nullptr) return;
    aws->start();
    terminal.print("AWS-compatible services at " + aws->url() +
                   (aws->has_tls() ? " (and https)" : "") + "\n");
    if (options.any_credentials)
        terminal.say(
            "INSECURE: on that port any credentials, and none, act as the administrator; anybody "
            "on this machine can read and change everything");
}

/// The user database, where a port needs it or the loader fills it; null else.
Result<std::unique_ptr<redshift::Engine>> open_engine(Site& site, const Settings& settings,
                                                      const ServeOptions& options, AwsServer* aws) {
    const bool has_postgres =
        !options.postgres.empty() || !settings.text("postgres.address").empty();
    if (options.any_credentials && aws == nullptr && !has_postgres)
        return fail(ErrorCode::invalid_input,
                    "--insecure-any-credentials is for the AWS and PostgreSQL ports: give --aws or "
                    "--postgres ADDR:PORT too");
    if (!has_postgres && aws == nullptr) return nullptr;
    auto engine =
        TRY(open_user_database(site, settings, aws == nullptr ? nullptr : &aws->buckets()));
    if (aws != nullptr) aws->copy_by(delivery_copies(site, *engine));
    return engine;
}

/// What loads from queues into the user database; null where there are no queues.
Result<std::unique_ptr<loader::Loader>> open_loader_for(Site& site, const Settings& settings,
                                                        AwsServer* aws, redshift::Engine* engine) {
    if (engine == nullptr) return nullptr;
    if (aws == nullptr) {
        TRY(loader::show_ledger(*engine, nullptr));
        return nullptr;
    }
    return open_loader(site, settings, *aws, *engine);
}

/// The Data API, where both what it speaks by and what it speaks of are there.
Result<std::unique_ptr<StatementService>> open_statements(Site& site, redshift::Engine* engine,
                                                          AwsServer* aws) {
    if (engine == nullptr || aws == nullptr) return nullptr;
    return StatementService::open(site, *engine, *aws);
}

/// The PostgreSQL port where one is asked for, listening; null else.
Result<std::unique_ptr<PostgresServer>> open_postgres(Site& site, const Settings& settings,
                                                      redshift::Engine* engine,
                                                      const ServeOptions& options,
                                                      const std::string& token) {
    if (engine == nullptr) return nullptr;
    const std::string address =
        options.postgres.empty() ? settings.text("postgres.address") : options.postgres;
    if (address.empty()) return nullptr;
    const auto listener = TRY(listener_of(address));
    return PostgresServer::open(site, settings, *engine,
                                {listener.address, listener.port, options.any_credentials, token});
}

void start_postgres(PostgresServer* postgres, Terminal& terminal) {
    if (postgres == nullptr) return;
    postgres->start();
    terminal.print("SQL clients at " + postgres->address() +
                   (postgres->has_tls() ? " (also by TLS)" : "") + ", database dev, user admin\n");
}

/// `url`: where the pages are; "" without pages.
void say_token(Terminal& terminal, const std::string& token, const std::string& url) {
    terminal.say("administrator token of this run: " + token);
    if (!url.empty()) terminal.say("in a browser, signed in: " + url + "/#/?token=" + token);
}

Result<void> begin_stopping(Terminal& terminal, const std::string& data) {
    terminal.say("stopping: running requests are answered, jobs go on at the next start");
    return remove_server_address(data);
}

Result<std::unique_ptr<FlowService>> open_flows(Site& site, const Settings& settings) {
    auto flows = TRY(FlowService::open(site, settings));
    site.add_gauges([flows = flows.get()] { return flows->publish_gauges(); });
    return flows;
}

/// What passes through the AWS port, and through pipelines.
std::vector<front::http::Route> work_routes(Site& site, AwsServer* aws, FlowService& flows,
                                            front::api::AccessAnswers& access) {
    return joined(
        {watch_routes(site, aws),
         front::flow::flow_routes({flows.engine(), flows.intakes(), access, flows.pictures()})});
}

Result<void> start_working(Site& site, FlowService& flows, AwsServer* aws) {
    TRY(flows.start_pilots());
    site.start_workers();
    flows.start();
    return flows.start_beside(aws);
}

void stop_working(Site& site, FlowService& flows) {
    flows.stop();
    site.stop_workers();
}

/// What has no front of its own: taken down in the order of who uses whom.
struct UserTables {
    std::unique_ptr<redshift::Engine> engine;
    std::unique_ptr<loader::Loader> loader;
    std::unique_ptr<StatementService> statements;
    DashboardService dashboards;

    void start() const {
        if (statements != nullptr) statements->start();
        if (loader != nullptr) loader->start();
    }
    /// Statements that still run are called off.
    void stop() const {
        if (loader != nullptr) loader->stop();
        if (statements != nullptr) statements->stop();
        if (engine != nullptr) engine->stop();
    }
};

Result<UserTables> open_user_tables(Site& site, const Settings& settings,
                                    const ServeOptions& options, AwsServer* aws,
                                    front::api::SqlAnswers& sql) {
    UserTables made;
    made.engine = TRY(open_engine(site, settings, options, aws));
    made.loader = TRY(open_loader_for(site, settings, aws, made.engine.get()));
    made.statements = TRY(open_statements(site, made.engine.get(), aws));
    made.dashboards = TRY(DashboardService::open(site, settings, sql, made.engine.get()));
    return made;
}

void serve_until(Site& site, const Invocation& invocation) {
    const std::jthread house([&](std::stop_token stop) { keep_house(site, stop); });
    wait_for(invocation.stop);
}

void start_ports(AwsServer* aws, PostgresServer* postgres, const UserTables& tables,
                 const ServeOptions& options, Terminal& terminal) {
    tables.start();
    start_aws(aws, options, terminal);
    start_postgres(postgres, terminal);
}

/// Statements that still run when the time is over are called off.
void stop_ports(PostgresServer* postgres, AwsServer* aws, const UserTables& tables,
                Milliseconds drain) {
    if (postgres != nullptr) postgres->stop(drain);
    tables.stop();
    if (aws != nullptr) aws->stop(drain);
}

}  // namespace

Result<void> run_serve(const ServeOptions& options, Invocation& invocation) {
    const Settings& settings = invocation.settings;
    set_up_log(log_options(settings, LogLevel::info));
    const auto listener =
        TRY(listener_of(options.http.empty() ? settings.text("http.address") : options.http));
    const auto site = TRY(Site::open(invocation.data, settings));
    Answers answers(*site, settings);
    const std::string token = "stroma_" + site->ids().secret();
    answers.set_local_token(token);
    const auto pages = front::web::own_pages();
    const std::string frames = settings.text("http.frame_ancestors");
    TRY(front::web::check_frame_ancestors(frames));
    const auto domain = answers.domain();
    front::explorer::ExplorerDomain explored{
        domain.access,       domain.datasets,     domain.jobs,    site->explorer(),
        site->comparisons(), site->clusterings(), site->images(), domain.site.version()};
    annotation::Annotations& kept = site->annotations();
    const front::annotation::AnnotationDomain annotated{explored, kept.spaces, kept.labels,
                                                        kept.gene_sets, kept.kept};
    front::annotation::AnnotationFront annotations(annotated);
    explored.find_selection = front::annotation::selection_finder(annotated);
    front::explorer::ExplorerFront explorer(explored);
    front::api::Api api(domain,
                        {.public_url = settings.text("http.public_url"),
                         .fetch_private_addresses = settings.boolean("fetch.private_addresses"),
                         .scratch_folder = site->staging(),
                         .home = front::web::home_of(pages, frames),
                         .find_selection = explored.find_selection});
    account::Oidc oidc(site->control(), site->accounts(), site->catalog(), site->clock(),
                       site->ids(), TRY(oidc_options(settings)), ask_provider);
    front::account::AccountFront accounts(
        {site->accounts(), site->links(), site->audit(), oidc, site->catalog(), domain.access,
         site->clock()},
        {.public_url = settings.text("http.public_url"),
         .trusted_proxies = words_of(settings.text("http.trusted_proxies"))});
    front::portal::PortalFront portal(
        {domain, site->portal(), site->ontologies(), site->explorer(),
         settings.text("portal.doi_resolver"), settings.boolean("fetch.private_addresses"),
         [&site](const std::string& id) { return shown_view(*site, id); }, ""});
    const auto flows = TRY(open_flows(*site, settings));
    // It listens, and answers from start_aws on; the routes show what passes through it.
    const auto aws = TRY(open_aws(*site, settings, options));
    const auto tables = TRY(open_user_tables(*site, settings, options, aws.get(), domain.sql));
    auto routes =
        joined({work_routes(*site, aws.get(), *flows, domain.access), api.routes(),
                accounts.routes(), explorer.routes(), annotations.routes(), portal.routes(),
                front::web::asset_routes(pages, frames), control_routes(*site, aws.get()),
                loader_routes(tables.loader.get(), aws.get()),
                tables.dashboards.routes(*site, domain.access)});
    const auto server =
        TRY(front::http::Server::listen(server_options(listener, settings), std::move(routes),
                                        accounts.authenticator(api.authenticator())));
    const auto postgres = TRY(open_postgres(*site, settings, tables.engine.get(), options, token));
    TRY(start_working(*site, *flows, aws.get()));
    server->start();
    const std::string url = fmt::format("http://{}:{}", listener.address, server->port());
    TRY(write_server_address(invocation.data, {url, token, ::getpid(), aws ? aws->url() : "",
                                               postgres ? postgres->address() : ""}));
    TRY(invite_first_administrator(*site, settings, url, *invocation.terminal));
    invocation.terminal->print(fmt::format("stroma serves {} at {}\n", invocation.data, url));
    start_ports(aws.get(), postgres.get(), tables, options, *invocation.terminal);
    say_token(*invocation.terminal, token, pages.empty() ? "" : url);
    serve_until(*site, invocation);
    TRY(begin_stopping(*invocation.terminal, invocation.data));
    stop_ports(postgres.get(), aws.get(), tables, settings.duration("http.drain"));
    server->stop(settings.duration("http.drain"));
    stop_working(*site, *flows);
    return {};
}

}  // namespace stroma::app
