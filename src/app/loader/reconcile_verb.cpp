#include <fmt/format.h>

#include <memory>

#include "app/loader/loader_service.h"
#include "app/redshift/user_database.h"
#include "app/session.h"
#include "base/json.h"

namespace stroma::app {
namespace {

struct ReconcileOptions {
    std::string table, from;
    bool loads = false;
};

Result<std::string> ask_reconcile(const ReconcileOptions& options, const Invocation& invocation) {
    const std::string request =
        Json{{"table", options.table}, {"from", options.from}, {"load", options.loads}}.dump();
    Session session = TRY(open_session(invocation));
    if (session.remote) return session.remote->post("/internal/loader/reconcile", request);
    const auto aws =
        TRY(AwsServer::open(*session.site, invocation.settings, {"127.0.0.1", 0, false}));
    const auto engine =
        TRY(open_user_database(*session.site, invocation.settings, &aws->buckets()));
    const auto loader = TRY(open_loader(*session.site, invocation.settings, *aws, *engine));
    return reconcile_json(*loader, request);
}

Result<void> run_reconcile(const ReconcileOptions& options, Invocation& invocation) {
    const std::string text = TRY(ask_reconcile(options, invocation));
    if (invocation.json) {
        invocation.terminal->print(text + "\n");
        return {};
    }
    const Json json = TRY(parse_json(text, {.bytes_max = 256u << 20}));
    Terminal& terminal = *invocation.terminal;
    for (const Json& url : json["lost"]) terminal.print(url.get<std::string>() + "\n");
    terminal.say(fmt::format(
        "{}: of {} objects {} are loaded and {} are not ({} of them among the dead letters); {} "
        "messages wait, {} loaded objects are gone from the bucket",
        json.value("table", ""), json.value("objects", 0), json.value("loaded", 0),
        json["lost"].size(), json.value("dead", 0), json.value("waiting", 0),
        json.value("gone", 0)));
    if (json["load"].is_null()) return {};
    const Json& load = json["load"];
    terminal.say(fmt::format("loaded {} of them, {} rows; {} were loaded meanwhile",
                             load.value("loaded", 0), load.value("rows", 0),
                             load.value("known", 0)));
    for (const Json& refused : load["refused"])
        terminal.say(refused.value("object", "") + ": " + refused.value("reason", ""));
    return {};
}

}  // namespace

Verb reconcile_verb() {
    auto options = std::make_shared<ReconcileOptions>();
    return {
        .name = "reconcile",
        .summary = "Find objects that no load has brought into a table",
        .text =
            "Compares what the buckets hold that tell the table's queues with the ledger of loads. "
            "Prints what isn't loaded, in its present content: a lost notification, a refused "
            "object, or one whose message still waits. With --load these are loaded; a message "
            "that comes afterwards changes nothing.",
        .examples =
            "  stroma reconcile --data lab orders\n"
            "  stroma reconcile --data lab orders --load\n",
        .options = {{"table", &options->table, "TABLE", "its name", {}, true},
                    {"--from", &options->from, "S3_PREFIX",
                     "s3://bucket/prefix in place of what the queues are told of"},
                    {"--load", &options->loads, "", "load what isn't"}},
        .run = [options](Invocation& invocation) { return run_reconcile(*options, invocation); },
    };
}

}  // namespace stroma::app
