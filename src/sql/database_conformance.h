#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "sql/database.h"

// What every driver of Database must do. A driver's test includes this and registers itself:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseConformance, ::testing::Values(DatabaseUnderTest{…}));
// The tests are in database_conformance.cpp, which the test program lists among its sources.

namespace stroma::sql {

/// One driver: how to open an empty database, and what it can't do.
struct DatabaseUnderTest {
    std::string name;
    std::function<std::shared_ptr<Database>()> open;
    bool has_returning = true;  ///< INSERT … RETURNING
    bool checks_foreign_keys = true;
    /// A statement that runs for ever, to be interrupted; "" when the driver can't.
    std::string endless;
    std::string blob_type = "BLOB";
    /// Names the test, in place of its bytes.
    friend void PrintTo(const DatabaseUnderTest& driver, std::ostream* out) { *out << driver.name; }
};

class DatabaseConformance : public ::testing::TestWithParam<DatabaseUnderTest> {
protected:
    void SetUp() override;

    std::unique_ptr<Connection> connect() { return database->connect().value(); }
    /// The one value that the statement gives, as an integer.
    std::int64_t integer(Connection& on, std::string_view statement);
    ErrorCode code_of(std::string_view statement);

    std::shared_ptr<Database> database;
    std::unique_ptr<Connection> connection;
};

}  // namespace stroma::sql
