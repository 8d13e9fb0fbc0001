#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "redshift/engine_session.h"

namespace stroma::redshift {

/// Rows as the engine gives them. When the session needs its connection, what is left is taken
/// into memory.
class RowsCursor final : public Cursor {
public:
    /// `finished` is called once, when the last row was read or the cursor goes.
    using Finished = std::function<void(std::int64_t rows, const Failure* failure)>;
    RowsCursor(EngineSession& session, std::unique_ptr<sql::Rows> rows, std::vector<Column> columns,
               Finished finished);
    ~RowsCursor() override;
    const std::vector<Column>& columns() const override { return columns_; }
    Answer<bool> next() override;
    sql::Value value(std::size_t column) const override;
    std::int64_t rows() const override { return count_; }
    void take_rest();

private:
    static constexpr std::size_t kept_rows_max = 5'000'000;
    sql::Value read(std::size_t column) const;
    void finish(const Failure* failure);
    EngineSession* session_;
    std::unique_ptr<sql::Rows> rows_;  ///< null when the rest is kept
    std::vector<Column> columns_;
    std::deque<std::vector<sql::Value>> kept_;
    std::vector<sql::Value> current_;
    std::optional<Failure> broken_;
    Finished finished_;
    std::int64_t count_ = 0;
    bool is_kept_ = false;
};

/// Rows that lie in memory already.
std::unique_ptr<Cursor> kept_rows(std::vector<Column> columns,
                                  std::vector<std::vector<sql::Value>> rows);

}  // namespace stroma::redshift
