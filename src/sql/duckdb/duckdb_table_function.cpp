#include <algorithm>

#include "sql/duckdb/duckdb_instance.h"

namespace stroma::sql {

namespace {

duckdb_type engine_type_of(Type type) {
    switch (type) {
        case Type::boolean: return DUCKDB_TYPE_BOOLEAN;
        case Type::integer: return DUCKDB_TYPE_BIGINT;
        case Type::real: return DUCKDB_TYPE_DOUBLE;
        case Type::blob: return DUCKDB_TYPE_BLOB;
        default: return DUCKDB_TYPE_VARCHAR;
    }
}

template <class T>
void destroy(void* pointer) {
    delete static_cast<T*>(pointer);
}

/// Columns as the scan numbers them, laid onto the chunk's columns, which are the wanted ones.
class ChunkSink final : public RowSink {
public:
    explicit ChunkSink(std::size_t columns) : vectors_(columns, nullptr) {}
    void use(duckdb_data_chunk chunk, std::span<const std::uint32_t> wanted) {
        for (std::size_t at = 0; at < wanted.size(); ++at) {
            vectors_[wanted[at]] = duckdb_data_chunk_get_vector(chunk, at);
        }
    }
    std::size_t row_max() const override { return duckdb_vector_size(); }
    std::int64_t* integers(std::size_t column) override {
        return static_cast<std::int64_t*>(duckdb_vector_get_data(vectors_[column]));
    }
    double* reals(std::size_t column) override {
        return static_cast<double*>(duckdb_vector_get_data(vectors_[column]));
    }
    bool* booleans(std::size_t column) override {
        return static_cast<bool*>(duckdb_vector_get_data(vectors_[column]));
    }
    void set_text(std::size_t column, std::size_t row, std::string_view text) override {
        duckdb_vector_assign_string_element_len(vectors_[column], row, text.data(), text.size());
    }
    void set_all_text(std::size_t column, std::string_view text) override {
        duckdb_value value = duckdb_create_varchar_length(text.data(), text.size());
        duckdb_vector_reference_value(vectors_[column], value);
        duckdb_destroy_value(&value);
    }
    void set_null(std::size_t column, std::size_t row) override {
        duckdb_vector_ensure_validity_writable(vectors_[column]);
        duckdb_validity_set_row_invalid(duckdb_vector_get_validity(vectors_[column]), row);
    }

private:
    std::vector<duckdb_vector> vectors_;
};

struct BoundScan {
    std::shared_ptr<TableScan> scan;
};
struct RunningScan {
    std::shared_ptr<TableScan> scan;  // first, so that it outlives the run
    std::unique_ptr<ScanRun> run;
};
struct ScanThread {
    std::vector<std::uint32_t> wanted;
    std::unique_ptr<RowFeed> feed;
    ChunkSink sink;
};

void bind_scan(duckdb_bind_info info) {
    auto& function = *static_cast<TableFunction*>(duckdb_bind_get_extra_info(info));
    duckdb_value value = duckdb_bind_get_parameter(info, 0);
    char* text = duckdb_get_varchar(value);
    auto scan = function(text == nullptr ? "" : text);
    duckdb_free(text);
    duckdb_destroy_value(&value);
    if (!scan) {
        duckdb_bind_set_error(info, scan.error().message.c_str());
        return;
    }
    for (const auto& column : (*scan)->columns()) {
        duckdb_logical_type type = duckdb_create_logical_type(engine_type_of(column.type));
        duckdb_bind_add_result_column(info, column.name.c_str(), type);
        duckdb_destroy_logical_type(&type);
    }
    if (const auto rows = (*scan)->row_estimate()) duckdb_bind_set_cardinality(info, *rows, false);
    duckdb_bind_set_bind_data(info, new BoundScan{std::move(*scan)}, destroy<BoundScan>);
}

void start_scan(duckdb_init_info info) {
    const auto& bound = *static_cast<BoundScan*>(duckdb_init_get_bind_data(info));
    duckdb_init_set_max_threads(info, bound.scan->thread_max());
    duckdb_init_set_init_data(info, new RunningScan{bound.scan, bound.scan->begin()},
                              destroy<RunningScan>);
}

void start_thread(duckdb_init_info info) {
    const auto& bound = *static_cast<BoundScan*>(duckdb_init_get_bind_data(info));
    const std::size_t columns = bound.scan->columns().size();
    auto thread = std::make_unique<ScanThread>(ScanThread{{}, nullptr, ChunkSink(columns)});
    for (idx_t at = 0; at < duckdb_init_get_column_count(info); ++at) {
        const idx_t column = duckdb_init_get_column_index(info, at);
        // count(*) asks for a column that isn't there: the rows alone matter.
        if (column < columns) thread->wanted.push_back(static_cast<std::uint32_t>(column));
    }
    duckdb_init_set_init_data(info, thread.release(), destroy<ScanThread>);
}

Result<std::size_t> fill_sink(RunningScan& running, ScanThread& thread) {
    if (thread.feed == nullptr) {
        std::vector<std::uint32_t> rising = thread.wanted;
        std::sort(rising.begin(), rising.end());
        thread.feed = TRY(running.run->start(rising));
    }
    return thread.feed->fill(thread.sink);
}

void fill_chunk(duckdb_function_info info, duckdb_data_chunk chunk) {
    auto& running = *static_cast<RunningScan*>(duckdb_function_get_init_data(info));
    auto& thread = *static_cast<ScanThread*>(duckdb_function_get_local_init_data(info));
    thread.sink.use(chunk, thread.wanted);
    const auto rows = fill_sink(running, thread);
    if (!rows) {
        duckdb_function_set_error(info, rows.error().message.c_str());
        return;
    }
    duckdb_data_chunk_set_size(chunk, *rows);
}

}  // namespace

Result<void> register_table_function(duckdb_connection connection, const std::string& name,
                                     TableFunction function) {
    duckdb_table_function made = duckdb_create_table_function();
    duckdb_table_function_set_name(made, name.c_str());
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_table_function_add_parameter(made, text);
    duckdb_destroy_logical_type(&text);
    duckdb_table_function_set_extra_info(made, new TableFunction(std::move(function)),
                                         destroy<TableFunction>);
    duckdb_table_function_set_bind(made, bind_scan);
    duckdb_table_function_set_init(made, start_scan);
    duckdb_table_function_set_local_init(made, start_thread);
    duckdb_table_function_set_function(made, fill_chunk);
    duckdb_table_function_supports_projection_pushdown(made, true);
    const auto state = duckdb_register_table_function(connection, made);
    duckdb_destroy_table_function(&made);
    if (state == DuckDBSuccess) return {};
    return fail(ErrorCode::already_exists, "a table function '" + name + "' is there already");
}

}  // namespace stroma::sql
