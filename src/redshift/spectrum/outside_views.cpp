#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "redshift/external.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

thread_local const OutsideQuestion* asked_now = nullptr;

/// A relation that nobody reads yet: the engine only wants to know its columns.
class ShapeScan final : public sql::TableScan {
public:
    explicit ShapeScan(std::vector<sql::ScanColumn> columns) : columns_(std::move(columns)) {}
    const std::vector<sql::ScanColumn>& columns() const override { return columns_; }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(); }

private:
    class Run final : public sql::ScanRun {
        Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t>) override {
            return fail(ErrorCode::denied, "nobody asks for the relation");
        }
    };
    std::vector<sql::ScanColumn> columns_;
};

std::string view_sql(const std::string& schema, const OutsideRelation& relation) {
    std::string list;
    for (const auto& column : relation.columns) {
        const auto from =
            std::find_if(relation.scanned.begin(), relation.scanned.end(),
                         [&](const auto& each) { return each.name == column.source; });
        const bool is_same = (column.engine_type == "VARCHAR" && from->type == sql::Type::text) ||
                             (column.engine_type == "DOUBLE" && from->type == sql::Type::real) ||
                             (column.engine_type == "BIGINT" && from->type == sql::Type::integer);
        const std::string source = quoted_name(column.source);
        list += fmt::format(
            "{}{} AS {}", list.empty() ? "" : ", ",
            is_same ? source : fmt::format("CAST({} AS {})", source, column.engine_type),
            quoted_name(column.name));
    }
    return fmt::format("CREATE OR REPLACE VIEW {}.{} AS SELECT {} FROM stroma_outside({})",
                       quoted_name(schema), quoted_name(relation.name), list,
                       quoted_text(relation.name));
}

Result<std::set<std::string>> texts_of(sql::Connection& connection, std::string_view statement,
                                       const std::string& value) {
    std::set<std::string> found;
    const auto rows = TRY(connection.execute(statement, {value}));
    while (TRY(rows->next())) found.insert(rows->text(0));
    return found;
}

Result<void> make_views(sql::Connection& connection, const OutsideTables& tables) {
    const std::string& schema = tables.schema();
    const auto give = [&](const char* kind, const std::string& name,
                          const char* right) -> Result<void> {
        TRY(
            connection.change("INSERT INTO stroma_system.rights VALUES (?, ?, ?, 'public', ?, "
                              "false, 'local')",
                              {kind, schema, name, right}));
        return {};
    };
    const auto schemas = TRY(texts_of(
        connection, "SELECT schema_name FROM duckdb_schemas() WHERE schema_name = ?", schema));
    if (schemas.empty()) {
        TRY(connection.change("CREATE SCHEMA " + quoted_name(schema)));
        TRY(give("schema", "", "USAGE"));
    }
    const auto taken = TRY(texts_of(
        connection, "SELECT lower(table_name) FROM duckdb_tables() WHERE schema_name = ?", schema));
    const auto there = TRY(
        texts_of(connection, "SELECT view_name FROM duckdb_views() WHERE schema_name = ?", schema));
    for (const OutsideRelation& relation : tables.relations()) {
        if (taken.contains(relation.name)) continue;
        TRY(connection.change(view_sql(schema, relation)));
        if (!there.contains(relation.name)) TRY(give("relation", relation.name, "SELECT"));
    }
    return {};
}

/// The one SELECT of a statement that reads; "" where it isn't one, or more is read beside it.
std::string select_in(std::string_view sql, const std::vector<Token>& tokens) {
    TokenReader in(tokens);
    const auto rest = [&] { return std::string(sql.substr(in.token().offset)); };
    if (in.is("select") || in.is("with") || in.is("from") || in.is_sign("(")) return rest();
    if (in.take("copy") && in.is_sign("(")) {
        const std::size_t begin = tokens[in.at() + 1].offset;
        if (!in.skip_brackets()) return "";
        return std::string(sql.substr(begin, tokens[in.at() - 1].offset - begin));
    }
    const bool is_new = in.take("create"), is_more = in.is("insert");
    if (!is_new && !is_more) return "";
    for (; !in.at_end(); in.next()) {
        if (in.is("view")) return "";
        if (is_new && in.take("as")) return rest();
        if (is_more && (in.is("select") || in.is("with"))) {
            // Behind it may stand what is checked of the rows.
            const auto end =
                std::find_if(tokens.begin() + static_cast<std::ptrdiff_t>(in.at()), tokens.end(),
                             [](const Token& token) { return token.word == "returning"; });
            const std::size_t begin = in.token().offset;
            return std::string(
                sql.substr(begin, end == tokens.end() ? sql.npos : end->offset - begin));
        }
    }
    return "";
}

/// Whether the names of the statement mean something else than they say: a view may read the
/// relations by itself, and a table may be called like one of them.
Result<bool> means_others(sql::Connection& connection, const std::vector<Token>& tokens,
                          const std::string& schema) {
    std::set<std::string> words;
    for (const Token& token : tokens)
        if (token.kind == TokenKind::word || token.kind == TokenKind::quoted)
            words.insert(lower_of(token.word));
    std::string list;
    for (const std::string& word : words) list += (list.empty() ? "" : ", ") + quoted_text(word);
    const auto rows = TRY(connection.execute(fmt::format(
        "SELECT 1 FROM duckdb_views() WHERE NOT internal AND schema_name <> {0} AND NOT "
        "starts_with(schema_name, 'stroma_') AND lower(view_name) IN ({1}) UNION ALL SELECT 1 FROM "
        "duckdb_tables() WHERE lower(table_name) = 'feature' AND 'feature' IN ({1}) LIMIT 1",
        quoted_text(schema), list)));
    return rows->next();
}

std::string question_of(EngineSession& session, const std::string& schema, std::string_view sql) {
    // What isn't named is not read; most statements end here.
    if (lower_of(sql).find("expression") == std::string::npos) return "";
    const auto tokens = tokens_of(sql);
    if (!tokens) return "";
    std::string select = select_in(sql, *tokens);
    if (select.empty()) return "";
    const auto others = means_others(session.connection(), *tokens, schema);
    return others && !*others ? select : "";
}

}  // namespace

Result<void> add_outside(sql::EmbeddedDatabase& database, sql::Connection& connection,
                         std::shared_ptr<OutsideTables> tables) {
    const auto open = [tables](std::string_view name) -> Result<std::shared_ptr<sql::TableScan>> {
        const auto& all = tables->relations();
        const auto found = std::find_if(all.begin(), all.end(),
                                        [&](const auto& each) { return each.name == name; });
        if (found == all.end())
            return fail(ErrorCode::not_found, fmt::format("there is no relation '{}'", name));
        const catalog::Principal* const who = AskingAs::who();
        if (who == nullptr) return std::make_shared<ShapeScan>(found->scanned);
        return tables->scan(*found, *who, asked_now);
    };
    TRY(database.add_table_function("stroma_outside", open));
    return connection.in_transaction([&] { return make_views(connection, *tables); });
}

OutsideReading::OutsideReading(EngineSession& session, std::string_view sql,
                               std::span<const sql::Value> values)
    : before_(asked_now) {
    const auto& outside = session.engine().options.outside;
    if (outside == nullptr) return;
    question_.select = question_of(session, outside->schema(), sql);
    question_.values.assign(values.begin(), values.end());
    asked_now = &question_;
}

OutsideReading::~OutsideReading() { asked_now = before_; }

}  // namespace stroma::redshift
