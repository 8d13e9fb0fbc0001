#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

Result<Json> listed(const Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string list = session.remote ? TRY(session.remote->get("/internal/datasets"))
                                            : TRY(datasets_json(*session.site));
    return parse_json(list);
}

/// Of the server's route for that dataset.
std::string path_of(const DatasetOptions& options) {
    return "/internal/datasets/" + front::http::percent_encode(options.dataset);
}

Result<void> print_described(const Result<std::string>& dataset, Invocation& invocation) {
    if (!dataset) return fail(dataset.error());
    const Json json = TRY(parse_json(*dataset));
    invocation.terminal->print(json.dump(invocation.json ? -1 : 2) + "\n");
    return {};
}

}  // namespace

Result<void> run_dataset_list(const DatasetOptions&, Invocation& invocation) {
    const Json list = TRY(listed(invocation));
    if (invocation.json) {
        invocation.terminal->print(list.dump() + "\n");
        return {};
    }
    TextTable table({{"name"},
                     {"cells", TextTable::Align::right},
                     {"genes", TextTable::Align::right},
                     {"revision", TextTable::Align::right},
                     {"visibility"},
                     {"title"}});
    for (const Json& dataset : list)
        table.add({dataset.value("name", ""), std::to_string(dataset.value("cells", 0u)),
                   std::to_string(dataset.value("genes", 0u)),
                   std::to_string(dataset.value("number", 0)), dataset.value("visibility", ""),
                   dataset.value("title", "")});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_dataset_show(const DatasetOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    return print_described(session.remote ? session.remote->get(path_of(options))
                                          : dataset_json(*session.site, options.dataset),
                           invocation);
}

Result<void> run_dataset_change(const DatasetOptions& options, Invocation& invocation) {
    Json changes = Json::object();
    const std::pair<const char*, const std::string*> members[] = {
        {"name", &options.name},
        {"title", &options.title},
        {"collection", &options.collection},
        {"visibility", &options.visibility}};
    for (const auto& [member, value] : members)
        if (!value->empty()) changes[member] = *value;
    Session session = TRY(open_session(invocation));
    return print_described(session.remote
                               ? session.remote->patch(path_of(options), changes.dump())
                               : change_dataset(*session.site, options.dataset, changes.dump()),
                           invocation);
}

Result<void> run_dataset_remove(const DatasetOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.remote) {
        TRY(session.remote->remove(path_of(options)));
    } else {
        const auto dataset = TRY(named_dataset(*session.site, options.dataset));
        TRY(session.site->catalog().decide(
            catalog::local_administrator(), catalog::Action::remove,
            {catalog::ThingKind::dataset, dataset.id, dataset.owner}));
        TRY(session.site->loader().remove_dataset(dataset));
    }
    invocation.terminal->say("removed '" + options.dataset + "'");
    return {};
}

}  // namespace stroma::app
