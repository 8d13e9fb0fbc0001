#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/context.h"
#include "catalog/principal.h"
#include "loader/config.h"
#include "loader/dialect.h"
#include "loader/notices.h"
#include "redshift/engine.h"
#include "redshift/engine_session.h"

namespace stroma::loader {

class TargetSession;

/// A statement's end, as EventBridge is told by the Data API.
struct StatementEnd {
    std::string name, id, state, error, cluster, database;
    std::int64_t rows = 0;
};

/// Where tables and their ledger lie, where that isn't the user database.
struct OtherDatabase {
    std::shared_ptr<sql::Database> database;  ///< null: the user database
    const Dialect* dialect = nullptr;
};

/// What loads need of the program. All of it outlives them.
struct LoadParts {
    redshift::Engine& engine;
    const Clock& clock;
    IdSource& ids;
    /// Tells of a statement's end; may be empty. An end that can't be told now stays, for the next
    /// start.
    std::function<Result<void>(const StatementEnd&)> tell;
    /// Before the named step; an error stands for a crash there, or a failure of the statement.
    /// For tests; may be empty.
    std::function<redshift::Answer<void>(std::string_view step)> at_step;
    OtherDatabase elsewhere;
    /// Who tells: several programs may load into one database, and each tells of its own ends.
    std::string teller;
    /// The database with the ledger.
    sql::Database& ledger() const {
        return elsewhere.database != nullptr ? *elsewhere.database : engine.database();
    }
};

/// One table to be loaded into, and how.
struct LoadOrder {
    std::string table;   ///< as a statement names it
    std::string source;  ///< "queue orders_queue", "bulk 4f2…"
    std::string manifest_bucket, manifest_prefix;
    std::string copy_options, role, cluster, database;
    MergeOptions merge;
    DriftPolicy drift = DriftPolicy::ignore;
    Owner owner;  ///< with one, each object is a transaction
    std::size_t batch_files = 500;
    std::uint64_t batch_bytes = 256u << 20;
    int attempts = 8;
    bool replaces = false;
    /// Of `replaces`: columns and values of the rows that go; none: all rows.
    std::vector<std::pair<std::string, std::string>> partition;
    std::string replaced_path;  ///< of `replaces`: the ledger's lines below it go, s3://bucket/x/
    catalog::Principal principal;
};
LoadOrder order_of(const LoaderConfig& config);

enum class ObjectState {
    loaded,
    known,    ///< the ledger has it
    missing,  ///< it isn't there any more
    refused,  ///< it can't be loaded: `reason` says why
};

struct ObjectOutcome {
    Notice notice;
    ObjectState state = ObjectState::loaded;
    std::string etag, reason;
};

struct LoadCounts {
    std::int64_t files = 0, bytes = 0, read = 0, inserted = 0, updated = 0;
    std::int64_t merged = 0;  ///< rows that lost to another of their key
    std::int64_t late = 0;    ///< of these, to a newer one that the table had
    std::int64_t rejected = 0;
    LoadCounts& operator+=(const LoadCounts& other);
};

struct LoadReport {
    std::vector<ObjectOutcome> objects;
    LoadCounts counts;
    int loads = 0, retries = 0;
};

/// Loads objects into a table: each once for its content, however often it is told of. Objects that
/// can't be loaded don't keep the others. One thread; keeps a session.
class TableLoad {
public:
    explicit TableLoad(LoadParts parts);
    ~TableLoad();

    /// errors  not_found, invalid_input  the table or a column isn't there, options don't fit
    ///         conflict     the bound of retries was reached
    ///         unavailable, cancelled
    /// Objects that were loaded before the error stay so.
    Result<LoadReport> run(const LoadOrder& order, const std::vector<Notice>& notices,
                           std::stop_token stop);
    /// The table as the ledger calls it: "public.orders". errors  not_found
    Result<std::string> target_of(const catalog::Principal& principal, const std::string& table);
    /// Ends what runs, from any thread.
    void cancel();

private:
    class Unit;
    Result<TargetSession*> session(const catalog::Principal& principal);

    LoadParts parts_;
    std::mutex mutex_;  ///< of session_, for cancel()
    std::unique_ptr<TargetSession> session_;
    std::string principal_;
    /// Ends that were told, and whose lines the next load takes away.
    std::vector<std::string> told_;
    std::map<std::string, redshift::TableName> tables_;  ///< what is locked, by names as written
};

}  // namespace stroma::loader
