#include "redshift/table_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace stroma::redshift {
namespace {

constexpr std::array<std::string_view, 17> encodings = {
    "raw",     "az64",     "bytedict", "delta",     "delta32k", "lzo",
    "mostly8", "mostly16", "mostly32", "runlength", "text255",  "text32k",
    "zstd",    "auto",     "none",     "lzo2",      "default"};

class TableReader {
public:
    explicit TableReader(const std::vector<Token>& tokens) : in_(tokens) {}

    Answer<TableDefinition> read() {
        TRY(in_.expect("create"));
        in_.take("local");
        in_.take("global");
        in_.take("unlogged");  // PostgreSQL's: of a table that a crash empties
        made_.is_temporary = in_.take("temp") || in_.take("temporary");
        TRY(in_.expect("table"));
        if (in_.is("if") && in_.is("not", 1) && in_.is("exists", 2)) {
            in_.move_to(in_.at() + 3);
            made_.if_not_exists = true;
        }
        made_.name_at = in_.at();
        if (in_.token().word.starts_with('#')) made_.is_temporary = true;
        TRY(in_.name());
        while (in_.take_sign(".")) TRY(in_.name());
        if (in_.is_sign("("))
            TRY(in_.is_sign(")", 2) || in_.is_sign(",", 2) ? names_of_query() : elements());
        TRY(options());
        if (in_.take("as")) {
            made_.query_from = in_.at();
            while (!in_.at_end()) in_.next();
            made_.query_to = in_.at();
        }
        if (!in_.at_end()) return in_.wrong("the statement's end");
        if (made_.columns.empty() && !made_.like && made_.query_from == made_.query_to)
            return in_.wrong("a column");
        constexpr std::size_t columns_max = 1600;  // as in Redshift
        if (made_.columns.size() > columns_max)
            return refuse("54011", fmt::format("tables can have at most {} columns", columns_max));
        return std::move(made_);
    }

private:
    Answer<void> names_of_query() {
        made_.column_names = TRY(in_.names());
        return {};
    }
    Answer<void> elements();
    Answer<void> column();
    Answer<void> column_attribute(ColumnDefinition& column, bool& again);
    Answer<void> identity(ColumnDefinition& column);
    Answer<void> like();
    Answer<void> options();
    Answer<bool> option();
    Answer<std::string> encoding() {
        const std::string name = lower_of(in_.token().word);
        if (std::find(encodings.begin(), encodings.end(), name) == encodings.end())
            return in_.wrong("an encoding");
        in_.next();
        return name;
    }

    TokenReader in_;
    TableDefinition made_;
};

Answer<void> TableReader::elements() {
    TRY(in_.expect_sign("("));
    do {
        if (in_.is("like")) {
            TRY(like());
        } else if (in_.is("check") || (in_.is("constraint") && in_.is("check", 2))) {
            // PostgreSQL's; Redshift has none, and what is made for both says it all the same.
            in_.move_to(in_.at() + (in_.is("check") ? 1 : 3));
            TRY(in_.skip_brackets());
        } else if (begins_key(in_)) {
            made_.attributes.keys.push_back(TRY(read_key(in_)));
        } else {
            TRY(column());
        }
    } while (in_.take_sign(","));
    return in_.expect_sign(")");
}

Answer<void> TableReader::like() {
    in_.next();
    TableDefinition::Like like;
    like.name_at = in_.at();
    like.before = made_.columns.size();
    TRY(in_.name());
    while (in_.take_sign(".")) TRY(in_.name());
    while (in_.is("including") || in_.is("excluding")) {
        const bool with = in_.is("including");
        in_.next();
        like.with_defaults = with && (in_.is("defaults") || in_.is("all"));
        in_.next();
    }
    made_.like = like;
    return {};
}

// PostgreSQL's word for an identity whose values may be given. Redshift doesn't know it; what is
// made for both (SQLAlchemy's tables) says it all the same.
std::string_view serial_number(const Token& type) {
    if (type.kind != TokenKind::word) return "";
    if (type.word == "serial" || type.word == "serial4") return "integer";
    if (type.word == "bigserial" || type.word == "serial8") return "bigint";
    return type.word == "smallserial" || type.word == "serial2" ? "smallint" : "";
}

Answer<void> TableReader::identity(ColumnDefinition& column) {
    TRY(in_.expect_sign("("));
    const std::int64_t seed = TRY(in_.integer());
    TRY(in_.expect_sign(","));
    const std::int64_t step = TRY(in_.integer());
    TRY(in_.expect_sign(")"));
    if (step == 0) return refuse("42601", "an identity's step isn't 0");
    column.identity = {seed, step};
    column.is_not_null = true;
    return {};
}

Answer<void> TableReader::column_attribute(ColumnDefinition& column, bool& again) {
    auto& kept = made_.attributes.columns[column.name];
    auto& keys = made_.attributes.keys;
    if (in_.take("default")) {
        column.default_from = in_.at();
        while (!in_.at_end() && !in_.is_sign(",") && !in_.is_sign(")") && !in_.is("not") &&
               !in_.is("encode") && !in_.is("distkey") && !in_.is("sortkey") &&
               !in_.is("primary") && !in_.is("unique") && !in_.is("references") &&
               !(in_.is("null") && in_.at() != column.default_from)) {
            if (in_.is_sign("(")) {
                TRY(in_.skip_brackets());
            } else {
                in_.next();
            }
        }
        column.default_to = in_.at();
        if (column.default_from == column.default_to) return in_.wrong("an expression");
    } else if (in_.take("identity")) {
        TRY(identity(column));
    } else if (in_.is("generated") && in_.is("by", 1) && in_.is("default", 2)) {
        in_.move_to(in_.at() + 3);
        TRY(in_.expect("as"));
        TRY(in_.expect("identity"));
        TRY(identity(column));
        column.identity_by_default = true;
    } else if (in_.take("encode")) {
        kept.encode = TRY(encoding());
    } else if (in_.take("distkey")) {
        made_.attributes.distkey = column.name;
    } else if (in_.take("sortkey")) {
        made_.attributes.sort.push_back(column.name);
    } else if (in_.take("not", "null")) {
        column.is_not_null = true;
    } else if (in_.take("primary", "key")) {
        keys.push_back({TableKey::Kind::primary, "", {column.name}});
    } else if (in_.take("unique")) {
        keys.push_back({TableKey::Kind::unique, "", {column.name}});
    } else if (in_.is("references")) {
        keys.push_back(TRY(read_column_reference(in_, column.name)));
    } else if (in_.take("collate")) {
        in_.next();
    } else if (!in_.take("null")) {
        again = false;
    }
    return {};
}

/// Whether Redshift has that encoding for columns of that type, declared as it tells types.
bool has_encoding(std::string_view encoding, std::string_view type) {
    const auto is_one_of = [&](std::initializer_list<std::string_view> names) {
        return std::any_of(names.begin(), names.end(),
                           [&](std::string_view name) { return type.starts_with(name); });
    };
    const bool is_text = is_one_of({"character"});
    const bool is_number = is_one_of({"smallint", "integer", "bigint", "numeric"});
    const bool is_moment = is_one_of({"date", "timestamp"});
    if (encoding == "az64") return is_number || is_moment;
    if (encoding == "lzo") return !is_one_of({"boolean", "real", "double", "hllsketch"});
    if (encoding == "delta" || encoding == "delta32k") return is_number || is_moment;
    if (encoding.starts_with("mostly")) return is_number;
    if (encoding.starts_with("text")) return is_one_of({"character varying"});
    if (encoding == "bytedict")
        return is_text || is_number || is_moment || is_one_of({"real", "double"});
    return true;
}

Answer<void> TableReader::column() {
    ColumnDefinition column;
    column.name = TRY(in_.name());
    std::vector<Token> rest;
    for (std::size_t ahead = 0; ahead < 12 && in_.token(ahead).kind != TokenKind::end; ++ahead)
        rest.push_back(in_.token(ahead));
    rest.emplace_back();
    if (const std::string_view number = serial_number(rest.front()); !number.empty()) {
        rest.front().word = number;
        column.identity = {1, 1};
        column.identity_by_default = column.is_not_null = true;
    }
    std::size_t read = 0;
    column.type = TRY(read_type(rest, read));
    in_.move_to(in_.at() + read);
    made_.attributes.columns[column.name].type = column.type.declared;
    for (bool again = true; again;) TRY(column_attribute(column, again));
    const std::string& encode = made_.attributes.columns[column.name].encode;
    if (!has_encoding(encode, column.type.declared))
        return refuse("42P17", fmt::format("invalid encoding type specified for column \"{}\": {} "
                                           "has no {}",
                                           column.name, column.type.declared, encode));
    if (column.identity) {
        auto& kept = made_.attributes.columns[column.name];
        kept.identity =
            std::to_string(column.identity->first) + "," + std::to_string(column.identity->second);
        kept.identity_always = !column.identity_by_default;
    }
    made_.columns.push_back(std::move(column));
    return {};
}

// One of the attributes after the columns; false where none is here.
Answer<bool> TableReader::option() {
    auto& kept = made_.attributes;
    if (in_.take("diststyle")) {
        const std::string style = lower_of(TRY(in_.name()));
        if (style != "even" && style != "all" && style != "key" && style != "auto")
            return refuse("42601", "DISTSTYLE is EVEN, KEY, ALL or AUTO");
        kept.dist = style == "even" ? "EVEN" : style == "all" ? "ALL" : style == "key" ? "KEY" : "";
    } else if (in_.take("distkey")) {
        kept.distkey = TRY(in_.names()).front();
    } else if (in_.take("backup")) {
        kept.backup = in_.is("no") ? "NO" : "";
        in_.next();
    } else if (in_.is("compound") || in_.is("interleaved") || in_.is("sortkey")) {
        kept.is_interleaved = in_.take("interleaved");
        in_.take("compound");
        TRY(in_.expect("sortkey"));
        if (in_.take("auto")) return true;
        if (in_.is_sign("(")) {
            kept.sort = TRY(in_.names());
        } else {
            kept.sort = {TRY(in_.name())};
        }
        const std::size_t most = kept.is_interleaved ? 8 : 400;
        if (kept.sort.size() > most)
            return refuse("54011", "a sort key has at most 400 columns, an interleaved one 8");
    } else if (in_.take("encode")) {
        TRY(in_.expect("auto"));
    } else if (in_.is("on") && in_.is("commit", 1)) {
        while (!in_.at_end() && !in_.is("as")) in_.next();
    } else {
        return false;
    }
    return true;
}

Answer<void> TableReader::options() {
    while (TRY(option())) {
    }
    auto& kept = made_.attributes;
    for (ColumnDefinition& column : made_.columns)
        for (const TableKey& key : kept.keys)
            if (key.kind == TableKey::Kind::primary &&
                std::find(key.columns.begin(), key.columns.end(), column.name) != key.columns.end())
                column.is_not_null = true;
    if (!kept.distkey.empty()) kept.dist = "KEY(" + kept.distkey + ")";
    if (kept.dist == "KEY") return refuse("42601", "DISTSTYLE KEY needs a DISTKEY");
    const bool is_query = !made_.columns.empty() && !made_.like;
    if (!is_query) return {};
    const auto is_there = [&](const std::string& name) {
        return std::any_of(made_.columns.begin(), made_.columns.end(),
                           [&](const ColumnDefinition& column) { return column.name == name; });
    };
    if (!kept.distkey.empty() && !is_there(kept.distkey))
        return refuse("42703", "column \"" + kept.distkey + "\" named in DISTKEY does not exist");
    for (const std::string& name : kept.sort) {
        if (!is_there(name))
            return refuse("42703", "sort key column \"" + name + "\" does not exist");
    }
    return {};
}

}  // namespace

std::string TableAttributes::text() const {
    Json made = Json::object();
    if (!dist.empty()) made["dist"] = dist;
    if (!distkey.empty()) made["distkey"] = distkey;
    if (!sort.empty()) {
        made["sort"] = sort;
        made["sortstyle"] = is_interleaved ? "interleaved" : "compound";
    }
    for (const TableKey& key : keys) made["keys"].push_back(key_json(key));
    if (!backup.empty()) made["backup"] = backup;
    if (!comment.empty()) made["comment"] = comment;
    Json all = Json::object();
    for (const auto& [name, column] : columns) {
        Json one = {{"type", column.type}};
        if (!column.encode.empty()) one["encode"] = column.encode;
        if (!column.identity.empty()) one["identity"] = column.identity;
        if (column.identity_always) one["identityalways"] = true;
        all[name] = std::move(one);
    }
    made["columns"] = std::move(all);
    return made.dump();
}

TableAttributes TableAttributes::from(std::string_view text) {
    TableAttributes made;
    const auto parsed = parse_json(text);
    if (!parsed || !parsed->is_object()) return made;
    const auto text_in = [](const Json& object, const char* name) {
        const auto found = object.find(name);
        return found != object.end() && found->is_string() ? found->get<std::string>() : "";
    };
    const auto list_in = [&](const char* name) {
        std::vector<std::string> names;
        const auto found = parsed->find(name);
        if (found != parsed->end() && found->is_array())
            for (const auto& each : *found)
                if (each.is_string()) names.push_back(each.get<std::string>());
        return names;
    };
    made.dist = text_in(*parsed, "dist");
    made.distkey = text_in(*parsed, "distkey");
    made.sort = list_in("sort");
    made.is_interleaved = text_in(*parsed, "sortstyle") == "interleaved";
    if (const auto keys = parsed->find("keys"); keys != parsed->end() && keys->is_array())
        for (const Json& key : *keys) made.keys.push_back(key_in(key));
    // As it was kept before keys had names.
    if (auto columns = list_in("primarykey"); !columns.empty())
        made.keys.push_back({TableKey::Kind::primary, "", std::move(columns)});
    made.backup = text_in(*parsed, "backup");
    made.comment = text_in(*parsed, "comment");
    const auto columns = parsed->find("columns");
    if (columns != parsed->end() && columns->is_object())
        for (const auto& [name, column] : columns->items())
            made.columns[name] = {text_in(column, "type"), text_in(column, "encode"),
                                  text_in(column, "identity"),
                                  column.value("identityalways", false)};
    return made;
}

Answer<TableDefinition> read_create_table(const std::vector<Token>& tokens) {
    return TableReader(tokens).read();
}

}  // namespace stroma::redshift
