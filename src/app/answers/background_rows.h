#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sql/database.h"

namespace stroma::app {

/// Rows of a statement that runs on a thread of low priority from its start to its last row, so
/// that it takes no time from who waits for something else. One reader.
class BackgroundRows final : public sql::Rows {
public:
    using Make = std::function<Result<std::unique_ptr<sql::Rows>>()>;
    /// Returns when the statement has its first rows, or failed.
    static Result<std::unique_ptr<sql::Rows>> begin(Make make);
    ~BackgroundRows() override;  ///< waits for the statement; end it by its own limits before

    const std::vector<sql::ColumnInfo>& columns() const override { return columns_; }
    sql::Value value(std::size_t column) const override { return batch_.values[first_ + column]; }
    std::int64_t rows_changed() const override { return 0; }
    Result<bool> next() override;

private:
    struct Batch {
        std::vector<sql::Value> values;  ///< row after row
        std::size_t rows = 0;            ///< those of no columns count too
        bool is_last = false;
        std::optional<Error> error;  ///< behind its rows
    };
    BackgroundRows() = default;
    void work(const Make& make);
    /// Hands a batch over when the one before was taken; false when nobody reads any more.
    bool give(Batch batch);
    Batch take();

    std::vector<sql::ColumnInfo> columns_;
    Batch batch_;  // the reader's
    std::size_t row_ = 0, first_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::optional<Batch> ready_;
    bool left_ = false;
    std::thread thread_;
};

/// Does something on a thread of low priority and waits for it.
void in_background(const std::function<void()>& work);

}  // namespace stroma::app
