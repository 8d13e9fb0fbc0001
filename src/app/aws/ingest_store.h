#pragma once

#include <memory>

#include "base/file.h"
#include "base/result.h"
#include "sql/sqlite/sqlite_database.h"
#include "sql/write_group.h"

namespace stroma::app {

/// `ingest.sqlite` of the data directory: what comes in through the AWS port and is small. Buckets'
/// index, queues, rules and deliveries lie in this one file, each with migrations of its own, and
/// are written through one write group: so an object and the message that tells of it are one
/// transaction. Not the control database, so that neither waits for the other's writers.
struct IngestStore {
    /// Makes the file when it isn't there.
    static Result<std::unique_ptr<IngestStore>> open(const fs::path& data);

    explicit IngestStore(std::unique_ptr<sql::SqliteDatabase> file)
        : database(std::move(file)), writes(*database) {}

    std::unique_ptr<sql::SqliteDatabase> database;
    sql::WriteGroup writes;
};

}  // namespace stroma::app
