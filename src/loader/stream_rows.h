#pragma once

#include <string>
#include <vector>

#include "loader/target.h"
#include "redshift/load/copy_grammar.h"
#include "redshift/load/load_scan.h"

namespace stroma::loader {

/// How files' rows come to a server: columns in order, and COPY's options.
struct StreamOrder {
    std::vector<redshift::LoadColumn> columns;
    std::vector<std::string> engine_types;  ///< of the columns
    redshift::CopyOptions options;
    std::vector<std::string> json_paths;
};

/// Reads the file with the session's lake and appends its rows: the columns', then the file's
/// number and the row's place in the file, counted from 1. Sets file.rows. Lines that are refused
/// go to `errors`, as many as MAXERROR lets through together. errors  as COPY's: the detail names
/// file and line. `copy.changed` is set where the file is
///         another than it was
redshift::Answer<void> stream_file(redshift::EngineSession& reader, const StreamOrder& order,
                                   StagedFile& file, sql::Appender& appender, StagingCopy& copy,
                                   std::vector<redshift::LoadError>& errors);

}  // namespace stroma::loader
