#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

// Users and tokens as the API describes them, also where no server is asked.

Json time_json(std::int64_t ms) { return ms == 0 ? Json(nullptr) : Json(iso_time(ms)); }

Json described(const catalog::Principal& principal) {
    const bool is_administrator = principal.role == catalog::Role::administrator;
    return {{"id", principal.id},
            {"name", principal.name},
            {"role", is_administrator ? "administrator" : "user"},
            {"disabled", principal.disabled},
            {"created", time_json(principal.created_ms)}};
}

Json described(const catalog::Token& token) {
    return {{"id", token.id},
            {"principal", token.principal},
            {"label", token.label},
            {"scopes", token.scopes},
            {"created", time_json(token.created_ms)},
            {"expires", time_json(token.expires_ms)},
            {"used", time_json(token.used_ms)},
            {"revoked", token.revoked}};
}

template <class T>
Json listed(const std::vector<T>& things) {
    Json list = Json::array();
    for (const T& thing : things) list.push_back(described(thing));
    return list;
}

/// The list that stands in the answer under that name.
Result<Json> list_in(const std::string& answer, const char* name) {
    const Json json = TRY(parse_json(answer));
    return json.value(name, Json::array());
}

Result<Json> users(Session& session) {
    if (session.site) return listed(TRY(session.site->catalog().principals()));
    const std::string answer = TRY(session.remote->get("/v1/principals"));
    return list_in(answer, "principals");
}

/// The id of the user who has that name or id.
Result<std::string> id_of_user(Session& session, const std::string& name) {
    for (const char* member : {"id", "name"})
        for (const Json& user : TRY(users(session)))
            if (user.value(member, "") == name) return user.value("id", "");
    return fail(ErrorCode::not_found, "no user '" + name + "'; 'stroma user list' shows them");
}

void print(const Json& json, Invocation& invocation) {
    invocation.terminal->print(json.dump() + "\n");
}

std::string time_text(const Json& time, std::string_view absent) {
    return time.is_null() ? std::string(absent) : time.get<std::string>();
}

Result<void> set_disabled(const UserOptions& options, bool disabled, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string id = TRY(id_of_user(session, options.name));
    if (session.site) {
        TRY(session.site->catalog().set_disabled(id, disabled));
    } else {
        const Json body = {{"disabled", disabled}};
        TRY(session.remote->patch("/v1/principals/" + id, body.dump()));
    }
    invocation.terminal->say((disabled ? "disabled " : "enabled ") + options.name);
    return {};
}

}  // namespace

Result<void> run_user_list(const UserOptions&, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const Json list = TRY(users(session));
    if (invocation.json) {
        print(list, invocation);
        return {};
    }
    TextTable table({{"name"}, {"role"}, {"disabled"}, {"created"}, {"id"}});
    for (const Json& user : list)
        table.add({user.value("name", ""), user.value("role", ""),
                   user.value("disabled", false) ? "yes" : "no", time_text(user.at("created"), ""),
                   user.value("id", "")});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_user_add(const UserOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const auto role = options.is_administrator ? catalog::Role::administrator : catalog::Role::user;
    if (session.site) {
        const auto made = TRY(session.site->catalog().create_principal(options.name, role));
        print(described(made), invocation);
        return {};
    }
    const Json body = {{"name", options.name},
                       {"role", options.is_administrator ? "administrator" : "user"}};
    const std::string answer = TRY(session.remote->post("/v1/principals", body.dump()));
    const Json made = TRY(parse_json(answer));
    print(made, invocation);
    return {};
}

Result<void> run_user_disable(const UserOptions& options, Invocation& invocation) {
    return set_disabled(options, true, invocation);
}

Result<void> run_user_enable(const UserOptions& options, Invocation& invocation) {
    return set_disabled(options, false, invocation);
}

Result<void> run_token_list(const TokenOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string user = TRY(id_of_user(session, options.user));
    Json list;
    if (session.site) {
        list = listed(TRY(session.site->catalog().tokens(user)));
    } else {
        const std::string answer = TRY(session.remote->get("/v1/tokens?principal=" + user));
        list = TRY(list_in(answer, "tokens"));
    }
    if (invocation.json) {
        print(list, invocation);
        return {};
    }
    TextTable table({{"id"}, {"label"}, {"expires"}, {"revoked"}});
    for (const Json& token : list)
        table.add({token.value("id", ""), token.value("label", ""),
                   time_text(token.at("expires"), "never"),
                   token.value("revoked", false) ? "yes" : "no"});
    invocation.terminal->print(table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_token_create(const TokenOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string user = TRY(id_of_user(session, options.user));
    const std::int64_t seconds = options.days * 24 * 3600;
    std::string id, secret;
    if (session.site) {
        const std::int64_t expires_ms =
            seconds == 0 ? 0 : session.site->clock().unix_ms() + seconds * 1000;
        const auto made = TRY(
            session.site->catalog().create_token(user, options.label, options.scopes, expires_ms));
        id = made.token.id;
        secret = made.secret;
    } else {
        const Json body = {{"principal", user},
                           {"label", options.label},
                           {"scopes", options.scopes},
                           {"expires_in_seconds", seconds}};
        const std::string answer = TRY(session.remote->post("/v1/tokens", body.dump()));
        const Json made = TRY(parse_json(answer));
        id = made.value("id", "");
        secret = made.value("secret", "");
    }
    invocation.terminal->say("this secret is shown once; only its hash is kept");
    if (invocation.json)
        print(Json{{"id", id}, {"secret", secret}}, invocation);
    else
        invocation.terminal->print(secret + "\n");
    return {};
}

Result<void> run_token_revoke(const TokenOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.site)
        TRY(session.site->catalog().revoke_token(options.token));
    else
        TRY(session.remote->remove("/v1/tokens/" + front::http::percent_encode(options.token)));
    invocation.terminal->say("revoked " + options.token);
    return {};
}

}  // namespace stroma::app
