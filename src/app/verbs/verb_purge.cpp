#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb purge_verb() {
    return {
        .name = "purge",
        .summary = "Take every byte of removed datasets from the disk",
        .text =
            "Removing a dataset takes it out of sight at once. This also takes away the "
            "results that hold its cells, and writes the databases anew without the rows that "
            "were deleted. Backups are not touched. A running server must be stopped first.",
        .examples = "  stroma dataset remove --data lab blood && stroma purge --data lab\n",
        .options = {},
        .run = [](Invocation& invocation) { return run_purge(invocation); },
    };
}

}  // namespace stroma::app
