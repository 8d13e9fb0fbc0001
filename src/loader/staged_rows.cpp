#include "loader/staged_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace stroma::loader {

using redshift::Answer;
using redshift::quoted_name;
using redshift::quoted_text;

namespace {

constexpr const char* winners = "temp.stroma_winners";

bool numbers_itself(const redshift::TableColumn& column) {
    return column.default_value.find("nextval('") != std::string::npos;
}

}  // namespace

const redshift::TableColumn* Target::column(const std::string& name) const {
    for (const auto& each : columns)
        if (each.name == name || redshift::lower_of(each.name) == redshift::lower_of(name))
            return &each;
    return nullptr;
}

std::string Target::list() const {
    std::string made;
    for (const auto& each : columns) made += (made.empty() ? "" : ", ") + quoted_name(each.name);
    return made;
}

Answer<Target> find_target(redshift::EngineSession& session, const std::string& table,
                           const MergeOptions& merge) {
    const auto tokens = TRY(redshift::tokens_of(table));
    std::size_t at = 0;
    Target target;
    target.table = TRY(session.find_table(tokens, at));
    if (tokens[at].kind != redshift::TokenKind::end || target.table.is_temporary ||
        target.table.schema.starts_with("stroma_") || target.table.schema == "main")
        return redshift::refuse("42501", fmt::format("{} is no table of users'", table));
    target.attributes = TRY(redshift::attributes_of(session, target.table));
    for (auto& column : TRY(redshift::columns_of(session, target.table)))
        if (!numbers_itself(column)) target.columns.push_back(std::move(column));
    std::vector<std::string> named = merge.keys;
    if (!merge.timestamp.empty()) named.push_back(merge.timestamp);
    for (const std::string& name : named)
        if (target.column(name) == nullptr)
            return redshift::refuse(
                "42703", fmt::format("table {} has no column \"{}\", which the loader's options "
                                     "name",
                                     target.table.key(), name));
    return target;
}

Answer<void> make_staging(redshift::EngineSession& session, const Target& target) {
    const auto staging = target.staging();
    TRY(session.change("DROP TABLE IF EXISTS " + staging.sql()));
    std::string columns;
    auto attributes = target.attributes;
    // Rows stay in the order of their files.
    attributes.sort.clear();
    attributes.dist.clear();
    attributes.distkey.clear();
    for (const auto& column : target.columns) {
        columns +=
            (columns.empty() ? "" : ", ") + quoted_name(column.name) + " " + column.engine_type;
        if (!column.default_value.empty()) columns += " DEFAULT " + column.default_value;
        if (!column.is_nullable) columns += " NOT NULL";
    }
    TRY(session.change(
        fmt::format("CREATE TEMP TABLE {} ({})", quoted_name(staging.name), columns)));
    return redshift::keep_attributes(session, staging, attributes);
}

Answer<std::int64_t> Merging::count(const std::string& sql) {
    const auto text = TRY(session_.text_of(sql));
    return std::strtoll(text.value_or("0").c_str(), nullptr, 10);
}

std::string Merging::same_key(const std::string& a, const std::string& b) const {
    std::string made;
    for (std::size_t at = 0; at < key_.size(); ++at) {
        // A timestamp may be null, a key's columns aren't any more.
        const bool may_be_null = at >= options_.keys.size();
        made += fmt::format("{}{}.{} {} {}.{}", at > 0 ? " AND " : "", a, quoted_name(key_[at]),
                            may_be_null ? "IS NOT DISTINCT FROM" : "=", b, quoted_name(key_[at]));
    }
    return made;
}

std::string Merging::order_by() const {
    const auto order = redshift::sort_order(target_.attributes, target_.columns, "");
    return order.empty() ? "" : " ORDER BY " + order;
}

Answer<void> Merging::refuse_without_key(LoadCounts& counts) {
    std::string is_absent, name_of;
    for (const std::string& key : options_.keys) {
        is_absent += (is_absent.empty() ? "" : " OR ") + quoted_name(key) + " IS NULL";
        name_of += fmt::format("WHEN {} IS NULL THEN {} ", quoted_name(key), quoted_text(key));
    }
    const std::string staging = target_.staging().sql();
    counts.rejected =
        TRY(count(fmt::format("SELECT count(*) FROM {} WHERE {}", staging, is_absent)));
    if (counts.rejected == 0) return {};
    std::string files;
    std::int64_t from = 0;
    for (const StagedFile& file : files_) {
        files += fmt::format("{}({}, {}, {})", files.empty() ? "" : ", ", quoted_text(file.url()),
                             from, from + file.rows);
        from += file.rows;
    }
    // Rows of an open transaction are numbered from somewhere.
    TRY(session_.change(fmt::format(
        "INSERT INTO stroma_system.load_errors SELECT 100, 0, {}, {}::TIMESTAMP, 0, {}, f.url, "
        "s.at - f.begun + 1, CASE {}END, 'key', '', 0, left(to_json(s.line)::VARCHAR, 1024), '', "
        "1213, 'Missing data for the key of a merge', 0, 0, NULL FROM (SELECT rowid - (SELECT "
        "min(rowid) FROM {}) AS at, {}, staged AS line FROM {} AS staged WHERE {}) AS s LEFT JOIN "
        "(VALUES {}) AS f(url, begun, ended) ON s.at >= f.begun AND s.at < f.ended",
        quoted_text(target_.table.name), quoted_text(now_), session_.query_number(), name_of,
        staging, target_.list(), staging, is_absent, files)));
    TRY(session_.change(fmt::format("DELETE FROM {} WHERE {}", staging, is_absent)));
    return {};
}

// Constants, since with them the engine leaves out what lies elsewhere.
Answer<void> Merging::find_range() {
    const std::string first = quoted_name(options_.keys.front());
    const auto* column = target_.column(options_.keys.front());
    const std::string staging = target_.staging().sql();
    const auto least =
        TRY(session_.text_of(fmt::format("SELECT min({})::VARCHAR FROM {}", first, staging)));
    const auto most =
        TRY(session_.text_of(fmt::format("SELECT max({})::VARCHAR FROM {}", first, staging)));
    if (!least || !most) return {};
    range_ = fmt::format(" AND t.{} BETWEEN CAST({} AS {}) AND CAST({} AS {})", first,
                         quoted_text(*least), column->engine_type, quoted_text(*most),
                         column->engine_type);
    return {};
}

// The order is total: by timestamp, then by all columns in theirs; null is the least. So what wins
// doesn't depend on how rows came, nor with which others.
Answer<void> Merging::pick_winners() {
    std::string partition,
        order = fmt::format("{} DESC NULLS LAST", quoted_name(options_.timestamp));
    for (const std::string& key : key_)
        partition += (partition.empty() ? "" : ", ") + quoted_name(key);
    for (const auto& column : target_.columns)
        order += fmt::format(", {}{} DESC NULLS LAST", quoted_name(column.name),
                             column.engine_type == "JSON" ? "::VARCHAR" : "");
    TRY(session_.change(fmt::format("DROP TABLE IF EXISTS {}", winners)));
    TRY(session_.change(fmt::format(
        "CREATE TEMP TABLE stroma_winners AS SELECT {0}, is_new, max(1 - is_new) OVER (PARTITION "
        "BY {1}) AS was_there FROM (SELECT {0}, 1 AS is_new FROM {2} UNION ALL SELECT {0}, 0 FROM "
        "{3} AS t WHERE EXISTS (SELECT 1 FROM {2} AS s WHERE {4}){5}) AS candidates QUALIFY "
        "row_number() OVER (PARTITION BY {1} ORDER BY {6}, is_new) = 1",
        target_.list(), partition, target_.staging().sql(), target_.table.sql(), same_key("s", "t"),
        range_, order)));
    return {};
}

Answer<void> Merging::keep_late(LoadCounts& counts) {
    const std::string time = quoted_name(options_.timestamp);
    const std::string from = fmt::format(
        "FROM {} AS s WHERE EXISTS (SELECT 1 FROM {} AS t WHERE {}{} AND (t.{} > s.{} OR (s.{} IS "
        "NULL AND t.{} IS NOT NULL)))",
        target_.staging().sql(), target_.table.sql(), same_key("s", "t"), range_, time, time, time,
        time);
    counts.late = TRY(count("SELECT count(*) " + from));
    if (counts.late == 0 || options_.late_table.empty()) return {};
    const auto late = TRY(find_target(session_, options_.late_table, {}));
    TRY(session_.change(fmt::format("INSERT INTO {} ({}) SELECT {} {}", late.table.sql(),
                                    target_.list(), target_.list(), from)));
    return {};
}

Answer<LoadCounts> Merging::run() {
    LoadCounts counts;
    const std::string staging = target_.staging().sql();
    counts.read = TRY(count("SELECT count(*) FROM " + staging));
    if (options_.mode == LoadMode::append) {
        counts.inserted = TRY(session_.change(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}{}",
                                                          target_.table.sql(), target_.list(),
                                                          target_.list(), staging, order_by())));
        return counts;
    }
    TRY(refuse_without_key(counts));
    key_ = options_.keys;
    if (options_.mode == LoadMode::history) key_.push_back(options_.timestamp);
    TRY(find_range());
    TRY(pick_winners());
    counts.updated = TRY(
        count(fmt::format("SELECT count(*) FROM {} WHERE is_new = 1 AND was_there = 1", winners)));
    counts.inserted = TRY(
        count(fmt::format("SELECT count(*) FROM {} WHERE is_new = 1 AND was_there = 0", winners)));
    counts.merged = counts.read - counts.rejected - counts.inserted - counts.updated;
    if (options_.mode == LoadMode::latest && counts.merged > 0) TRY(keep_late(counts));
    if (counts.updated > 0)
        TRY(session_.change(fmt::format(
            "DELETE FROM {} AS t USING {} AS w WHERE w.is_new = 1 AND w.was_there = 1 AND {}{}",
            target_.table.sql(), winners, same_key("w", "t"), range_)));
    TRY(session_.change(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} WHERE is_new = 1{}",
                                    target_.table.sql(), target_.list(), target_.list(), winners,
                                    order_by())));
    TRY(session_.change(fmt::format("DROP TABLE {}", winners)));
    return counts;
}

}  // namespace stroma::loader
