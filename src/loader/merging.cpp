#include "loader/merging.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace stroma::loader {

using redshift::Answer;
using redshift::quoted_name;
using redshift::quoted_text;

namespace {

constexpr const char* winners_name = "stroma_winners";

/// Whether values of the type are ordered alike everywhere, without saying how.
bool has_plain_order(const std::string& engine_type) {
    constexpr std::array plain = {"SMALLINT", "INTEGER", "BIGINT",    "FLOAT",      "DOUBLE",
                                  "BOOLEAN",  "DATE",    "TIMESTAMP", "TIMESTAMPTZ"};
    return std::find(plain.begin(), plain.end(), engine_type) != plain.end() ||
           engine_type.starts_with("DECIMAL");
}

}  // namespace

Answer<std::vector<std::int64_t>> Merging::counts(const std::string& sql) {
    std::vector<std::int64_t> made;
    for (const auto& text : TRY(session_.first_row(sql)))
        made.push_back(std::strtoll(text.value_or("0").c_str(), nullptr, 10));
    return made;
}

Answer<std::int64_t> Merging::count(const std::string& sql) { return TRY(counts(sql)).front(); }

std::string Merging::same_key(const std::string& a, const std::string& b) const {
    std::string made;
    for (std::size_t at = 0; at < key_.size(); ++at) {
        const std::string name = quoted_name(key_[at]);
        const std::string left = a + "." + name, right = b + "." + name;
        if (at > 0) made += " AND ";
        // A timestamp may be null, a key's columns aren't any more.
        if (at < options_.keys.size())
            made += left + " = " + right;
        else if (dialect_.compares_nulls)
            made += left + " IS NOT DISTINCT FROM " + right;
        else
            made += fmt::format("({0} = {1} OR ({0} IS NULL AND {1} IS NULL))", left, right);
    }
    return made;
}

std::string Merging::ordered(const TargetColumn& column) const {
    const std::string name = quoted_name(column.name);
    if (column.engine_type == "JSON") return fmt::format(fmt::runtime(dialect_.json_text), name);
    if (column.engine_type == "VARCHAR") return name + std::string(dialect_.collation);
    if (dialect_.other_text.empty() || has_plain_order(column.engine_type)) return name;
    return fmt::format(fmt::runtime(dialect_.other_text), name);
}

std::string Merging::order_by() const {
    return target_.order.empty() ? "" : " ORDER BY " + target_.order;
}

Answer<void> Merging::refuse_without_key(LoadCounts& counts) {
    std::string is_absent, name_of;
    for (const std::string& key : options_.keys) {
        is_absent += (is_absent.empty() ? "" : " OR ") + quoted_name(key) + " IS NULL";
        name_of += fmt::format("WHEN {} IS NULL THEN {} ", quoted_name(key), quoted_text(key));
    }
    counts.rejected =
        TRY(count(fmt::format("SELECT count(*) FROM {} WHERE {}", target_.staging, is_absent)));
    if (counts.rejected == 0) return {};
    if (dialect_.keeps_errors)
        TRY(session_.note_absent(target_, is_absent, "CASE " + name_of + "END", now_, files_));
    TRY(session_.change(fmt::format("DELETE FROM {} WHERE {}", target_.staging, is_absent)));
    return {};
}

// Constants, since with them the engine leaves out what lies elsewhere.
Answer<void> Merging::find_range() {
    const std::string first = quoted_name(options_.keys.front());
    const auto* column = target_.column(options_.keys.front());
    if (!has_plain_order(column->engine_type) && column->engine_type != "VARCHAR") return {};
    if (column->engine_type == "BOOLEAN") return {};
    const auto found =
        TRY(session_.first_row(fmt::format("SELECT CAST(min({0}) AS {1}), CAST(max({0}) AS {1}) "
                                           "FROM {2}",
                                           first, dialect_.text, target_.staging)));
    if (!found[0] || !found[1]) return {};
    range_ = fmt::format("t.{0} BETWEEN CAST({1} AS {3}) AND CAST({2} AS {3})", first,
                         quoted_text(*found[0]), quoted_text(*found[1]), column->sql_type);
    return {};
}

// The order is total: by timestamp, then by all columns in theirs; null is the least. So what wins
// doesn't depend on how rows came, nor with which others.
Answer<void> Merging::pick_winners() {
    std::string partition, order = ordered(*target_.column(options_.timestamp));
    order += " DESC NULLS LAST";
    for (const std::string& key : key_)
        partition += (partition.empty() ? "" : ", ") + quoted_name(key);
    for (const auto& column : target_.columns) order += ", " + ordered(column) + " DESC NULLS LAST";
    TRY(session_.change(
        fmt::format("DROP TABLE IF EXISTS {}{}", dialect_.temporary, winners_name)));
    TRY(session_.change(fmt::format(
        "CREATE TEMP TABLE {7} AS SELECT {0}, stroma_is_new, stroma_was_there FROM (SELECT {0}, "
        "stroma_is_new, max(1 - "
        "stroma_is_new) OVER (PARTITION BY {1}) AS stroma_was_there, row_number() OVER (PARTITION "
        "BY {1} ORDER "
        "BY {6}, stroma_is_new) AS stroma_place FROM (SELECT {0}, 1 AS stroma_is_new FROM {2} "
        "UNION ALL SELECT {0}, 0 "
        "FROM {3} AS t WHERE EXISTS (SELECT 1 FROM {2} AS s WHERE {4}){5}) AS candidates) AS "
        "ranked WHERE stroma_place = 1",
        target_.list(), partition, target_.staging, target_.table.sql(), same_key("s", "t"),
        range_.empty() ? "" : " AND " + range_, order, winners_name)));
    return {};
}

Answer<void> Merging::keep_late(LoadCounts& counts) {
    const std::string time = quoted_name(options_.timestamp);
    const std::string from = fmt::format(
        "FROM {0} AS s WHERE EXISTS (SELECT 1 FROM {1} AS t WHERE {2}{3} AND (t.{4} > s.{4} OR "
        "(s.{4} IS NULL AND t.{4} IS NOT NULL)))",
        target_.staging, target_.table.sql(), same_key("s", "t"),
        range_.empty() ? "" : " AND " + range_, time);
    counts.late = TRY(count("SELECT count(*) " + from));
    if (counts.late == 0 || options_.late_table.empty()) return {};
    const auto late = TRY(session_.find(options_.late_table, {}));
    TRY(session_.change(fmt::format("INSERT INTO {} ({}) SELECT {} {}", late.table.sql(),
                                    target_.list(), target_.list(), from)));
    return {};
}

Answer<void> Merging::delete_old() {
    const std::string winners = std::string(dialect_.temporary) + winners_name;
    const std::string table = target_.table.sql();
    const std::string called = dialect_.aliases_deleted ? "t" : table;
    const std::string range = range_.empty() || !dialect_.aliases_deleted ? "" : " AND " + range_;
    TRY(session_.change(fmt::format(
        "DELETE FROM {}{} USING {}{} WHERE {} AND {}{}", table,
        dialect_.aliases_deleted ? " AS t" : "", winners, dialect_.aliases_deleted ? " AS w" : "",
        dialect_.aliases_deleted
            ? "w.stroma_is_new = 1 AND w.stroma_was_there = 1"
            : fmt::format("{0}.stroma_is_new = 1 AND {0}.stroma_was_there = 1", winners),
        same_key(dialect_.aliases_deleted ? "w" : winners, called), range)));
    return {};
}

Answer<LoadCounts> Merging::run() {
    LoadCounts made;
    made.read = TRY(count("SELECT count(*) FROM " + target_.staging));
    if (options_.mode == LoadMode::append) {
        made.inserted = TRY(session_.change(
            fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}{}", target_.table.sql(),
                        target_.list(), target_.list(), target_.staging, order_by())));
        return made;
    }
    TRY(refuse_without_key(made));
    key_ = options_.keys;
    if (options_.mode == LoadMode::history) key_.push_back(options_.timestamp);
    TRY(find_range());
    TRY(pick_winners());
    const std::string winners = std::string(dialect_.temporary) + winners_name;
    const auto won =
        TRY(counts("SELECT sum(stroma_is_new * stroma_was_there), sum(stroma_is_new * (1 - "
                   "stroma_was_there)) FROM " +
                   winners));
    made.updated = won[0];
    made.inserted = won[1];
    made.merged = made.read - made.rejected - made.inserted - made.updated;
    if (options_.mode == LoadMode::latest && made.merged > 0) TRY(keep_late(made));
    if (made.updated > 0) TRY(delete_old());
    TRY(session_.change(
        fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} WHERE stroma_is_new = 1{}",
                    target_.table.sql(), target_.list(), target_.list(), winners, order_by())));
    TRY(session_.change("DROP TABLE " + winners));
    return made;
}

}  // namespace stroma::loader
