#include <fmt/format.h>

#include <memory>

#include "app/biology/biology_copy.h"
#include "app/session.h"
#include "base/json.h"

namespace stroma::app {
namespace {

Result<void> run_biology(const BiologyOrder& order, Invocation& invocation) {
    const std::string request =
        Json{{"to", order.to}, {"dataset", order.dataset}, {"expression", order.with_expression}}
            .dump();
    Session session = TRY(open_session(invocation));
    if (session.remote) session.remote->end_with(invocation.stop);
    const std::string text = session.remote
                                 ? TRY(session.remote->post("/internal/biology", request))
                                 : TRY(copy_biology_json(*session.site, request));
    if (invocation.json) {
        invocation.terminal->print(text + "\n");
        return {};
    }
    const Json list = TRY(parse_json(text));
    for (const Json& one : list) {
        std::string what = fmt::format("{} rows", one.value("rows", 0));
        if (one.value("was_there", false)) what = "was there";
        if (one.value("is_gone", false)) what = "isn't here any more, and its rows went";
        invocation.terminal->print(fmt::format("{}: {}\n", one.value("dataset", ""), what));
    }
    return {};
}

}  // namespace

Verb biology_verb() {
    auto options = std::make_shared<BiologyOrder>();
    return {
        .name = "biology",
        .summary = "Copy datasets' biology tables into a PostgreSQL database",
        .text =
            "The current revision of each dataset goes into the schema biology: dataset, cell, "
            "feature, analysis, donor, specimen, cell_suspension, library_preparation, project, "
            "publication, contributor, document, file and link, with dataset_id and revision "
            "before their columns of SQL. Each revision is copied once (biology.load_commits), in "
            "one transaction with the going of the one before; rows of datasets that aren't here "
            "any more go.",
        .examples =
            "  stroma biology --data lab --to postgres://stroma@localhost/lab\n"
            "  stroma biology --data lab --to postgres://stroma@localhost/lab --dataset blood "
            "--expression\n",
        .options = {{"--to", &options->to, "ADDRESS", "postgres://user@host/database", {}, true},
                    {"--dataset", &options->dataset, "NAME", "this one alone"},
                    {"--expression", &options->with_expression, "",
                     "expression too: a row for each stored value"}},
        .run = [options](Invocation& invocation) { return run_biology(*options, invocation); },
    };
}

}  // namespace stroma::app
