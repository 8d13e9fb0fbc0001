#pragma once

#include "base/file.h"
#include "expression/annotated_data.h"
#include "expression/format.h"
#include "sql/embedded_database.h"

namespace stroma::warehouse {

/// Writes X of a selection in long form, a row for each stored value in cell order: cell_id,
/// gene_id, value. X must be by_cell. Memory is one block of lines beside obs's and var's ids.
/// Gives the rows. `database` must be one in this process; nothing is put into it.
/// errors  already_exists  something is at `path`    cancelled  the watch said so
Result<std::uint64_t> write_matrix_parquet(sql::Database& database,
                                           const expression::AnnotatedData& data,
                                           const fs::path& path, const expression::Watch& watch);

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
