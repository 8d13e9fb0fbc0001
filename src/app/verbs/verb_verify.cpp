#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb verify_verb() {
    auto options = std::make_shared<VerifyOptions>();
    return {
        .name = "verify",
        .summary = "Read everything and check every checksum",
        .text =
            "Names each damaged or missing piece and ends with 10 when there is one. --repair "
            "mends what can be made again from what is whole, withdraws what can't, and says "
            "what was lost.",
        .examples =
            "  stroma verify --data lab\n"
            "  stroma verify --data lab pbmc --json\n",
        .options = {{"dataset", &options->datasets, "DATASET", "only these (default: all)"},
                    {"--repair", &options->repair, "", "mend, and say what was lost"}},
        .run = [options](Invocation& invocation) { return run_verify(*options, invocation); },
    };
}

}  // namespace stroma::app
