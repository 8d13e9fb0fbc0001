#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <thread>

#include "app/answers/answers.h"
#include "app/command_line.h"
#include "app/control_routes.h"
#include "app/site.h"
#include "app/verbs/verbs.h"
#include "base/log.h"
#include "front/annotation/annotation_front.h"
#include "front/api/api.h"
#include "front/explorer/explorer_front.h"
#include "front/http/server.h"
#include "front/web/pages.h"

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

front::http::ServerOptions server_options(const Listener& listener, const Settings& settings) {
    front::http::ServerOptions options;
    options.address = listener.address;
    options.port = listener.port;
    options.head_bytes_max = settings.bytes("http.head_max");
    options.url_bytes_max = settings.bytes("http.url_max");
    options.headers_max = static_cast<int>(settings.number("http.headers_max"));
    options.handler_threads = static_cast<int>(settings.number("http.handler_threads"));
    options.idle_seconds_max = static_cast<int>(settings.duration("http.idle").count() / 1000);
    return options;
}

void wait_for(std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    stopped.wait(lock, stop, [] { return false; });
}

/// Removes what is over (expired files, comparisons of removed data), every minute and at start,
/// until stopped.
void keep_house(Site& site, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    do {
        if (const auto removed = site.matrices().expire(); !removed)
            log(LogLevel::warning, "expired results could not be removed",
                {{"error", removed.error().message}});
        const auto is_there = [&](const std::string& id) -> Result<bool> {
            const auto revision = TRY(site.catalog().find_revision(id));
            return revision && revision->state == catalog::RevisionState::ready;
        };
        if (const auto forgotten = site.comparisons().forget_removed(is_there); !forgotten)
            log(LogLevel::warning, "comparisons of removed data could not be forgotten",
                {{"error", forgotten.error().message}});
        if (const auto forgotten = site.annotations().spaces.forget_removed(is_there); !forgotten)
            log(LogLevel::warning, "labels of removed data could not be forgotten",
                {{"error", forgotten.error().message}});
    } while (!stopped.wait_for(lock, stop, site.house_keeping_interval(), [] { return false; }) &&
             !stop.stop_requested());
}

}  // namespace

Result<void> run_serve(const ServeOptions& options, Invocation& invocation) {
    const Settings& settings = invocation.settings;
    set_up_log(log_options(settings, LogLevel::info));
    const auto listener =
        TRY(listener_of(options.http.empty() ? settings.text("http.address") : options.http));
    const auto site = TRY(Site::open(invocation.data, settings));
    Answers answers(*site, settings);
    const std::string token = "stroma_" + site->ids().secret(32);
    answers.set_local_token(token);
    const auto pages = front::web::own_pages();
    front::api::Api api(answers.domain(),
                        {.public_url = "",
                         .fetch_private_addresses = settings.boolean("fetch.private_addresses"),
                         .scratch_folder = site->staging(),
                         .home = front::web::home_of(pages)});
    const auto domain = answers.domain();
    const front::explorer::ExplorerDomain explored{domain.access,       domain.datasets,
                                                   domain.jobs,         site->explorer(),
                                                   site->comparisons(), domain.site.version()};
    front::explorer::ExplorerFront explorer(explored);
    annotation::Annotations& kept = site->annotations();
    front::annotation::AnnotationFront annotations(
        {explored, kept.spaces, kept.labels, kept.gene_sets, kept.kept});
    auto routes = api.routes();
    for (auto& route : explorer.routes()) routes.push_back(std::move(route));
    for (auto& route : annotations.routes()) routes.push_back(std::move(route));
    for (auto& route : front::web::asset_routes(pages)) routes.push_back(std::move(route));
    for (auto& route : control_routes(*site)) routes.push_back(std::move(route));
    const auto server = TRY(front::http::Server::listen(server_options(listener, settings),
                                                        std::move(routes), api.authenticator()));
    site->worker().start();
    server->start();
    const std::string url = fmt::format("http://{}:{}", listener.address, server->port());
    TRY(write_server_address(invocation.data, {url, token, ::getpid()}));
    invocation.terminal->print(fmt::format("stroma serves {} at {}\n", invocation.data, url));
    invocation.terminal->say("administrator token of this run: " + token);
    if (!pages.empty())
        invocation.terminal->say("in a browser, signed in: " + url + "/#/?token=" + token);
    {
        const std::jthread house([&](std::stop_token stop) { keep_house(*site, stop); });
        wait_for(invocation.stop);
    }
    invocation.terminal->say(
        "stopping: running requests are answered, jobs go on at the next start");
    TRY(remove_server_address(invocation.data));
    server->stop(settings.duration("http.drain"));
    site->worker().stop();
    return {};
}

}  // namespace stroma::app
