#include <memory>

#include "app/help.h"
#include "app/verbs/verbs.h"

namespace stroma::app {
namespace {

const Verb* find_verb(const std::vector<Verb>& verbs, const std::string& name) {
    for (const auto& verb : verbs)
        if (verb.name == name) return &verb;
    return nullptr;
}

Result<std::string> help_on(const std::vector<std::string>& words) {
    const std::vector<Verb> all = all_verbs();
    const std::vector<Verb>* verbs = &all;
    const Verb* verb = nullptr;
    std::string path;
    for (const auto& word : words) {
        verb = find_verb(*verbs, word);
        if (verb == nullptr)
            return fail(ErrorCode::invalid_input,
                        "there is no verb '" + path + word + "' (stroma --help)");
        verbs = &verb->verbs;
        path += word + " ";
    }
    if (verb == nullptr) return program_help(all);
    path.pop_back();
    return verb_help(path, *verb);
}

}  // namespace

Verb help_verb() {
    struct HelpOptions {
        std::vector<std::string> words;
        bool markdown = false;
    };
    auto options = std::make_shared<HelpOptions>();
    return {
        .name = "help",
        .summary = "Explain a verb",
        .examples = "  stroma help matrix\n",
        .options = {{"verb", &options->words, "VERB", "which; all when left out"},
                    {"--markdown", &options->markdown, "", "every verb on one page"}},
        .run = [options](Invocation& invocation) -> Result<void> {
            invocation.terminal->print(options->markdown ? help_page(all_verbs())
                                                         : TRY(help_on(options->words)));
            return {};
        },
        .data_use = DataUse::none,
    };
}

}  // namespace stroma::app
