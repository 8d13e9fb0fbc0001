#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb user_verb() {
    auto options = std::make_shared<UserOptions>();
    Verb verb{.name = "user",
              .summary = "List and add those who may ask",
              .examples =
                  "  stroma user add --data lab rosalind --email r@lab.example --password\n"
                  "  stroma user passwd --data lab rosalind < secret.txt\n"};
    verb.verbs = {
        {.name = "list",
         .summary = "Everyone",
         .run = [options](Invocation& invocation) { return run_user_list(*options, invocation); }},
        {.name = "add",
         .summary = "Add a user; invite them next, or make a token for them",
         .options = {{"name", &options->name, "NAME", "a name of their own", {}, true},
                     {"--email", &options->email, "ADDRESS", "signs in beside the name"},
                     {"--password", &options->has_password, "",
                      "read a password from standard input"},
                     {"--administrator", &options->is_administrator, "", "may do everything"}},
         .run = [options](Invocation& invocation) { return run_user_add(*options, invocation); }},
        {.name = "passwd",
         .summary = "Set a user's password, read from standard input; their sessions end",
         .options = {{"name", &options->name, "NAME", "name or id", {}, true}},
         .run =
             [options](Invocation& invocation) { return run_user_passwd(*options, invocation); }},
        {.name = "invite",
         .summary = "Make a secret with which a user sets their password at /#/setup, once",
         .options = {{"name", &options->name, "NAME", "name or id", {}, true}},
         .run =
             [options](Invocation& invocation) { return run_user_invite(*options, invocation); }},
    };
    return verb;
}

}  // namespace stroma::app
