#pragma once

#include <memory>

#include "base/call_faults.h"
#include "sql/database.h"

namespace stroma::sql {

/// A database that does as another does, but for the faults that a test plans for the calls of
/// its connections, rows and appenders ("connect", "execute", "next", "run_script", "begin",
/// "commit", "append_to", "append", "finish"). Any thread. What is torn:
///
///   run_script   stops in the middle                    execute   a lone statement is undone
///   finish       the last half of the batch is lost     commit    the transaction is undone
///
/// As with a real engine, no transaction is committed after a call that failed in it.
class FaultyDatabase final : public Database {
public:
    /// The database must outlive this one.
    explicit FaultyDatabase(Database& database)
        : database_(database), faults_(std::make_shared<CallFaults>()) {}

    CallFaults& faults() { return *faults_; }

    Result<std::unique_ptr<Connection>> connect() override;
    Abilities abilities() const override { return database_.abilities(); }

private:
    Database& database_;
    std::shared_ptr<CallFaults> faults_;
};

}  // namespace stroma::sql
