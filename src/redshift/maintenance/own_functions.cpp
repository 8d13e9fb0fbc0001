#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"
#include "redshift/types.h"
#include "sql/duckdb/duckdb_database.h"

// Functions of users' own in SQL. One is kept as a macro of the engine, so its body is looked at
// when it is made: an expression of its arguments, which reads nothing, and so needs nobody's
// right.

namespace stroma::redshift {
namespace {

struct OwnFunction {
    TableName name;  ///< with "()" behind, so that it is no relation's
    std::string called;
    std::vector<std::string> types;  ///< the engine's, of its arguments
    std::string returns;
    Json told = Json::object();  ///< as it was written, for those who ask what there is
    std::string body;            ///< behind SELECT, in the dialect
    bool replaces = false;
};

/// (type, name type, …)
Answer<std::vector<std::string>> argument_types(TokenReader& in, const std::vector<Token>& tokens,
                                                Json& told) {
    std::vector<std::string> types;
    told["names"] = told["arguments"] = Json::array();
    TRY(in.expect_sign("("));
    while (!in.is_sign(")")) {
        std::size_t at = in.at();
        // What is behind a name is its type.
        auto type = TRY(read_type(tokens, at));
        std::string name;
        if (tokens[at].kind == TokenKind::word || tokens[at].kind == TokenKind::quoted) {
            name = in.token().word;
            at = in.at() + 1;
            type = TRY(read_type(tokens, at));
        }
        in.move_to(at);
        told["names"].push_back(name);
        told["arguments"].push_back(type.declared);
        types.push_back(type.engine);
        if (!in.take_sign(",") && !in.is_sign(")")) return in.wrong(", or )");
    }
    TRY(in.expect_sign(")"));
    return types;
}

Answer<OwnFunction> read_function(EngineSession& session, const std::vector<Token>& tokens) {
    TokenReader in(tokens, 1);
    OwnFunction made;
    made.replaces = in.take("or", "replace");
    TRY(in.expect("function"));
    std::size_t at = in.at();
    std::vector<std::string> parts = {TRY(in.name())};
    while (in.take_sign(".")) parts.push_back(TRY(in.name()));
    at = in.at();
    if (parts.size() > 2)
        return fail(syntax_failure(tokens[at], "a function is named as schema.name"));
    made.called = parts.back();
    made.name.name = lower_of(made.called) + "()";
    made.name.schema = parts.size() == 2
                           ? parts[0]
                           : TRY(session.text_of("SELECT current_schema()")).value_or("public");
    made.types = TRY(argument_types(in, tokens, made.told));
    TRY(in.expect("returns"));
    at = in.at();
    const TypeName returned = TRY(read_type(tokens, at));
    made.returns = returned.engine;
    made.told["returns"] = returned.declared;
    made.told["volatility"] = "volatile";
    in.move_to(at);
    std::string language;
    while (!in.at_end()) {
        if (in.take("language")) {
            language = TRY(in.name());
        } else if (in.take("as")) {
            made.body = TRY(in.text());
        } else if (in.is("volatile") || in.is("stable") || in.is("immutable")) {
            made.told["volatility"] = in.token().word;
            in.next();
        } else {
            return in.wrong("STABLE, AS or LANGUAGE");
        }
    }
    made.told["body"] = made.body;
    if (lower_of(language) != "sql")
        return refuse("0A000",
                      "functions of users' own are written in SQL here, not in " + language);
    return made;
}

/// The body's expression with the arguments by name, in the dialect.
Answer<std::string> expression_of(const OwnFunction& function) {
    const auto tokens = TRY(tokens_of(function.body));
    const auto refused = [] {
        return refuse("0A000",
                      "the body of a function is SELECT and one expression of its arguments, $1, "
                      "$2 and so on, without FROM");
    };
    if (tokens.size() < 3 || tokens[0].word != "select" || tokens[0].kind != TokenKind::word)
        return refused();
    constexpr std::array<std::string_view, 12> reading = {
        "select", "with",      "table",    "values", "pivot", "unpivot",
        "union",  "intersect", "describe", "show",   "into",  "summarize"};
    std::string made;
    int depth = 0;
    for (std::size_t at = 1; at + 1 < tokens.size(); ++at) {
        const Token& token = tokens[at];
        const bool is_word = token.kind == TokenKind::word;
        const bool is_sign = token.kind == TokenKind::sign;
        if (is_sign && token.word == "(") ++depth;
        if (is_sign && token.word == ")") --depth;
        // The words of EXTRACT, SUBSTRING and TRIM stand behind something within parentheses.
        const bool is_from = is_word && token.word == "from" &&
                             (depth == 0 || tokens[at - 1].kind == TokenKind::sign);
        const bool is_reading =
            is_word && std::find(reading.begin(), reading.end(), token.word) != reading.end();
        const bool is_end = is_sign && (token.word == ";" || (token.word == "," && depth == 0));
        if (is_from || is_reading || depth < 0) return refused();
        if (is_end) {
            if (token.word == ";" && at + 2 == tokens.size()) break;
            return refused();
        }
        made += function.body.substr(token.gap, token.offset - token.gap);
        if (token.kind != TokenKind::parameter) {
            made += function.body.substr(token.offset, token.size);
            continue;
        }
        const std::size_t number = std::strtoul(token.word.c_str() + 1, nullptr, 10);
        if (number == 0 || number > function.types.size())
            return refuse("42P02", fmt::format("there is no parameter {}", token.word));
        made += fmt::format("CAST(stroma_{} AS {})", number, function.types[number - 1]);
    }
    return made;
}

/// That the engine, too, sees no relation in it.
Answer<void> demand_no_relation(EngineSession& session, const std::string& expression) {
    const auto seen =
        TRY(session.text_of("SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)",
                            {"SELECT " + expression}));
    for (const std::string_view kind : {"\"error\":true", "\"BASE_TABLE\"", "\"TABLE_FUNCTION\"",
                                        "\"SUBQUERY\"", "\"EXPRESSION_LIST\"", "\"SHOW_REF\""})
        if (!seen || seen->find(kind) != std::string::npos)
            return refuse("0A000", "the body of a function is an expression that reads nothing");
    return {};
}

}  // namespace

Answer<std::unique_ptr<Cursor>> create_function(EngineSession& session, const Prepared& prepared) {
    const auto function = TRY(read_function(session, prepared.plan->tokens));
    const std::string written = TRY(expression_of(function));
    const auto tokens = TRY(tokens_of(written));
    auto context = session.rewrite_context();
    context.session_value = nullptr;  // of whoever calls it, not of whoever made it
    const std::string expression = TRY(rewrite(written, tokens, 0, tokens.size() - 1, context));
    TRY(demand_no_relation(session, expression));
    std::string arguments = "1 AS stroma_0";
    for (std::size_t at = 1; at <= function.types.size(); ++at)
        arguments += fmt::format(", NULL AS stroma_{}", at);
    TRY(sql::describe_duckdb(session.connection(),
                             fmt::format("SELECT CAST(({}) AS {}) FROM (SELECT {})", expression,
                                         function.returns, arguments)));
    TRY(check_ours(session, function.name));
    TRY(demand_new(session, function.name));
    const auto there = TRY(session.text_of(
        "SELECT min(schema_name = ? AND function_type = 'macro') FROM duckdb_functions() WHERE "
        "lower(function_name) = lower(?)",
        {function.name.schema, function.called}));
    if (there && *there != "true")
        return refuse("42723", fmt::format("there is a function \"{}\" already: users' functions "
                                           "don't stand before others",
                                           function.called));
    if (there && !function.replaces)
        return refuse("42723",
                      fmt::format("function \"{}\" already exists with same argument types",
                                  function.called));
    if (there) TRY(demand(session, relation_thing(function.name), "OWNER"));
    std::string names;
    for (std::size_t at = 1; at <= function.types.size(); ++at)
        names += fmt::format("{}stroma_{}", at > 1 ? ", " : "", at);
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(session.change(fmt::format("CREATE OR REPLACE MACRO {}.{}({}) AS CAST(({}) AS {})",
                                       quoted_name(function.name.schema),
                                       quoted_name(function.called), names, expression,
                                       function.returns)));
        TRY(session.change(
            fmt::format("COMMENT ON MACRO {}.{} IS {}", quoted_name(function.name.schema),
                        quoted_name(function.called), quoted_text(function.told.dump()))));
        if (!there) TRY(note_made(session, relation_thing(function.name)));
        return 0;
    };
    TRY(session.write({function.name.key()}, false, work));
    return done(StatementKind::create_other, 0, "CREATE FUNCTION");
}

// DROP FUNCTION name [(types)] [CASCADE | RESTRICT]
Answer<std::unique_ptr<Cursor>> drop_function(EngineSession& session, const Prepared& prepared) {
    TokenReader in(prepared.plan->tokens, 2);
    const bool if_exists = in.take("if", "exists");
    std::vector<std::string> parts = {TRY(in.name())};
    while (in.take_sign(".")) parts.push_back(TRY(in.name()));
    if (in.is_sign("(")) TRY(in.skip_brackets());
    if (!in.take("cascade")) in.take("restrict");
    if (!in.at_end()) return in.wrong("nothing more");
    TableName name;
    name.name = lower_of(parts.back()) + "()";
    name.schema = parts.size() > 1
                      ? parts[parts.size() - 2]
                      : TRY(session.text_of("SELECT current_schema()")).value_or("public");
    const auto there = TRY(session.text_of(
        "SELECT function_name FROM duckdb_functions() WHERE function_type = 'macro' AND "
        "schema_name = ? AND lower(function_name) = lower(?) AND NOT internal",
        {name.schema, parts.back()}));
    TRY(check_ours(session, name));
    if (!there && if_exists) return done(StatementKind::drop, 0, "DROP FUNCTION");
    if (!there) return refuse("42883", fmt::format("function {} does not exist", parts.back()));
    TRY(demand(session, relation_thing(name), "OWNER"));
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(session.change(
            fmt::format("DROP MACRO {}.{}", quoted_name(name.schema), quoted_name(*there))));
        TRY(note_gone(session, relation_thing(name)));
        return 0;
    };
    TRY(session.write({name.key()}, false, work));
    return done(StatementKind::drop, 0, "DROP FUNCTION");
}

Answer<Thing> function_thing(EngineSession& session, const std::vector<Token>& tokens,
                             std::size_t& at) {
    TokenReader in(tokens, at);
    std::vector<std::string> parts = {TRY(in.name())};
    while (in.take_sign(".")) parts.push_back(TRY(in.name()));
    if (in.is_sign("(")) TRY(in.skip_brackets());
    at = in.at();
    const bool has_schema = parts.size() > 1;
    const auto schema = TRY(session.text_of(
        "SELECT min(schema_name) FROM duckdb_functions() WHERE function_type = 'macro' AND NOT "
        "internal AND lower(function_name) = lower(?) AND (schema_name = ? OR NOT ?) AND "
        "schema_name NOT LIKE 'stroma\\_%' ESCAPE '\\'",
        {parts.back(), has_schema ? parts[parts.size() - 2] : std::string(), has_schema}));
    if (!schema) return refuse("42883", fmt::format("function {} does not exist", parts.back()));
    return relation_thing({*schema, lower_of(parts.back()) + "()", false});
}

}  // namespace stroma::redshift
