#include "account/oidc.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "account/id_token.h"
#include "base/digest.h"
#include "base/json.h"
#include "sql/connection_pool.h"

namespace stroma::account {
namespace {

constexpr std::size_t secret_bytes = 32;
constexpr std::int64_t way_ms_max = 10 * 60 * 1000;
constexpr std::int64_t metadata_ms_max = 3600 * 1000;
constexpr std::int64_t keys_ms_min = 30 * 1000;  // between two readings for an unknown key
constexpr int names_tried_max = 1000;

struct Provider {
    std::string authorization_endpoint, token_endpoint, keys;
    std::string keys_url;
    std::int64_t read_ms = 0, keys_read_again_ms = 0;
};

std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z') || c == '-' || c == '.' || c == '_';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return out;
}

/// "a=1&b=2" of names and values.
std::string form_of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
    std::string form;
    for (const auto& [name, value] : fields)
        form += fmt::format("{}{}={}", form.empty() ? "" : "&", name, encoded(value));
    return form;
}

/// RFC 7617's base64 with padding, of "id:secret", each form-encoded (RFC 6749, section 2.3.1).
std::string basic_authorization(const OidcOptions& options) {
    std::string text =
        base64url(as_bytes(encoded(options.client_id) + ":" + encoded(options.client_secret)));
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    while (text.size() % 4 != 0) text += '=';
    return "Basic " + text;
}

std::string challenge_of(std::string_view verifier) {
    Digest digest(DigestKind::sha256);
    digest.update(verifier);
    return base64url(digest.bytes());
}

std::string text_in(const Json& json, const std::string& name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The values of a claim that is a text or a list of texts.
std::vector<std::string> values_in(const Json& claims, const std::string& name) {
    std::vector<std::string> values;
    const auto found = claims.find(name);
    if (found == claims.end()) return values;
    if (found->is_string()) values.push_back(found->get<std::string>());
    if (found->is_array())
        for (const Json& each : *found)
            if (each.is_string()) values.push_back(each.get<std::string>());
    return values;
}

bool have_one_in_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    return std::find_first_of(a.begin(), a.end(), b.begin(), b.end()) != a.end();
}

/// A principal's name out of what the provider calls somebody.
std::string plain_name(const Json& claims) {
    std::string name = text_in(claims, "preferred_username");
    if (name.empty()) name = text_in(claims, "email");
    if (name.empty()) name = text_in(claims, "name");
    name = name.substr(0, name.find('@'));
    std::string plain;
    for (const char c : name) {
        const bool good =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (good)
            plain += c;
        else if (!plain.empty() && plain.back() != '-')
            plain += '-';
    }
    while (plain.ends_with('-')) plain.pop_back();
    return plain.empty() ? "user" : plain.substr(0, 100);
}

}  // namespace

struct Oidc::State {
    sql::ConnectionPool pool;
    Accounts& accounts;
    catalog::Catalog& catalog;
    const Clock& clock;
    IdSource& ids;
    OidcOptions options;
    Ask ask;
    std::mutex mutex;
    Provider provider;  // under the mutex

    Result<Provider> read_provider();
    Result<Provider> with_new_keys();
    Result<std::string> checked_claims(std::string_view id_token, std::string_view nonce);
    Result<std::string> user_of(const Json& claims, const std::string& link_to);
    Result<std::string> new_user(const Json& claims);
    Result<void> set_role(const std::string& principal, bool is_administrator);
};

/// What the provider says of itself, read once an hour.
Result<Provider> Oidc::State::read_provider() {
    const std::lock_guard lock(mutex);
    const std::int64_t now = clock.unix_ms();
    if (provider.read_ms != 0 && now - provider.read_ms < metadata_ms_max) return provider;
    const std::string slash = options.issuer.ends_with('/') ? "" : "/";
    const std::string text =
        TRY_WITH(ask(options.issuer + slash + ".well-known/openid-configuration", "", ""),
                 "the sign-in provider");
    const Json json = TRY_WITH(parse_json(text), "the sign-in provider's description");
    Provider read{.authorization_endpoint = text_in(json, "authorization_endpoint"),
                  .token_endpoint = text_in(json, "token_endpoint"),
                  .keys = "",
                  .keys_url = text_in(json, "jwks_uri"),
                  .read_ms = now};
    if (text_in(json, "issuer") != options.issuer)
        return fail(ErrorCode::unavailable,
                    "the sign-in provider calls itself by another name than oidc.issuer");
    if (read.authorization_endpoint.empty() || read.token_endpoint.empty())
        return fail(ErrorCode::unavailable, "the sign-in provider lacks its endpoints");
    read.keys = TRY_WITH(ask(read.keys_url, "", ""), "the sign-in provider's keys");
    provider = std::move(read);
    return provider;
}

/// The provider with its keys read again, as it may have changed them; not too often.
Result<Provider> Oidc::State::with_new_keys() {
    const std::lock_guard lock(mutex);
    const std::int64_t now = clock.unix_ms();
    if (now - provider.keys_read_again_ms < keys_ms_min) return provider;
    provider.keys = TRY_WITH(ask(provider.keys_url, "", ""), "the sign-in provider's keys");
    provider.keys_read_again_ms = now;
    return provider;
}

Result<std::string> Oidc::State::checked_claims(std::string_view id_token, std::string_view nonce) {
    const TokenExpectation expectation{.issuer = options.issuer,
                                       .client_id = options.client_id,
                                       .nonce = std::string(nonce),
                                       .now_seconds = clock.unix_ms() / 1000};
    const Provider known = TRY(read_provider());
    auto claims = check_id_token(id_token, known.keys, expectation);
    if (claims || claims.error().code != ErrorCode::not_found) return claims;
    const Provider again = TRY(with_new_keys());
    claims = check_id_token(id_token, again.keys, expectation);
    if (!claims && claims.error().code == ErrorCode::not_found)
        return fail(ErrorCode::denied, claims.error().message);
    return claims;
}

Result<void> Oidc::State::set_role(const std::string& principal, bool is_administrator) {
    const auto connection = TRY(pool.take());
    TRY(connection->change("UPDATE principals SET role = ? WHERE id = ? AND id <> 'local'",
                           {std::string(is_administrator ? "administrator" : "user"), principal}));
    return {};
}

Result<std::string> Oidc::State::new_user(const Json& claims) {
    const std::string name = plain_name(claims);
    for (int i = 1; i <= names_tried_max; ++i) {
        const auto made = catalog.create_principal(i == 1 ? name : fmt::format("{}-{}", name, i),
                                                   catalog::Role::user);
        if (!made && made.error().code == ErrorCode::already_exists) continue;
        if (!made && made.error().code == ErrorCode::invalid_input) continue;
        if (!made) return fail(made.error());
        const auto verified = claims.find("email_verified");
        const bool is_verified = verified != claims.end() && *verified == true;
        // An address that another user has stays theirs.
        if (const std::string email = text_in(claims, "email"); is_verified && !email.empty())
            if (const auto set = accounts.set_email(made->id, email);
                !set && set.error().code != ErrorCode::already_exists &&
                set.error().code != ErrorCode::invalid_input)
                return fail(set.error());
        return made->id;
    }
    return fail(ErrorCode::already_exists, fmt::format("every name like '{}' is taken", name));
}

Result<std::string> Oidc::State::user_of(const Json& claims, const std::string& link_to) {
    const std::string subject = text_in(claims, "sub");
    const auto groups = values_in(claims, options.role_claim);
    const bool is_administrator = have_one_in_common(groups, options.administrator_values);
    if (!options.role_claim.empty() && !options.user_values.empty() && !is_administrator &&
        !have_one_in_common(groups, options.user_values))
        return fail(ErrorCode::denied, "the provider knows you, but you have no part in this site");
    auto user = TRY(accounts.principal_of_identity(options.issuer, subject));
    if (!link_to.empty()) {
        if (user && *user != link_to)
            return fail(ErrorCode::denied, "that identity belongs to another user here");
        if (!user) TRY(accounts.link_identity(options.issuer, subject, link_to));
        user = link_to;
    } else if (!user) {
        if (!options.create_users)
            return fail(ErrorCode::denied,
                        "you have no account here; ask an administrator, then link it");
        user = TRY(new_user(claims));
        TRY(accounts.link_identity(options.issuer, subject, *user));
    }
    if (!options.role_claim.empty()) TRY(set_role(*user, is_administrator));
    return *user;
}

Oidc::Oidc(sql::Database& database, Accounts& accounts, catalog::Catalog& catalog,
           const Clock& clock, IdSource& ids, OidcOptions options, Ask ask)
    : state_(new State{sql::ConnectionPool(database),
                       accounts,
                       catalog,
                       clock,
                       ids,
                       std::move(options),
                       std::move(ask),
                       {},
                       {}}) {}
Oidc::~Oidc() = default;

bool Oidc::is_on() const { return !state_->options.issuer.empty(); }
const std::string& Oidc::title() const { return state_->options.title; }

Result<Oidc::Begun> Oidc::begin(std::string_view redirect, std::string_view return_to,
                                std::string_view link_to) {
    const Provider provider = TRY(state_->read_provider());
    Begun begun;
    begun.state = state_->ids.secret(secret_bytes);
    const std::string nonce = state_->ids.secret(secret_bytes);
    const std::string verifier = state_->ids.secret(secret_bytes);
    const auto connection = TRY(state_->pool.take());
    TRY(connection->change("INSERT INTO sign_ins VALUES(?, ?, ?, ?, ?, ?)",
                           {sha256_hex(begun.state), nonce, verifier, std::string(return_to),
                            std::string(link_to), state_->clock.unix_ms() + way_ms_max}));
    const bool has_query = provider.authorization_endpoint.find('?') != std::string::npos;
    begun.url = provider.authorization_endpoint + (has_query ? "&" : "?") +
                form_of({{"response_type", "code"},
                         {"client_id", state_->options.client_id},
                         {"redirect_uri", redirect},
                         {"scope", state_->options.scopes},
                         {"state", begun.state},
                         {"nonce", nonce},
                         {"code_challenge", challenge_of(verifier)},
                         {"code_challenge_method", "S256"}});
    return begun;
}

Result<Oidc::Finished> Oidc::finish(std::string_view state, std::string_view cookie,
                                    std::string_view code, std::string_view issuer,
                                    std::string_view redirect) {
    const Error stray{ErrorCode::denied,
                      "this sign-in was not begun in this browser, or too long ago; begin again"};
    if (state.empty() || !equal_in_constant_time(state, cookie)) return fail(stray);
    if (!issuer.empty() && issuer != state_->options.issuer)
        return fail(ErrorCode::denied, "another provider answered than was asked");
    const std::string hash = sha256_hex(state);
    std::string nonce, verifier, link_to;
    Finished finished;
    {
        const auto connection = TRY(state_->pool.take());
        {
            const auto rows = TRY(connection->execute(
                "SELECT nonce, verifier, return_to, link_to FROM sign_ins WHERE state_hash = ? AND "
                "expires_ms > ?",
                {hash, state_->clock.unix_ms()}));
            if (!TRY(rows->next())) return fail(stray);
            nonce = rows->text(0);
            verifier = rows->text(1);
            finished.return_to = rows->text(2);
            link_to = rows->text(3);
        }
        if (TRY(connection->change("DELETE FROM sign_ins WHERE state_hash = ?", {hash})) == 0)
            return fail(stray);  // used in this moment
    }
    const OidcOptions& options = state_->options;
    const Provider provider = TRY(state_->read_provider());
    const std::string answer =
        TRY_WITH(state_->ask(provider.token_endpoint,
                             form_of({{"grant_type", "authorization_code"},
                                      {"code", code},
                                      {"redirect_uri", redirect},
                                      {"client_id", options.client_id},
                                      {"code_verifier", verifier}}),
                             options.client_secret.empty() ? "" : basic_authorization(options)),
                 "the sign-in provider's answer to the code");
    const Json tokens = TRY_WITH(parse_json(answer), "the sign-in provider's answer to the code");
    const std::string claims_text = TRY(state_->checked_claims(text_in(tokens, "id_token"), nonce));
    const Json claims = TRY(parse_json(claims_text));
    finished.is_linking = !link_to.empty();
    finished.principal = TRY(state_->user_of(claims, link_to));
    return finished;
}

}  // namespace stroma::account
