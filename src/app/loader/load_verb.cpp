#include <fmt/format.h>

#include <memory>

#include "app/aws/aws_client.h"
#include "app/loader/loader_service.h"
#include "app/redshift/user_database.h"
#include "app/session.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"
#include "base/json.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

struct LoadVerbOptions {
    std::string config, bulk, remove;
    bool only_checks = false;
};

/// A data directory's loader, here or at the server that has it.
struct LoaderSession {
    std::unique_ptr<Site> site;
    std::unique_ptr<AwsServer> aws;
    std::unique_ptr<redshift::Engine> engine;
    std::unique_ptr<loader::Loader> loader;
    std::optional<Remote> remote;
};

Result<LoaderSession> open_loader_session(const Invocation& invocation) {
    LoaderSession made;
    Session session = TRY(open_session(invocation));
    made.site = std::move(session.site);
    made.remote = std::move(session.remote);
    if (!made.site) {
        made.remote->end_with(invocation.stop);
        return made;
    }
    // Queues and buckets without anybody who is answered.
    made.aws = TRY(AwsServer::open(*made.site, invocation.settings, {"127.0.0.1", 0, false}));
    made.engine = TRY(open_user_database(*made.site, invocation.settings, &made.aws->buckets()));
    made.loader = TRY(open_loader(*made.site, invocation.settings, *made.aws, *made.engine));
    return made;
}

Result<Json> status_of(LoaderSession& session) {
    const std::string text = session.remote
                                 ? TRY(session.remote->get("/internal/loader"))
                                 : TRY(loader_status_json(*session.loader, *session.aws));
    return TRY(parse_json(text))["configs"];
}

std::string load_file_text(const std::string& path, Error& error) {
    auto text = read_file(path, 1u << 20);
    if (text) return std::move(*text);
    error = text.error();
    return "";
}

std::string count_text(const Json& json, const char* name) {
    return json[name].is_null() ? "" : short_count(json[name].get<double>());
}

Result<void> show_status(LoaderSession& session, Invocation& invocation) {
    const Json configs = TRY(status_of(session));
    if (invocation.json) {
        invocation.terminal->print(configs.dump() + "\n");
        return {};
    }
    using enum TextTable::Align;
    TextTable table({{"queue"},
                     {"table"},
                     {"state"},
                     {"waiting", right},
                     {"loaded", right},
                     {"rows", right},
                     {"refused", right},
                     {"note"}});
    for (const Json& one : configs)
        table.add({one.value("name", ""), one.value("table", ""), one.value("state", ""),
                   count_text(one, "waiting"), count_text(one, "loaded"), count_text(one, "rows"),
                   count_text(one, "refused"), one.value("error", "")});
    if (table.row_count() == 0)
        invocation.terminal->say(
            "there is no configuration; 'stroma load --config FILE' gives one");
    else
        invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<Json> config_status(LoaderSession& session, const std::string& name) {
    for (const Json& one : TRY(status_of(session)))
        if (one.value("name", "") == name) return one;
    return fail(ErrorCode::not_found, "there is no configuration '" + name + "'");
}

/// Until the queue holds nothing; an interrupt ends the watching, and the server goes on.
Result<void> follow_queue(LoaderSession& session, const std::string& name, Invocation& invocation) {
    ProgressLine progress(*invocation.terminal, system_clock(), name);
    for (;;) {
        const Json one = TRY(config_status(session, name));
        const std::string state = one.value("state", "");
        if (state == "failing" || state == "wrong")
            return fail(ErrorCode::invalid_input, one.value("error", ""));
        progress.update(
            {"loading", one.value("loaded", 0.0) + one.value("known", 0.0), 0, "objects"});
        if (one["waiting"] == 0 && state != "starting") return {};
        if (!pause_for(Milliseconds{200}, invocation.stop)) {
            progress.say("the server goes on loading");
            return {};
        }
    }
}

Result<void> load_config(const LoadVerbOptions& options, Invocation& invocation) {
    Error error;
    const std::string text = load_file_text(options.config, error);
    if (text.empty() && !error.message.empty()) return fail(error);
    const std::string name = loader::queue_of_file(options.config);
    const auto config = TRY(loader::read_config(text, options.config, name, "role"));
    if (options.only_checks) {
        invocation.terminal->say(
            fmt::format("{}: queue {} loads into {}", options.config, name, config.table));
        return {};
    }
    auto session = TRY(open_loader_session(invocation));
    if (session.remote) {
        const Json body = {{"name", name}, {"document", text}};
        TRY(session.remote->post("/internal/loader/configs", body.dump()));
        TRY(follow_queue(session, name, invocation));
    } else {
        TRY(session.loader->give_config(name, text));
        TRY(session.loader->drain(name, invocation.stop));
    }
    const Json one = TRY(config_status(session, name));
    if (invocation.json) {
        invocation.terminal->print(one.dump() + "\n");
    } else {
        invocation.terminal->print(
            fmt::format("{}: {} objects and {} rows into {}, {} loaded before, {} refused\n", name,
                        one.value("loaded", 0), one.value("rows", 0), config.table,
                        one.value("known", 0), one.value("refused", 0)));
    }
    if (!session.remote)
        invocation.terminal->say("'stroma serve --aws ADDR:PORT' loads what comes from now on");
    return {};
}

Result<Json> bulk_of(LoaderSession& session, const std::string& id) {
    const std::string text = session.remote
                                 ? TRY(session.remote->get("/internal/loader/bulk/" + id))
                                 : TRY(bulk_json(*session.loader, id));
    return parse_json(text);
}

Result<Json> follow_bulk(LoaderSession& session, const std::string& id, Invocation& invocation) {
    ProgressLine progress(*invocation.terminal, system_clock(), "bulk load");
    for (;;) {
        const Json one = TRY(bulk_of(session, id));
        const std::string state = one.value("state", "");
        if (state != "QUEUED" && state != "RUNNING") return one;
        progress.update(
            {"loading", one.value("paths_done", 0.0), one.value("paths", 0.0), "paths"});
        if (pause_for(Milliseconds{200}, invocation.stop)) continue;
        Remote remote(*TRY(read_server_address(invocation.data)));  // the other one is stopped
        TRY(remote.remove("/internal/loader/bulk/" + id));
        return fail(ErrorCode::cancelled, "the bulk load was cancelled");
    }
}

Result<void> load_bulk(const LoadVerbOptions& options, Invocation& invocation) {
    Error error;
    const std::string text = load_file_text(options.bulk, error);
    if (text.empty() && !error.message.empty()) return fail(error);
    const auto bulk = TRY(loader::read_bulk(text, options.bulk, "role"));
    if (options.only_checks) {
        invocation.terminal->say(fmt::format("{}: {} paths", options.bulk, bulk.paths.size()));
        return {};
    }
    auto session = TRY(open_loader_session(invocation));
    Json made;
    if (session.remote) {
        const std::string answer = TRY(session.remote->post("/internal/loader/bulk", text));
        const Json begun = TRY(parse_json(answer));
        made = TRY(follow_bulk(session, begun.value("id", ""), invocation));
    } else {
        const std::string id = TRY(session.loader->begin_bulk(text));
        TRY(session.loader->work_on_bulks(invocation.stop));
        made = TRY(bulk_of(session, id));
    }
    if (invocation.json) {
        invocation.terminal->print(made.dump() + "\n");
    } else {
        for (const Json& path : made["answer"])
            invocation.terminal->print(fmt::format(
                "{} into {}: {}\n", path.value("s3_path", ""), path.value("table", ""),
                path.value("unchanged", false)
                    ? "nothing has changed"
                    : fmt::format("{} files, {} rows, {} of them new and {} changed; {} files were "
                                  "there, {} refused",
                                  path.value("files", 0), path.value("rows", 0),
                                  path.value("inserted", 0), path.value("updated", 0),
                                  path.value("known", 0), path["refused"].size())));
    }
    if (made.value("state", "") == "FINISHED") return {};
    return fail(ErrorCode::invalid_input, made.value("error", "the bulk load failed"));
}

Result<void> run_load(const LoadVerbOptions& options, Invocation& invocation) {
    if (!options.config.empty()) return load_config(options, invocation);
    if (!options.bulk.empty()) return load_bulk(options, invocation);
    auto session = TRY(open_loader_session(invocation));
    if (!options.remove.empty()) {
        if (session.remote)
            TRY(session.remote->remove("/internal/loader/configs/" +
                                       front::http::percent_encode(options.remove)));
        else
            TRY(session.loader->take_config(options.remove));
        invocation.terminal->say("nothing is loaded from queue " + options.remove + " any more");
        return {};
    }
    return show_status(session, invocation);
}

}  // namespace

Verb load_verb() {
    auto options = std::make_shared<LoadVerbOptions>();
    return {
        .name = "load",
        .summary = "Load objects into tables: from queues that tell of them, or in bulk",
        .text =
            "A configuration is called after its queue, orders_queue.json, and stays until it is "
            "removed: a server loads what the queue tells of from then on, also after a restart. "
            "This waits until the queue is empty; Ctrl-C ends the waiting only. A bulk load goes "
            "path by path, and Ctrl-C cancels it. Each object is loaded once for its content, "
            "whatever is repeated. Without a server the work is done here. With neither file, "
            "shows the configurations and how they fare.",
        .examples =
            "  stroma load --data lab --config orders_queue.json\n"
            "  stroma load --data lab --bulk yesterday.json\n"
            "  stroma load --data lab\n",
        .options = {{"--config", &options->config, "FILE",
                     "a queue's configuration, called after it (settings come by --set)"},
                    {"--bulk", &options->bulk, "FILE", "paths that are loaded now"},
                    {"--remove", &options->remove, "QUEUE", "take its configuration back"},
                    {"--check", &options->only_checks, "",
                     "say what is wrong with the file, and do nothing"}},
        .run = [options](Invocation& invocation) { return run_load(*options, invocation); },
    };
}

}  // namespace stroma::app
