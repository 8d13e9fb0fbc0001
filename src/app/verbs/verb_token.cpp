#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb token_verb() {
    auto options = std::make_shared<TokenOptions>();
    const auto bind = [options](auto function) {
        return
            [options, function](Invocation& invocation) { return function(*options, invocation); };
    };
    const Option user = {"user", &options->user, "USER", "name or id", {}, true};
    Verb verb{.name = "token",
              .summary = "Make, list and revoke the tokens of HTTP clients",
              .examples = "  stroma token create --data lab rosalind --label notebook\n"};
    verb.verbs = {
        {.name = "list",
         .summary = "A user's tokens, without their secrets",
         .options = {user},
         .run = bind(run_token_list)},
        {.name = "create",
         .summary = "Make a token; its secret is shown this once",
         .options = {user,
                     {"--label", &options->label, "TEXT", "what it is for"},
                     {"--scopes", &options->scopes, "SCOPES",
                      "what it may do at most, with commas (default: all that the user may)"},
                     {"--days", &options->days, "N", "until it expires; 0 is never"}},
         .run = bind(run_token_create)},
        {.name = "revoke",
         .summary = "End a token at once",
         .options = {{"token", &options->token, "TOKEN", "its id", {}, true}},
         .run = bind(run_token_revoke)},
    };
    return verb;
}

}  // namespace stroma::app
