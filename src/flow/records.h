#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "flow/run.h"
#include "flow/stored/output_store.h"
#include "sql/database.h"

// Private to this folder: the rows of runs, tasks, attempts, outputs and reviews.

namespace stroma::flow::records {

Result<void> put_run(sql::Connection& connection, const Run& run);
Result<std::vector<Run>> runs(sql::Connection& connection, std::string_view where,
                              std::initializer_list<sql::Value> values);

/// Makes the row or gives it these values.
Result<void> put_task(sql::Connection& connection, const Task& task);
Result<std::vector<Task>> tasks(sql::Connection& connection, std::string_view where,
                                std::initializer_list<sql::Value> values);

Result<void> add_attempt(sql::Connection& connection, const Attempt& attempt);
Result<std::vector<Attempt>> attempts(sql::Connection& connection, std::string_view where,
                                      std::initializer_list<sql::Value> values);

struct Output {
    std::string key, manifest, hash;
    std::uint64_t bytes = 0;
    std::int64_t task = 0;
    double core_seconds = 0;
    Milliseconds ttl{0};
    std::int64_t created_ms = 0, used_ms = 0;
    Milliseconds archive{0};
    Tier tier = Tier::hot;
    std::uint64_t stored_bytes = 0;  ///< in the archive
    std::int64_t until_ms = 0;       ///< that a restored one stays
};
Result<void> put_output(sql::Connection& connection, const Output& output);
Result<std::optional<Output>> find_output(sql::Connection& connection, const std::string& key);

Result<void> add_review(sql::Connection& connection, const Review& review);
Result<std::vector<Review>> reviews(sql::Connection& connection, std::string_view where,
                                    std::initializer_list<sql::Value> values);

/// Gives it the next number.
Result<void> add_edit(sql::Connection& connection, const Edit& edit, const std::string& owner,
                      const std::string& run);
/// Of that output, as that owner's runs take them in, in order; those that are undone, too.
Result<std::vector<Edit>> edits(sql::Connection& connection, const std::string& key,
                                const std::string& owner);

/// Gives it the next number.
Result<void> add_event(sql::Connection& connection, const RunEvent& event);
Result<std::vector<RunEvent>> events(sql::Connection& connection, std::string_view where,
                                     std::initializer_list<sql::Value> values);

/// The one integer that the statement gives.
Result<std::int64_t> integer(sql::Connection& connection, std::string_view statement,
                             std::initializer_list<sql::Value> values = {});

}  // namespace stroma::flow::records
