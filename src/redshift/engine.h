#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "redshift/lake.h"
#include "redshift/outside/outside_tables.h"
#include "redshift/session.h"
#include "sql/embedded_database.h"
#include "sql/migrations.h"

namespace stroma::redshift {

/// Whom a GRANT may name.
struct EngineUser {
    std::string id, name;
    bool is_superuser = false;
};

struct EngineOptions {
    fs::path folder;  ///< holds dev.duckdb and what is staged; made when absent
    std::uint64_t memory_bytes = std::uint64_t{1} << 30;
    std::uint64_t temp_bytes_max = std::uint64_t{8} << 30;  ///< of disk, for sorting
    const Clock* clock = &system_clock();
    std::shared_ptr<Lake> lake;  ///< null: COPY and UNLOAD of s3:// are refused
    /// Relations of somebody else, which statements may read and join; null for none.
    std::shared_ptr<OutsideTables> outside;
    /// The user of that name, if there is one; unset: those that ever had a session.
    std::function<Result<std::optional<EngineUser>>(std::string_view name)> find_user;
    /// Scripts that make the relations of pg_catalog in the schema stroma_catalog, "CREATE OR
    /// REPLACE" throughout; run where another program, or none, made what the file has.
    std::span<const sql::Migration> catalog;
};

/// A COPY JOB: `COPY JOB RUN name AUTO` loads what is new.
struct CopyJob {
    std::int64_t id = 0;
    std::string name, source;  ///< s3://bucket/prefix
    std::string owner;         ///< id of the principal as whom it runs
};

/// The user database of the process: one file beside the biology warehouse, whose writers queue by
/// table. Decision 0005 says why. Any thread; outlives its sessions.
class Engine {
public:
    /// errors  corrupt, unavailable: as the database's driver
    static Result<std::unique_ptr<Engine>> open(EngineOptions options);
    ~Engine();
    Result<std::unique_ptr<Session>> connect(SessionOptions options);
    /// For catalog relations: a connection of its own onto the same file, unfenced by the dialect.
    sql::EmbeddedDatabase& database();
    const EngineOptions& options() const;
    /// The COPY JOBs that run by themselves.
    Result<std::vector<CopyJob>> copy_jobs();
    /// Called after one was made, changed or taken away, by any thread; empty for nobody.
    void follow_copy_jobs(std::function<void()> changed);
    /// Names under which sessions changed something (Session::mark), and that nobody dropped since.
    Result<std::vector<std::string>> marks();
    Result<void> drop_marks(const std::vector<std::string>& names);
    /// Puts a copy of the database of one moment into the folder; commits wait meanwhile.
    Result<void> copy_to(const fs::path& folder);
    /// Cancels what runs and lets no session begin anything more.
    void stop();

    struct State;
    State& state() { return *state_; }  ///< for this folder's own files

private:
    explicit Engine(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::redshift
