#include "redshift/failure.h"

#include <fmt/format.h>

#include <utility>

namespace stroma::redshift {
namespace {

struct Words {
    std::string_view words, sqlstate;
};

// The engine tells kinds of errors by its words alone.
constexpr Words states_by_words[] = {
    {"value too long for type", "22001"},
    {"Table with name", "42P01"},
    {"View with name", "42P01"},
    {"Schema with name", "3F000"},
    {"schema with name", "3F000"},
    {"Referenced table", "42P01"},
    {"Referenced column", "42703"},
    {"does not have a column named", "42703"},
    {"column with name", "42703"},
    {"Values list", "42703"},
    {"mbiguous reference", "42702"},
    {"GROUP BY clause", "42803"},
    {"Scalar Function with name", "42883"},
    {"Aggregate Function with name", "42883"},
    {"Function with name", "42883"},
    {"No function matches", "42883"},
    {"Type with name", "42704"},
    {"already exists", "42P07"},
    {"NOT NULL constraint", "23502"},
    {"uplicate key", "23505"},
    {"CHECK constraint", "23514"},
    {"out of range", "22003"},
    {"Overflow in", "22003"},
    {"overflow", "22003"},
    {"division by zero", "22012"},
    {"date field value", "22008"},
    {"invalid date", "22007"},
    {"invalid timestamp", "22007"},
    {"Could not parse string", "22007"},
    {"Could not convert", "22P02"},
    {"Conversion Error", "22P02"},
    {"syntax error", "42601"},
    {"Parser Error", "42601"},
    {"Cannot access file", "42501"},
    {"Permission Error", "42501"},
    {"expected", "42601"},
    {"Cannot mix", "42804"},
    {"type", "42804"},
};

std::string_view state_of(ErrorCode code, std::string_view message) {
    switch (code) {
        case ErrorCode::conflict: return "40001";
        case ErrorCode::cancelled: return "57014";
        case ErrorCode::denied: return "42501";
        case ErrorCode::unsupported: return "0A000";
        case ErrorCode::corrupt: return "XX001";
        case ErrorCode::exhausted:
            return message.find("emory") != std::string_view::npos ? "53200" : "54000";
        case ErrorCode::already_exists:
            return message.find("uplicate key") != std::string_view::npos ? "23505" : "42P07";
        case ErrorCode::unavailable: return "58030";
        case ErrorCode::not_found: return "42704";
        case ErrorCode::invalid_input: break;
    }
    for (const auto& [words, state] : states_by_words)
        if (message.find(words) != std::string_view::npos) return state;
    return "42000";
}

// "relation "x" does not exist" is what clients look for.
std::string postgres_words(std::string_view sqlstate, std::string message) {
    const std::string_view missing = "Table with name ";
    const auto at = message.find(missing);
    if (sqlstate == "42P01" && at != std::string::npos) {
        const auto from = at + missing.size();
        std::string name = message.substr(from, message.find(' ', from) - from);
        std::erase(name, '"');
        return fmt::format("relation \"{}\" does not exist", name);
    }
    for (const std::string_view start :
         {"Catalog Error: ", "Binder Error: ", "Parser Error: ", "Conversion Error: ",
          "Invalid Input Error: ", "Constraint Error: ", "Out of Range Error: "})
        if (message.starts_with(start)) return message.substr(start.size());
    return message;
}

}  // namespace

Failure::Failure(Error from)
    : sqlstate(state_of(from.code, from.message)),
      message(postgres_words(sqlstate, std::move(from.message))) {
    if (sqlstate == "57014") message = "canceling statement due to user request";
}

Error error_of(const Failure& failure) {
    ErrorCode code = ErrorCode::invalid_input;
    if (failure.sqlstate.starts_with("40")) code = ErrorCode::conflict;
    if (failure.sqlstate == "57014") code = ErrorCode::cancelled;
    if (failure.sqlstate == "42501") code = ErrorCode::denied;
    if (failure.sqlstate == "0A000") code = ErrorCode::unsupported;
    if (failure.sqlstate == "42P01") code = ErrorCode::not_found;
    if (failure.sqlstate.starts_with("53")) code = ErrorCode::exhausted;
    if (failure.sqlstate == "58030") code = ErrorCode::unavailable;
    if (failure.sqlstate == "XX001") code = ErrorCode::corrupt;
    return {code, failure.message};
}

}  // namespace stroma::redshift
