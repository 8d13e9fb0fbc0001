#include <cassert>
#include <cstring>

#include "sql/duckdb/duckdb_error.h"
#include "sql/duckdb/duckdb_instance.h"
#include "sql/duckdb/duckdb_value.h"

namespace stroma::sql {

namespace {

class DuckDbRows final : public Rows {
public:
    DuckDbRows(duckdb_result result, std::string statement, std::shared_ptr<void> owner)
        : owner_(std::move(owner)), statement_(std::move(statement)), result_(result) {
        const idx_t count = duckdb_column_count(&result_);
        for (idx_t column = 0; column < count; ++column) {
            readers_.emplace_back(duckdb_column_logical_type(&result_, column));
            columns_.push_back({duckdb_column_name(&result_, column), readers_.back().type(),
                                readers_.back().engine_type()});
        }
        changed_ = static_cast<std::int64_t>(duckdb_rows_changed(&result_));
        has_rows_ = duckdb_result_return_type(result_) == DUCKDB_RESULT_TYPE_QUERY_RESULT;
    }
    ~DuckDbRows() override {
        if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
        readers_.clear();
        duckdb_destroy_result(&result_);
    }

    const std::vector<ColumnInfo>& columns() const override { return columns_; }
    std::int64_t rows_changed() const override { return changed_; }

    Result<bool> next() override {
        if (!has_rows_) return false;
        if (++row_ < chunk_rows_) return true;
        do {
            if (chunk_ != nullptr) duckdb_destroy_data_chunk(&chunk_);
            chunk_ = duckdb_fetch_chunk(result_);
            if (chunk_ == nullptr) {
                has_rows_ = false;
                return end();
            }
            chunk_rows_ = duckdb_data_chunk_get_size(chunk_);
        } while (chunk_rows_ == 0);
        for (std::size_t column = 0; column < readers_.size(); ++column) {
            readers_[column].use(duckdb_data_chunk_get_vector(chunk_, column));
        }
        row_ = 0;
        return true;
    }

    Value value(std::size_t column) const override {
        assert(chunk_ != nullptr && column < readers_.size());
        return readers_[column].value(row_);
    }

private:
    // A stream that broke off looks like one that ended, but for the error it carries.
    Result<bool> end() {
        const char* message = duckdb_result_error(&result_);
        if (message == nullptr || *message == '\0') return false;
        return fail(error_from_duckdb(duckdb_result_error_type(&result_), message, statement_));
    }

    std::shared_ptr<void> owner_;  // first, so that it goes last
    std::string statement_;
    duckdb_result result_;
    duckdb_data_chunk chunk_ = nullptr;
    std::vector<ColumnReader> readers_;
    std::vector<ColumnInfo> columns_;
    idx_t row_ = 0, chunk_rows_ = 0;
    std::int64_t changed_ = 0;
    bool has_rows_ = false;
};

}  // namespace

std::unique_ptr<Rows> rows_from_duckdb(duckdb_result result, std::string statement,
                                       std::shared_ptr<void> owner) {
    return std::make_unique<DuckDbRows>(result, std::move(statement), std::move(owner));
}

}  // namespace stroma::sql
