#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb audit_verb() {
    auto options = std::make_shared<AuditOptions>();
    return {
        .name = "audit",
        .summary = "Show who did what to which thing, newest first",
        .text =
            "Every change, every denial, every sign-in and every use of a link, with when, from "
            "where, by what proof and with what outcome. Lines are only ever added.",
        .examples = "  stroma audit --data lab --who rosalind --outcome denied\n",
        .options = {{"--who", &options->who, "USER", "name or id"},
                    {"--action", &options->action, "ACTION", "like change, sign-in or open"},
                    {"--thing", &options->thing, "ID", "of a dataset, a job, a link…"},
                    {"--outcome",
                     &options->outcome,
                     "OUTCOME",
                     "allowed or denied",
                     {"allowed", "denied"}},
                    {"--limit", &options->limit, "N", "lines at most, 1 to 1000"}},
        .run = [options](Invocation& invocation) { return run_audit(*options, invocation); },
    };
}

}  // namespace stroma::app
