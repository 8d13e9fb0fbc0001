#include <fmt/format.h>

#include <algorithm>

#include "redshift/cursors.h"
#include "redshift/engine_session.h"

namespace stroma::redshift {
namespace {

struct KnownSetting {
    std::string_view name, value;
    bool is_told = false;   ///< clients are told when it changes
    bool is_fixed = false;  ///< nobody changes it
};

constexpr KnownSetting known_settings[] = {
    {"server_version", "8.0.2", true, true},
    {"server_version_num", "80002", false, true},
    {"server_encoding", "UTF8", true, true},
    {"client_encoding", "UTF8", true},
    {"datestyle", "ISO, MDY", true},
    {"intervalstyle", "postgres", true},
    {"timezone", "UTC", true},
    {"integer_datetimes", "on", true, true},
    {"standard_conforming_strings", "on", true},
    {"is_superuser", "off", true, true},
    {"session_authorization", "", true, true},
    {"application_name", "", true},
    {"search_path", "\"$user\", public"},
    {"statement_timeout", "0"},
    {"lock_timeout", "0"},
    {"query_group", "default"},
    {"extra_float_digits", "0"},
    {"transaction isolation level", "SERIALIZABLE"},
    {"transaction_isolation", "serializable"},
    {"default_transaction_isolation", "serializable"},
    {"default_transaction_read_only", "off"},
    {"transaction_read_only", "off"},
    {"enable_result_cache_for_session", "on"},
    {"enable_case_sensitive_identifier", "off"},
    {"enable_case_sensitive_super_attribute", "off"},
    {"describe_field_name_in_uppercase", "off"},
    {"analyze_threshold_percent", "10"},
    {"wlm_query_slot_count", "1"},
    {"max_identifier_length", "127", false, true},
    {"max_index_keys", "32", false, true},
    {"client_min_messages", "notice"},
    {"bytea_output", "hex"},
    {"navigate_super_null_on_error", "on"},
    {"cast_super_null_on_error", "on"},
    {"parse_super_null_on_error", "off"},
    {"json_serialization_enable", "off"},
    {"autocommit", "on"},
    {"row_security", "off"},
    {"synchronize_seqscans", "on"},
    {"check_function_bodies", "on"},
};

const KnownSetting* known(std::string_view name) {
    const auto* const found =
        std::find_if(std::begin(known_settings), std::end(known_settings),
                     [&](const KnownSetting& each) { return each.name == name; });
    return found == std::end(known_settings) ? nullptr : found;
}

/// What SHOW and ParameterStatus call it.
std::string spelled(std::string_view name) {
    if (name == "datestyle") return "DateStyle";
    if (name == "intervalstyle") return "IntervalStyle";
    if (name == "timezone") return "TimeZone";
    return std::string(name);
}

}  // namespace

std::optional<std::string> EngineSession::setting(std::string_view asked) const {
    const std::string name = lower_of(asked);
    if (const auto found = settings_.find(name); found != settings_.end()) return found->second;
    if (name == "session_authorization") return options_.user;
    if (name == "application_name") return options_.application;
    const KnownSetting* const found = known(name);
    if (found == nullptr) return std::nullopt;
    return std::string(found->value);
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

Answer<void> EngineSession::set(std::string_view asked, std::string_view value) {
    const std::string name = lower_of(asked);
    const KnownSetting* const found = known(name);
    if (found == nullptr && name.find('.') == std::string::npos)
        return refuse("42704", fmt::format("unrecognized configuration parameter \"{}\"", name));
    if (found != nullptr && found->is_fixed)
        return refuse("55P02", fmt::format("parameter \"{}\" cannot be changed", name));
    if (name == "client_encoding") {
        // Only letters and digits count, as in PostgreSQL: asyncpg says 'utf-8', quotes and all.
        std::string encoding = lower_of(value);
        std::erase_if(encoding, [](char each) {
            return !(each >= 'a' && each <= 'z') && !(each >= '0' && each <= '9');
        });
        if (encoding != "utf8" && encoding != "unicode")
            return refuse("22023", fmt::format("the encoding is UTF8, not {}", value));
        settings_[name] = "UTF8";
        return {};
    }
    if (name == "timezone") {
        const std::string zone = lower_of(value) == "default" ? "UTC" : std::string(value);
        const auto set = query("SET TimeZone = " + quoted_text(zone));
        if (!set)
            return refuse("22023",
                          fmt::format("invalid value for parameter \"TimeZone\": \"{}\"", value));
    }
    settings_[name] = value;
    if (name == "search_path") TRY(apply_search_path());
    if (found != nullptr && found->is_told) changed_settings_[spelled(name)] = value;
    return {};
}

std::map<std::string, std::string> EngineSession::take_changed_settings() {
    return std::exchange(changed_settings_, {});
}

Answer<std::unique_ptr<Cursor>> EngineSession::show(const std::string& name) {
    if (name == "all") {
        std::vector<std::vector<std::string>> rows;
        for (const KnownSetting& each : known_settings)
            rows.push_back({std::string(each.name), setting(each.name).value_or("")});
        return text_rows({"name", "setting"}, std::move(rows));
    }
    const auto value = setting(name);
    if (!value)
        return refuse("42704", fmt::format("unrecognized configuration parameter \"{}\"", name));
    auto cursor = text_rows({spelled(name)}, {{*value}});
    cursor->made_tag = "SHOW";
    return cursor;
}

Answer<std::unique_ptr<Cursor>> EngineSession::settings(const Prepared& prepared) {
    const auto& tokens = prepared.plan->tokens;
    const std::size_t end = tokens.size() - 1;
    const StatementKind kind = prepared.statement.kind;
    std::size_t at = 1;
    const auto is = [&](std::size_t index, std::string_view word) {
        return index < end && tokens[index].kind == TokenKind::word && tokens[index].word == word;
    };
    if (is(at, "session") || is(at, "local")) ++at;
    if (at >= end) return fail(syntax_failure(tokens[end]));
    if (kind == StatementKind::set && (is(at, "transaction") || is(at, "characteristics")))
        return done(kind);
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
            settings_.clear();
        } else {
            settings_.erase(name);
        }
        TRY(apply_search_path());
        return done(kind);
    }
    if (is(at, "to") || (at < end && tokens[at].word == "=")) ++at;
    if (is(at, "default") && at + 1 == end) {
        const KnownSetting* const usual = known(name);
        settings_.erase(name);
        if (usual != nullptr && !usual->is_fixed) TRY(set(name, usual->value));
        return done(kind);
    }
    std::string value;
    const bool is_list = name == "search_path";
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
    TRY(set(name, value));
    return done(kind);
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
