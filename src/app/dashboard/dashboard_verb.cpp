#include "app/dashboard/dashboard_verb.h"

#include <fmt/format.h>

#include <memory>

#include "app/session.h"
#include "app/terminal/text_table.h"
#include "base/file.h"
#include "base/json.h"
#include "dashboard/dashboards.h"

namespace stroma::app {
namespace {

using stroma::dashboard::Dashboard;
using stroma::dashboard::Dashboards;

struct DashboardOptions {
    std::string id, file, visibility, replaced;
};

/// The dashboards of a data directory, here or at the server that has it.
class DashboardDoor {
public:
    static Result<DashboardDoor> open(const Invocation& invocation) {
        DashboardDoor door;
        door.session_ = TRY(open_session(invocation));
        if (door.session_.remote) {
            door.session_.remote->end_with(invocation.stop);
            return door;
        }
        Site& site = *door.session_.site;
        door.dashboards_ = TRY(Dashboards::open(site.control(), site.clock(), site.ids()));
        return door;
    }

    /// [{"id", "title", "owner", "visibility", "version", "changed"}]
    Result<Json> list() {
        if (!dashboards_) return TRY(asked("GET", "/v1/dashboards?all=true", ""))["dashboards"];
        Json list = Json::array();
        for (const Dashboard& one : TRY(dashboards_->all())) list.push_back(head_of(one));
        return list;
    }

    /// The same of one, with its definition.
    Result<Json> show(const std::string& id) {
        if (!dashboards_) return asked("GET", "/v1/dashboards/" + id, "");
        const Dashboard found = TRY(named(id));
        Json json = head_of(found);
        const auto version = TRY(dashboards_->version(id, found.version));
        json["definition"] = TRY(parse_json(version.definition));
        return json;
    }

    /// `replaced`: the id of the one that it is the next version of; "" makes a new one.
    Result<Json> put(const std::string& definition, const std::string& replaced) {
        if (!dashboards_)
            return replaced.empty() ? asked("POST", "/v1/dashboards", definition)
                                    : asked("PUT", "/v1/dashboards/" + replaced, definition);
        const auto read = TRY(stroma::dashboard::read_definition(definition));
        const auto local = catalog::local_administrator();
        const stroma::dashboard::Author author{local.id, local.name};
        return head_of(replaced.empty() ? TRY(dashboards_->create(author, read))
                                        : TRY(dashboards_->save(replaced, 0, author, read)));
    }

    Result<void> show_to(const std::string& id, const std::string& visibility) {
        const auto wanted = TRY(stroma::dashboard::visibility_named(visibility));
        if (dashboards_) return dashboards_->show_to(id, wanted);
        TRY(session_.remote->patch("/v1/dashboards/" + id,
                                   Json{{"visibility", visibility}}.dump()));
        return {};
    }

    Result<void> remove(const std::string& id) {
        if (!dashboards_) {
            TRY(session_.remote->remove("/v1/dashboards/" + id));
            return {};
        }
        TRY(named(id));
        TRY(dashboards_->remove(id));
        for (const auto& grant : TRY(session_.site->catalog().grants_on(id)))
            TRY(session_.site->catalog().revoke(grant));
        return {};
    }

private:
    static Json head_of(const Dashboard& one) {
        return {{"id", one.id},           {"title", one.title},
                {"owner", one.owner},     {"visibility", name_of(one.visibility)},
                {"version", one.version}, {"changed", iso_time(one.changed_ms)}};
    }
    Result<Dashboard> named(const std::string& id) {
        auto found = TRY(dashboards_->find(id));
        if (!found)
            return fail(ErrorCode::not_found,
                        fmt::format("there is no dashboard '{}'; 'stroma dashboard list' names "
                                    "them",
                                    id));
        return *std::move(found);
    }
    Result<Json> asked(std::string_view method, const std::string& path, const std::string& body) {
        return ask_server(*session_.remote, method, path, body);
    }

public:
    static Result<Json> ask_server(Remote& server, std::string_view method, const std::string& path,
                                   const std::string& body) {
        std::string text;
        TRY(server.stream(method, path, body, [&](std::string_view piece) {
            text += piece;
            return true;
        }));
        return parse_json(text);
    }

private:
    Session session_;
    std::unique_ptr<Dashboards> dashboards_;
};

Result<void> list_dashboards(const DashboardOptions&, Invocation& invocation) {
    auto door = TRY(DashboardDoor::open(invocation));
    const Json list = TRY(door.list());
    if (invocation.json) {
        invocation.terminal->print(list.dump() + "\n");
        return {};
    }
    TextTable table({{"id"}, {"title"}, {"owner"}, {"seen by"}, {"version"}, {"changed"}});
    for (const Json& one : list)
        table.add({one.value("id", ""), one.value("title", ""), one.value("owner", ""),
                   one.value("visibility", ""), fmt::to_string(one.value("version", 0)),
                   one.value("changed", "")});
    if (table.row_count() == 0)
        invocation.terminal->say("there is no dashboard; 'stroma dashboard import FILE' makes one");
    else
        invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> show_dashboard(const DashboardOptions& options, Invocation& invocation) {
    auto door = TRY(DashboardDoor::open(invocation));
    const Json shown = TRY(door.show(options.id));
    if (invocation.json) {
        invocation.terminal->print(shown.dump() + "\n");
        return {};
    }
    const Json& definition = shown["definition"];
    std::string text = fmt::format("{}, version {}, seen by {}\n", shown.value("title", ""),
                                   shown.value("version", 0), shown.value("visibility", ""));
    for (const Json& panel : definition.value("panels", Json::array()))
        text += fmt::format("  {} ({}){}{}\n", panel.value("id", ""), panel.value("kind", "table"),
                            panel.value("title", "").empty() ? "" : ": ", panel.value("title", ""));
    invocation.terminal->print(text);
    return {};
}

Result<void> import_dashboard(const DashboardOptions& options, Invocation& invocation) {
    const std::string text = TRY(read_file(options.file, stroma::dashboard::definition_bytes_max));
    TRY_WITH(stroma::dashboard::read_definition(text), options.file);
    auto door = TRY(DashboardDoor::open(invocation));
    const Json made = TRY(door.put(text, options.replaced));
    const std::string id = made.value("id", "");
    if (!options.visibility.empty()) TRY(door.show_to(id, options.visibility));
    invocation.terminal->print(invocation.json ? made.dump() + "\n" : id + "\n");
    return {};
}

Result<void> export_dashboard(const DashboardOptions& options, Invocation& invocation) {
    auto door = TRY(DashboardDoor::open(invocation));
    constexpr int indent = 2;
    const std::string text = TRY(door.show(options.id))["definition"].dump(indent) + "\n";
    if (options.file.empty()) {
        invocation.terminal->print(text);
        return {};
    }
    return replace_file(options.file, as_bytes(text));
}

Result<void> remove_dashboard(const DashboardOptions& options, Invocation& invocation) {
    auto door = TRY(DashboardDoor::open(invocation));
    return door.remove(options.id);
}

}  // namespace

Result<std::string> keep_dashboard(Remote& server, const std::string& definition) {
    const Json json = TRY(parse_json(definition));
    const std::string title = json.value("title", "");
    const Json list =
        TRY(DashboardDoor::ask_server(server, "GET", "/v1/dashboards", ""))["dashboards"];
    for (const Json& one : list)
        if (one.value("own", false) && one.value("title", "") == title) {
            const std::string id = one.value("id", "");
            TRY(DashboardDoor::ask_server(server, "PUT", "/v1/dashboards/" + id, definition));
            return id;
        }
    return TRY(DashboardDoor::ask_server(server, "POST", "/v1/dashboards", definition))
        .value("id", "");
}

Verb dashboard_verb() {
    const auto options = std::make_shared<DashboardOptions>();
    const auto bound = [options](auto run) {
        return [options, run](Invocation& invocation) { return run(*options, invocation); };
    };
    const Option id{"id", &options->id, "ID", "as 'stroma dashboard list' names it", {}, true};
    return {
        .name = "dashboard",
        .summary = "List, show, import, export and remove dashboards",
        .text =
            "Dashboards are made on the page /#/dashboards; their definitions are JSON that "
            "can be kept in a repository.",
        .examples =
            "  stroma dashboard list --data lab\n"
            "  stroma dashboard import --data lab cells.json --visibility public\n",
        .verbs = {
            {.name = "list", .summary = "Everybody's dashboards", .run = bound(list_dashboards)},
            {.name = "show",
             .summary = "One dashboard: its version, who sees it, its panels",
             .options = {id},
             .run = bound(show_dashboard)},
            {.name = "import",
             .summary = "Make a dashboard of a definition, or a new version of one",
             .examples = "  stroma dashboard import --data lab cells.json\n"
                         "  stroma dashboard import --data lab cells.json --replace ID\n",
             .options = {{"file", &options->file, "FILE", "a definition", {}, true},
                         {"--replace", &options->replaced, "ID",
                          "it is the next version of this one"},
                         {"--visibility",
                          &options->visibility,
                          "WHO",
                          "who sees it beside its owner",
                          {"private", "link", "public"}}},
             .run = bound(import_dashboard)},
            {.name = "export",
             .summary = "Print a dashboard's definition",
             .options = {id, {"-o,--output", &options->file, "FILE", "write it there"}},
             .run = bound(export_dashboard)},
            {.name = "remove",
             .summary = "Remove a dashboard with all its versions",
             .options = {id},
             .run = bound(remove_dashboard)},
        }};
}

}  // namespace stroma::app
