#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "catalog/catalog.h"
#include "catalog/catalog_state.h"

namespace stroma::catalog {
namespace {

constexpr std::string_view select_principal =
    "SELECT id, name, role, disabled, created_ms FROM principals";
constexpr std::size_t secret_bytes = 32;
constexpr std::int64_t used_precision_ms = 60'000;
constexpr std::size_t scopes_max = 100;

Principal principal_in(const sql::Rows& row) {
    Principal principal;
    principal.id = row.text(0);
    principal.name = row.text(1);
    principal.role = row.text(2) == "administrator" ? Role::administrator : Role::user;
    principal.disabled = row.boolean(3);
    principal.created_ms = row.integer(4);
    return principal;
}

std::vector<std::string> split_scopes(std::string_view text) {
    std::vector<std::string> scopes;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) scopes.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return scopes;
}

Token token_in(const sql::Rows& row) {
    return {.id = row.text(0),
            .principal = row.text(1),
            .label = row.text(2),
            .scopes = split_scopes(row.text(3)),
            .created_ms = row.integer(4),
            .expires_ms = row.integer(5),
            .used_ms = row.integer(6),
            .revoked = row.boolean(7)};
}

constexpr std::string_view select_token =
    "SELECT id, principal, label, scopes, created_ms, expires_ms, used_ms, revoked FROM tokens";

Result<void> check_scope(std::string_view scope) {
    if (scope == "read" || scope == "write" || scope == "admin") return {};
    constexpr std::string_view dataset = "dataset:";
    if (scope.substr(0, dataset.size()) == dataset)
        return check_name("dataset id of a scope", scope.substr(dataset.size()));
    return fail(ErrorCode::invalid_input,
                fmt::format("'{}' is no scope; use read, write, admin or dataset:<id>", scope));
}

Error no_principal(std::string_view id) {
    return {ErrorCode::not_found, fmt::format("there is no principal '{}'", id)};
}

}  // namespace

Result<std::optional<Principal>> principal_by_id(sql::Connection& connection, std::string_view id) {
    const auto rows = TRY(
        connection.execute(fmt::format("{} WHERE id = ?", select_principal), {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return principal_in(*rows);
}

Result<Principal> Catalog::create_principal(std::string_view name, Role role) {
    TRY(check_name("principal name", name));
    if (role == Role::anonymous || name == anonymous_principal().name)
        return fail(ErrorCode::invalid_input,
                    "the anonymous principal is not created; it is who "
                    "comes without a token");
    Principal principal;
    principal.id = state_->ids.uuid();
    principal.name = name;
    principal.role = role;
    principal.created_ms = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    const auto inserted =
        connection->change("INSERT INTO principals VALUES(?, ?, ?, ?, ?)",
                           {principal.id, principal.name,
                            std::string(role == Role::administrator ? "administrator" : "user"),
                            false, principal.created_ms});
    if (inserted) return principal;
    if (inserted.error().code != ErrorCode::already_exists) return fail(inserted.error());
    return fail(ErrorCode::already_exists,
                fmt::format("the principal name '{}' is taken; choose another", name));
}

Result<std::optional<Principal>> Catalog::find_principal(std::string_view id_or_name) {
    const auto connection = TRY(state_->pool.take());
    if (auto by_id = TRY(principal_by_id(*connection, id_or_name))) return by_id;
    const auto rows = TRY(connection->execute(fmt::format("{} WHERE name = ?", select_principal),
                                              {std::string(id_or_name)}));
    if (!TRY(rows->next())) return std::nullopt;
    return principal_in(*rows);
}

Result<std::vector<Principal>> Catalog::principals() {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(fmt::format("{} ORDER BY name", select_principal)));
    std::vector<Principal> principals;
    while (TRY(rows->next())) principals.push_back(principal_in(*rows));
    return principals;
}

Result<void> Catalog::set_disabled(std::string_view principal, bool disabled) {
    if (principal == local_administrator().id && disabled)
        return fail(ErrorCode::invalid_input,
                    "the local administrator owns the data directory and cannot be disabled");
    const auto connection = TRY(state_->pool.take());
    if (TRY(connection->change("UPDATE principals SET disabled = ? WHERE id = ?",
                               {disabled, std::string(principal)})) == 0)
        return fail(no_principal(principal));
    return {};
}

Result<NewToken> Catalog::create_token(std::string_view principal, std::string_view label,
                                       std::vector<std::string> scopes, std::int64_t expires_ms) {
    TRY(check_text("label", label));
    if (scopes.size() > scopes_max)
        return fail(ErrorCode::exhausted, fmt::format("a token has at most {} scopes", scopes_max));
    std::string joined;
    for (const std::string& scope : scopes) {
        TRY(check_scope(scope));
        joined += joined.empty() ? scope : " " + scope;
    }
    const auto connection = TRY(state_->pool.take());
    const auto owner = TRY(principal_by_id(*connection, principal));
    if (!owner) return fail(no_principal(principal));
    NewToken made;
    made.token = {.id = state_->ids.uuid(),
                  .principal = owner->id,
                  .label = std::string(label),
                  .scopes = std::move(scopes),
                  .created_ms = state_->clock.unix_ms(),
                  .expires_ms = expires_ms,
                  .used_ms = 0,
                  .revoked = false};
    made.secret = "stroma_" + state_->ids.secret(secret_bytes);
    TRY(connection->change("INSERT INTO tokens VALUES(?, ?, ?, ?, ?, ?, ?, 0, ?)",
                           {made.token.id, made.token.principal, made.token.label, joined,
                            sha256_hex(made.secret), made.token.created_ms, expires_ms, false}));
    return made;
}

Result<Principal> Catalog::principal_of_token(std::string_view secret) {
    // One answer for every reason, so that a guess learns nothing.
    const Error refused{ErrorCode::denied, "the token is unknown, expired or revoked"};
    const std::int64_t now = state_->clock.unix_ms();
    const auto connection = TRY(state_->pool.take());
    std::optional<Token> token;
    {
        const auto rows = TRY(connection->execute(
            fmt::format("{} WHERE secret_hash = ?", select_token), {sha256_hex(secret)}));
        if (TRY(rows->next())) token = token_in(*rows);
    }
    if (!token || token->revoked || (token->expires_ms != 0 && token->expires_ms <= now))
        return fail(refused);
    auto principal = TRY(principal_by_id(*connection, token->principal));
    if (!principal || principal->disabled) return fail(refused);
    if (now - token->used_ms >= used_precision_ms)
        TRY(connection->change("UPDATE tokens SET used_ms = ? WHERE id = ?", {now, token->id}));
    principal->scopes = std::move(token->scopes);
    principal->asking.by = "token";
    principal->asking.proof = token->id;
    return *std::move(principal);
}

Result<std::vector<Token>> Catalog::tokens(std::string_view principal) {
    const auto connection = TRY(state_->pool.take());
    const auto rows = TRY(connection->execute(
        fmt::format("{} WHERE principal = ? ORDER BY created_ms, id", select_token),
        {std::string(principal)}));
    std::vector<Token> tokens;
    while (TRY(rows->next())) tokens.push_back(token_in(*rows));
    return tokens;
}

Result<void> Catalog::revoke_token(std::string_view token_id) {
    const auto connection = TRY(state_->pool.take());
    if (TRY(connection->change("UPDATE tokens SET revoked = ? WHERE id = ?",
                               {true, std::string(token_id)})) == 0)
        return fail(ErrorCode::not_found, fmt::format("there is no token '{}'", token_id));
    return {};
}

}  // namespace stroma::catalog
