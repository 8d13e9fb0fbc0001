#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb user_verb() {
    auto options = std::make_shared<UserOptions>();
    Verb verb{.name = "user",
              .summary = "List, add and disable those who may ask",
              .examples = "  stroma user add --data lab rosalind\n"};
    verb.verbs = {
        {.name = "list",
         .summary = "Everyone",
         .run = [options](Invocation& invocation) { return run_user_list(*options, invocation); }},
        {.name = "disable",
         .summary = "Refuse a user and their tokens from now on",
         .options = {{"name", &options->name, "USER", "name or id", {}, true}},
         .run =
             [options](Invocation& invocation) { return run_user_disable(*options, invocation); }},
        {.name = "enable",
         .summary = "Let a disabled user in again",
         .options = {{"name", &options->name, "USER", "name or id", {}, true}},
         .run =
             [options](Invocation& invocation) { return run_user_enable(*options, invocation); }},
        {.name = "add",
         .summary = "Add a user; make a token for them next",
         .options = {{"name", &options->name, "NAME", "a name of their own", {}, true},
                     {"--administrator", &options->is_administrator, "", "may do everything"}},
         .run = [options](Invocation& invocation) { return run_user_add(*options, invocation); }},
    };
    return verb;
}

}  // namespace stroma::app
