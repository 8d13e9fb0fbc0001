#include <memory>

#include "app/completion.h"
#include "app/verbs/verbs.h"

namespace stroma::app {

Verb completion_verb() {
    auto shell = std::make_shared<std::string>();
    return {
        .name = "completion",
        .summary = "Print a script that completes stroma's words in a shell",
        .examples =
            "  source <(stroma completion bash)\n"
            "  stroma completion zsh > ~/.zfunc/_stroma\n"
            "  stroma completion fish > ~/.config/fish/completions/stroma.fish\n",
        .options = {{"shell", shell.get(), "SHELL", "which shell", {"bash", "zsh", "fish"}, true}},
        .run = [shell](Invocation& invocation) -> Result<void> {
            invocation.terminal->print(TRY(completion_script(*shell, all_verbs())));
            return {};
        },
        .data_use = DataUse::none,
    };
}

}  // namespace stroma::app
