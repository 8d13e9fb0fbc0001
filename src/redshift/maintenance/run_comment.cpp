#include <fmt/format.h>

#include <array>

#include "base/json.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

/// COMMENT ON TABLE t IS 'text', also VIEW v and COLUMN t.c; NULL takes it away.
class Commenting {
public:
    Commenting(EngineSession& session, const Prepared& prepared)
        : session_(session), tokens_(prepared.plan->tokens), in_(tokens_) {}
    Answer<std::unique_ptr<Cursor>> run();

private:
    Answer<TableName> named(std::size_t to, bool is_table);
    Answer<std::string> remark(std::size_t is_word);
    Answer<void> on_table(const TableName& table, const std::string& remark);
    Answer<void> on_view(const TableName& view, const std::string& remark);

    EngineSession& session_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

/// The relation that the tokens up to `to` name; it may be commented on by whoever may alter it.
Answer<TableName> Commenting::named(std::size_t to, bool is_table) {
    std::vector<Token> name(tokens_.begin() + static_cast<std::ptrdiff_t>(in_.at()),
                            tokens_.begin() + static_cast<std::ptrdiff_t>(to));
    name.push_back(tokens_.back());
    std::size_t at = 0;
    const TableName found =
        TRY(is_table ? session_.find_table(name, at) : session_.read_table(name, at));
    if (at + 1 != name.size()) return fail(syntax_failure(name[at]));
    TRY(check_ours(session_, found));
    TRY(demand_on(session_, found, {"ALTER"}));
    return found;
}

/// "" for NULL.
Answer<std::string> Commenting::remark(std::size_t is_word) {
    in_.move_to(is_word);
    TRY(in_.expect("is"));
    std::string text;
    if (!in_.take("null")) text = TRY(in_.text());
    if (!in_.at_end()) return in_.wrong("the statement's end");
    return text;
}

// The engine's own comment on a table holds its attributes.
Answer<void> Commenting::on_table(const TableName& table, const std::string& remark) {
    auto attributes = TRY(attributes_of(session_, table));
    attributes.comment = remark;
    return keep_attributes(session_, table, attributes);
}

/// What the engine's comment on a view holds: its definition and what people remark.
Answer<Json> kept_of_view(EngineSession& session, const TableName& view) {
    const auto rows = TRY(
        session.query("SELECT comment FROM duckdb_views() WHERE lower(view_name) = lower(?) AND "
                      "lower(schema_name) = lower(?) AND database_name = current_database()",
                      std::vector<sql::Value>{view.name, view.schema}));
    if (!TRY(rows->next()))
        return refuse("42P01", fmt::format("relation \"{}\" does not exist", view.name));
    if (rows->is_null(0)) return Json::object();
    const auto kept = parse_json(rows->text(0));
    // A comment of before definitions were kept beside it.
    return kept && kept->is_object() ? *kept : Json{{"comment", rows->text(0)}};
}

Answer<void> keep_of_view(EngineSession& session, const TableName& view, const Json& kept) {
    TRY(session.change(
        fmt::format("COMMENT ON VIEW {} IS {}", view.sql(), quoted_text(kept.dump()))));
    return {};
}

Answer<void> Commenting::on_view(const TableName& view, const std::string& remark) {
    Json kept = TRY(kept_of_view(session_, view));
    kept.erase("comment");
    if (!remark.empty()) kept["comment"] = remark;
    return keep_of_view(session_, view, kept);
}

Answer<std::unique_ptr<Cursor>> Commenting::run() {
    in_.next();
    TRY(in_.expect("on"));
    const std::string kind = TRY(in_.name());
    std::size_t is_word = in_.at();
    while (is_word + 1 < tokens_.size() &&
           !(tokens_[is_word].kind == TokenKind::word && tokens_[is_word].word == "is"))
        ++is_word;
    if (kind == "constraint" || kind == "database") {
        session_.tell({"WARNING", "01000",
                       fmt::format("accepted, and without effect: a {} keeps no comment", kind)});
        return done(StatementKind::comment);
    }
    const bool is_column = kind == "column";
    if (!is_column && kind != "table" && kind != "view")
        return refuse("0A000", fmt::format("comments are kept on tables, views and columns, not on "
                                           "a {}",
                                           kind));
    if (is_column && is_word < in_.at() + 3) return in_.wrong("table.column");
    const TableName table = TRY(named(is_column ? is_word - 2 : is_word, kind == "table"));
    const std::string column = is_column ? tokens_[is_word - 1].word : "";
    const std::string text = TRY(remark(is_word));
    const auto keep = [&]() -> Answer<std::int64_t> {
        if (is_column)
            return session_.change(fmt::format("COMMENT ON COLUMN {}.{} IS {}", table.sql(),
                                               quoted_name(column),
                                               text.empty() ? "NULL" : quoted_text(text)));
        TRY(kind == "table" ? on_table(table, text) : on_view(table, text));
        return 0;
    };
    TRY(session_.write({table.key()}, false, keep));
    return done(StatementKind::comment);
}

}  // namespace

Answer<void> keep_definition(EngineSession& session, const TableName& view,
                             const std::string& definition) {
    Json kept = TRY(kept_of_view(session, view));
    kept["definition"] = definition;
    return keep_of_view(session, view, kept);
}

Answer<void> note_materialized(EngineSession& session, const TableName& view, bool is_one,
                               bool auto_refresh) {
    TRY(session.change(
        "DELETE FROM stroma_system.materialized_views WHERE \"schema\" = ? AND \"name\" = ?",
        std::array{sql::Value(view.schema), sql::Value(view.name)}));
    if (is_one)
        TRY(session.change(
            "INSERT INTO stroma_system.materialized_views VALUES (?, ?, ?)",
            std::array{sql::Value(view.schema), sql::Value(view.name), sql::Value(auto_refresh)}));
    return {};
}

Answer<std::unique_ptr<Cursor>> run_comment(EngineSession& session, const Prepared& prepared) {
    return Commenting(session, prepared).run();
}

}  // namespace stroma::redshift
