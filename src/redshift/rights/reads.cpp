#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>

#include "base/json.h"
#include "redshift/rights.h"
#include "redshift/table_statements.h"
#include "redshift/token_reader.h"
#include "sql/duckdb/duckdb_database.h"

// What a statement reads. The engine's parser tells it, as a tree; whoever's name a WITH gives is
// told apart by the reach that the engine gives it.

namespace stroma::redshift {
namespace {

/// A relation as a statement names it.
struct Mention {
    std::string catalog, schema, name;
    bool operator<(const Mention& other) const {
        return std::tie(catalog, schema, name) < std::tie(other.catalog, other.schema, other.name);
    }
};

constexpr std::size_t tree_depth_max = 1500;
constexpr std::size_t view_depth_max = 32;

std::string member_text(const Json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? lower_of(found->get<std::string>()) : "";
}

class TreeWalker {
public:
    Answer<void> walk(Json& part, std::size_t depth = 0);
    std::set<Mention> mentions;
    std::map<Mention, Json> instead;  ///< subqueries that are put in the place of relations
    bool renames_columns = false;     ///< of one of those, by their places: t AS x(a, b)

private:
    Answer<void> walk_with(Json& part, std::size_t depth);
    Answer<void> walk_members(Json& part, std::size_t depth);
    std::vector<std::string> local_names_;  ///< of WITH, in whose reach we are
};

// Everything in the tree is looked at, known or not, so that nothing hides in a member that a later
// engine adds.
Answer<void> TreeWalker::walk(Json& part, std::size_t depth) {
    if (depth > tree_depth_max) return refuse("54001", "the statement is nested too deeply");
    if (part.is_array()) {
        for (Json& item : part) TRY(walk(item, depth + 1));
        return {};
    }
    if (!part.is_object()) return {};
    if (member_text(part, "type") == "base_table") {
        Mention made{member_text(part, "catalog_name"), member_text(part, "schema_name"),
                     member_text(part, "table_name")};
        const bool is_local =
            made.catalog.empty() && made.schema.empty() &&
            std::find(local_names_.begin(), local_names_.end(), made.name) != local_names_.end();
        if (const auto other = instead.find(made); !is_local && other != instead.end()) {
            Json subquery = other->second;
            renames_columns = renames_columns || !part["column_name_alias"].empty();
            subquery["sample"] = part["sample"];
            subquery["alias"] =
                member_text(part, "alias").empty() ? part["table_name"] : part["alias"];
            part = std::move(subquery);
            return {};
        }
        if (!is_local) mentions.insert(std::move(made));
    }
    const std::size_t names_before = local_names_.size();
    TRY(walk_with(part, depth));
    TRY(walk_members(part, depth));
    local_names_.resize(names_before);
    return {};
}

// Each name of a WITH is in reach of those behind it and of the statement, and of itself only in
// the second half of a recursion.
Answer<void> TreeWalker::walk_with(Json& part, std::size_t depth) {
    const auto with = part.find("cte_map");
    if (with == part.end() || !with->is_object() || !with->contains("map")) return {};
    for (Json& entry : (*with)["map"]) {
        if (entry.contains("value")) TRY(walk(entry["value"], depth + 1));
        local_names_.push_back(member_text(entry, "key"));
    }
    return {};
}

Answer<void> TreeWalker::walk_members(Json& part, std::size_t depth) {
    const bool recurs = member_text(part, "type") == "recursive_cte_node";
    for (auto& [member, child] : part.items()) {
        if (member == "cte_map") continue;
        const bool is_second = recurs && member == "right";
        if (is_second) local_names_.push_back(member_text(part, "cte_name"));
        TRY(walk(child, depth + 1));
        if (is_second) local_names_.pop_back();
    }
    return {};
}

/// `is_whole`: with every member, so that the engine can read it again.
Answer<Json> tree_of(EngineSession& session, std::string_view query, bool is_whole) {
    const auto text = TRY(session.text_of(
        fmt::format(
            "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR){}) AS VARCHAR)",
            is_whole ? "" : ", skip_null := true, skip_empty := true, skip_default := true"),
        {std::string(query)}));
    constexpr JsonLimits limits{256u << 20, 2 * tree_depth_max, 16u << 20};
    Json tree = TRY(parse_json(text.value_or("null"), limits));
    if (!tree.is_object() || tree.value("error", true) || !tree.contains("statements") ||
        tree["statements"].size() != 1)
        return refuse("0A000",
                      "what this statement reads cannot be told; write it as a SELECT "
                      "from the tables by name");
    return tree;
}

Answer<std::set<Mention>> mentions_in(EngineSession& session, std::string_view query) {
    Json tree = TRY(tree_of(session, query, false));
    TreeWalker walker;
    TRY(walker.walk(tree["statements"]));
    return std::move(walker.mentions);
}

/// What there is of a name.
struct Candidate {
    std::string schema;
    bool is_view = false, is_temporary = false;
    std::string body;  ///< of a view: the statement that made it
};

class ReadCheck {
public:
    explicit ReadCheck(EngineSession& session, bool may_narrow = false)
        : session_(session), may_narrow_(may_narrow) {}
    Answer<void> run(std::string_view query);
    /// The statement in which relations have no columns but those that may be read; "" where run()
    /// found that all may be.
    Answer<std::string> narrowed(std::string_view query);

private:
    struct Asked {
        std::string who;          ///< "": the session's user
        std::string view_schema;  ///< where a view looks for names first
        std::size_t depth = 0;
    };
    Answer<void> check(std::string_view query, const Asked& asked);
    Answer<void> check_one(const Mention& mention, const std::vector<Candidate>& found,
                           const Asked& asked);
    Answer<void> allow(const Candidate& candidate, const std::string& name, const Asked& asked);
    Answer<std::map<std::string, std::vector<Candidate>>> find(const std::set<Mention>& mentions);
    Answer<std::string> owner_of(const std::string& schema, const std::string& name);

    EngineSession& session_;
    std::vector<std::string> path_;
    std::set<std::string> seen_;
    bool may_narrow_;
    const Mention* asking_ = nullptr;  ///< the statement's own, that means one relation alone
    /// As FROM names what stands for a relation, by its schema and name; and what means it.
    std::map<std::string, std::string> narrow_;
    std::map<Mention, std::string> narrow_mentions_;
};

Answer<void> ReadCheck::run(std::string_view query) {
    const auto path =
        TRY(session_.text_of("SELECT array_to_string(current_schemas(false), chr(31))"));
    std::string_view rest = path ? std::string_view(*path) : std::string_view();
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\x1f'), rest.size());
        path_.push_back(lower_of(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return check(query, {});
}

Answer<std::map<std::string, std::vector<Candidate>>> ReadCheck::find(
    const std::set<Mention>& mentions) {
    std::string marks;
    std::vector<sql::Value> names;
    for (const Mention& mention : mentions) {
        marks += marks.empty() ? "?" : ", ?";
        names.emplace_back(mention.name);
    }
    const auto rows = TRY(session_.query(
        fmt::format(
            "SELECT lower(name), lower(schema_name), is_view, database_name = 'temp', body FROM ("
            "SELECT database_name, schema_name, table_name AS name, false AS is_view, '' AS body "
            "FROM duckdb_tables() UNION ALL SELECT database_name, schema_name, view_name, true, "
            "sql FROM duckdb_views() WHERE NOT internal) WHERE lower(name) IN ({})",
            marks),
        names));
    std::map<std::string, std::vector<Candidate>> found;
    while (TRY(rows->next()))
        found[rows->text(0)].push_back(
            {rows->text(1), rows->boolean(2), rows->boolean(3), rows->text(4)});
    return found;
}

Answer<void> ReadCheck::check(std::string_view query, const Asked& asked) {
    if (asked.depth > view_depth_max) return refuse("54001", "views are nested too deeply");
    const auto mentions = TRY(mentions_in(session_, query));
    if (mentions.empty()) return {};
    const auto found = TRY(find(mentions));
    for (const Mention& mention : mentions) {
        const auto candidates = found.find(mention.name);
        // What isn't there the engine says itself.
        asking_ = may_narrow_ && asked.depth == 0 ? &mention : nullptr;
        if (candidates != found.end()) TRY(check_one(mention, candidates->second, asked));
    }
    return {};
}

// Where the engine finds a name: what it names itself, else a temporary table, else a view's own
// schema, else the search path.
Answer<void> ReadCheck::check_one(const Mention& mention, const std::vector<Candidate>& found,
                                  const Asked& asked) {
    const bool in_view = asked.depth > 0;
    const auto at = [&](std::string_view schema) -> const Candidate* {
        for (const Candidate& each : found)
            if (!each.is_temporary && each.schema == schema) return &each;
        return nullptr;
    };
    const std::string database = lower_of(session_.options().database);
    const bool is_temporary = mention.catalog == "temp" || mention.schema == "temp";
    const bool elsewhere =
        mention.catalog == "system" ||
        (!mention.catalog.empty() && mention.catalog != database && !is_temporary);
    if (elsewhere) return {};  // there is no other database but the engine's own
    if (!mention.schema.empty() && mention.schema != database && !is_temporary) {
        const Candidate* const named = at(mention.schema);
        return named == nullptr ? Answer<void>{} : allow(*named, mention.name, asked);
    }
    const bool has_temporary =
        std::any_of(found.begin(), found.end(), [](const Candidate& c) { return c.is_temporary; });
    if (!in_view && has_temporary && mention.schema != database) return {};
    // What could be a schema's name or the database's is looked for in all places.
    if (!mention.schema.empty()) {
        asking_ = nullptr;
        for (const Candidate& each : found)
            if (!each.is_temporary) TRY(allow(each, mention.name, asked));
        return {};
    }
    if (in_view)
        if (const Candidate* const own = at(asked.view_schema))
            return allow(*own, mention.name, asked);
    for (const std::string& schema : path_)
        if (const Candidate* const first = at(schema)) return allow(*first, mention.name, asked);
    return {};
}

Answer<std::string> ReadCheck::owner_of(const std::string& schema, const std::string& name) {
    const auto owner =
        TRY(session_.text_of("SELECT \"owner\" FROM stroma_system.owners WHERE kind = 'relation' "
                             "AND \"schema\" = ? AND \"name\" = ?",
                             {schema, name}));
    // What was there before there were owners is the administrator's.
    return owner.value_or(catalog::local_administrator().id);
}

Answer<void> ReadCheck::allow(const Candidate& candidate, const std::string& name,
                              const Asked& asked) {
    const Failure denied("42501", fmt::format("permission denied for relation {}", name));
    if (candidate.schema.starts_with("stroma_")) {
        // Views tell everybody their own; what they are made of is nobody's to read.
        if (candidate.is_view) return {};
        return fail(denied);
    }
    if (candidate.schema == "main") return fail(denied);
    const std::string who = asked.who.empty() ? session_.user_id() : asked.who;
    const std::string key =
        fmt::format("{} {}.{}", asked.depth == 0 ? "" : who, candidate.schema, name);
    if (!seen_.insert(key).second) {
        if (asking_ != nullptr && narrow_.contains(key)) narrow_mentions_[*asking_] = key;
        return asking_ == nullptr && narrow_.contains(key) ? fail(denied) : Answer<void>{};
    }
    const auto answer = TRY(session_.text_of(
        "SELECT CASE WHEN NOT stroma_system.stroma_may(?, 'schema', ?, '', 'USAGE') THEN 'schema' "
        "WHEN NOT stroma_system.stroma_may(?, 'relation', ?, ?, 'SELECT') AND ? NOT IN (SELECT "
        "lower(schemaname) FROM stroma_system.external_schemas) THEN 'relation' ELSE '' END",
        {who, candidate.schema, who, candidate.schema, name, candidate.schema}));
    if (answer == "schema")
        return refuse("42501", fmt::format("permission denied for schema {}", candidate.schema));
    if (answer != "") {
        const Thing thing = relation_thing({candidate.schema, name, false});
        std::string list;
        if (asking_ != nullptr)
            for (const std::string& column : TRY(columns_of_right(session_, who, thing, "SELECT")))
                list += (list.empty() ? "" : ", ") + quoted_name(column);
        if (list.empty()) return fail(denied);
        narrow_[key] = fmt::format("(SELECT {} FROM {}.{}) AS narrowed", list,
                                   quoted_name(candidate.schema), quoted_name(name));
        narrow_mentions_[*asking_] = key;
    }
    if (!candidate.is_view) return {};
    asking_ = nullptr;
    // CREATE VIEW name (columns) AS query: what it reads its owner must be allowed to read.
    const auto tokens = TRY(tokens_of(candidate.body));
    TokenReader in(tokens);
    while (!in.at_end() && !in.is("as")) {
        if (in.is_sign("(")) {
            TRY(in.skip_brackets());
        } else {
            in.next();
        }
    }
    in.next();
    std::string_view body = std::string_view(candidate.body).substr(in.token().offset);
    while (!body.empty() && (body.back() == ';' || body.back() == ' ' || body.back() == '\n'))
        body.remove_suffix(1);
    Asked inner{TRY(owner_of(candidate.schema, name)), candidate.schema, asked.depth + 1};
    const auto late = TRY(unbound_query(body));
    return check(late ? std::string_view(*late) : body, inner);
}

// What is left out can't be read by any way of writing it, a whole row or a star of a subquery say:
// what runs is the statement without it.
Answer<std::string> ReadCheck::narrowed(std::string_view query) {
    if (narrow_mentions_.empty()) return std::string();
    const Failure denied("42501", fmt::format("permission denied for relation {}",
                                              narrow_mentions_.begin()->first.name));
    Json tree = TRY(tree_of(session_, query, true));
    // Its columns would be others.
    if (tree.dump().find("\"ref_type\":\"NATURAL\"") != std::string::npos) return fail(denied);
    TreeWalker walker;
    for (const auto& [mention, key] : narrow_mentions_) {
        const Json stand_in = TRY(tree_of(session_, "SELECT 1 FROM " + narrow_[key], true));
        walker.instead[mention] = stand_in["statements"][0]["node"]["from_table"];
    }
    TRY(walker.walk(tree["statements"]));
    if (walker.renames_columns) return fail(denied);
    const auto text =
        TRY(session_.text_of("SELECT json_deserialize_sql(CAST(? AS JSON))", {tree.dump()}));
    if (!text) return fail(denied);
    const auto before = TRY(sql::describe_duckdb(session_.connection(), query));
    const auto after = sql::describe_duckdb(session_.connection(), *text);
    const auto is_same = [](const sql::ColumnInfo& one, const sql::ColumnInfo& other) {
        return one.engine_type == other.engine_type;
    };
    if (!after || !std::equal(before.columns.begin(), before.columns.end(), after->columns.begin(),
                              after->columns.end(), is_same))
        return fail(denied);
    return *text;
}

/// The part of a change that reads, as a SELECT; "" where it reads nothing.
class ChangeReader {
public:
    ChangeReader(std::string_view sql, const std::vector<Token>& tokens)
        : sql_(sql), tokens_(tokens), in_(tokens) {}
    Answer<std::string> of(StatementKind kind);
    std::vector<std::string> targets;  ///< of an UPDATE: the columns that it sets, after of()
    std::string returned;              ///< what RETURNING asks for, after of()

private:
    /// To the statement's end, or to its RETURNING.
    std::string_view from(std::size_t at) const { return between(at, end_); }
    std::string_view between(std::size_t begin, std::size_t end) const {
        return sql_.substr(tokens_[begin].offset, tokens_[end].offset - tokens_[begin].offset);
    }
    bool reads_nothing() const;
    bool is_list_of_names() const;
    /// To the first of these words at no depth; at the end where there is none.
    Answer<void> skip_to(std::initializer_list<std::string_view> words);
    Answer<void> skip_name();
    Answer<std::string> of_insert();
    Answer<std::string> of_update();
    Answer<std::string> of_delete();

    std::string_view sql_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
    std::size_t end_ = 0;
    std::string with_;
};

Answer<void> ChangeReader::skip_to(std::initializer_list<std::string_view> words) {
    while (!in_.at_end()) {
        for (const std::string_view word : words)
            if (in_.is(word)) return {};
        if (in_.is_sign("(") || in_.is_sign("[")) {
            TRY(in_.skip_brackets());
        } else {
            in_.next();
        }
    }
    return {};
}

Answer<void> ChangeReader::skip_name() {
    TRY(in_.name());
    while (in_.take_sign(".")) TRY(in_.name());
    return {};
}

bool ChangeReader::reads_nothing() const {
    constexpr std::array<std::string_view, 9> reading = {
        "select", "with", "table", "pivot", "unpivot", "summarize", "describe", "show", "from"};
    return std::none_of(tokens_.begin(), tokens_.end(), [&](const Token& token) {
        return token.kind == TokenKind::word &&
               std::find(reading.begin(), reading.end(), token.word) != reading.end();
    });
}

// (a, "b", …), where a query could stand as well.
bool ChangeReader::is_list_of_names() const {
    if (!in_.is_sign("(")) return false;
    for (std::size_t ahead = 1;; ahead += 2) {
        const TokenKind kind = in_.token(ahead).kind;
        if (kind != TokenKind::word && kind != TokenKind::quoted) return false;
        if (!in_.is_sign(",", ahead + 1)) return in_.is_sign(")", ahead + 1);
    }
}

Answer<std::string> ChangeReader::of_insert() {
    if (reads_nothing()) return std::string();
    TRY(in_.expect("insert"));
    TRY(in_.expect("into"));
    TRY(skip_name());
    if (is_list_of_names()) TRY(in_.skip_brackets());
    return with_ + std::string(from(in_.at()));
}

Answer<std::string> ChangeReader::of_update() {
    TRY(skip_to({"set"}));
    TRY(in_.expect("set"));
    std::string values;
    for (bool more = true; more;) {
        while (!in_.at_end() && !in_.is_sign("=")) {
            if (in_.is_sign("(")) {
                const std::size_t open = in_.at();
                TRY(in_.skip_brackets());
                for (std::size_t at = open + 1; at + 1 < in_.at(); ++at)
                    if (tokens_[at].kind != TokenKind::sign) targets.push_back(tokens_[at].word);
            } else {
                if (in_.is_sign("=", 1) || in_.is_sign(".", 1) || in_.is_sign("[", 1))
                    targets.push_back(in_.token().word);
                in_.next();
            }
        }
        TRY(in_.expect_sign("="));
        const std::size_t begin = in_.at();
        more = false;
        while (!in_.at_end() && !in_.is("where") && !in_.is("returning") && !more) {
            if (in_.is("from") && tokens_[in_.at() - 1].word != "distinct") break;
            more = in_.is_sign(",");
            if (more) break;
            if (in_.is_sign("(") || in_.is_sign("[")) {
                TRY(in_.skip_brackets());
            } else {
                in_.next();
            }
        }
        const bool is_default = in_.at() == begin + 1 && tokens_[begin].word == "default";
        values += (values.empty() ? "" : ", ") +
                  (is_default ? std::string("NULL") : std::string(between(begin, in_.at())));
        if (more) in_.next();
    }
    return with_ + "SELECT " + values + " " + std::string(from(in_.at()));
}

Answer<std::string> ChangeReader::of_delete() {
    TRY(in_.expect("delete"));
    in_.take("from");
    TRY(skip_name());
    TRY(skip_to({"using", "where", "returning"}));
    if (in_.at_end()) return std::string();
    if (in_.take("using")) return with_ + "SELECT 1 FROM " + std::string(from(in_.at()));
    return with_ + "SELECT 1 " + std::string(from(in_.at()));
}

Answer<std::string> ChangeReader::of(StatementKind kind) {
    TRY(skip_to({"returning"}));
    end_ = in_.at();
    if (!in_.at_end()) returned = sql_.substr(tokens_[end_ + 1].offset);
    in_.move_to(0);
    TRY(skip_to({"insert", "update", "delete"}));
    if (in_.at_end()) return in_.wrong("INSERT, UPDATE or DELETE");
    if (in_.at() > 0) with_ = between(0, in_.at());
    if (kind == StatementKind::insert) return of_insert();
    if (kind == StatementKind::update) return of_update();
    return of_delete();
}

}  // namespace

Answer<void> demand_reads(EngineSession& session, std::string_view query) {
    if (session.is_superuser()) return {};
    return ReadCheck(session).run(query);
}

Answer<std::string> readable(EngineSession& session, std::string_view query) {
    if (session.is_superuser()) return std::string();
    ReadCheck check(session, true);
    TRY(check.run(query));
    return check.narrowed(query);
}

Answer<void> demand_update(EngineSession& session, const TableName& table,
                           std::string_view statement) {
    const Thing thing = relation_thing(table);
    if (table.is_temporary || table.schema == "temp" || TRY(may(session, thing, "UPDATE")))
        return demand_on(session, table, {"UPDATE"});
    const auto tokens = TRY(tokens_of(statement));
    ChangeReader reader(statement, tokens);
    TRY(reader.of(StatementKind::update));
    const auto columns = TRY(columns_of_right(session, session.user_id(), thing, "UPDATE"));
    const bool may_all =
        !reader.targets.empty() &&
        std::all_of(reader.targets.begin(), reader.targets.end(), [&](const std::string& target) {
            return std::any_of(columns.begin(), columns.end(), [&](const std::string& column) {
                return lower_of(column) == lower_of(target);
            });
        });
    if (!may_all) return demand(session, thing, "UPDATE");
    session.allow_changes();
    return {};
}

Answer<void> demand_reads_of_change(EngineSession& session, StatementKind kind,
                                    std::string_view statement) {
    if (session.is_superuser()) return {};
    const auto tokens = TRY(tokens_of(statement));
    ChangeReader reader(statement, tokens);
    const std::string query = TRY(reader.of(kind));
    if (!query.empty()) TRY(ReadCheck(session).run(query));
    if (reader.returned.empty()) return {};
    return ReadCheck(session).run("SELECT " + reader.returned);
}

}  // namespace stroma::redshift
