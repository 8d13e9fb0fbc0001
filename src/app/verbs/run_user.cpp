#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "account/password.h"
#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

namespace stroma::app {
namespace {

std::string role_text(catalog::Role role) {
    return role == catalog::Role::administrator ? "administrator" : "user";
}

Result<catalog::Principal> named_principal(Site& site, const std::string& name) {
    if (auto principal = TRY(site.catalog().find_principal(name))) return *std::move(principal);
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

}  // namespace

Result<void> run_user_list(const UserOptions&, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    Json list = Json::array();
    TextTable table({{"name"}, {"role"}, {"created"}, {"id"}});
    for (const auto& principal : TRY(site->catalog().principals())) {
        const std::string created = iso_time(principal.created_ms);
        table.add({principal.name, role_text(principal.role), created, principal.id});
        list.push_back({{"id", principal.id},
                        {"name", principal.name},
                        {"role", role_text(principal.role)},
                        {"created", created}});
    }
    invocation.terminal->print(invocation.json ? list.dump() + "\n"
                                               : table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_user_add(const UserOptions& options, Invocation& invocation) {
    const std::string password = options.has_password ? TRY(read_password(invocation)) : "";
    if (options.has_password) TRY(account::check_password(password, options.name, options.email));
    const auto site = TRY(open_site(invocation));
    const auto role = options.is_administrator ? catalog::Role::administrator : catalog::Role::user;
    const auto principal = TRY(site->catalog().create_principal(options.name, role));
    if (!options.email.empty()) TRY(site->accounts().set_email(principal.id, options.email));
    if (options.has_password) TRY(site->accounts().set_password(principal.id, password));
    TRY(site->audit().note(catalog::local_administrator(), "create", "user", principal.id, true));
    invocation.terminal->print(
        Json{{"id", principal.id}, {"name", principal.name}, {"role", role_text(role)}}.dump() +
        "\n");
    return {};
}

Result<void> run_user_passwd(const UserOptions& options, Invocation& invocation) {
    const std::string password = TRY(read_password(invocation));
    const auto site = TRY(open_site(invocation));
    const auto principal = TRY(named_principal(*site, options.name));
    TRY(site->accounts().set_password(principal.id, password));
    TRY(site->audit().note(catalog::local_administrator(), "password", "user", principal.id, true));
    invocation.terminal->say("the password of " + principal.name +
                             " is set; their sessions are over");
    return {};
}

Result<void> run_user_invite(const UserOptions& options, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    const auto principal = TRY(named_principal(*site, options.name));
    const auto made = TRY(site->accounts().invite(principal.id, Milliseconds{0}));
    TRY(site->audit().note(catalog::local_administrator(), "invite", "user", principal.id, true));
    invocation.terminal->say("works once, until " + iso_time(made.expires_ms) +
                             ", at the site's page /#/setup?secret=");
    if (invocation.json)
        invocation.terminal->print(
            Json{{"secret", made.secret}, {"expires", iso_time(made.expires_ms)}}.dump() + "\n");
    else
        invocation.terminal->print(made.secret + "\n");
    return {};
}

Result<void> run_token_list(const TokenOptions& options, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    const auto principal = TRY(named_principal(*site, options.user));
    Json list = Json::array();
    TextTable table({{"id"}, {"label"}, {"expires"}, {"revoked"}});
    for (const auto& token : TRY(site->catalog().tokens(principal.id))) {
        const std::string expires = token.expires_ms == 0 ? "never" : iso_time(token.expires_ms);
        table.add({token.id, token.label, expires, token.revoked ? "yes" : "no"});
        list.push_back({{"id", token.id},
                        {"label", token.label},
                        {"expires", expires},
                        {"scopes", token.scopes},
                        {"revoked", token.revoked}});
    }
    invocation.terminal->print(invocation.json ? list.dump() + "\n"
                                               : table.text(invocation.terminal->output().columns));
    return {};
}

Result<void> run_token_create(const TokenOptions& options, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    const auto principal = TRY(named_principal(*site, options.user));
    const std::int64_t expires_ms =
        options.days == 0 ? 0 : site->clock().unix_ms() + options.days * 24 * 3600 * 1000;
    const auto made =
        TRY(site->catalog().create_token(principal.id, options.label, options.scopes, expires_ms));
    TRY(site->audit().note(catalog::local_administrator(), "create", "token", made.token.id, true));
    invocation.terminal->say("this secret is shown once; only its hash is kept");
    if (invocation.json)
        invocation.terminal->print(Json{{"id", made.token.id}, {"secret", made.secret}}.dump() +
                                   "\n");
    else
        invocation.terminal->print(made.secret + "\n");
    return {};
}

Result<void> run_token_revoke(const TokenOptions& options, Invocation& invocation) {
    const auto site = TRY(open_site(invocation));
    TRY(site->catalog().revoke_token(options.token));
    TRY(site->audit().note(catalog::local_administrator(), "remove", "token", options.token, true));
    invocation.terminal->say("revoked " + options.token);
    return {};
}

}  // namespace stroma::app
