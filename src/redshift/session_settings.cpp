#include <fmt/format.h>

#include <algorithm>

#include "redshift/cursors.h"
#include "redshift/engine_session.h"
#include "redshift/known_settings.h"

namespace stroma::redshift {
std::optional<std::string> EngineSession::setting(std::string_view asked) const {
    const std::string name = lower_of(asked);
    if (const auto found = settings_.find(name); found != settings_.end()) return found->second;
    if (name == "session_authorization") return options_.user;
    if (name == "application_name") return options_.application;
    // A transaction that wasn't told otherwise is as all are.
    if (name == "transaction_isolation" || name == "transaction_read_only" ||
        name == "transaction_deferrable")
        return setting("default_" + name);
    const KnownSetting* const found = known_setting(name);
    if (found == nullptr) return std::nullopt;
    return std::string(found->value);
}

std::string EngineSession::settings_as_expression() const {
    std::string made = "CASE lower(@)";
    const auto add = [&](std::string_view name, const std::string& value) {
        made += fmt::format(" WHEN {} THEN {}", quoted_text(name), quoted_text(value));
    };
    for (const KnownSetting& each : known_settings())
        add(each.name, setting(each.name).value_or(""));
    for (const auto& [name, value] : settings_)
        if (known_setting(name) == nullptr) add(name, value);
    return made + " ELSE error('unrecognized configuration parameter \"' || @ || '\"') END";
}

std::string EngineSession::settings_as_relation() const {
    std::string rows;
    for (const KnownSetting& each : known_settings()) {
        const bool is_switch = each.value == "on" || each.value == "off";
        rows += fmt::format("{}({}, {}, {}, '{}', '{}', '{}')", rows.empty() ? "" : ", ",
                            quoted_text(each.name), quoted_text(setting(each.name).value_or("")),
                            quoted_text(each.value), each.is_fixed ? "internal" : "user",
                            is_switch ? "bool" : "string",
                            settings_.contains(std::string(each.name)) ? "session" : "default");
    }
    return fmt::format(
        "(SELECT name, setting, CAST(NULL AS VARCHAR) AS unit, 'Client' AS category, '' AS "
        "short_desc, CAST(NULL AS VARCHAR) AS extra_desc, context, vartype, source, CAST(NULL AS "
        "VARCHAR) AS min_val, CAST(NULL AS VARCHAR) AS max_val, CAST(NULL AS VARCHAR[]) AS "
        "enumvals, boot_val, boot_val AS reset_val, CAST(NULL AS VARCHAR) AS sourcefile, "
        "CAST(NULL AS INTEGER) AS sourceline, false AS pending_restart FROM (VALUES {}) AS s(name, "
        "setting, boot_val, context, vartype, source))",
        rows);
}

std::string EngineSession::search_path() const { return setting("search_path").value_or(""); }

Answer<void> EngineSession::apply_search_path() {
    const auto tokens = TRY(tokens_of(search_path()));
    std::string path;
    const auto add = [&](std::string_view name) {
        path += (path.empty() ? "" : ",") + quoted_name(name);
    };
    for (const Token& token : tokens) {
        const bool is_name = token.kind == TokenKind::word || token.kind == TokenKind::quoted;
        if (!is_name || token.word == "$user" || token.word == "pg_catalog") continue;
        const auto found = TRY(text_of(
            "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() "
            "AND schema_name = ?",
            {token.word}));
        if (found) add(token.word);
    }
    if (path.empty()) add(schema::users);
    for (const auto name : {schema::dialect, schema::system, schema::catalog}) add(name);
    TRY(query("SET search_path = " + quoted_text(path)));
    return {};
}

Answer<void> EngineSession::set(std::string_view name, std::string_view value) {
    return change_setting(lower_of(name), value, false);
}

Answer<void> EngineSession::apply_setting(const std::string& name) {
    const std::string value = setting(name).value_or("");
    if (name == "timezone") {
        const std::string zone = engine_time_zone(value);
        TRY(query("SET TimeZone = " + quoted_text(zone)));
        clock_.set_zone(zone);
    }
    if (name == "search_path") TRY(apply_search_path());
    const KnownSetting* const known = known_setting(name);
    if (known != nullptr && known->is_told) changed_settings_[spelled_setting(name)] = value;
    return {};
}

Answer<void> EngineSession::change_setting(const std::string& name, std::string_view value,
                                           bool is_local) {
    const KnownSetting* const found = known_setting(name);
    if (found == nullptr && name.find('.') == std::string::npos)
        return refuse("42704", fmt::format("unrecognized configuration parameter \"{}\"", name));
    if (found != nullptr && found->is_fixed)
        return refuse("55P02", fmt::format("parameter \"{}\" cannot be changed", name));
    const bool is_usual = name == "timezone" && lower_of(value) == "default";
    const auto kept =
        setting_value(name, is_usual ? found->value : value, setting(name).value_or(""));
    const auto refused = [&] {
        return refuse("22023", fmt::format("invalid value for parameter \"{}\": \"{}\"",
                                           spelled_setting(name), value));
    };
    if (!kept) return refused();
    const auto usual = settings_.find(name);
    const auto before = usual == settings_.end() ? std::nullopt : std::optional(usual->second);
    settings_[name] = *kept;
    if (!apply_setting(name)) {
        if (before)
            settings_[name] = *before;
        else
            settings_.erase(name);
        return refused();
    }
    if (!explicit_ && !grouped_) return {};
    before_transaction_.try_emplace(name, before);
    if (is_local)
        before_local_.try_emplace(name, before);
    else
        before_local_.erase(name);
    return {};
}

void EngineSession::settle_settings(bool is_committed) {
    const auto before = std::exchange(is_committed ? before_local_ : before_transaction_, {});
    before_local_.clear();
    before_transaction_.clear();
    for (const auto& [name, value] : before) {
        if (value)
            settings_[name] = *value;
        else
            settings_.erase(name);
        if (const auto applied = apply_setting(name); !applied)
            tell({"WARNING", applied.error().sqlstate, applied.error().message});
    }
}

Answer<void> EngineSession::set_modes(std::span<const Token> tokens, std::size_t at,
                                      bool is_default) {
    const std::size_t end = tokens.size() - 1;
    const auto is = [&](std::size_t index, std::string_view word) {
        return index < end && tokens[index].kind == TokenKind::word && tokens[index].word == word;
    };
    const auto change = [&](std::string_view name, std::string_view value) {
        return change_setting(fmt::format("{}transaction_{}", is_default ? "default_" : "", name),
                              value, !is_default);
    };
    for (; at < end; ++at) {
        if (is(at, "isolation") && is(at + 1, "level")) {
            const bool are_two = is(at + 2, "read") || is(at + 2, "repeatable");
            if (at + 2 + (are_two ? 1 : 0) >= end) return fail(syntax_failure(tokens[end]));
            std::string level = tokens[at + 2].word;
            if (are_two) level += " " + tokens[at + 3].word;
            TRY(change("isolation", level));
            at += are_two ? 3 : 2;
        } else if (is(at, "read") && (is(at + 1, "only") || is(at + 1, "write"))) {
            TRY(change("read_only", is(++at, "only") ? "on" : "off"));
        } else if (is(at, "deferrable")) {
            TRY(change("deferrable", is(at - 1, "not") ? "off" : "on"));
        } else if (!is(at, "not") && !is(at, "transaction") && !is(at, "work") &&
                   tokens[at].word != ",") {
            return fail(syntax_failure(tokens[at]));
        }
    }
    return {};
}

// Before the statement that calls set_config runs: what it reads follows from them.
Answer<void> EngineSession::run_setting_changes(const Prepared& prepared,
                                                std::span<const sql::Value> values) {
    for (const SettingChange& each : prepared.plan->setting_changes) {
        const auto text_in = [&](const std::string& written,
                                 std::size_t parameter) -> std::optional<std::string> {
            if (parameter == 0) return written;
            if (parameter > values.size()) return std::nullopt;
            const auto* const text = std::get_if<std::string>(&values[parameter - 1]);
            return text == nullptr ? std::nullopt : std::optional(*text);
        };
        const auto name = text_in(each.name, each.name_parameter);
        const auto value = text_in(each.value, each.value_parameter);
        if (!name || !value)
            return refuse("22004", "set_config needs a name and a value, as texts");
        // Of a statement that is a transaction of its own nothing local is left.
        if (each.is_local && !explicit_ && !grouped_) continue;
        TRY(change_setting(lower_of(*name), *value, each.is_local));
    }
    return {};
}

std::map<std::string, std::string> EngineSession::take_changed_settings() {
    return std::exchange(changed_settings_, {});
}

Answer<std::unique_ptr<Cursor>> EngineSession::show(const std::string& name) {
    if (name == "all") {
        std::vector<std::vector<std::string>> rows;
        for (const KnownSetting& each : known_settings())
            rows.push_back({std::string(each.name), setting(each.name).value_or("")});
        return text_rows({"name", "setting"}, std::move(rows));
    }
    const auto value = setting(name);
    if (!value)
        return refuse("42704", fmt::format("unrecognized configuration parameter \"{}\"", name));
    auto cursor = text_rows({spelled_setting(name)}, {{*value}});
    cursor->made_tag = "SHOW";
    return cursor;
}

namespace {

/// What a SET gives its setting: the tokens from `at` to `end`.
std::string written_value(std::span<const Token> tokens, std::size_t at, std::size_t end,
                          std::string_view name) {
    std::string value;
    const bool is_list = name == "search_path";
    // A number of hours is to the east, where the same number as a text is to the west.
    if (name == "timezone" && tokens[end - 1].kind == TokenKind::number && at < end) {
        if (tokens[at].word == "-")
            ++at;
        else
            value = "-";
    }
    for (; at < end; ++at) {
        const bool is_comma = tokens[at].word == "," && tokens[at].kind == TokenKind::sign;
        if (is_comma) {
            value += ", ";
        } else if (is_list && tokens[at].kind != TokenKind::word) {
            value += quoted_name(tokens[at].word);
        } else {
            value += tokens[at].word;
        }
    }
    return value;
}

}  // namespace

Answer<std::unique_ptr<Cursor>> EngineSession::settings(const Prepared& prepared) {
    const auto& tokens = prepared.plan->tokens;
    const std::size_t end = tokens.size() - 1;
    const StatementKind kind = prepared.statement.kind;
    std::size_t at = 1;
    const auto is = [&](std::size_t index, std::string_view word) {
        return index < end && tokens[index].kind == TokenKind::word && tokens[index].word == word;
    };
    const bool is_local = is(at, "local");
    if (is(at, "session") || is_local) ++at;
    if (at >= end) return fail(syntax_failure(tokens[end]));
    if (kind == StatementKind::set && (is(at, "transaction") || is(at, "characteristics"))) {
        const bool is_default = is(at, "characteristics");
        TRY(set_modes(tokens, is_default ? at + 2 : at + 1, is_default));
        return done(kind);
    }
    std::string name = tokens[at].word;
    if (is(at, "time") && is(at + 1, "zone")) {
        name = "timezone";
        ++at;
    } else if (is(at, "names")) {
        name = "client_encoding";
    } else if (is(at, "authorization")) {
        return refuse("0A000", "a session keeps its user");
    } else if (is(at, "transaction") && is(at + 1, "isolation")) {
        name = "transaction isolation level";
    }
    ++at;
    while (at + 1 < end && tokens[at].word == "." && tokens[at].kind == TokenKind::sign) {
        name += "." + tokens[at + 1].word;
        at += 2;
    }
    if (kind == StatementKind::show) return show(name);
    if (kind == StatementKind::reset) {
        if (name == "all") {
            const auto were = std::exchange(settings_, {});
            for (const auto& [each, value] : were) TRY(apply_setting(each));
        } else {
            settings_.erase(name);
            TRY(apply_setting(name));
        }
        return done(kind);
    }
    if (is(at, "to") || (at < end && tokens[at].word == "=")) ++at;
    if (is(at, "default") && at + 1 == end) {
        settings_.erase(name);
        TRY(apply_setting(name));
        return done(kind);
    }
    const std::string value = written_value(tokens, at, end, name);
    if (is_local && !explicit_ && !grouped_) {
        tell({"WARNING", "25P01", "SET LOCAL can only be used in transaction blocks"});
        return done(kind);
    }
    TRY(change_setting(name, value, is_local));
    return done(kind);
}

Answer<std::unique_ptr<Cursor>> EngineSession::use_database(const Prepared& prepared) const {
    const auto& tokens = prepared.plan->tokens;
    if (tokens.size() != 3)
        return fail(syntax_failure(tokens[std::min<std::size_t>(1, tokens.size() - 1)]));
    if (tokens[1].word != options_.database && tokens[1].word != "dev")
        return refuse("3D000", fmt::format("database \"{}\" does not exist", tokens[1].word));
    return done(prepared.statement.kind, 0, "USE");
}

Answer<TableName> EngineSession::read_table(std::span<const Token> tokens, std::size_t& at) {
    const auto is_name = [&](std::size_t index) {
        return index < tokens.size() &&
               (tokens[index].kind == TokenKind::word || tokens[index].kind == TokenKind::quoted);
    };
    if (!is_name(at)) return fail(syntax_failure(tokens[at], "a table's name is expected"));
    std::vector<std::string> parts = {tokens[at++].word};
    while (tokens[at].word == "." && tokens[at].kind == TokenKind::sign && is_name(at + 1)) {
        parts.push_back(tokens[at + 1].word);
        at += 2;
    }
    if (parts.size() == 3 && parts[0] != options_.database && parts[0] != "dev")
        return refuse("0A000", fmt::format("there is the database \"{}\" alone, not \"{}\"",
                                           options_.database, parts[0]));
    if (parts.size() > 3) return fail(syntax_failure(tokens[at]));
    TableName table;
    table.name = parts.back();
    if (parts.size() > 1) {
        table.schema = parts[parts.size() - 2];
        return table;
    }
    const auto found = TRY(text_of(
        "SELECT CASE WHEN database_name = 'temp' THEN 'temp.main' ELSE schema_name END FROM ("
        "SELECT database_name, schema_name, table_name AS name FROM duckdb_tables() UNION ALL "
        "SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal) "
        "WHERE lower(name) = lower(?) AND (database_name = 'temp' OR list_contains("
        "current_schemas(false), schema_name)) ORDER BY database_name <> 'temp', "
        "list_position(current_schemas(false), schema_name) LIMIT 1",
        {table.name}));
    if (found && *found == "temp.main") {
        table.schema = "temp";
        table.is_temporary = true;
        return table;
    }
    table.schema = found ? *found : TRY(text_of("SELECT current_schema()")).value_or("public");
    return table;
}

Answer<TableName> EngineSession::find_table(std::span<const Token> tokens, std::size_t& at) {
    auto table = TRY(read_table(tokens, at));
    const auto found =
        TRY(text_of("SELECT 'yes' FROM duckdb_tables() WHERE lower(table_name) = lower(?) AND "
                    "(CASE WHEN database_name = 'temp' THEN 'temp' ELSE schema_name END) = ?",
                    {table.name, table.schema}));
    if (!found) return refuse("42P01", fmt::format("relation \"{}\" does not exist", table.name));
    return table;
}

Answer<void> EngineSession::understand_cursor(const Statement& statement,
                                              std::span<const std::uint32_t> hints,
                                              Prepared& prepared, Prepared::Plan& plan) {
    const std::size_t end = plan.tokens.size() - 1;
    std::size_t at = 2;
    while (at < end && plan.tokens[at].word != "for") ++at;
    if (end < 4 || at + 1 >= end) return fail(syntax_failure(plan.tokens[end]));
    const auto inner =
        TRY(one_query(std::string_view(statement.text).substr(plan.tokens[at + 1].offset)));
    plan.query = TRY(prepare(inner, hints));
    prepared.parameters = plan.query->parameters;
    return {};
}

const std::vector<Column>* EngineSession::cursor_columns(std::string_view name) const {
    const auto found = cursors_.find(std::string(name));
    return found == cursors_.end() ? nullptr : &found->second.cursor->columns();
}

Answer<std::unique_ptr<Cursor>> EngineSession::named_cursor(const Prepared& prepared,
                                                            std::span<const sql::Value> values) {
    const auto& tokens = prepared.plan->tokens;
    const std::size_t end = tokens.size() - 1;
    const StatementKind kind = prepared.statement.kind;
    if (kind == StatementKind::close_cursor) {
        if (end < 2) return fail(syntax_failure(tokens[end]));
        if (tokens[1].word == "all") {
            cursors_.clear();
        } else if (cursors_.erase(tokens[1].word) == 0) {
            return refuse("34000", fmt::format("cursor \"{}\" does not exist", tokens[1].word));
        }
        return done(kind);
    }
    if (kind == StatementKind::declare_cursor) {
        if (!explicit_) return refuse("25P01", "DECLARE CURSOR belongs into a transaction block");
        if (cursors_.contains(tokens[1].word))
            return refuse("42P03", fmt::format("cursor \"{}\" already exists", tokens[1].word));
        cursors_[tokens[1].word].cursor = TRY(select(*prepared.plan->query, values));
        return done(kind);
    }
    // FETCH [NEXT | FORWARD n | ALL | n] [FROM | IN] name
    std::size_t at = 1;
    std::int64_t count = 1;
    for (; at < end - 1; ++at) {
        if (tokens[at].word == "all") count = std::numeric_limits<std::int64_t>::max();
        if (tokens[at].kind == TokenKind::number)
            count = std::strtoll(tokens[at].word.c_str(), nullptr, 10);
        if (tokens[at].word == "prior" || tokens[at].word == "backward")
            return refuse("0A000", "a cursor goes forward only");
    }
    const auto found = cursors_.find(tokens[at].word);
    if (found == cursors_.end())
        return refuse("34000", fmt::format("cursor \"{}\" does not exist", tokens[at].word));
    /// So many rows of a cursor that stays.
    class Part final : public Cursor {
    public:
        Part(Cursor& whole, std::int64_t count) : whole_(whole), left_(count) {
            kind = StatementKind::fetch;
        }
        const std::vector<Column>& columns() const override { return whole_.columns(); }
        Answer<bool> next() override {
            if (left_ == 0 || !TRY(whole_.next())) return false;
            --left_;
            ++rows_;
            return true;
        }
        sql::Value value(std::size_t column) const override { return whole_.value(column); }
        std::int64_t rows() const override { return rows_; }

    private:
        Cursor& whole_;
        std::int64_t left_, rows_ = 0;
    };
    return std::make_unique<Part>(*found->second.cursor, count);
}

Answer<std::unique_ptr<Cursor>> EngineSession::named_statement(const Prepared& prepared) {
    const auto& tokens = prepared.plan->tokens;
    const std::size_t end = tokens.size() - 1;
    const StatementKind kind = prepared.statement.kind;
    if (end < 2) return fail(syntax_failure(tokens[end]));
    if (kind == StatementKind::deallocate) {
        const std::string& name = tokens[end - 1].word;
        if (name == "all") {
            statements_.clear();
        } else if (statements_.erase(name) == 0) {
            return refuse("26000", fmt::format("prepared statement \"{}\" does not exist", name));
        }
        return done(kind, 0, tokens[0].word == "discard" ? "DISCARD ALL" : "");
    }
    const std::string& name = tokens[1].word;
    if (kind == StatementKind::prepare) {
        std::size_t at = 2;
        std::vector<std::uint32_t> hints;
        if (tokens[at].word == "(")
            for (++at; at < end && tokens[at - 1].word != ")";) {
                hints.push_back(TRY(read_type(tokens, at)).oid);
                ++at;
            }
        if (tokens[at].word != "as") return fail(syntax_failure(tokens[at], "AS is expected"));
        auto statements = TRY(split(prepared.statement.text.substr(tokens[at].offset + 2)));
        statements_[name] = TRY(this->prepare(statements[0], hints));
        return done(kind);
    }
    const auto found = statements_.find(name);
    if (found == statements_.end())
        return refuse("26000", fmt::format("prepared statement \"{}\" does not exist", name));
    std::vector<sql::Value> values;
    for (std::size_t at = 3; at + 1 < end; ++at) {
        if (tokens[at].word == "," && tokens[at].kind == TokenKind::sign) continue;
        if (tokens[at].kind == TokenKind::word && tokens[at].word == "null") {
            values.emplace_back();
        } else if (tokens[at].word == "-" && tokens[at].kind == TokenKind::sign) {
            values.emplace_back("-" + tokens[++at].word);
        } else {
            values.emplace_back(tokens[at].word);
        }
    }
    const auto statement = found->second;
    return carry_out(*statement, values);
}

}  // namespace stroma::redshift
