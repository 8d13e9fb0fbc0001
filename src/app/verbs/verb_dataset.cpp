#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb dataset_verb() {
    auto options = std::make_shared<DatasetOptions>();
    const Option dataset = {"dataset", &options->dataset, "DATASET", "its name or id", {}, true};
    const auto bind = [options](auto function) {
        return
            [options, function](Invocation& invocation) { return function(*options, invocation); };
    };
    Verb verb{
        .name = "dataset",
        .summary = "List, show, change and remove datasets",
        .examples =
            "  stroma dataset list --data lab\n"
            "  stroma dataset show --data lab pbmc\n"
            "  stroma dataset change --data lab pbmc --title \"Blood of 6 donors\"\n",
    };
    verb.verbs.push_back({.name = "list",
                          .summary = "Every dataset with its cells, genes and revision",
                          .run = bind(run_dataset_list)});
    verb.verbs.push_back({.name = "show",
                          .summary = "One dataset: its columns, matrices and history",
                          .options = {dataset},
                          .run = bind(run_dataset_show)});
    verb.verbs.push_back(
        {.name = "change",
         .summary = "Change what is said of a dataset; its content never changes",
         .options = {dataset,
                     {"--name", &options->name, "NAME", "a new name"},
                     {"--title", &options->title, "TEXT", "a line for people"},
                     {"--collection", &options->collection, "NAME", "move it there"},
                     {"--visibility",
                      &options->visibility,
                      "WHICH",
                      "who may read it",
                      {"private", "public"}}},
         .run = bind(run_dataset_change)});
    verb.verbs.push_back({.name = "remove",
                          .summary = "Withdraw a dataset: its content goes, its id stays",
                          .options = {dataset},
                          .run = bind(run_dataset_remove)});
    return verb;
}

}  // namespace stroma::app
