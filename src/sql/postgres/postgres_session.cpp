#include "sql/postgres/postgres_session.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "base/bytes.h"

namespace stroma::sql {
namespace {

// Of pg_type.dat, which never change.
constexpr Oid bool_oid = 16, bytea_oid = 17, int8_oid = 20, int2_oid = 21, int4_oid = 23,
              oid_oid = 26, float4_oid = 700, float8_oid = 701;

/// By SQLSTATE, of which the first two characters are the class.
ErrorCode code_of(std::string_view state) {
    if (state == "23505") return ErrorCode::already_exists;
    if (state == "40001" || state == "40P01" || state == "55P03") return ErrorCode::conflict;
    if (state == "57014") return ErrorCode::cancelled;
    if (state == "42501" || state.starts_with("28")) return ErrorCode::denied;
    if (state.starts_with("53") || state.starts_with("54")) return ErrorCode::exhausted;
    if (state.empty() || state.starts_with("08") || state.starts_with("57P"))
        return ErrorCode::unavailable;
    if (state == "XX001" || state == "XX002") return ErrorCode::corrupt;
    return ErrorCode::invalid_input;
}

std::string one_line(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    for (char& c : text)
        if (c == '\n') c = ' ';
    return text;
}

void ignore_notice(void*, const PGresult*) {}

std::optional<std::string> bytes_from_hex(std::string_view text) {
    if (!text.starts_with("\\x") || text.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t at = 2; at < text.size(); at += 2) {
        unsigned byte = 0;
        const auto [end, problem] =
            std::from_chars(text.data() + at, text.data() + at + 2, byte, 16);
        if (problem != std::errc() || end != text.data() + at + 2) return std::nullopt;
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

template <class Number>
Result<Value> number_from(std::string_view text) {
    Number number{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size())
        return fail(ErrorCode::corrupt, fmt::format("the server's '{}' is no number", text));
    return Value(number);
}

}  // namespace

Type type_of_oid(Oid oid) {
    switch (oid) {
        case bool_oid: return Type::boolean;
        case int2_oid:
        case int4_oid:
        case int8_oid:
        case oid_oid: return Type::integer;
        case float4_oid:
        case float8_oid: return Type::real;
        case bytea_oid: return Type::blob;
        default: return Type::text;
    }
}

std::string text_for(const Value& value, Oid oid) {
    if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "t" : "f";
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return {};
    return oid == bytea_oid ? "\\x" + to_hex(as_bytes(*text)) : *text;
}

Result<Value> value_from(std::string_view text, Oid oid) {
    switch (type_of_oid(oid)) {
        case Type::boolean: return Value(text == "t");
        case Type::integer: return number_from<std::int64_t>(text);
        case Type::real:
            if (text == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
            if (text == "Infinity") return Value(std::numeric_limits<double>::infinity());
            if (text == "-Infinity") return Value(-std::numeric_limits<double>::infinity());
            return number_from<double>(text);
        case Type::blob:
            if (auto bytes = bytes_from_hex(text)) return Value(std::move(*bytes));
            return fail(ErrorCode::corrupt, "the server's bytes aren't hexadecimal");
        default: return Value(std::string(text));
    }
}

Result<std::shared_ptr<PostgresSession>> PostgresSession::open(const std::string& connection_text) {
    PGconn* const connection = PQconnectdb(connection_text.c_str());
    std::shared_ptr<PostgresSession> session(new PostgresSession(connection));
    if (PQstatus(connection) != CONNECTION_OK) {
        const std::string words = one_line(PQerrorMessage(connection));
        const bool is_refusal =
            words.find("FATAL:") != words.npos && words.find("starting up") == words.npos;
        return fail(is_refusal ? ErrorCode::denied : ErrorCode::unavailable,
                    "connecting to PostgreSQL: " + words);
    }
    PQsetNoticeReceiver(connection, ignore_notice, nullptr);
    if (PQsetClientEncoding(connection, "UTF8") != 0)
        return fail(ErrorCode::unsupported, "PostgreSQL doesn't speak UTF-8");
    TRY(
        session->run("SET timezone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 1; "
                     "SET standard_conforming_strings = on"));
    session->cancel_ = PQgetCancel(connection);
    return session;
}

PostgresSession::~PostgresSession() {
    PQfreeCancel(cancel_);
    PQfinish(connection_);
}

Result<PgResult> PostgresSession::checked(PGresult* result) const {
    PgResult owned(result);
    switch (PQresultStatus(result)) {
        case PGRES_COMMAND_OK:
        case PGRES_TUPLES_OK:
        case PGRES_EMPTY_QUERY:
        case PGRES_COPY_IN: return owned;
        default: break;
    }
    const char* const state =
        result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* const words =
        result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    return fail(code_of(state == nullptr ? "" : state),
                words == nullptr ? one_line(PQerrorMessage(connection_)) : one_line(words));
}

Result<PgResult> PostgresSession::run(const std::string& statements) {
    return checked(PQexec(connection_, statements.c_str()));
}

Result<PgResult> PostgresSession::run(const std::string& statement,
                                      std::span<const Value> parameters) {
    TRY(checked(PQprepare(connection_, "", statement.c_str(), 0, nullptr)));
    const PgResult described = TRY(checked(PQdescribePrepared(connection_, "")));
    const auto wanted = static_cast<std::size_t>(PQnparams(described.get()));
    if (wanted != parameters.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("the statement has {} parameters, {} were given", wanted,
                                parameters.size()));
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        texts.push_back(text_for(parameters[i], PQparamtype(described.get(), static_cast<int>(i))));
        if (texts.back().find('\0') != std::string::npos)
            return fail(ErrorCode::invalid_input, "PostgreSQL's texts hold no zero bytes");
    }
    std::vector<const char*> pointers;
    for (std::size_t i = 0; i < texts.size(); ++i)
        pointers.push_back(
            std::holds_alternative<std::monostate>(parameters[i]) ? nullptr : texts[i].c_str());
    return checked(PQexecPrepared(connection_, "", static_cast<int>(texts.size()), pointers.data(),
                                  nullptr, nullptr, 0));
}

Result<void> PostgresSession::begin_copy(const std::string& statement) {
    TRY(run(statement));
    return {};
}

Result<void> PostgresSession::copy(std::string_view rows) {
    if (PQputCopyData(connection_, rows.data(), static_cast<int>(rows.size())) == 1) return {};
    return fail(ErrorCode::unavailable, one_line(PQerrorMessage(connection_)));
}

Result<void> PostgresSession::end_copy(const std::string& why_not) {
    if (PQputCopyEnd(connection_, why_not.empty() ? nullptr : why_not.c_str()) != 1)
        return fail(ErrorCode::unavailable, one_line(PQerrorMessage(connection_)));
    Result<void> done;
    while (PGresult* const result = PQgetResult(connection_))
        if (auto one = checked(result); !one && done) done = fail(std::move(one.error()));
    return done;
}

void PostgresSession::cancel() {
    const std::lock_guard lock(cancelling_);
    char words[256];
    // A cancel that doesn't arrive leaves a statement that goes on, which is what may happen
    // anyway.
    if (cancel_ != nullptr) PQcancel(cancel_, words, sizeof words);
}

}  // namespace stroma::sql
