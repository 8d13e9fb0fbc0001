#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb diff_verb() {
    auto options = std::make_shared<DiffOptions>();
    return {
        .name = "diff",
        .summary = "Tell which cells two snapshots don't share",
        .text =
            "A snapshot is a dataset's current revision (NAME), one of its revisions (NAME@2) "
            "or the cells of a result (its id). Cells are added, removed or changed: in a "
            "value of X or of obs.",
        .examples = "  stroma diff --data lab blood@1 blood\n",
        .options = {{"from", &options->from, "SNAPSHOT", "the older one", {}, true},
                    {"to", &options->to, "SNAPSHOT", "the newer one", {}, true}},
        .run = [options](Invocation& invocation) { return run_diff(*options, invocation); },
    };
}

}  // namespace stroma::app
