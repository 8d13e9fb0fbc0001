#include "app/build_info.h"
#include "app/verbs/verbs.h"

namespace stroma::app {

Verb version_verb() {
    return {
        .name = "version",
        .summary = "The version, and the libraries it was built with",
        .run = [](Invocation& invocation) -> Result<void> {
            invocation.terminal->print(version_text() + "\n");
            return {};
        },
        .data_use = DataUse::none,
    };
}

}  // namespace stroma::app
