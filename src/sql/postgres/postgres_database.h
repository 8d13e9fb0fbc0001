#pragma once

#include <memory>
#include <string>

#include "sql/database.h"

namespace stroma::sql {

struct PostgresOptions {
    /// Write transactions go side by side, and whoever writes locks what he must.
    bool concurrent_writers = false;
};

/// A database of a PostgreSQL server (15 or later), by libpq. Any thread; the database may go
/// before its connections.
///
/// A write transaction is READ COMMITTED under an advisory lock that all of Stroma's write
/// transactions of the database take, unless options say otherwise; a read transaction is one
/// snapshot (REPEATABLE READ). Answers are in memory whole. Parameters get the types that the
/// server finds for them; types beyond sql::Type come as PostgreSQL writes them, in UTC. Rows are
/// appended by COPY.
class PostgresDatabase final : public Database {
public:
    /// `connection_text` as libpq takes it: "host=… dbname=… user=…", or a postgresql:// URI. One
    /// connection is made to see that it can be.
    /// errors  unavailable  the server can't be reached      denied  it doesn't let us in
    ///         unsupported  it is older
    static Result<std::unique_ptr<PostgresDatabase>> open(const std::string& connection_text,
                                                          PostgresOptions options = {});

    Result<std::unique_ptr<Connection>> connect() override;
    Abilities abilities() const override {
        return {.concurrent_writers = options_.concurrent_writers, .interruptible = true};
    }

private:
    PostgresDatabase(std::string connection_text, PostgresOptions options)
        : connection_text_(std::move(connection_text)), options_(options) {}
    const std::string connection_text_;
    const PostgresOptions options_;
};

/// The statement with `$1`, `$2`… for the `?` outside of texts, quoted names and comments.
std::string numbered_parameters(std::string_view statement);

}  // namespace stroma::sql
