#include <fmt/format.h>

#include "bucket/buckets.h"
#include "bucket/rows.h"

// Listing: keys in the order of their bytes, cut after a delimiter.

namespace stroma::bucket {
namespace {

/// The prefix up to and with the first delimiter behind `prefix`; "" when the key has none.
std::string common_prefix_of(const std::string& key, const ListQuery& query) {
    if (query.delimiter.empty()) return {};
    const std::size_t at = key.find(query.delimiter, query.prefix.size());
    return at == key.npos ? std::string() : key.substr(0, at + query.delimiter.size());
}

/// Where a listing goes on: keys from `from` on, or behind it; of that key itself, versions older
/// than `older_than`.
struct Cursor {
    std::string from;
    bool with_from = true;
    std::int64_t older_than = 0;  ///< 0: none of the key `from` unless with_from
    bool is_over = false;
};

void jump_behind(Cursor& cursor, std::string_view prefix) {
    cursor.from = behind_prefix(prefix);
    cursor.with_from = true;
    cursor.older_than = 0;
    cursor.is_over = cursor.from.empty();
}

Cursor first_cursor(const ListQuery& query) {
    Cursor cursor;
    cursor.from = query.prefix;
    if (query.after >= query.prefix && !query.after.empty()) {
        cursor.from = query.after;
        cursor.with_from = false;
        const std::string common = common_prefix_of(query.after, query);
        // A page that ended with a common prefix goes on behind everything in it; who names a key
        // within one has seen it.
        if (!common.empty()) jump_behind(cursor, common);
    }
    return cursor;
}

struct Lister {
    const ListQuery& query;
    ListAnswer answer = {};

    bool is_full() const {
        return answer.objects.size() + answer.common_prefixes.size() >= query.limit;
    }
    /// Takes a row in; false when the page is full and this one is for the next.
    bool take(ObjectVersion version, Cursor& cursor) {
        if (is_full()) {
            answer.is_cut = true;
            return false;
        }
        const std::string common = common_prefix_of(version.key, query);
        if (!common.empty()) {
            answer.common_prefixes.push_back(common);
            answer.next_key = common;
            answer.next_version.clear();
            jump_behind(cursor, common);
            return false;
        }
        cursor.from = answer.next_key = version.key;
        cursor.with_from = false;
        cursor.older_than = version.sequence;
        answer.next_version = version.version;
        answer.objects.push_back(std::move(version));
        return true;
    }
};

}  // namespace

Outcome<ListAnswer> Buckets::list(const ListQuery& query) {
    const auto connection = TRY(pool_.take());
    if (!TRY(bucket_row(*connection, query.bucket))) return refuse(Why::no_such_bucket);
    if (query.limit == 0) return ListAnswer{};
    static const std::string select =
        fmt::format("SELECT {} FROM objects WHERE bucket = ? AND latest AND NOT marker AND key",
                    version_columns);
    const std::string end = behind_prefix(query.prefix);
    Lister lister{query};
    Cursor cursor = first_cursor(query);
    bool more = true;
    while (more && !cursor.is_over && !lister.answer.is_cut) {
        const std::string statement =
            fmt::format("{} {} ? {} ORDER BY key LIMIT ?", select, cursor.with_from ? ">=" : ">",
                        end.empty() ? "" : "AND key < ?");
        std::vector<sql::Value> values = {query.bucket, cursor.from};
        if (!end.empty()) values.emplace_back(end);
        const std::size_t asked =
            query.limit - lister.answer.objects.size() - lister.answer.common_prefixes.size() + 1;
        values.emplace_back(static_cast<std::int64_t>(asked));
        const auto rows = TRY(connection->execute(statement, values));
        more = false;
        while (TRY(rows->next()))
            if (!lister.take(version_in(*rows), cursor)) {
                more = true;
                break;
            }
    }
    return std::move(lister.answer);
}

Outcome<ListAnswer> Buckets::list_versions(const ListQuery& query) {
    const auto connection = TRY(pool_.take());
    if (!TRY(bucket_row(*connection, query.bucket))) return refuse(Why::no_such_bucket);
    if (query.limit == 0) return ListAnswer{};
    static const std::string select =
        fmt::format("SELECT {} FROM objects WHERE bucket = ? AND", version_columns);
    const std::string end = behind_prefix(query.prefix);
    Lister lister{query};
    Cursor cursor = first_cursor(query);
    if (!query.after_version.empty() && !cursor.with_from) {
        const auto last =
            TRY(version_row(*connection, query.bucket, query.after, query.after_version));
        if (last) cursor.older_than = last->sequence;
    }
    bool more = true;
    while (more && !cursor.is_over && !lister.answer.is_cut) {
        std::vector<sql::Value> values = {query.bucket, cursor.from};
        std::string where = cursor.with_from ? "key >= ?" : "key > ?";
        if (cursor.older_than > 0) {
            where = "(key > ? OR (key = ? AND sequence < ?))";
            values.emplace_back(cursor.from);
            values.emplace_back(cursor.older_than);
        }
        if (!end.empty()) {
            where += " AND key < ?";
            values.emplace_back(end);
        }
        const std::size_t asked =
            query.limit - lister.answer.objects.size() - lister.answer.common_prefixes.size() + 1;
        values.emplace_back(static_cast<std::int64_t>(asked));
        const auto rows = TRY(connection->execute(
            fmt::format("{} {} ORDER BY key, sequence DESC LIMIT ?", select, where), values));
        more = false;
        while (TRY(rows->next()))
            if (!lister.take(version_in(*rows), cursor)) {
                more = true;
                break;
            }
    }
    return std::move(lister.answer);
}

}  // namespace stroma::bucket
