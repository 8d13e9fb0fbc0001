#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

Json described(const ontology::ImportedOntology& one) {
    return {{"prefix", one.prefix},
            {"version", one.version},
            {"terms", one.terms},
            {"imported", iso_time(one.imported_ms)}};
}

Result<Json> import_file(Session& session, const std::string& file) {
    const std::string text = TRY(read_file(file, ontology::file_bytes_max));
    if (session.site) {
        const auto imported = TRY_WITH(session.site->ontologies().import(text), file);
        TRY(session.site->audit().note(catalog::local_administrator(), "import", "ontology",
                                       imported.prefix, true));
        return described(imported);
    }
    const std::string answer = TRY_WITH(session.remote->post("/v1/ontology", text), file);
    return parse_json(answer);
}

Result<Json> listed(Session& session) {
    if (session.remote) {
        const std::string answer = TRY(session.remote->get("/v1/ontology"));
        const Json json = TRY(parse_json(answer));
        return json.value("ontologies", Json::array());
    }
    Json list = Json::array();
    for (const auto& one : TRY(session.site->ontologies().list())) list.push_back(described(one));
    return list;
}

}  // namespace

Result<void> run_ontology_import(const OntologyOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const Json imported = TRY(import_file(session, options.file));
    if (invocation.json) {
        invocation.terminal->print(imported.dump() + "\n");
        return {};
    }
    const std::string version = imported.value("version", "");
    invocation.terminal->say("read " + std::to_string(imported.value("terms", 0)) + " terms of " +
                             imported.value("prefix", "") +
                             (version.empty() ? "" : " (" + version + ")"));
    return {};
}

Result<void> run_ontology_list(const OntologyOptions&, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const Json list = TRY(listed(session));
    if (invocation.json) {
        invocation.terminal->print(list.dump() + "\n");
        return {};
    }
    TextTable table({{"ontology"}, {"terms"}, {"version"}, {"read in"}});
    for (const Json& one : list)
        table.add({one.value("prefix", ""), std::to_string(one.value("terms", 0)),
                   one.value("version", ""), one.value("imported", "")});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_ontology_remove(const OntologyOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.site) {
        TRY(session.site->ontologies().remove(options.prefix));
        TRY(session.site->audit().note(catalog::local_administrator(), "remove", "ontology",
                                       options.prefix, true));
    } else {
        TRY(session.remote->remove("/v1/ontology/" + front::http::percent_encode(options.prefix)));
    }
    invocation.terminal->say("took " + options.prefix + " out");
    return {};
}

}  // namespace stroma::app
