#include "redshift/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
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
    const bool is_full = message.find("No space left") != std::string_view::npos ||
                         message.find("max_temp_directory_size") != std::string_view::npos;
    if (is_full) return "53100";
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

/// How the engine says something and how PostgreSQL and Redshift do: `*` is any text, which `$1`
/// and `$2` stand for. What lies behind the pattern is left out.
struct Wording {
    std::string_view engine, sqlstate, ours;
};

// Drivers and tools compare these words and states.
constexpr Wording wordings[] = {
    {"Table with name * already exists", "42P07", "relation \"$1\" already exists"},
    {"View with name * already exists", "42P07", "relation \"$1\" already exists"},
    {"Schema with name * already exists", "42P06", "schema \"$1\" already exists"},
    {"Column with name * already exists", "42701", "column \"$1\" already exists"},
    {"Existing object * is of type Table, trying to replace with type View", "42809",
     "\"$1\" is not a view"},
    {"Existing object * is of type View, trying to replace with type Table", "42809",
     "\"$1\" is not a table"},
    {"Table with name * does not exist", "42P01", "relation \"$1\" does not exist"},
    {"View with name * does not exist", "42P01", "view \"$1\" does not exist"},
    {"Schema with name * does not exist", "3F000", "schema \"$1\" does not exist"},
    {"Type with name * does not exist", "42704", "type \"$1\" does not exist"},
    {"Scalar Function with name * does not exist", "42883", "function $1 does not exist"},
    {"Aggregate Function with name * does not exist", "42883", "function $1 does not exist"},
    {"Table Function with name * does not exist", "42883", "function $1 does not exist"},
    // What an extension of the engine would have.
    {"Scalar Function with name * is not in the catalog", "42883", "function $1 does not exist"},
    {"Table Function with name * is not in the catalog", "42883", "function $1 does not exist"},
    {"Type with name * is not in the catalog", "42704", "type \"$1\" does not exist"},
    {"No function matches the given name and argument types '*'", "42883",
     "function $1 does not exist"},
    {"Referenced column * not found in FROM clause", "42703", "column \"$1\" does not exist"},
    {"Referenced column * was not found", "42703", "column \"$1\" does not exist"},
    {"Referenced update column * not found in table", "42703", "column \"$1\" does not exist"},
    {"Referenced table * not found", "42P01", "missing FROM-clause entry for table \"$1\""},
    {"Table * does not have a column named *", "42703", "column $1.$2 does not exist"},
    {"Table * does not have a column with name *", "42703",
     "column \"$2\" of relation \"$1\" does not exist"},
    {"Ambiguous reference to column name *", "42702", "column reference \"$1\" is ambiguous"},
    {"table * has * columns but", "42601", "INSERT has more expressions than target columns"},
    {"Cannot drop entry * because there are entries that depend on it", "2BP01",
     "cannot drop $1 because other objects depend on it"},
    {"* is not an table", "42809", "\"$1\" is not a table"},
    {"NOT NULL constraint failed: *.*", "23502", "Cannot insert a NULL value into column $2"},
    {"Could not convert string '*' to INT16", "22P02",
     "invalid input syntax for type smallint: \"$1\""},
    {"Could not convert string '*' to INT32", "22P02",
     "invalid input syntax for type integer: \"$1\""},
    {"Could not convert string '*' to INT64", "22P02",
     "invalid input syntax for type bigint: \"$1\""},
    {"Could not convert string '*' to FLOAT", "22P02",
     "invalid input syntax for type real: \"$1\""},
    {"Could not convert string '*' to DOUBLE", "22P02",
     "invalid input syntax for type double precision: \"$1\""},
    {"Could not convert string '*' to BOOL", "22P02",
     "invalid input syntax for type boolean: \"$1\""},
    {"Could not convert string \"*\" to DECIMAL", "22P02",
     "invalid input syntax for type numeric: \"$1\""},
};

/// A name without the quotes that the engine puts around some.
std::string_view bare(std::string_view name) {
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"')
        return name.substr(1, name.size() - 2);
    return name;
}

/// What stands for the `*` of the pattern, if `message` begins as it says. A star at the end is a
/// word.
bool match(std::string_view pattern, std::string_view message, std::string_view (&found)[2]) {
    std::size_t stars = 0;
    for (;;) {
        const auto star = pattern.find('*');
        const std::string_view piece = pattern.substr(0, star);
        if (!message.starts_with(piece)) return false;
        message.remove_prefix(piece.size());
        if (star == std::string_view::npos) return true;
        pattern.remove_prefix(star + 1);
        const std::string_view next = pattern.empty() ? " " : pattern.substr(0, pattern.find('*'));
        const auto end = message.find(next);
        if (end == std::string_view::npos && !pattern.empty()) return false;
        found[stars++] = bare(message.substr(0, end));
        message.remove_prefix(std::min(end, message.size()));
    }
}

std::string filled(std::string_view text, const std::string_view (&found)[2]) {
    std::string made;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '$') {
            made += text[at];
        } else {
            ++at;
            made += found[text[at] - '1'];
        }
    }
    return made;
}

/// The engine's guesses of what was meant, without its place in a statement that we wrote.
std::string guesses_in(std::string_view message) {
    for (const std::string_view begin :
         {"Did you mean", "Candidate bindings", "Candidate tables"}) {
        const auto at = message.find(begin);
        if (at == std::string_view::npos) continue;
        return std::string(message.substr(at));
    }
    return {};
}

/// " (line 1, column 8)" at the end: the place in a statement that we wrote, which nobody else
/// sees.
std::string_view without_place(std::string_view message, Failure& failure) {
    const std::size_t begin = message.rfind(" (line ");
    if (begin == std::string_view::npos || !message.ends_with(')')) return message;
    std::size_t line = 0, column = 0;
    const char* const end = message.data() + message.size();
    const auto first = std::from_chars(message.data() + begin + 7, end, line);
    constexpr std::string_view between = ", column ";
    const std::string_view rest(first.ptr, static_cast<std::size_t>(end - first.ptr));
    if (!rest.starts_with(between)) return message;
    if (std::from_chars(first.ptr + between.size(), end, column).ec != std::errc()) return message;
    failure.engine_line = line;
    failure.engine_column = std::max<std::size_t>(column, 1);
    return message.substr(0, begin);
}

void say_as_postgres(Failure& failure) {
    const std::string whole = std::move(failure.message);
    std::string_view message = without_place(whole, failure);
    for (const std::string_view start :
         {"Catalog Error: ", "Binder Error: ", "Parser Error: ", "Conversion Error: ",
          "Invalid Input Error: ", "Constraint Error: ", "Out of Range Error: ",
          "Dependency Error: "})
        if (message.starts_with(start)) {
            message.remove_prefix(start.size());
            break;
        }
    std::string_view found[2];
    for (const auto& [engine, sqlstate, ours] : wordings) {
        if (!match(engine, message, found)) continue;
        failure.hint = guesses_in(message);
        failure.sqlstate = sqlstate;
        failure.message = filled(ours, found);
        // The engine's operators are functions.
        const std::string_view signs = "+-*/%<>=!|&~^";
        if (sqlstate == "42883" && !found[0].empty() && signs.find(found[0][0]) != signs.npos)
            failure.message = fmt::format("operator does not exist: {}", found[0]);
        return;
    }
    failure.message = std::string(message);
}

}  // namespace

Failure::Failure(Error from)
    : sqlstate(state_of(from.code, from.message)), message(std::move(from.message)) {
    if (sqlstate == "57014") {
        message = "canceling statement due to user request";
    } else {
        say_as_postgres(*this);
    }
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
