#pragma once

#include <string>
#include <vector>

#include "loader/table_load.h"
#include "redshift/engine_session.h"
#include "redshift/table_statements.h"

namespace stroma::loader {

/// A file of a load, as it is when it is loaded.
struct StagedFile {
    Notice notice;
    std::string etag;
    std::uint64_t bytes = 0;
    std::int64_t modified_ms = 0;
    std::int64_t rows = 0;  ///< known after COPY
    std::string url() const { return "s3://" + notice.bucket + "/" + notice.key; }
};

/// A table that is loaded into, inside its transaction.
struct Target {
    redshift::TableName table;
    redshift::TableAttributes attributes;
    std::vector<redshift::TableColumn> columns;  ///< without those that number themselves
    redshift::TableName staging() const { return {"temp", table.name, true}; }
    const redshift::TableColumn* column(const std::string& name) const;
    std::string list() const;  ///< "a", "b"
};
/// errors  42P01, 42703 (of the merge's columns)
redshift::Answer<Target> find_target(redshift::EngineSession& session, const std::string& table,
                                     const MergeOptions& merge);
/// An empty table of the same columns and declared types, which is this session's alone.
redshift::Answer<void> make_staging(redshift::EngineSession& session, const Target& target);

/// Brings the staged rows into the table as the options say. Rows without a key are refused, as
/// lines of stl_load_errors.
class Merging {
public:
    Merging(redshift::EngineSession& session, const Target& target, const MergeOptions& options,
            const std::vector<StagedFile>& files, std::string now)
        : session_(session),
          target_(target),
          options_(options),
          files_(files),
          now_(std::move(now)) {}
    redshift::Answer<LoadCounts> run();

private:
    redshift::Answer<std::int64_t> count(const std::string& sql);
    redshift::Answer<void> refuse_without_key(LoadCounts& counts);
    redshift::Answer<void> find_range();
    redshift::Answer<void> pick_winners();
    redshift::Answer<void> keep_late(LoadCounts& counts);
    std::string same_key(const std::string& a, const std::string& b) const;
    std::string order_by() const;

    redshift::EngineSession& session_;
    const Target& target_;
    const MergeOptions& options_;
    const std::vector<StagedFile>& files_;
    std::string now_;
    std::vector<std::string> key_;
    std::string range_;  ///< "AND t.id BETWEEN …", so that the scan follows the batch
};

}  // namespace stroma::loader
