#include "redshift/query_log.h"

#include <algorithm>
#include <array>
#include <vector>

#include "redshift/lexer.h"
#include "sql/value_scan.h"

namespace stroma::redshift {
namespace {

using sql::Type;

/// What COPY and UNLOAD may be given to prove themselves with isn't for those who read the log.
std::string without_secrets(std::string text) {
    constexpr std::array<std::string_view, 5> secrets = {
        "credentials", "secret_access_key", "session_token", "master_symmetric_key", "password"};
    const std::string lower = lower_of(text);
    if (std::none_of(secrets.begin(), secrets.end(),
                     [&](std::string_view word) { return lower.find(word) != lower.npos; }))
        return text;
    const auto tokens = tokens_of(text);
    if (!tokens) return "";
    for (std::size_t at = tokens->size(); at-- > 1;) {
        const Token& token = (*tokens)[at];
        const std::size_t before = at >= 2 && (*tokens)[at - 1].word == "as" ? at - 2 : at - 1;
        const bool is_secret =
            token.kind == TokenKind::text &&
            std::find(secrets.begin(), secrets.end(), (*tokens)[before].word) != secrets.end();
        if (is_secret) text.replace(token.offset, token.size, "'***'");
    }
    return text;
}

}  // namespace

std::int64_t QueryLog::begin(LoggedQuery query) {
    constexpr std::size_t text_bytes_max = 4096;
    query.text = without_secrets(std::move(query.text));
    const std::lock_guard lock(mutex_);
    query.query = next_++;
    query.state = "running";
    if (query.text.size() > text_bytes_max) query.text.resize(text_bytes_max);
    const std::int64_t number = query.query;
    queries_.push_back(std::move(query));
    if (queries_.size() > kept_max) queries_.pop_front();
    return number;
}

// Numbers rise by one, so that its place is known.
LoggedQuery* QueryLog::find(std::int64_t query) {
    if (queries_.empty() || query < queries_.front().query) return nullptr;
    return &queries_[static_cast<std::size_t>(query - queries_.front().query)];
}

void QueryLog::set_transaction(std::int64_t query, std::int64_t transaction) {
    const std::lock_guard lock(mutex_);
    LoggedQuery* const found = find(query);
    if (found != nullptr && found->ended_us == 0) found->transaction = transaction;
}

void QueryLog::end(std::int64_t query, std::int64_t ended_us, std::int64_t rows, std::string state,
                   std::string error) {
    const std::lock_guard lock(mutex_);
    LoggedQuery* const found = find(query);
    if (found == nullptr) return;
    found->ended_us = ended_us;
    found->rows = rows;
    found->state = std::move(state);
    found->error = std::move(error);
}

std::shared_ptr<sql::TableScan> QueryLog::scan() const {
    std::vector<std::vector<sql::Value>> rows;
    const std::lock_guard lock(mutex_);
    rows.reserve(queries_.size());
    for (const LoggedQuery& query : queries_)
        rows.push_back({query.query, query.transaction, std::int64_t{query.process}, query.user,
                        query.database, query.label, query.text, query.started_us, query.ended_us,
                        query.rows, query.state, query.error});
    return sql::scan_of({{"query", Type::integer},
                         {"xid", Type::integer},
                         {"pid", Type::integer},
                         {"username", Type::text},
                         {"database", Type::text},
                         {"label", Type::text},
                         {"querytxt", Type::text},
                         {"started_us", Type::integer},
                         {"ended_us", Type::integer},
                         {"rows", Type::integer},
                         {"state", Type::text},
                         {"error", Type::text}},
                        std::move(rows));
}

}  // namespace stroma::redshift
