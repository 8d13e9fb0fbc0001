#pragma once

#include "expression/format.h"
#include "sql/database.h"

namespace stroma::warehouse {

/// Writes X of a selection as one Parquet file in long form; see write_matrix_parquet.
class ParquetWriter final : public expression::FormatWriter {
public:
    explicit ParquetWriter(sql::Database& database) : database_(database) {}
    std::string_view name() const override { return "parquet"; }
    std::string_view extension() const override { return ".parquet"; }
    Result<expression::WrittenMatrix> write(const expression::AnnotatedData& data,
                                            const fs::path& path,
                                            const expression::WriteOptions& options,
                                            const expression::Watch& watch) const override;

private:
    sql::Database& database_;
};

}  // namespace stroma::warehouse
