#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "redshift/cursors.h"
#include "redshift/procedures/procedures.h"
#include "redshift/rights.h"
#include "redshift/token_reader.h"
#include "redshift/types.h"

// CREATE, DROP, SHOW and CALL of procedures.

namespace stroma::redshift {
namespace {

std::string types_of(const ProcedureHead& head) {
    std::string types;
    for (const ProcedureArgument& argument : head.arguments)
        if (argument.is_given()) types += (types.empty() ? "" : ", ") + argument.engine;
    return types;
}

std::string written_types(const std::vector<std::string>& types) {
    std::string made;
    for (const std::string& type : types) made += (made.empty() ? "" : ", ") + type;
    return made;
}

Thing thing_of(const std::string& schema, const std::string& name, const std::string& types) {
    return {"relation", lower_of(schema), fmt::format("{}({}) procedure", lower_of(name), types)};
}

/// What catalogs tell of the arguments.
std::string told_arguments(const ProcedureHead& head) {
    Json all = Json::array();
    for (const ProcedureArgument& each : head.arguments)
        all.push_back({{"name", each.name},
                       {"mode", each.is_given() ? (each.is_told() ? "b" : "i") : "o"},
                       {"oid", each.oid},
                       {"type", each.type}});
    return all.dump();
}

Answer<KeptProcedure> one_named(EngineSession& session, const ProcedureName& named) {
    auto all = TRY(procedures_named(session, named.name));
    const std::string types = written_types(named.types);
    if (named.has_types)
        std::erase_if(all, [&](const KeptProcedure& each) { return each.types != types; });
    if (all.empty())
        return refuse("42883", fmt::format("procedure {}({}) does not exist", named.name.back(),
                                           lower_of(types)));
    if (all.size() > 1)
        return refuse("42725", fmt::format("procedure name \"{}\" is not unique: name the types of "
                                           "its arguments",
                                           named.name.back()));
    return std::move(all.front());
}

Answer<void> demand_owner(EngineSession& session, const KeptProcedure& procedure) {
    const auto owned = demand(session, procedure.thing, "OWNER");
    if (owned) return {};
    return refuse("42501", fmt::format("must be owner of procedure {}", procedure.name));
}

}  // namespace

Answer<std::vector<KeptProcedure>> procedures_named(EngineSession& session,
                                                    const std::vector<std::string>& name) {
    const std::string schema = name.size() > 1 ? name[0] : "";
    const auto rows = TRY(session.query(
        "SELECT schemaname, \"name\", types, definition FROM stroma_system.procedures WHERE "
        "lower(\"name\") = lower(?) AND schemaname = coalesce(nullif(?, ''), (SELECT min_by("
        "schemaname, list_position(current_schemas(false), schemaname)) FROM "
        "stroma_system.procedures WHERE lower(\"name\") = lower(?) AND "
        "list_contains(current_schemas(false), schemaname))) ORDER BY made",
        std::array{sql::Value(name.back()), sql::Value(schema), sql::Value(name.back())}));
    std::vector<KeptProcedure> found;
    while (TRY(rows->next())) {
        found.push_back({rows->text(0), rows->text(1), rows->text(2), rows->text(3), {}});
        found.back().thing = thing_of(rows->text(0), rows->text(1), rows->text(2));
    }
    return found;
}

Answer<std::unique_ptr<Cursor>> create_procedure(EngineSession& session, const Prepared& prepared) {
    const std::string& text = prepared.statement.text;
    const auto head = TRY(read_procedure(text, prepared.plan->tokens));
    TRY(read_body(head.body));
    TableName name;
    name.name = head.name.back();
    name.schema = head.name.size() > 1
                      ? head.name[0]
                      : TRY(session.text_of("SELECT current_schema()")).value_or("public");
    const std::string types = types_of(head);
    TRY(check_ours(session, name));
    const Thing thing = thing_of(name.schema, name.name, types);
    TableName as_named = name;
    as_named.name = thing.name;
    TRY(demand_new(session, as_named));
    const auto there = TRY(session.text_of(
        "SELECT 'yes' FROM stroma_system.procedures WHERE schemaname = ? AND lower(\"name\") = "
        "lower(?) AND types = ?",
        {name.schema, name.name, types}));
    if (there && !head.replaces)
        return refuse("42723", fmt::format("procedure \"{}\" already exists with same argument "
                                           "types",
                                           name.name));
    if (there) TRY(demand_owner(session, {name.schema, name.name, types, "", thing}));
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(session.change(
            "DELETE FROM stroma_system.procedures WHERE schemaname = ? AND lower(\"name\") = "
            "lower(?) AND types = ?",
            std::array{sql::Value(name.schema), sql::Value(name.name), sql::Value(types)}));
        TRY(session.change(
            "INSERT INTO stroma_system.procedures VALUES (?, ?, ?, ?, ?, ?, ?, "
            "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))",
            std::array{sql::Value(name.schema), sql::Value(name.name), sql::Value(types),
                       sql::Value(told_arguments(head)), sql::Value(text), sql::Value(head.body),
                       sql::Value(head.is_definer)}));
        if (!there) TRY(note_made(session, thing));
        return 0;
    };
    TRY(session.write({"stroma_system.procedures"}, true, work));
    return done(StatementKind::create_other, 0, "CREATE PROCEDURE");
}

// DROP PROCEDURE [IF EXISTS] name [(types)]
Answer<std::unique_ptr<Cursor>> drop_procedure(EngineSession& session, const Prepared& prepared) {
    const auto& tokens = prepared.plan->tokens;
    TokenReader in(tokens, 2);
    const bool if_exists = in.take("if", "exists");
    std::size_t at = in.at();
    const auto named = TRY(read_procedure_name(tokens, at));
    in.move_to(at);
    if (!in.take("cascade")) in.take("restrict");
    if (!in.at_end()) return in.wrong("nothing more");
    const auto procedure = one_named(session, named);
    if (!procedure && if_exists && procedure.error().sqlstate == "42883")
        return done(StatementKind::drop, 0, "DROP PROCEDURE");
    if (!procedure) return fail(procedure.error());
    TRY(demand_owner(session, *procedure));
    const auto work = [&]() -> Answer<std::int64_t> {
        TRY(
            session.change("DELETE FROM stroma_system.procedures WHERE schemaname = ? AND \"name\" "
                           "= ? AND types = ?",
                           std::array{sql::Value(procedure->schema), sql::Value(procedure->name),
                                      sql::Value(procedure->types)}));
        TRY(note_gone(session, procedure->thing));
        return 0;
    };
    TRY(session.write({"stroma_system.procedures"}, true, work));
    return done(StatementKind::drop, 0, "DROP PROCEDURE");
}

Answer<std::string> procedure_definition(EngineSession& session, const std::vector<Token>& tokens,
                                         std::size_t& at) {
    const auto named = TRY(read_procedure_name(tokens, at));
    return TRY(one_named(session, named)).definition;
}

Answer<Thing> procedure_thing(EngineSession& session, const std::vector<Token>& tokens,
                              std::size_t& at) {
    const auto named = TRY(read_procedure_name(tokens, at));
    return TRY(one_named(session, named)).thing;
}

Answer<CalledProcedure> find_called(EngineSession& session, const std::vector<std::string>& name,
                                    std::size_t values) {
    std::optional<CalledProcedure> found;
    for (KeptProcedure& each : TRY(procedures_named(session, name))) {
        const auto tokens = TRY(tokens_of(each.definition));
        auto head = TRY(read_procedure(each.definition, tokens));
        const auto wants = static_cast<std::size_t>(
            std::count_if(head.arguments.begin(), head.arguments.end(),
                          [](const ProcedureArgument& argument) { return argument.is_given(); }));
        if (wants != values) continue;
        if (found)
            return refuse("42725", fmt::format("procedure {} with {} arguments is not unique: such "
                                               "procedures are told apart by their number here",
                                               name.back(), values));
        found = CalledProcedure{std::move(each), std::move(head)};
    }
    if (!found)
        return refuse("42883", fmt::format("procedure {} with {} arguments does not exist",
                                           name.back(), values));
    return std::move(*found);
}

namespace {

/// CALL name(values): what is called, and where its values stand.
struct WrittenCall {
    std::vector<std::string> name;
    std::vector<std::string> values;
};

Answer<WrittenCall> read_call(std::string_view text, const std::vector<Token>& tokens) {
    TokenReader in(tokens, 1);
    if (tokens[0].word != "call")
        return refuse("0A000", "DO isn't there: CREATE PROCEDURE and CALL it");
    WrittenCall made;
    do {
        made.name.push_back(TRY(in.name()));
    } while (in.take_sign("."));
    if (!in.is_sign("(")) return in.wrong("(");
    const RewriteContext none;
    const Rewriter rewriter(text, tokens, none);
    const std::size_t open = in.at(), close = rewriter.closing(open);
    in.move_to(close);
    TRY(in.expect_sign(")"));
    if (!in.at_end()) return in.wrong("nothing more");
    const std::string whole(text);
    for (const TokenRange each : rewriter.arguments(open, close))
        made.values.push_back(in.written(whole, each.from, each.to));
    return made;
}

std::string values_query(const WrittenCall& call, const CalledProcedure& called) {
    std::string query;
    std::size_t at = 0;
    for (const ProcedureArgument& argument : called.head.arguments)
        if (argument.is_given())
            query += fmt::format("{}CAST(({}) AS {})", query.empty() ? "SELECT " : ", ",
                                 call.values[at++], argument.type);
    return query;
}

}  // namespace

Answer<void> understand_call(EngineSession& session, const Statement& statement,
                             std::span<const std::uint32_t> hints, Prepared& prepared,
                             const std::vector<Token>& tokens) {
    if (statement.kind != StatementKind::call) return {};
    const auto call = TRY(read_call(statement.text, tokens));
    const auto called = TRY(find_called(session, call.name, call.values.size()));
    if (!call.values.empty()) {
        const Statement query{values_query(call, called), StatementKind::select, 0};
        prepared.parameters = TRY(session.prepare(query, hints))->parameters;
    }
    for (const ProcedureArgument& argument : called.head.arguments)
        if (argument.is_told())
            prepared.columns.push_back(column_of(argument.name, argument.engine));
    return {};
}

Answer<std::unique_ptr<Cursor>> run_call(EngineSession& session, const Prepared& prepared,
                                         std::span<const sql::Value> values) {
    const auto call = TRY(read_call(prepared.statement.text, prepared.plan->tokens));
    const auto called = TRY(find_called(session, call.name, call.values.size()));
    const bool was_group = session.in_group();
    if (!was_group && !session.in_block()) session.open_group();
    const auto run = [&]() -> Answer<std::vector<ProcedureValue>> {
        std::vector<ProcedureValue> given;
        if (!call.values.empty()) {
            const Statement query{values_query(call, called), StatementKind::select, 0};
            const auto asked = TRY(session.prepare(query, prepared.parameters));
            const auto cursor = TRY(session.open(*asked, values));
            if (TRY(cursor->next()))
                for (std::size_t at = 0; at < cursor->columns().size(); ++at)
                    given.push_back(
                        {cursor->columns()[at].engine_type, text_of_value(cursor->value(at))});
        }
        return call_procedure(session, called, std::move(given));
    };
    const auto told = run();
    std::vector<Column> columns;
    std::vector<std::vector<sql::Value>> rows;
    const auto finish = [&]() -> Answer<void> {
        if (!told) return fail(told.error());
        std::string query;
        std::size_t at = 0;
        for (const ProcedureArgument& argument : called.head.arguments)
            if (argument.is_told())
                query += fmt::format("{}CAST({} AS {}) AS {}", query.empty() ? "SELECT " : ", ",
                                     literal_of((*told)[at++]), argument.type,
                                     quoted_name(argument.name));
        if (query.empty()) return {};
        const auto cursor = TRY(session.run({query, StatementKind::select, 0}));
        columns = cursor->columns();
        rows.emplace_back();
        if (TRY(cursor->next()))
            for (at = 0; at < columns.size(); ++at) rows[0].push_back(cursor->value(at));
        return {};
    };
    const auto finished = finish();
    // Also where a handler ended the block that there was.
    if (!was_group && session.in_group()) {
        if (finished) {
            TRY(session.close_group());
        } else {
            session.roll_back();
        }
    }
    if (!finished) return fail(finished.error());
    if (columns.empty()) return done(StatementKind::call);
    auto cursor = kept_rows(std::move(columns), std::move(rows));
    cursor->kind = StatementKind::call;
    cursor->made_tag = "CALL";
    return cursor;
}

Answer<Actor> EngineSession::owner_of(const std::string& schema, const std::string& name) {
    const auto rows = TRY(
        query("SELECT o.\"owner\", coalesce(u.is_super, false) FROM stroma_system.owners o LEFT "
              "JOIN stroma_system.users u ON u.id = o.\"owner\" WHERE o.kind = 'relation' AND "
              "o.\"schema\" = ? AND o.\"name\" = ?",
              std::array{sql::Value(schema), sql::Value(name)}));
    if (!TRY(rows->next())) return Actor{user_id_, options_.is_superuser};
    return Actor{rows->text(0), rows->boolean(1)};
}

Answer<Actor> EngineSession::act_as(Actor actor) {
    TRY(change("SET VARIABLE stroma_user = " + quoted_text(actor.id)));
    return Actor{std::exchange(user_id_, std::move(actor.id)),
                 std::exchange(options_.is_superuser, actor.is_superuser)};
}

void EngineSession::act_again_as(Actor actor) {
    user_id_ = std::move(actor.id);
    options_.is_superuser = actor.is_superuser;
    const std::string statement = "SET VARIABLE stroma_user = " + quoted_text(user_id_);
    if (change(statement)) return;
    // What failed may have taken the engine's transaction along, which then takes nothing more.
    end_transaction(false);
    if (change(statement)) return;
    // Views would still show what the other may see.
    terminated_ = true;
}

}  // namespace stroma::redshift
