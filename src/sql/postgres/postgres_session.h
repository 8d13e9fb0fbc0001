#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <libpq-fe.h>

#include "sql/database.h"

// Private to this folder: libpq as this driver uses it.

namespace stroma::sql {

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ClearResult>;

/// One connection to the server. Used by one thread at a time, except cancel().
class PostgresSession {
public:
    static Result<std::shared_ptr<PostgresSession>> open(const std::string& connection_text);
    ~PostgresSession();
    PostgresSession(const PostgresSession&) = delete;

    /// Statements without parameters, one or several.
    Result<PgResult> run(const std::string& statements);
    /// One statement; the server says which types its parameters have.
    Result<PgResult> run(const std::string& statement, std::span<const Value> parameters);
    Result<void> begin_copy(const std::string& statement);
    Result<void> copy(std::string_view rows);
    /// Ends a COPY; `why_not` isn't empty when it is given up.
    Result<void> end_copy(const std::string& why_not);
    void cancel();
    int server_version() const { return PQserverVersion(connection_); }

private:
    explicit PostgresSession(PGconn* connection) : connection_(connection) {}
    Result<PgResult> checked(PGresult* result) const;

    PGconn* connection_;
    std::mutex cancelling_;
    PGcancel* cancel_ = nullptr;
};

Type type_of_oid(Oid oid);
/// A value as PostgreSQL reads a text of that type.
std::string text_for(const Value& value, Oid oid);
/// What the server wrote, as sql::Value. errors  corrupt
Result<Value> value_from(std::string_view text, Oid oid);

}  // namespace stroma::sql
