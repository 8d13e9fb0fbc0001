#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "redshift/session.h"
#include "sql/write_group.h"
#include "statement/statement.h"

namespace stroma::statement {

/// A session of that user; whether it may write is the maker's to decide.
using Connect = std::function<redshift::Answer<std::unique_ptr<redshift::Session>>(
    redshift::SessionOptions options)>;

struct StatementsOptions {
    fs::path folder;          ///< of results; made when absent
    std::size_t at_once = 4;  ///< statements that run at the same time
    std::size_t active_max = 500, sessions_max = 500;
    std::uint64_t result_bytes_max = 500u << 20, row_bytes_max = 64u << 10;
    std::uint64_t page_bytes = 1u << 20;
    /// Told inside the transaction in which a statement becomes over.
    std::function<Result<void>(sql::Connection&, const Statement&)> tell;
    /// Who that is, for what is run after a restart; nothing when they may not any more.
    std::function<Result<std::optional<catalog::Principal>>(std::string_view id)> find_principal;
    /// Of those statements, which took effect (their marks). See redshift::Session::mark().
    std::function<Result<std::vector<std::string>>()> marks;
    std::function<Result<void>(const std::vector<std::string>& ids)> drop_marks;
};

struct ListQuery {
    std::string owner;                         ///< "" for everybody's
    std::string name;                          ///< begins so
    std::string cluster, workgroup, database;  ///< as the client named them; "" for any
    std::optional<Status> status;              ///< nothing is all
    std::int64_t before = 0;  ///< the position that the last page ended with; 0: first
    std::size_t limit = 100;
};
struct ListAnswer {
    std::vector<Statement> statements;  ///< newest first
    std::int64_t next = 0;              ///< 0: there are no more
};

/// One page of a result.
struct Page {
    std::string columns;  ///< JSON: ColumnMetadata
    std::string rows;     ///< JSON array of rows, or CSV text
    ResultFormat format = ResultFormat::json;
    std::uint64_t next = 0;  ///< the next page's; 0 is none
};

/// Statements on their way. Any thread; what it is given outlives it.
class Statements {
public:
    static Result<std::unique_ptr<Statements>> open(sql::WriteGroup& writes, Connect connect,
                                                    const Clock& clock, IdSource& ids,
                                                    StatementsOptions options);
    ~Statements();
    /// Runs what waits, also from before a restart.
    void start();
    /// What runs is called off; what waits is run after the next start.
    void stop();

    /// Durable when it returns.
    /// errors  invalid_input  the SQL, its parameters, a session that isn't there or is busy
    ///         exhausted      too many statements, or sessions, at once
    Result<Statement> submit(Order order);
    Result<std::optional<Statement>> find(std::string_view id);
    Result<ListAnswer> list(const ListQuery& query);
    /// False when it is over already.
    Result<bool> cancel(std::string_view id);
    /// Returns when it is over, the time is, or the stop is asked.
    Result<std::optional<Statement>> wait(std::string_view id, Milliseconds time,
                                          const std::stop_token& left);
    /// A page of the n-th part's result, from 1. errors  not_found  there is none (any more);
    /// invalid_input  no page begins there
    Result<Page> page(const Statement& statement, std::size_t part, std::uint64_t at);
    /// A short question of the principal's, answered at once, every value as text.
    using TextRows = std::vector<std::vector<std::optional<std::string>>>;
    Result<TextRows> ask(const catalog::Principal& principal, const std::string& database,
                         const std::string& sql, const std::vector<std::string>& values);
    /// Removes what is over for a day.
    Result<void> expire();

    struct State;

private:
    explicit Statements(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// Columns as answers of the Data API tell them: a JSON array.
std::string columns_json(const std::vector<redshift::Column>& columns);

}  // namespace stroma::statement
