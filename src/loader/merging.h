#pragma once

#include <string>
#include <utility>
#include <vector>

#include "loader/table_load.h"
#include "loader/target.h"

namespace stroma::loader {

/// Brings the staged rows into the table as the options say, by statements that a DuckDB, a
/// PostgreSQL and a Redshift take alike but for what Dialect names. Rows without a key are refused,
/// as lines of stl_load_errors where the database has them.
class Merging {
public:
    Merging(TargetSession& session, const Target& target, const MergeOptions& options,
            const std::vector<StagedFile>& files, std::string now)
        : session_(session),
          dialect_(session.dialect()),
          target_(target),
          options_(options),
          files_(files),
          now_(std::move(now)) {}
    redshift::Answer<LoadCounts> run();

private:
    redshift::Answer<std::vector<std::int64_t>> counts(const std::string& sql);
    redshift::Answer<std::int64_t> count(const std::string& sql);
    redshift::Answer<void> refuse_without_key(LoadCounts& counts);
    redshift::Answer<void> find_range();
    redshift::Answer<void> pick_winners();
    redshift::Answer<void> keep_late(LoadCounts& counts);
    redshift::Answer<void> delete_old();
    std::string same_key(const std::string& a, const std::string& b) const;
    std::string ordered(const TargetColumn& column) const;
    std::string order_by() const;

    TargetSession& session_;
    const Dialect& dialect_;
    const Target& target_;
    const MergeOptions& options_;
    const std::vector<StagedFile>& files_;
    std::string now_;
    std::vector<std::string> key_;
    std::string range_;  ///< "t.id BETWEEN …", so that the scan follows the batch; "" for none
};

}  // namespace stroma::loader
