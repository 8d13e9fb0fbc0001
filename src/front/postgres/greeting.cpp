#include "front/postgres/greeting.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/log.h"
#include "front/postgres/message.h"
#include "front/postgres/scram.h"

namespace stroma::front::postgres {
namespace {

using redshift::Session;

constexpr std::chrono::seconds greeting_longest{60};
constexpr int scram_rounds = 4096;  // RFC 7677's least, and what clients insist on
constexpr std::uint32_t version_3_0 = 0x0003'0000;

/// Why a visitor is sent away, to be told.
Report fatal(std::string state, std::string message) {
    Report report;
    report.severity = "FATAL";
    report.state = std::move(state);
    report.message = std::move(message);
    return report;
}

/// Told, or an Error when the client is gone.
template <class T>
using Told = tl::expected<T, std::optional<Report>>;

tl::unexpected<std::optional<Report>> refuse(std::string state, std::string message) {
    return tl::unexpected<std::optional<Report>>(fatal(std::move(state), std::move(message)));
}
tl::unexpected<std::optional<Report>> gone() {
    return tl::unexpected<std::optional<Report>>(std::nullopt);
}

class Greeting {
public:
    Greeting(Hall& hall, Visitor& visitor) : hall_(hall), visitor_(visitor) {}

    Told<std::unique_ptr<Session>> session();

private:
    Told<Opening> opening();
    Told<void> answer_tls(bool direct);
    Told<void> agree_on_version(const Opening& opening);
    Told<Known> who(const std::string& user);
    Told<void> prove(const Known& known, const std::string& user);
    Told<std::string> password_message();
    Told<void> give_settings(Session& session, const Opening& opening);
    Told<void> send();

    Hall& hall_;
    Visitor& visitor_;
    Answers answers_;
};

std::uint32_t number_in(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
}

std::string parameter(const Opening& opening, std::string_view name) {
    for (const auto& [key, value] : opening.parameters)
        if (key == name) return value;
    return "";
}

Told<void> Greeting::send() {
    if (!visitor_.channel.write(answers_.raw())) return gone();
    answers_.clear();
    return {};
}

Told<void> Greeting::answer_tls(bool direct) {
    if (!direct && !visitor_.channel.write(hall_.tls ? "S" : "N")) return gone();
    if (!hall_.tls) {
        if (direct) return gone();
        return {};
    }
    if (!visitor_.channel.start_tls(*hall_.tls)) return gone();
    return {};
}

Told<Opening> Greeting::opening() {
    Channel& channel = visitor_.channel;
    // A request for TLS and one for GSSAPI may come before, each once.
    for (int requests = 0; requests < 3; ++requests) {
        const auto size = channel.read(4);
        if (!size) return gone();
        const std::uint32_t bytes = number_in(*size);
        // No startup packet: node-postgres says goodbye before it, and takes an answer for an
        // error.
        if (bytes < 8 || bytes > opening_bytes_max) return gone();
        const auto body = channel.read(bytes - 4);
        if (!body) return gone();
        auto opening = read_opening(*body);
        if (!opening)
            return refuse(opening.error().code == ErrorCode::unsupported ? "0A000" : "08P01",
                          opening.error().message);
        if (opening->kind == Opening::Kind::tls && !channel.has_tls()) {
            if (auto done = answer_tls(false); !done) return tl::unexpected(done.error());
        } else if (opening->kind == Opening::Kind::gssapi) {
            if (!channel.write("N")) return gone();
        } else {
            return *std::move(opening);
        }
    }
    return gone();
}

Told<void> Greeting::agree_on_version(const Opening& opening) {
    std::vector<std::string> unknown;
    for (const auto& [name, value] : opening.parameters)
        if (name.starts_with("_pq_.")) unknown.push_back(name);
    if (opening.version == version_3_0 && unknown.empty()) return {};
    answers_.begin('v').int32(version_3_0).int32(static_cast<std::uint32_t>(unknown.size()));
    for (const std::string& name : unknown) answers_.text(name);
    answers_.end();
    return send();
}

Told<std::string> Greeting::password_message() {
    const auto head = visitor_.channel.read(5);
    if (!head) return gone();
    const char type = (*head)[0];
    const std::uint32_t size = number_in(head->substr(1));
    if (type != 'p' || size < 4 || size > opening_bytes_max)
        return refuse("08P01", "expected a password response");
    const auto body = visitor_.channel.read(size - 4);
    if (!body) return gone();
    return std::string(*body);
}

Told<void> Greeting::prove(const Known& known, const std::string& user) {
    const bool binds = visitor_.channel.has_tls() && !hall_.tls->certificate_hash().empty();
    answers_.begin('R').int32(10);
    if (binds) answers_.text("SCRAM-SHA-256-PLUS");
    answers_.text("SCRAM-SHA-256").text("").end();
    if (auto sent = send(); !sent) return sent;
    const std::string salt(as_text(hmac_sha256(as_bytes(hall_.salt_secret), user)).substr(0, 16));
    ScramServer scram(user, salt, scram_rounds, known.secrets, hall_.ids.secret(18),
                      binds ? hall_.tls->certificate_hash() : "");
    const auto first = password_message();
    if (!first) return tl::unexpected(first.error());
    const auto asked = read_sasl_first(*first);
    if (!asked) return refuse("08P01", asked.error().message);
    const auto challenge = scram.first(asked->mechanism, asked->data);
    if (!challenge) return refuse("08P01", challenge.error().message);
    answers_.begin('R').int32(11).bytes(*challenge).end();
    if (auto sent = send(); !sent) return sent;
    const auto last = password_message();
    if (!last) return tl::unexpected(last.error());
    const auto proof = scram.last(*last);
    if (!proof) {
        log(LogLevel::warning, "a PostgreSQL sign-in was refused",
            {{"user", user}, {"address", visitor_.peer}});
        return refuse(proof.error().code == ErrorCode::denied ? "28P01" : "08P01",
                      proof.error().message);
    }
    answers_.begin('R').int32(12).bytes(*proof).end();
    return {};
}

Told<Known> Greeting::who(const std::string& user) {
    if (user.empty()) return refuse("28000", "no PostgreSQL user name specified in startup packet");
    if (hall_.options.any_credentials) return Known{catalog::local_administrator(), user, {}};
    if (hall_.options.needs_tls && !visitor_.is_local && !visitor_.channel.has_tls())
        return refuse("28000", "connections from " + visitor_.peer +
                                   " need TLS: use sslmode=require or stronger");
    auto known = hall_.find_user(user);
    if (!known) return refuse("XX000", known.error().message);
    // Whoever isn't there is asked too, and fails like with a wrong password.
    Known found = *known ? **known : Known{{}, user, {}};
    if (auto proved = prove(found, user); !proved) return tl::unexpected(proved.error());
    if (found.principal.disabled) return refuse("28000", "user \"" + user + "\" is disabled");
    return found;
}

/// What drivers of Redshift tell of themselves, and what others say that changes nothing here.
bool is_passed_over(std::string_view name) {
    constexpr std::array names{"user",           "database",    "application_name",
                               "options",        "replication", "client_protocol_version",
                               "driver_version", "os_version",  "driver_discovery_version",
                               "plugin_name",    "idp_type",    "fallback_application_name"};
    return name.starts_with("_pq_.") || std::find(names.begin(), names.end(), name) != names.end();
}

/// Settings in "-c name=value --name=value"; a backslash keeps a space.
std::vector<std::pair<std::string, std::string>> settings_in(std::string_view options) {
    std::vector<std::string> words(1);
    for (std::size_t i = 0; i < options.size(); ++i) {
        if (options[i] == '\\' && i + 1 < options.size())
            words.back() += options[++i];
        else if (options[i] != ' ')
            words.back() += options[i];
        else if (!words.back().empty())
            words.emplace_back();
    }
    std::vector<std::pair<std::string, std::string>> settings;
    for (std::size_t i = 0; i < words.size(); ++i) {
        std::string word = words[i];
        if (word == "-c" && i + 1 < words.size())
            word = words[++i];
        else if (word.starts_with("--"))
            word.erase(0, 2);
        else if (word.starts_with("-c"))
            word.erase(0, 2);
        const std::size_t equal = word.find('=');
        if (equal != word.npos)
            settings.emplace_back(word.substr(0, equal), word.substr(equal + 1));
    }
    return settings;
}

Told<void> Greeting::give_settings(Session& session, const Opening& opening) {
    auto settings = settings_in(parameter(opening, "options"));
    for (const auto& [name, value] : opening.parameters)
        if (!is_passed_over(name)) settings.emplace_back(name, value);
    for (const auto& [name, value] : settings)
        if (const auto done = session.set(name, value); !done)
            return refuse(done.error().sqlstate, done.error().message);
    answers_.begin('R').int32(0).end();
    // What clients adapt to: psql asks for what PostgreSQL 15 has, drivers write strings as it
    // does.
    std::map<std::string, std::string> told = {
        {"server_version", "15.0"},
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"DateStyle", "ISO, MDY"},
        {"IntervalStyle", "postgres"},
        {"TimeZone", "UTC"},
        {"integer_datetimes", "on"},
        {"standard_conforming_strings", "on"},
        {"is_superuser",
         session.options().principal.role == catalog::Role::administrator ? "on" : "off"},
        {"session_authorization", session.options().user},
        {"application_name", session.options().application},
        {"in_hot_standby", "off"},
        // Redshift tells it; asyncpg asks for no advisory locks and channels then.
        {"padb_revision", "1"},
        {"default_transaction_read_only", "off"}};
    for (auto& [name, value] : session.take_changed_settings()) told[name] = value;
    // Drivers of Redshift say so, and count rows as its version does.
    if (!parameter(opening, "client_protocol_version").empty()) {
        told["server_protocol_version"] = "0";
        told["server_version"] = "8.0.2";
    }
    for (const auto& [name, value] : told) answers_.parameter_status(name, value);
    answers_.begin('K').int32(static_cast<std::uint32_t>(visitor_.process));
    answers_.bytes(visitor_.secret).end();
    answers_.ready('I');
    return send();
}

Told<std::unique_ptr<Session>> Greeting::session() {
    const auto first = visitor_.channel.first_byte();
    if (!first) return gone();
    // A TLS handshake without a request for it, as clients of PostgreSQL 17 and later may do.
    if (*first == 0x16)
        if (auto done = answer_tls(true); !done) return tl::unexpected(done.error());
    const auto opening = this->opening();
    if (!opening) return tl::unexpected(opening.error());
    if (opening->kind == Opening::Kind::cancel) {
        hall_.cancel(opening->process, opening->secret);
        return gone();
    }
    if (hall_.closing) return refuse("57P03", "the database system is shutting down");
    if (hall_.count() > hall_.options.connections_max)
        return refuse("53300", "sorry, too many clients already");
    if (!parameter(*opening, "replication").empty() &&
        parameter(*opening, "replication") != "false")
        return refuse("0A000", "there is no replication here");
    if (auto agreed = agree_on_version(*opening); !agreed) return tl::unexpected(agreed.error());
    const std::string user = parameter(*opening, "user");
    const std::string database = parameter(*opening, "database");
    const auto known = who(user);
    if (!known) return tl::unexpected(known.error());
    // Clients that are told no database ask for one that is called like the user.
    if (!database.empty() && database != "dev" && database != user)
        return refuse("3D000", "database \"" + database + "\" does not exist; there is \"dev\"");
    redshift::SessionOptions options;
    options.principal = known->principal;
    options.user = known->role;
    options.application = parameter(*opening, "application_name");
    options.driver = parameter(*opening, "driver_version");
    options.system = parameter(*opening, "os_version");
    options.remote = visitor_.peer;
    options.process = visitor_.process;
    // The session goes before its visitor does.
    options.hang_up = [visitor = &visitor_] {
        visitor->is_ended = true;
        visitor->channel.stop_reading();
    };
    auto session = hall_.connect(options);
    if (!session) return refuse(session.error().sqlstate, session.error().message);
    if (auto told = give_settings(**session, *opening); !told) return tl::unexpected(told.error());
    return std::move(*session);
}

}  // namespace

std::unique_ptr<Session> greet(Hall& hall, Visitor& visitor) {
    visitor.channel.set_deadline(std::chrono::steady_clock::now() + greeting_longest);
    auto session = Greeting(hall, visitor).session();
    visitor.channel.set_deadline(std::chrono::steady_clock::time_point::max());
    if (session) return *std::move(session);
    if (const auto& report = session.error()) {
        Answers answers;
        add_report(answers, *report, true);
        (void)visitor.channel.write(answers.raw());
    }
    return nullptr;
}

}  // namespace stroma::front::postgres
