#include <fmt/format.h>

#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

namespace stroma::app {
namespace {

std::string visibility_text(const catalog::Dataset& dataset) {
    return dataset.visibility == catalog::Visibility::public_ ? "public" : "private";
}

Json described(const catalog::Dataset& dataset, const std::optional<catalog::Revision>& current) {
    Json json = {{"id", dataset.id},
                 {"name", dataset.name},
                 {"title", dataset.title},
                 {"collection", dataset.collection},
                 {"visibility", visibility_text(dataset)},
                 {"created", iso_time(dataset.created_ms)}};
    if (current) {
        json["revision"] = current->id;
        json["number"] = current->number;
        json["cells"] = current->cells;
        json["genes"] = current->genes;
        json["nonzeros"] = current->nonzeros;
    }
    return json;
}

Result<std::optional<catalog::Revision>> current_of(Site& site, const catalog::Dataset& dataset) {
    if (dataset.current_revision.empty()) return std::nullopt;
    return site.catalog().find_revision(dataset.current_revision);
}

Result<Json> listed(const Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string list = session.remote ? TRY(session.remote->get("/internal/datasets"))
                                            : TRY(datasets_json(*session.site));
    return parse_json(list);
}

/// Whoever has the data directory may all; it is for the audit.
Result<void> record_local(Site& site, catalog::Action action, const catalog::Dataset& dataset) {
    const catalog::Thing thing{catalog::ThingKind::dataset, dataset.id, dataset.owner};
    TRY(site.catalog().decide(catalog::local_administrator(), action, thing));
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
    const auto site = TRY(open_site(invocation));
    const auto dataset = TRY(named_dataset(*site, options.dataset));
    const auto current = TRY(current_of(*site, dataset));
    Json json = described(dataset, current);
    Json revisions = Json::array();
    for (const auto& revision : TRY(site->catalog().revisions(dataset.id)))
        revisions.push_back({{"id", revision.id},
                             {"number", revision.number},
                             {"cells", revision.cells},
                             {"created", iso_time(revision.created_ms)},
                             {"source", revision.source}});
    json["revisions"] = revisions;
    if (!dataset.current_revision.empty()) {
        const auto sealed = TRY(site->revision_files().open(dataset.current_revision));
        json["obs_columns"] = sealed->obs_column_names();
        for (const auto& matrix : sealed->summary().matrices)
            json["matrices"].push_back({{"name", matrix.name},
                                        {"unit", name_of(matrix.unit)},
                                        {"type", name_of(matrix.type)},
                                        {"nonzeros", matrix.nonzeros},
                                        {"sum", matrix.sum},
                                        {"bytes", matrix.bytes_by_cell + matrix.bytes_by_gene}});
    }
    invocation.terminal->print(json.dump(invocation.json ? -1 : 2) + "\n");
    return {};
}

Result<void> run_dataset_change(const DatasetOptions& options, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    auto dataset = TRY(named_dataset(*site, options.dataset));
    if (!options.name.empty()) dataset.name = options.name;
    if (!options.title.empty()) dataset.title = options.title;
    if (!options.collection.empty()) {
        const auto collection = TRY(site->catalog().find_collection(options.collection));
        if (!collection)
            return fail(ErrorCode::not_found, "no collection '" + options.collection + "'");
        dataset.collection = collection->id;
    }
    if (!options.visibility.empty())
        dataset.visibility = options.visibility == "public" ? catalog::Visibility::public_
                                                            : catalog::Visibility::private_;
    TRY(record_local(*site, catalog::Action::change, dataset));
    const auto changed = TRY(site->catalog().update_dataset(dataset));
    const auto current = TRY(current_of(*site, changed));
    invocation.terminal->print(described(changed, current).dump(invocation.json ? -1 : 2) + "\n");
    return {};
}

Result<void> run_dataset_remove(const DatasetOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.remote) {
        TRY(session.remote->remove("/internal/datasets/" + options.dataset));
    } else {
        const auto dataset = TRY(named_dataset(*session.site, options.dataset));
        TRY(record_local(*session.site, catalog::Action::remove, dataset));
        TRY(session.site->loader().remove_dataset(dataset));
    }
    invocation.terminal->say("removed '" + options.dataset + "'");
    return {};
}

}  // namespace stroma::app
