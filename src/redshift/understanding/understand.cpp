#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "redshift/engine_session.h"
#include "redshift/external.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/understanding/byte_columns.h"
#include "redshift/understanding/show_things.h"
#include "sql/duckdb/duckdb_database.h"

// What a statement is: its parameters, its columns, and what the engine is told.

namespace stroma::redshift {
namespace {

bool is_data_change(StatementKind kind) {
    return kind == StatementKind::insert || kind == StatementKind::update ||
           kind == StatementKind::remove;
}

/// Where a data change says what it returns; the number of tokens where it doesn't.
std::size_t returning_in(std::span<const Token> tokens) {
    int depth = 0;
    for (std::size_t at = 0; at < tokens.size(); ++at) {
        if (tokens[at].kind == TokenKind::sign && tokens[at].word == "(") ++depth;
        if (tokens[at].kind == TokenKind::sign && tokens[at].word == ")") --depth;
        if (depth == 0 && tokens[at].kind == TokenKind::word && tokens[at].word == "returning")
            return at;
    }
    return tokens.size();
}

/// Where the statement begins that EXPLAIN stands before.
std::size_t behind_explain(std::span<const Token> tokens) {
    std::size_t from = 0;
    while (tokens[from].word == "explain" || tokens[from].word == "verbose") ++from;
    return from;
}

/// Whether a statement names something of pg_catalog.
bool asks_catalog(std::span<const Token> tokens) {
    return std::any_of(tokens.begin(), tokens.end(), [](const Token& token) {
        return token.kind == TokenKind::word && token.word.starts_with("pg_");
    });
}

/// $1::int::text: the engine would take the parameter for the last of the types.
void note_cast_parameters(std::span<const Token> tokens, std::vector<std::string>& types) {
    const auto is_cast = [&](std::size_t at) {
        return at < tokens.size() && tokens[at].kind == TokenKind::sign && tokens[at].word == "::";
    };
    for (std::size_t at = 0; at + 2 < tokens.size(); ++at) {
        if (tokens[at].kind != TokenKind::parameter || !is_cast(at + 1)) continue;
        std::size_t behind = at + 2;
        if (tokens[behind].word.starts_with("reg")) continue;
        const auto type = read_type(tokens, behind);
        const std::size_t number = std::strtoul(tokens[at].word.c_str() + 1, nullptr, 10);
        constexpr std::size_t parameters_max = 65535;
        if (!type || !is_cast(behind) || number == 0 || number > parameters_max) continue;
        if (types.size() < number) types.resize(number);
        if (types[number - 1].empty() && !engine_type_of(type->oid).empty())
            types[number - 1] = type->engine;
    }
}

/// As they are called there: by a statement's list, or where a star gives them.
void type_catalog_columns(Prepared& prepared, const WrittenTypes& types) {
    auto& columns = prepared.columns;
    const std::size_t back = columns.size() - std::min(types.last.size(), columns.size());
    for (std::size_t at = 0; at < columns.size(); ++at) {
        const bool is_first = at < types.first.size();
        const std::string& written = is_first     ? types.first[at].column
                                     : at >= back ? types.last[at - back].column
                                                  : columns[at].name;
        const std::uint32_t number = catalog_type(written, columns[at].engine_type);
        if (number == 0) continue;
        columns[at].type_oid = number;
        columns[at].size = number == oid::name        ? 64
                           : number == oid::character ? 1
                           : number == oid::xid       ? 4
                                                      : -1;
    }
}

}  // namespace

void EngineSession::name_columns(Prepared& prepared, const ColumnNames& names) {
    auto& columns = prepared.columns;
    for (std::size_t at = 0; at < names.first.size() && at < columns.size(); ++at)
        if (names.first[at]) columns[at].name = *names.first[at];
    const std::size_t back = names.last.size();
    for (std::size_t at = 0; at < back && back <= columns.size(); ++at)
        if (names.last[at]) columns[columns.size() - back + at].name = *names.last[at];
}

Answer<std::string> EngineSession::implied_columns(const Statement& statement,
                                                   const Prepared::Plan& plan,
                                                   const RewriteContext& context) {
    const auto& tokens = plan.tokens;
    const std::size_t end = tokens.size() - 1, values = plan.behind_table;
    const auto is_sign = [&](std::size_t at, std::string_view sign) {
        return at < end && tokens[at].kind == TokenKind::sign && tokens[at].word == sign;
    };
    std::size_t count = 0;
    if (tokens[values].word == "values" && is_sign(values + 1, "(")) {
        int depth = 0;
        for (std::size_t at = values + 1; at < end; ++at) {
            if (is_sign(at, "(") || is_sign(at, "[")) ++depth;
            if (depth == 1 && (is_sign(at, ",") || is_sign(at, ")"))) ++count;
            if ((is_sign(at, ")") || is_sign(at, "]")) && --depth == 0) break;
        }
    } else if (tokens[values].word == "select" || tokens[values].word == "with") {
        const std::string query = TRY(rewrite(statement.text, tokens, values, end, context));
        const auto shape = sql::describe_duckdb(*connection_, query);
        if (shape) count = shape->columns.size();
    }
    const auto rows =
        TRY(query("SELECT column_name FROM duckdb_columns() WHERE lower(table_name) = lower(?) AND "
                  "(CASE WHEN database_name = 'temp' THEN 'temp' ELSE schema_name END) = ? "
                  "ORDER BY column_index",
                  std::array{sql::Value(plan.table.name), sql::Value(plan.table.schema)}));
    std::string list;
    std::size_t place = 0;
    for (; TRY(rows->next()); ++place)
        if (place < count) list += (list.empty() ? "" : ", ") + quoted_name(rows->text(0));
    return count == 0 || count >= place ? std::string() : " (" + list + ")";
}

void EngineSession::type_columns(Prepared& prepared, const WrittenTypes& types) {
    auto& columns = prepared.columns;
    const auto apply = [&](Column& column, const WrittenType& written) {
        std::uint32_t number = written.oid;
        if (written.parameter > 0 && written.parameter <= prepared.parameters.size()) {
            number = prepared.parameters[written.parameter - 1];
            if (number == oid::varchar) number = oid::text;
        }
        const std::string engine = engine_type_of(number);
        const bool is_decimal = number == oid::numeric && column.type_oid == oid::numeric;
        const bool is_list = element_of(number) != 0 && column.engine_type.ends_with("[]");
        if (number == 0 || (engine != column.engine_type && !is_decimal && !is_list)) return;
        column.type_oid = number;
        if (!is_decimal || written.typmod >= 0) column.typmod = written.typmod;
    };
    for (std::size_t at = 0; at < types.first.size() && at < columns.size(); ++at)
        apply(columns[at], types.first[at]);
    const std::size_t back = types.last.size();
    for (std::size_t at = 0; at < back && back <= columns.size(); ++at)
        apply(columns[columns.size() - back + at], types.last[at]);
}

Answer<std::shared_ptr<const Prepared>> EngineSession::with_more_digits(
    const Prepared& prepared, std::span<const sql::Value> values) {
    constexpr std::size_t digits_max = 38, scale_usual = 10;
    std::vector<std::string> types;
    for (std::size_t at = 0; at < prepared.parameters.size() && at < values.size(); ++at) {
        const auto* const text = std::get_if<std::string>(&values[at]);
        if (prepared.parameters[at] != oid::numeric || text == nullptr) continue;
        const std::size_t sign = text->starts_with('-') || text->starts_with('+') ? 1 : 0;
        const std::size_t point = std::min(text->find('.'), text->size());
        const std::size_t whole = point - sign;
        const std::size_t scale = point == text->size() ? 0 : text->size() - point - 1;
        const bool is_plain = text->find_first_not_of("+-.0123456789") == std::string::npos;
        if (!is_plain || (scale <= scale_usual && whole + scale_usual <= digits_max)) continue;
        types.resize(values.size());
        types[at] =
            fmt::format("DECIMAL({},{})", digits_max,
                        std::min({scale, digits_max, digits_max - std::min(whole, digits_max)}));
    }
    if (types.empty()) return std::shared_ptr<const Prepared>();
    parameter_types_ = std::move(types);
    auto made = prepare(prepared.statement, prepared.parameters);
    parameter_types_.clear();
    return made;
}

// What an INSERT, UPDATE or DELETE changes.
namespace {

/// DELETE table, which the engine wants to read as DELETE FROM table.
bool lacks_from(const Statement& statement, const std::vector<Token>& tokens) {
    return statement.kind == StatementKind::remove && tokens.size() > 1 &&
           tokens[0].word == "delete" && tokens[1].word != "from";
}

Answer<std::string> written_whole(const Statement& statement, const std::vector<Token>& tokens,
                                  std::size_t from, std::size_t to, const RewriteContext& context) {
    if (!lacks_from(statement, tokens)) return rewrite(statement.text, tokens, from, to, context);
    return "DELETE FROM" + TRY(rewrite(statement.text, tokens, 1, to, context));
}

}  // namespace

Answer<void> EngineSession::find_target(const Statement& statement, Prepared::Plan& plan) {
    const auto& tokens = plan.tokens;
    const std::size_t end = tokens.size() - 1;
    std::size_t at = 0;
    const std::string_view before = statement.kind == StatementKind::insert   ? "into"
                                    : statement.kind == StatementKind::remove ? "from"
                                                                              : "update";
    // DELETE takes its table without FROM, too: then a FROM further on is a subquery's.
    if (!lacks_from(statement, tokens))
        while (at < end && tokens[at].word != before) ++at;
    if (++at >= end) return fail(syntax_failure(tokens[end]));
    const TableName table = TRY(read_table(tokens, at));
    if (table.schema.starts_with("stroma_") || table.schema == "pg_catalog")
        return refuse("42501", fmt::format("permission denied for relation {}", table.name));
    plan.target = table.key();
    plan.table = table;
    plan.behind_table = at;
    while (at < end && tokens[at].word != "values" && tokens[at].word != "select") ++at;
    plan.reads = statement.kind != StatementKind::insert || tokens[at].word != "values";
    return {};
}

RewriteContext EngineSession::context_for(Prepared::Plan& plan,
                                          std::span<const std::uint32_t> hints) {
    auto context = rewrite_context();
    context.session_value = [&plan, ask = std::move(context.session_value)](std::string_view name) {
        auto value = ask(name);
        const bool stays = name.starts_with("current_") || name.ends_with("user") ||
                           name == "version" || name == "pg_backend_pid";
        if (value && !stays) plan.follows_session = true;
        return value;
    };
    context.session_value = with_external_relations(*this, std::move(context.session_value));
    context.setting_changes = &plan.setting_changes;
    for (const std::uint32_t hint : hints)
        context.parameter_types.emplace_back(engine_type_of(hint));
    for (std::size_t at = 0; at < parameter_types_.size() && at < hints.size(); ++at)
        if (!parameter_types_[at].empty()) context.parameter_types[at] = parameter_types_[at];
    return context;
}

bool EngineSession::type_parameters(Prepared& prepared, RewriteContext& context,
                                    std::span<const Token> tokens,
                                    std::span<const std::string> found,
                                    std::span<const std::uint32_t> hints) {
    std::set<std::string, std::less<>> arrays;
    for (std::size_t at = 0; at < tokens.size(); ++at)
        if (is_array_parameter(tokens, at)) arrays.insert(tokens[at + 2].word);
    // What the client didn't tell is what the engine found; so that a text goes for anything.
    bool has_new = false;
    context.parameter_types.resize(found.size());
    for (std::size_t at = 0; at < found.size(); ++at) {
        std::string& type = context.parameter_types[at];
        if (type.empty()) {
            type = found[at].empty() ? "VARCHAR" : found[at];
            if (arrays.contains(fmt::format("${}", at + 1))) type += "[]";
            has_new = true;
        }
        // What the client told stays, be it that the engine has no such type: its texts are taken.
        const bool is_told = at < hints.size() && hints[at] != 0;
        prepared.parameters.push_back(is_told ? hints[at] : column_of("", type).type_oid);
    }
    return has_new;
}

void EngineSession::tell_columns(Prepared& prepared, std::span<const Token> tokens) {
    const std::size_t end = tokens.size() - 1;
    const WrittenTypes types = written_types(tokens, 0, end);
    if (asks_catalog(tokens)) type_catalog_columns(prepared, types);
    name_columns(prepared, column_names(tokens, 0, end));
    type_columns(prepared, types);
}

namespace {

// Statements of no kind of their own; they are carried out, or refused in words, when they run.
bool is_known_otherwise(const Token& first) {
    constexpr std::array<std::string_view, 11> words = {
        "listen",  "unlisten", "notify", "savepoint", "release", "cancel",
        "refresh", "use",      "attach", "detach",    "desc"};
    return first.kind == TokenKind::word &&
           std::find(words.begin(), words.end(), first.word) != words.end();
}

// Else the engine takes the end of what a statement is put into for the statement's own.
Answer<std::vector<Token>> known_tokens(const Statement& statement) {
    auto tokens = TRY(tokens_of(statement.text));
    if (statement.kind == StatementKind::other && !is_known_otherwise(tokens[0]))
        return fail(syntax_failure(tokens[0]));
    int depth = 0;
    for (const Token& token : tokens) {
        if (token.kind != TokenKind::sign) continue;
        if (token.word == "(" || token.word == "[") ++depth;
        if ((token.word == ")" || token.word == "]") && --depth < 0)
            return fail(syntax_failure(token, ""));
    }
    if (depth > 0) return fail(syntax_failure(tokens.back(), ""));
    return tokens;
}

}  // namespace

namespace {

/// A value that is wrong takes an open transaction along, where nothing more can be asked.
bool is_of_ended_transaction(const Failure& failure) {
    return failure.message.find("Current transaction is aborted") != std::string::npos;
}

/// The engine tells of one column where it knows none yet: a table function that is asked by
/// parameters gives its columns once they have values. Others stay: nulls have no type.
bool is_of_values(const sql::StatementShape& shape) {
    return !shape.parameter_types.empty() && shape.columns.size() == 1 &&
           shape.columns[0].name == "unknown";
}

}  // namespace

Answer<void> EngineSession::understand(const Statement& statement,
                                       std::span<const std::uint32_t> hints, Prepared& prepared,
                                       Prepared::Plan& plan) {
    plan.tokens = TRY(known_tokens(statement));
    const auto& tokens = plan.tokens;
    const std::size_t end = tokens.size() - 1;
    if (statement.kind == StatementKind::fetch && end > 0) {  // rows of a cursor, named last
        if (const auto* columns = cursor_columns(tokens[end - 1].word)) prepared.columns = *columns;
        return {};
    }
    if (statement.kind == StatementKind::declare_cursor)
        return understand_cursor(statement, hints, prepared, plan);
    const bool explains = statement.kind == StatementKind::explain;
    const bool is_query = statement.kind == StatementKind::select || explains;
    if (!is_query && !is_data_change(statement.kind))
        return understand_call(*this, statement, hints, prepared, tokens);
    auto context = context_for(plan, hints);
    note_cast_parameters(tokens, context.parameter_types);
    const std::size_t from = explains ? behind_explain(tokens) : 0;
    if (is_data_change(statement.kind)) TRY(find_target(statement, plan));
    std::string sql, columns;
    const auto written = [&]() -> Answer<std::string> {
        if (columns.empty()) return written_whole(statement, tokens, from, end, context);
        return TRY(rewrite(statement.text, tokens, from, plan.behind_table, context)) + columns +
               TRY(rewrite(statement.text, tokens, plan.behind_table, end, context));
    };
    sql = TRY(written());
    settle_live();
    plan.follows_session |= TRY(bind_late_views(*this, tokens));
    auto described = sql::describe_duckdb(*connection_, sql);
    if (!described && statement.kind == StatementKind::insert) {
        const auto is_external = [&]() -> Answer<bool> {
            if (TRY(is_external_target(*this, plan.table))) return true;
            columns = TRY(implied_columns(statement, plan, context));
            sql = TRY(written());
            if (!columns.empty()) described = sql::describe_duckdb(*connection_, sql);
            return false;
        }();
        if (is_external && *is_external) return {};
        if (!is_external && !is_of_ended_transaction(is_external.error())) TRY(is_external);
    }
    auto shape = TRY(std::move(described));
    if (type_parameters(prepared, context, tokens, shape.parameter_types, hints)) {
        sql = TRY(written());
        shape = TRY(sql::describe_duckdb(*connection_, sql));
    }
    if (is_of_values(shape)) {
        context.parameters_are_null = plan.follows_values = true;
        const std::string bound = TRY(rewrite(statement.text, tokens, from, end, context));
        if (auto known = sql::describe_duckdb(*connection_, bound))
            shape.columns = std::move(known->columns);
    }
    if (explains) {
        prepared.columns.push_back(column_of("QUERY PLAN", "VARCHAR"));
        plan.sql = std::string(explain_prefix) + sql;
        return {};
    }
    plan.sql = std::move(sql);
    if (!is_query && statement.kind != StatementKind::remove)
        plan.check = TRY(length_check(*this, statement, tokens, plan.table));
    const bool returns = !is_query && returning_in(tokens) < tokens.size();
    constexpr std::string_view of_check = "\nRETURNING ";
    if (returns && plan.check.starts_with(of_check))
        plan.check = ", " + plan.check.substr(of_check.size());
    if (statement.kind == StatementKind::insert && !plan.check.empty() && !returns)
        plan.checked = TRY(checked_select(*this, prepared, plan));
    if (!is_query && !returns) return {};
    for (const auto& column : shape.columns)
        prepared.columns.push_back(column_of(column.name, column.engine_type));
    if (!returns) tell_columns(prepared, tokens);
    return tell_byte_columns(*this, prepared, tokens);
}

Answer<std::shared_ptr<const Prepared>> EngineSession::prepare(
    const Statement& statement, std::span<const std::uint32_t> hints) {
    if (failed_ && !ends_transaction(statement.kind))
        return refuse("25P02",
                      "current transaction is aborted, commands ignored until end of transaction "
                      "block");
    auto prepared = std::make_shared<Prepared>();
    prepared->statement = statement;
    auto plan = std::make_shared<Prepared::Plan>();
    const AskingAs asking(options_.principal, query_);
    auto understood = [&]() -> Answer<void> {
        if (statement.kind == StatementKind::show) {
            settle_live();
            const auto tokens = TRY(tokens_of(statement.text));
            const std::string query = TRY(shown_things(*this, tokens));
            if (!query.empty()) {
                prepared->statement = {query, StatementKind::select, statement.offset};
                plan->follows_session = true;
            }
        }
        return understand(prepared->statement, hints, *prepared, *plan);
    }();
    if (!understood) {
        // What SHOW stands for has places of its own.
        if (prepared->statement.text == statement.text)
            place_failure(understood.error(), statement.text, plan->tokens);
        else
            understood.error().position = 0;
        return fail(failed(std::move(understood.error())));
    }
    plan->made_behind = query_;
    plan->made_us = engine_.now_us();
    prepared->plan = std::move(plan);
    // What is wrong with it is told when it runs.
    if (prepared->statement.kind == StatementKind::show)
        if (const auto shown = settings(*prepared)) prepared->columns = (*shown)->columns();
    return prepared;
}

}  // namespace stroma::redshift
