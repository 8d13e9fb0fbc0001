#pragma once

#include <string>
#include <utility>
#include <vector>

#include "loader/target.h"
#include "redshift/load/copy_grammar.h"

namespace stroma::loader {

/// The columns that a file names, and what their values look like.
struct FileShape {
    struct Column {
        std::string name, type;  ///< type: as CREATE TABLE takes it, "bigint"
    };
    bool is_named = false;    ///< else columns go by place
    bool is_by_name = false;  ///< COPY finds them by name itself (JSON)
    std::vector<Column> columns;
};

/// Reads the head of a file: of Parquet its schema, of CSV with a header that line and a hundred
/// more, of JSON the members of its first 10,000 records.
redshift::Answer<FileShape> shape_of(redshift::EngineSession& session, const StagedFile& file,
                                     const redshift::CopyOptions& options,
                                     const catalog::Principal& principal);

/// Columns that the table lacks.
std::vector<FileShape::Column> unknown_columns(const Target& target, const FileShape& shape);
/// The table's own spelling of the file's columns, as COPY lists them: " (\"a\", \"b\")"; "" where
/// the file goes by place or finds its columns itself.
std::string copied_columns(const Target& target, const FileShape& shape);

}  // namespace stroma::loader
