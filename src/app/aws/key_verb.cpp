#include <memory>

#include "app/aws/aws_verbs.h"
#include "app/aws/key_records.h"
#include "app/session.h"
#include "app/terminal/text_table.h"
#include "base/json.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

struct KeyOptions {
    std::string user, key, label;
};

Result<void> run_key_create(const KeyOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    std::string made;
    if (session.site) {
        made = TRY(create_key(*session.site, options.user, options.label));
    } else {
        const Json body = {{"user", options.user}, {"label", options.label}};
        made = TRY(session.remote->post("/internal/keys", body.dump()));
    }
    invocation.terminal->say("this secret is shown once");
    if (invocation.json) {
        invocation.terminal->print(made + "\n");
        return {};
    }
    const Json key = TRY(parse_json(made));
    invocation.terminal->print("export AWS_ACCESS_KEY_ID=" + key.value("id", "") +
                               "\nexport AWS_SECRET_ACCESS_KEY=" + key.value("secret", "") + "\n");
    return {};
}

Result<void> run_key_list(const KeyOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string text =
        session.site ? TRY(list_keys(*session.site, options.user))
                     : TRY(session.remote->get("/internal/keys?user=" +
                                               front::http::percent_encode(options.user)));
    if (invocation.json) {
        invocation.terminal->print(text + "\n");
        return {};
    }
    TextTable table({{"id"}, {"label"}, {"created"}});
    for (const Json& key : TRY(parse_json(text)))
        table.add({key.value("id", ""), key.value("label", ""), key.value("created", "")});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_key_revoke(const KeyOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.site)
        TRY(revoke_key(*session.site, options.key));
    else
        TRY(session.remote->remove("/internal/keys/" + front::http::percent_encode(options.key)));
    invocation.terminal->say("revoked " + options.key);
    return {};
}

}  // namespace

Verb key_verb() {
    auto options = std::make_shared<KeyOptions>();
    const auto bind = [options](auto function) {
        return
            [options, function](Invocation& invocation) { return function(*options, invocation); };
    };
    const Option user = {"user", &options->user, "USER", "name or id", {}, true};
    Verb verb{.name = "key",
              .summary = "Make, list and revoke the access keys of AWS clients",
              .examples = "  stroma key create --data lab rosalind --label laptop\n"};
    verb.verbs = {
        {.name = "list",
         .summary = "A user's access keys, without their secrets",
         .options = {user},
         .run = bind(run_key_list)},
        {.name = "create",
         .summary = "Make an access key; its secret is shown this once",
         .options = {user, {"--label", &options->label, "TEXT", "what it is for"}},
         .run = bind(run_key_create)},
        {.name = "revoke",
         .summary = "End an access key at once",
         .options = {{"key", &options->key, "KEY", "its id", {}, true}},
         .run = bind(run_key_revoke)},
    };
    return verb;
}

}  // namespace stroma::app
