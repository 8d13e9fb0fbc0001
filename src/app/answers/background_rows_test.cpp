#include "app/answers/background_rows.h"

#include <gtest/gtest.h>

namespace stroma::app {
namespace {

/// Counts from 0; fails in place of a row when asked.
class Counting final : public sql::Rows {
public:
    Counting(std::int64_t rows, std::int64_t fails_at) : rows_(rows), fails_at_(fails_at) {}
    const std::vector<sql::ColumnInfo>& columns() const override {
        static const std::vector<sql::ColumnInfo> columns = {{"n", sql::Type::integer, "BIGINT"},
                                                             {"t", sql::Type::text, "VARCHAR"}};
        return columns;
    }
    sql::Value value(std::size_t column) const override {
        if (column == 0) return at_;
        return std::to_string(at_);
    }
    std::int64_t rows_changed() const override { return 0; }
    Result<bool> next() override {
        if (++at_ == fails_at_) return fail(ErrorCode::exhausted, "too many");
        return at_ < rows_;
    }

private:
    std::int64_t rows_, fails_at_, at_ = -1;
};

BackgroundRows::Make counting(std::int64_t rows, std::int64_t fails_at = -1) {
    return [=]() -> Result<std::unique_ptr<sql::Rows>> {
        return std::make_unique<Counting>(rows, fails_at);
    };
}

/// How many rows come, each checked; then the error's words.
std::pair<std::int64_t, std::string> read_all(sql::Rows& rows) {
    for (std::int64_t n = 0;; ++n) {
        const auto more = rows.next();
        if (!more) return {n, more.error().message};
        if (!*more) return {n, ""};
        EXPECT_EQ(rows.integer(0), n);
        EXPECT_EQ(rows.text(1), std::to_string(n));
    }
}

TEST(BackgroundRows, AllRowsComeInTheirOrder) {
    for (const std::int64_t count : {0, 1, 1023, 1024, 1025, 5000}) {
        const auto rows = BackgroundRows::begin(counting(count));
        ASSERT_TRUE(rows);
        EXPECT_EQ((*rows)->columns().size(), 2u);
        EXPECT_EQ(read_all(**rows), std::pair(count, std::string()));
        EXPECT_FALSE(*(*rows)->next()) << "the end stays the end";
    }
}

TEST(BackgroundRows, AnErrorComesBehindTheRowsBeforeIt) {
    for (const std::int64_t at : {1, 1024, 3000}) {
        const auto rows = BackgroundRows::begin(counting(5000, at));
        ASSERT_TRUE(rows);
        EXPECT_EQ(read_all(**rows), std::pair(at, std::string("too many")));
    }
}

TEST(BackgroundRows, WhatFailsBeforeItsFirstRowHasNoRows) {
    EXPECT_EQ(BackgroundRows::begin(counting(5, 0)).error().message, "too many");
    const auto refused = BackgroundRows::begin([]() -> Result<std::unique_ptr<sql::Rows>> {
        return fail(ErrorCode::denied, "not a SELECT");
    });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::denied);
}

TEST(BackgroundRows, AReaderMayLeaveAtAnyRow) {
    for (const int read : {0, 1, 1500}) {
        auto rows = BackgroundRows::begin(counting(100'000));
        ASSERT_TRUE(rows);
        for (int n = 0; n < read; ++n) ASSERT_TRUE(*(*rows)->next());
    }
}

}  // namespace
}  // namespace stroma::app
