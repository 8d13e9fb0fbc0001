#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "account/password.h"
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

/// One line of standard input, of a terminal without its echo.
std::string read_line_unseen(Terminal& terminal, std::string_view prompt) {
    const bool is_terminal = ::isatty(STDIN_FILENO) == 1;
    termios shown{};
    if (is_terminal) {
        terminal.print_error(prompt);
        ::tcgetattr(STDIN_FILENO, &shown);
        termios unseen = shown;
        unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
    }
    std::string line;
    std::getline(std::cin, line);
    if (is_terminal) {
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        terminal.print_error("\n");
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

Result<std::string> read_password(Invocation& invocation) {
    std::string password = read_line_unseen(*invocation.terminal, "password: ");
    if (::isatty(STDIN_FILENO) == 1 &&
        read_line_unseen(*invocation.terminal, "again: ") != password)
        return fail(ErrorCode::invalid_input, "the two passwords differ");
    if (password.empty())
        return fail(ErrorCode::invalid_input, "standard input has no password in its first line");
    return password;
}

/// Whoever has the data directory may all; it is for the audit.
Result<void> note(Site& site, std::string_view action, std::string_view kind,
                  const std::string& id) {
    return site.audit().note(catalog::local_administrator(), action, kind, id, true);
}

/// A password is not sent through another program's server: it is set where its data lies.
Result<Session> session_for_password(const Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.site) return session;
    return fail(ErrorCode::conflict,
                "passwords are set while no server runs here; 'stroma user invite' lets people set "
                "their own at any time");
}

void print(const Json& json, Invocation& invocation) {
    invocation.terminal->print(json.dump() + "\n");
}

std::string time_text(const Json& time, std::string_view absent) {
    return time.is_null() ? std::string(absent) : time.get<std::string>();
}

Result<void> add_with_password(const UserOptions& options, Invocation& invocation) {
    const std::string password = TRY(read_password(invocation));
    TRY(account::check_password(password, options.name, options.email));
    const Session session = TRY(session_for_password(invocation));
    Site* const site = session.site.get();
    const auto role = options.is_administrator ? catalog::Role::administrator : catalog::Role::user;
    const auto made = TRY(site->catalog().create_principal(options.name, role));
    if (!options.email.empty()) TRY(site->accounts().set_email(made.id, options.email));
    TRY(site->accounts().set_password(made.id, password));
    TRY(note(*site, "create", "user", made.id));
    print(described(made), invocation);
    return {};
}

Result<void> set_disabled(const UserOptions& options, bool disabled, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string id = TRY(id_of_user(session, options.name));
    if (session.site) {
        TRY(session.site->catalog().set_disabled(id, disabled));
        TRY(note(*session.site, disabled ? "disable" : "enable", "user", id));
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
    if (options.has_password) return add_with_password(options, invocation);
    Session session = TRY(open_session(invocation));
    const auto role = options.is_administrator ? catalog::Role::administrator : catalog::Role::user;
    if (session.remote) {
        Json body = {{"name", options.name},
                     {"role", options.is_administrator ? "administrator" : "user"}};
        std::string answer = TRY(session.remote->post("/v1/principals", body.dump()));
        Json made = TRY(parse_json(answer));
        if (!options.email.empty()) {
            body = {{"email", options.email}};
            answer =
                TRY(session.remote->patch("/v1/principals/" + made.value("id", ""), body.dump()));
            made = TRY(parse_json(answer));
        }
        print(made, invocation);
        return {};
    }
    const auto made = TRY(session.site->catalog().create_principal(options.name, role));
    if (!options.email.empty()) TRY(session.site->accounts().set_email(made.id, options.email));
    TRY(note(*session.site, "create", "user", made.id));
    print(described(made), invocation);
    return {};
}

Result<void> run_user_passwd(const UserOptions& options, Invocation& invocation) {
    const std::string password = TRY(read_password(invocation));
    Session session = TRY(session_for_password(invocation));
    const std::string id = TRY(id_of_user(session, options.name));
    TRY(session.site->accounts().set_password(id, password));
    TRY(note(*session.site, "password", "user", id));
    invocation.terminal->say("the password of " + options.name +
                             " is set; their sessions are over");
    return {};
}

Result<void> run_user_invite(const UserOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    const std::string id = TRY(id_of_user(session, options.name));
    Json made;
    if (session.remote) {
        const std::string answer =
            TRY(session.remote->post("/v1/principals/" + id + "/invitation", "{}"));
        made = TRY(parse_json(answer));
    } else {
        const auto invitation = TRY(session.site->accounts().invite(id, Milliseconds{0}));
        TRY(note(*session.site, "invite", "user", id));
        made = {{"secret", invitation.secret}, {"expires", iso_time(invitation.expires_ms)}};
    }
    const std::string secret = made.value("secret", ""), expires = made.value("expires", "");
    invocation.terminal->say("works once, until " + expires +
                             ", at the site's page /#/setup?secret=");
    if (invocation.json)
        print({{"secret", secret}, {"expires", expires}}, invocation);
    else
        invocation.terminal->print(secret + "\n");
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
        TRY(note(*session.site, "create", "token", id));
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
    if (session.site) {
        TRY(session.site->catalog().revoke_token(options.token));
        TRY(note(*session.site, "remove", "token", options.token));
    } else {
        TRY(session.remote->remove("/v1/tokens/" + front::http::percent_encode(options.token)));
    }
    invocation.terminal->say("revoked " + options.token);
    return {};
}

}  // namespace stroma::app
