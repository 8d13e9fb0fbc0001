#pragma once

#include <duckdb.h>

#include <string>
#include <utility>

#include "sql/database.h"

namespace stroma::sql {

/// Reads the values of one result column, chunk after chunk. Integers of up to 64 bits, reals,
/// booleans, texts and blobs are read straight; all else becomes the engine's own text.
/// 128-bit and unsigned 64-bit integers count as integer; one that doesn't fit comes as its text.
class ColumnReader {
public:
    explicit ColumnReader(duckdb_logical_type type);  ///< takes the type
    ColumnReader(ColumnReader&& other) noexcept;
    ColumnReader& operator=(ColumnReader&&) = delete;
    ~ColumnReader();

    Type type() const;
    std::string engine_type() const;
    void use(duckdb_vector vector);  ///< the chunk's column; valid until the chunk goes
    Value value(idx_t row) const;

private:
    duckdb_logical_type logical_ = nullptr;
    duckdb_type id_ = DUCKDB_TYPE_INVALID;
    duckdb_vector vector_ = nullptr;
    const void* data_ = nullptr;
    std::uint64_t* validity_ = nullptr;
};

/// The engine's value for a parameter; destroy it. Null for a text that isn't UTF-8.
duckdb_value value_for_duckdb(const Value& value);

}  // namespace stroma::sql
