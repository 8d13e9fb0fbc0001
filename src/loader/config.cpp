#include "loader/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "redshift/load/copy_grammar.h"

namespace stroma::loader {
namespace {

/// A column's name as it is. The loader utilities pasted names into SQL, so that a name with other
/// letters stands in quotes there.
std::string plain_name(const std::string& name) {
    if (name.size() < 2 || name.front() != '"' || name.back() != '"') return name;
    std::string made;
    for (std::size_t at = 1; at + 1 < name.size(); ++at) {
        made += name[at];
        if (name[at] == '"' && name[at + 1] == '"' && at + 2 < name.size()) ++at;
    }
    return made;
}

/// [[database.]schema.]table, each as SQL writes names.
bool is_table_name(const std::string& text) {
    const auto tokens = redshift::tokens_of(text);
    if (!tokens || tokens->size() % 2 == 1 || tokens->size() > 6) return false;
    for (std::size_t at = 0; at + 1 < tokens->size(); ++at) {
        const auto& token = (*tokens)[at];
        const bool is_name =
            token.kind == redshift::TokenKind::word || token.kind == redshift::TokenKind::quoted;
        if (at % 2 == 0 ? !is_name : token.word != ".") return false;
    }
    return true;
}

/// Members of a JSON object, of which every one must be asked for.
class Fields {
public:
    Fields(const Json& json, std::string file, std::string path)
        : json_(json), file_(std::move(file)), path_(std::move(path)) {}

    Result<void> check_object() const {
        if (json_.is_object()) return {};
        return wrong("", path_.empty() ? "it is no object" : "is no object", "{ … }");
    }
    bool has(const char* name) {
        known_.emplace_back(name);
        return json_.contains(name) && !json_[name].is_null();
    }
    Result<std::string> text(const char* name, bool is_needed, const char* fix) {
        if (!has(name)) {
            if (!is_needed) return std::string();
            return wrong(name, "is missing", fix);
        }
        if (!json_[name].is_string()) return wrong(name, "is no text", fix);
        auto text = json_[name].get<std::string>();
        if (is_needed && text.empty()) return wrong(name, "is empty", fix);
        return text;
    }
    Result<std::int64_t> number(const char* name, std::int64_t otherwise, std::int64_t least,
                                std::int64_t most) {
        if (!has(name)) return otherwise;
        const Json& value = json_[name];
        if (!value.is_number_integer() || value.get<std::int64_t>() < least ||
            value.get<std::int64_t>() > most)
            return wrong(name, ("is " + value.dump().substr(0, 40)).c_str(),
                         fmt::format("{} to {}", least, most).c_str());
        return value.get<std::int64_t>();
    }
    Result<bool> flag(const char* name) {
        if (!has(name)) return false;
        if (!json_[name].is_boolean()) return wrong(name, "is no boolean", "true or false");
        return json_[name].get<bool>();
    }
    /// "id" or ["id", "day"]; also "id, day".
    Result<std::vector<std::string>> names(const char* name) {
        std::vector<std::string> made;
        if (!has(name)) return made;
        const Json& value = json_[name];
        if (value.is_array()) {
            for (const Json& each : value) {
                if (!each.is_string()) return wrong(name, "is no list of names", "[\"id\"]");
                made.push_back(plain_name(each.get<std::string>()));
            }
            return made;
        }
        if (!value.is_string()) return wrong(name, "is no name and no list", "\"id\"");
        const auto text = value.get<std::string>();
        for (std::size_t at = 0; at <= text.size();) {
            bool is_quoted = false;
            auto end = at;
            for (; end < text.size() && (is_quoted || text[end] != ','); ++end)
                if (text[end] == '"') is_quoted = !is_quoted;
            std::string part = text.substr(at, end - at);
            part.erase(0, part.find_first_not_of(' '));
            part.erase(part.find_last_not_of(' ') + 1);
            if (!part.empty()) made.push_back(plain_name(part));
            at = end + 1;
        }
        return made;
    }
    Result<std::string> table(const char* name) {
        constexpr const char* fix = "the table, like public.orders";
        auto text = TRY(this->text(name, true, fix));
        if (!is_table_name(text)) return wrong(name, ("is '" + text + "'").c_str(), fix);
        return text;
    }
    const Json& member(const char* name) {
        static const Json nothing = Json::object();
        return has(name) ? json_[name] : nothing;
    }
    Fields below(const char* name) { return {member(name), file_, path_ + name + "."}; }
    Result<void> check_known() const {
        for (const auto& [name, value] : json_.items())
            if (std::find(known_.begin(), known_.end(), name) == known_.end())
                return stroma::fail(ErrorCode::invalid_input,
                                    fmt::format("{}: {}{} is not known; there are {}", file_, path_,
                                                name, fmt::join(known_, ", ")));
        return {};
    }
    tl::unexpected<Error> wrong(const char* name, const char* what, const char* fix) const {
        std::string place = path_ + name;
        if (place.ends_with('.')) place.pop_back();
        if (!place.empty()) place += " ";
        return stroma::fail(ErrorCode::invalid_input,
                            fmt::format("{}: {}{}; write {}", file_, place, what, fix));
    }

private:
    const Json& json_;
    std::string file_, path_;
    std::vector<std::string> known_;
};

Result<MergeOptions> read_merge(Fields fields) {
    TRY(fields.check_object());
    MergeOptions merge;
    const bool merges = TRY(fields.flag("merge_duplicate_pks"));
    merge.keys = TRY(fields.names("merge_pk"));
    merge.timestamp =
        plain_name(TRY(fields.text("merge_timestamp", false, "the timestamp column's name")));
    merge.late_table = TRY(fields.text("late_table", false, "a table's name"));
    TRY(fields.check_known());
    if (merges && merge.keys.empty())
        return fields.wrong("merge_pk", "is missing", "the key column, or a list of them");
    if (!merge.keys.empty() && merge.timestamp.empty())
        return fields.wrong("merge_timestamp", "is missing",
                            "the column that says which row of a key is the latest");
    merge.mode = merges               ? LoadMode::latest
                 : merge.keys.empty() ? LoadMode::append
                                      : LoadMode::history;
    if (!merge.late_table.empty() && merge.mode != LoadMode::latest)
        return fields.wrong("late_table", "needs merge_duplicate_pks", "true there");
    return merge;
}

Result<DriftPolicy> read_drift(Fields& fields) {
    const auto name = TRY(fields.text("drift", false, "ignore, fail, quarantine or add_column"));
    if (name.empty() || name == "ignore") return DriftPolicy::ignore;
    if (name == "fail") return DriftPolicy::fail;
    if (name == "quarantine") return DriftPolicy::quarantine;
    if (name == "add_column") return DriftPolicy::add_column;
    return fields.wrong("drift", "is not known", "ignore, fail, quarantine or add_column");
}

Result<Owner> read_owner(Fields fields) {
    TRY(fields.check_object());
    Owner owner;
    owner.column = TRY(fields.text("column", true, "the column that says whose a row is"));
    owner.pattern = TRY(fields.text("object", true, "objects' keys, like cells/*.psv.gz"));
    if (std::count(owner.pattern.begin(), owner.pattern.end(), '*') != 1)
        return fields.wrong("object", "has not one *", "objects' keys, like cells/*.psv.gz");
    TRY(fields.check_known());
    return owner;
}

/// Whether COPY would read such options, and a table of such a name.
Result<void> check_copy(Fields& fields, const std::string& table, const std::string& role,
                        const std::string& options) {
    const auto statement = copy_statement(table, "", "s3://bucket/manifest", role, options);
    const auto tokens = redshift::tokens_of(statement);
    const auto copy = tokens ? redshift::read_copy(*tokens)
                             : redshift::Answer<redshift::CopyStatement>(
                                   tl::unexpected<redshift::Failure>(tokens.error()));
    if (copy) return {};
    return fields.wrong("options", fmt::format("can't be read ({})", copy.error().message).c_str(),
                        "what COPY takes, like CSV IGNOREHEADER 1");
}

Result<Json> parsed(std::string_view text, const std::string& file) {
    // The seed's own example of a bulk input ends a member with a comma too many.
    std::string cleaned;
    bool in_text = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"' && (at == 0 || text[at - 1] != '\\')) in_text = !in_text;
        if (!in_text && text[at] == ',') {
            const auto next = text.find_first_not_of(" \t\r\n", at + 1);
            if (next != std::string_view::npos && (text[next] == '}' || text[next] == ']'))
                continue;
        }
        cleaned += text[at];
    }
    return TRY_WITH(parse_json(cleaned, {.bytes_max = 1u << 20}), file);
}

}  // namespace

bool LoaderConfig::operator==(const LoaderConfig& other) const {
    const auto tied = [](const LoaderConfig& c) {
        return std::tie(c.name, c.manifest_bucket, c.manifest_prefix, c.copy_options, c.role,
                        c.table, c.cluster, c.database, c.merge.mode, c.merge.keys,
                        c.merge.timestamp, c.merge.late_table, c.drift, c.batch_files,
                        c.batch_bytes, c.batch_wait, c.workers, c.attempts, c.owner.column,
                        c.owner.pattern);
    };
    return tied(*this) == tied(other);
}

std::optional<std::string> Owner::of(std::string_view key) const {
    const auto star = pattern.find('*');
    const std::string_view before = std::string_view(pattern).substr(0, star);
    const std::string_view behind = std::string_view(pattern).substr(star + 1);
    if (key.size() <= before.size() + behind.size() || !key.starts_with(before) ||
        !key.ends_with(behind))
        return std::nullopt;
    key = key.substr(before.size(), key.size() - before.size() - behind.size());
    if (key.find('/') != std::string_view::npos) return std::nullopt;
    return std::string(key);
}

std::string queue_of_file(std::string_view file) {
    file = file.substr(file.rfind('/') + 1);
    if (file.ends_with(".json")) file.remove_suffix(5);
    return std::string(file);
}

std::string copy_statement(const std::string& table, const std::string& columns,
                           const std::string& manifest, const std::string& role,
                           const std::string& options) {
    // As the seed's: Parquet, unless the options say another format.
    constexpr std::array formats = {"csv",        "json", "parquet", "delimiter",
                                    "fixedwidth", "avro", "orc",     "format"};
    bool has_format = false, has_manifest = false;
    if (const auto tokens = redshift::tokens_of(options)) {
        for (const redshift::Token& token : *tokens) {
            if (token.kind != redshift::TokenKind::word) continue;
            has_format |= std::find(formats.begin(), formats.end(), token.word) != formats.end();
            has_manifest |= token.word == "manifest";
        }
    }
    return fmt::format(
        "COPY {}{} FROM {} IAM_ROLE {}{}{} {}", table, columns, redshift::quoted_text(manifest),
        role.empty() ? "default" : redshift::quoted_text(role),
        has_format ? "" : " FORMAT AS PARQUET", has_manifest ? "" : " MANIFEST", options);
}

Result<LoaderConfig> read_config(std::string_view text, const std::string& file,
                                 const std::string& queue, const std::string& role) {
    const Json json = TRY(parsed(text, file));
    Fields all(json, file, "");
    TRY(all.check_object());
    LoaderConfig config;
    config.name = queue;
    Fields output = all.below("output");
    TRY(output.check_object());
    config.manifest_bucket =
        TRY(output.text("manifest_bucket", true, "the bucket for manifests, without s3://"));
    if (config.manifest_bucket.starts_with("s3://"))
        return output.wrong("manifest_bucket", "has s3:// in front", "the bucket's name alone");
    config.manifest_prefix =
        TRY(output.text("manifest_prefix", true, "the folder for manifests, like manifests/"));
    TRY(output.check_known());
    Fields copy = all.below("copy");
    TRY(copy.check_object());
    config.copy_options = TRY(copy.text("options", false, "options of COPY"));
    config.role = TRY(copy.text("role_arn", false, "a role's ARN"));
    if (config.role.empty()) config.role = role;
    config.table = TRY(copy.table("table_name"));
    config.drift = TRY(read_drift(copy));
    if (copy.has("owner")) config.owner = TRY(read_owner(copy.below("owner")));
    TRY(check_copy(copy, config.table, config.role, config.copy_options));
    TRY(copy.check_known());
    Fields cluster = all.below("cluster");
    TRY(cluster.check_object());
    config.cluster = TRY(cluster.text("identifier", false, "the cluster's name"));
    config.database = TRY(cluster.text("db_name", false, "dev"));
    if (config.database.empty()) config.database = "dev";
    TRY(cluster.check_known());
    config.merge = TRY(read_merge(all.below("options")));
    Fields batch = all.below("batch");
    TRY(batch.check_object());
    config.batch_files = static_cast<std::size_t>(TRY(batch.number("files_max", 500, 1, 10'000)));
    config.batch_bytes =
        static_cast<std::uint64_t>(TRY(batch.number("bytes_max", 256 << 20, 1, 1LL << 40)));
    config.batch_wait = Milliseconds{TRY(batch.number("wait_ms", 0, 0, 60'000))};
    config.workers = static_cast<std::size_t>(TRY(batch.number("workers", 1, 1, 64)));
    config.attempts = static_cast<int>(TRY(batch.number("attempts_max", 8, 1, 100)));
    TRY(batch.check_known());
    TRY(all.check_known());
    return config;
}

namespace {

Result<BulkPath> read_path(Fields fields, const std::string& role) {
    TRY(fields.check_object());
    BulkPath path;
    path.path = TRY(fields.text("s3_path", true, "s3://bucket/folder"));
    if (!path.path.starts_with("s3://"))
        return fields.wrong("s3_path", "has no s3:// in front", "s3://bucket/folder");
    path.table = TRY(fields.table("table"));
    path.copy_options = TRY(fields.text("copy_options", false, "options of COPY"));
    path.role = role;
    path.drift = TRY(read_drift(fields));
    path.merge = TRY(read_merge(fields.below("options")));
    if (fields.has("replace")) {
        const Json& replace = fields.member("replace");
        path.replaces = true;
        if (replace.is_object() && !replace.empty()) {
            for (const auto& [name, value] : replace.items())
                path.partition.emplace_back(
                    name, value.is_string() ? value.get<std::string>() : value.dump());
        } else if (replace == "table") {
            path.replaces_all = true;
        } else if (replace == false) {
            path.replaces = false;
        } else if (replace != "partition") {
            return fields.wrong("replace", "is not known",
                                "\"partition\", \"table\" or {\"column\": \"value\"}");
        }
    }
    TRY(check_copy(fields, path.table, path.role, path.copy_options));
    TRY(fields.check_known());
    return path;
}

}  // namespace

Result<BulkConfig> read_bulk(std::string_view text, const std::string& file,
                             const std::string& role) {
    const Json json = TRY(parsed(text, file));
    Fields all(json, file, "");
    TRY(all.check_object());
    BulkConfig config;
    Fields copy = all.below("copy");
    TRY(copy.check_object());
    auto named = TRY(copy.text("role_arn", false, "a role's ARN"));
    if (named.empty()) named = role;
    TRY(copy.check_known());
    Fields cluster = all.below("cluster");
    TRY(cluster.check_object());
    config.cluster = TRY(cluster.text("identifier", false, "the cluster's name"));
    config.database = TRY(cluster.text("db_name", false, "dev"));
    if (config.database.empty()) config.database = "dev";
    TRY(cluster.check_known());
    const Json& paths = all.member("paths");
    if (!paths.is_array() || paths.empty())
        return all.wrong("paths", "is a list that isn't empty", "[{\"s3_path\": …, \"table\": …}]");
    for (std::size_t at = 0; at < paths.size(); ++at)
        config.paths.push_back(
            TRY(read_path(Fields(paths[at], file, fmt::format("paths[{}].", at)), named)));
    TRY(all.check_known());
    return config;
}

}  // namespace stroma::loader
