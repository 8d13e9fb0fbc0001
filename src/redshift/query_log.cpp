#include "redshift/query_log.h"

#include <algorithm>
#include <array>
#include <vector>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

using sql::Type;

class LogFeed final : public sql::RowFeed {
public:
    LogFeed(const std::vector<LoggedQuery>& queries, std::vector<std::uint32_t> wanted)
        : queries_(queries), wanted_(std::move(wanted)) {}
    Result<std::size_t> fill(sql::RowSink& sink) override {
        const std::size_t count = std::min(sink.row_max(), queries_.size() - at_);
        for (std::size_t row = 0; row < count; ++row) {
            const LoggedQuery& query = queries_[at_ + row];
            for (const std::uint32_t column : wanted_) put(sink, column, row, query);
        }
        at_ += count;
        return count;
    }

private:
    static void put(sql::RowSink& sink, std::uint32_t column, std::size_t row,
                    const LoggedQuery& query) {
        const std::int64_t numbers[] = {query.query, query.transaction, query.process};
        const std::string* texts[] = {&query.user, &query.database, &query.label, &query.text};
        const std::int64_t later[] = {query.started_us, query.ended_us, query.rows};
        if (column < 3) {
            sink.integers(column)[row] = numbers[column];
        } else if (column < 7) {
            sink.set_text(column, row, *texts[column - 3]);
        } else if (column < 10) {
            sink.integers(column)[row] = later[column - 7];
        } else {
            sink.set_text(column, row, column == 10 ? query.state : query.error);
        }
    }
    const std::vector<LoggedQuery>& queries_;
    std::vector<std::uint32_t> wanted_;
    std::size_t at_ = 0;
};

class LogScan final : public sql::TableScan {
public:
    explicit LogScan(std::vector<LoggedQuery> queries) : queries_(std::move(queries)) {}
    const std::vector<sql::ScanColumn>& columns() const override {
        static const std::vector<sql::ScanColumn> names = {
            {"query", Type::integer}, {"xid", Type::integer},        {"pid", Type::integer},
            {"username", Type::text}, {"database", Type::text},      {"label", Type::text},
            {"querytxt", Type::text}, {"started_us", Type::integer}, {"ended_us", Type::integer},
            {"rows", Type::integer},  {"state", Type::text},         {"error", Type::text}};
        return names;
    }
    std::unique_ptr<sql::ScanRun> begin() override { return std::make_unique<Run>(queries_); }

private:
    class Run final : public sql::ScanRun {
    public:
        explicit Run(const std::vector<LoggedQuery>& queries) : queries_(queries) {}
        Result<std::unique_ptr<sql::RowFeed>> start(
            std::span<const std::uint32_t> wanted) override {
            return std::make_unique<LogFeed>(
                queries_, std::vector<std::uint32_t>(wanted.begin(), wanted.end()));
        }

    private:
        const std::vector<LoggedQuery>& queries_;
    };
    std::vector<LoggedQuery> queries_;
};

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

void QueryLog::end(std::int64_t query, std::int64_t ended_us, std::int64_t rows, std::string state,
                   std::string error) {
    const std::lock_guard lock(mutex_);
    // Numbers rise by one, so that its place is known.
    if (queries_.empty() || query < queries_.front().query) return;
    LoggedQuery& found = queries_[static_cast<std::size_t>(query - queries_.front().query)];
    found.ended_us = ended_us;
    found.rows = rows;
    found.state = std::move(state);
    found.error = std::move(error);
}

std::shared_ptr<sql::TableScan> QueryLog::scan() const {
    const std::lock_guard lock(mutex_);
    return std::make_shared<LogScan>(std::vector<LoggedQuery>(queries_.begin(), queries_.end()));
}

}  // namespace stroma::redshift
