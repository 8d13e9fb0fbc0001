#include <cmath>

#include "sql/duckdb/duckdb_error.h"
#include "sql/duckdb/duckdb_instance.h"

namespace stroma::sql {

namespace {

// What we fill for a column of the table; the engine turns texts into all other types.
duckdb_type filled_type(duckdb_type table_type) {
    switch (table_type) {
        case DUCKDB_TYPE_BOOLEAN:
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_DOUBLE:
        case DUCKDB_TYPE_BLOB: return table_type;
        case DUCKDB_TYPE_TINYINT:
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_UTINYINT:
        case DUCKDB_TYPE_USMALLINT:
        case DUCKDB_TYPE_UINTEGER: return DUCKDB_TYPE_BIGINT;
        case DUCKDB_TYPE_FLOAT: return DUCKDB_TYPE_DOUBLE;
        default: return DUCKDB_TYPE_VARCHAR;
    }
}

class DuckDbAppender final : public Appender {
public:
    DuckDbAppender(duckdb_appender handle, std::string table, std::shared_ptr<void> owner,
                   std::function<void()> failed)
        : owner_(std::move(owner)),
          table_(std::move(table)),
          failed_(std::move(failed)),
          handle_(handle) {
        const idx_t count = duckdb_appender_column_count(handle_);
        std::vector<duckdb_logical_type> logical;
        for (idx_t column = 0; column < count; ++column) {
            duckdb_logical_type of_table = duckdb_appender_column_type(handle_, column);
            types_.push_back(filled_type(duckdb_get_type_id(of_table)));
            logical.push_back(duckdb_create_logical_type(types_.back()));
            duckdb_destroy_logical_type(&of_table);
        }
        chunk_ = duckdb_create_data_chunk(logical.data(), count);
        for (auto& type : logical) duckdb_destroy_logical_type(&type);
    }
    ~DuckDbAppender() override {
        duckdb_destroy_data_chunk(&chunk_);
        // Destroying an appender flushes it: one that was left behind may not be committed.
        if (!finished_) failed_();
        duckdb_appender_destroy(&handle_);
    }

    Result<void> append(std::span<const Value> row) override {
        if (row.size() != types_.size()) {
            return failing(
                fail(ErrorCode::invalid_input, "a row of " + std::to_string(row.size()) +
                                                   " values for table " + table_ + " with " +
                                                   std::to_string(types_.size()) + " columns"));
        }
        for (std::size_t column = 0; column < row.size(); ++column) {
            if (auto set = put(column, row[column]); !set) return failing(std::move(set));
        }
        if (++rows_ < duckdb_vector_size()) return {};
        return flush_chunk();
    }

    Result<void> finish() override {
        if (rows_ > 0) TRY(flush_chunk());
        if (duckdb_appender_flush(handle_) == DuckDBSuccess) {
            finished_ = true;
            return {};
        }
        return failing(engine_error());
    }

private:
    Result<void> failing(Result<void> result) {
        failed_();
        return result;
    }
    Result<void> engine_error() {
        duckdb_error_data data = duckdb_appender_error_data(handle_);
        Error error = error_from_duckdb(duckdb_error_data_error_type(data),
                                        duckdb_error_data_message(data), "");
        duckdb_destroy_error_data(&data);
        return fail(std::move(error).with("table " + table_));
    }
    Result<void> flush_chunk() {
        duckdb_data_chunk_set_size(chunk_, rows_);
        const auto state = duckdb_append_data_chunk(handle_, chunk_);
        duckdb_data_chunk_reset(chunk_);
        rows_ = 0;
        if (state == DuckDBSuccess) return {};
        return failing(engine_error());
    }
    Result<void> put(std::size_t column, const Value& value);
    Result<void> misfit(std::size_t column) {
        return fail(ErrorCode::invalid_input, "a value of another type for column " +
                                                  std::to_string(column + 1) + " of table " +
                                                  table_);
    }

    std::shared_ptr<void> owner_;
    std::string table_;
    std::function<void()> failed_;
    duckdb_appender handle_;
    duckdb_data_chunk chunk_ = nullptr;
    std::vector<duckdb_type> types_;
    idx_t rows_ = 0;
    bool finished_ = false;
};

Result<void> DuckDbAppender::put(std::size_t column, const Value& value) {
    duckdb_vector vector = duckdb_data_chunk_get_vector(chunk_, column);
    if (std::holds_alternative<std::monostate>(value)) {
        duckdb_vector_ensure_validity_writable(vector);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vector), rows_);
        return {};
    }
    const auto* number = std::get_if<std::int64_t>(&value);
    const auto* real = std::get_if<double>(&value);
    const auto* text = std::get_if<std::string>(&value);
    const auto* flag = std::get_if<bool>(&value);
    void* data = duckdb_vector_get_data(vector);
    switch (types_[column]) {
        case DUCKDB_TYPE_BOOLEAN:
            if (flag == nullptr) return misfit(column);
            static_cast<bool*>(data)[rows_] = *flag;
            return {};
        case DUCKDB_TYPE_BIGINT:
            if (number == nullptr) return misfit(column);
            static_cast<std::int64_t*>(data)[rows_] = *number;
            return {};
        case DUCKDB_TYPE_DOUBLE:
            if (real == nullptr && number == nullptr) return misfit(column);
            static_cast<double*>(data)[rows_] =
                real != nullptr ? *real : static_cast<double>(*number);
            return {};
        default: break;
    }
    if (text != nullptr) {
        duckdb_vector_assign_string_element_len(vector, rows_, text->data(), text->size());
        return {};
    }
    if (types_[column] == DUCKDB_TYPE_BLOB) return misfit(column);
    const std::string shown = number != nullptr ? std::to_string(*number)
                              : flag != nullptr ? (*flag ? "true" : "false")
                                                : std::to_string(*real);
    duckdb_vector_assign_string_element_len(vector, rows_, shown.data(), shown.size());
    return {};
}

}  // namespace

Result<std::unique_ptr<Appender>> append_duckdb(duckdb_connection connection,
                                                std::string_view table, std::shared_ptr<void> owner,
                                                std::function<void()> failed) {
    const auto dot = table.find('.');
    const std::string schema(dot == std::string_view::npos ? "" : table.substr(0, dot));
    const std::string name(dot == std::string_view::npos ? table : table.substr(dot + 1));
    duckdb_appender handle = nullptr;
    if (duckdb_appender_create(connection, schema.empty() ? nullptr : schema.c_str(), name.c_str(),
                               &handle) == DuckDBError) {
        duckdb_error_data data = duckdb_appender_error_data(handle);
        Error error = error_from_duckdb(duckdb_error_data_error_type(data),
                                        duckdb_error_data_message(data), "");
        duckdb_destroy_error_data(&data);
        duckdb_appender_destroy(&handle);
        return fail(std::move(error));
    }
    return std::make_unique<DuckDbAppender>(handle, std::string(table), std::move(owner),
                                            std::move(failed));
}

}  // namespace stroma::sql
