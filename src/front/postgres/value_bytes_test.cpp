#include "front/postgres/value_bytes.h"

#include <gtest/gtest.h>

#include <limits>

namespace stroma::front::postgres {
namespace {

std::string text_of(const sql::Value& value, std::uint32_t type) {
    std::string text;
    append_text(text, value, type);
    return text;
}

std::string there_and_back(std::string_view text, std::uint32_t type) {
    const auto value = value_from_text(type, text);
    EXPECT_TRUE(value) << text;
    std::string bytes;
    EXPECT_TRUE(append_binary(bytes, *value, type)) << text;
    const auto read = value_from_binary(type, bytes);
    EXPECT_TRUE(read) << text;
    return text_of(*read, type);
}

TEST(ValueBytes, EveryTypeComesBackFromItsBinaryForm) {
    const std::pair<std::uint32_t, const char*> values[] = {
        {oid::boolean, "t"},
        {oid::int2, "-32768"},
        {oid::int4, "2147483647"},
        {oid::int8, "-9223372036854775808"},
        {oid::float4, "1.5"},
        {oid::float8, "-0.1"},
        {oid::numeric, "0"},
        {oid::numeric, "-12345678901234567890.000100"},
        {oid::numeric, "0.00001"},
        {oid::numeric, "10000"},
        {oid::numeric, "NaN"},
        {oid::date, "1969-07-20"},
        {oid::date, "2026-11-22"},
        {oid::time, "23:59:59.000001"},
        {oid::timestamp, "2026-11-22 04:05:06.5"},
        {oid::timestamp, "1999-12-31 23:59:59"},
        {oid::timestamptz, "2026-11-22 04:05:06+00"},
        {oid::uuid, "0189f7ea-3a1c-7d0e-8f00-0123456789ab"},
        {oid::varchar, "grün"}};
    for (const auto& [type, text] : values) EXPECT_EQ(there_and_back(text, type), text) << type;
}

TEST(ValueBytes, ATimestampWithAnOffsetIsTheSameMomentInUtc) {
    EXPECT_EQ(there_and_back("2026-11-22 04:05:06+05:30", oid::timestamptz),
              "2026-11-21 22:35:06+00");
}

TEST(ValueBytes, RealsAreWrittenAsPostgresqlWritesThem) {
    EXPECT_EQ(text_of(1.0, oid::float8), "1");
    EXPECT_EQ(text_of(0.1, oid::float8), "0.1");
    EXPECT_EQ(text_of(1e100, oid::float8), "1e+100");
    EXPECT_EQ(text_of(std::numeric_limits<double>::infinity(), oid::float8), "Infinity");
    EXPECT_EQ(text_of(-std::numeric_limits<double>::infinity(), oid::float8), "-Infinity");
    EXPECT_EQ(text_of(std::numeric_limits<double>::quiet_NaN(), oid::float8), "NaN");
    EXPECT_EQ(text_of(double{0.1f}, oid::float4), "0.1");
}

TEST(ValueBytes, BytesAreToldInHexadecimalAndGivenToTheEngineEscaped) {
    EXPECT_EQ(text_of(std::string("\x00\xff", 2), oid::bytea), "\\x00ff");
    EXPECT_EQ(std::get<std::string>(*value_from_text(oid::bytea, "\\x00ff")), "\\x00\\xFF");
    EXPECT_EQ(std::get<std::string>(*value_from_binary(oid::bytea, std::string_view("\x00", 1))),
              "\\x00");
}

TEST(ValueBytes, AnArrayBecomesTheEnginesListAndGoesOutInBinary) {
    EXPECT_EQ(std::get<std::string>(*value_from_text(1009, R"({a,"b \"c\"",NULL})")),
              R"(["a", "b \"c\"", NULL])");
    std::string bytes;
    ASSERT_TRUE(append_binary(bytes, std::string("{1,NULL,3}"), 1007));
    EXPECT_EQ(std::get<std::string>(*value_from_binary(1007, bytes)), R"(["1", NULL, "3"])");
}

TEST(ValueBytes, AnIntervalIsToldAsPostgresTellsItAndGoesThereAndBackInBinary) {
    // By PostgreSQL 15's own answers to the first of each.
    const std::pair<const char*, const char*> told[] = {
        {"1 year 2 months 3 days 04:05:06.5", "1 year 2 mons 3 days 04:05:06.5"},
        {"-1 years -2 months 3 days -04:05:06", "-1 years -2 mons +3 days -04:05:06"},
        {"-2 days 00:00:01", "-2 days +00:00:01"},
        {"14 mons", "1 year 2 mons"},
        {"1 month", "1 mon"},
        {"36:00:00.000001", "36:00:00.000001"},
        {"00:00:00", "00:00:00"}};
    for (const auto& [engine, postgres] : told) {
        EXPECT_EQ(text_of(std::string(engine), oid::interval), postgres);
        std::string bytes;
        ASSERT_TRUE(append_binary(bytes, std::string(engine), oid::interval));
        EXPECT_EQ(text_of(*value_from_binary(oid::interval, bytes), oid::interval), postgres);
    }
    std::string bytes;
    ASSERT_TRUE(append_binary(bytes, std::string("1 month -1 days 00:00:01"), oid::interval));
    EXPECT_EQ(bytes, std::string("\0\0\0\0\0\x0f\x42\x40\xff\xff\xff\xff\0\0\0\1", 16));
}

TEST(ValueBytes, WhatIsNoValueOfItsTypeIsRefused) {
    EXPECT_FALSE(value_from_text(oid::int4, "one"));
    EXPECT_FALSE(value_from_text(oid::int8, "9223372036854775808"));
    EXPECT_FALSE(value_from_text(oid::boolean, "perhaps"));
    EXPECT_FALSE(value_from_binary(oid::int4, "abc"));
    EXPECT_FALSE(value_from_binary(oid::interval, "0123456789abcde"));
    std::string bytes;
    EXPECT_FALSE(append_binary(bytes, std::string("never"), oid::timestamp));
    for (const char* none : {"1", "day", "1 dawn", "1:2", "2147483648 days", "04:60:00", "1 day 2",
                             "04:05:06.1234567", "99999999999999999999:00:00", "", "1  day"})
        EXPECT_FALSE(append_binary(bytes, std::string(none), oid::interval)) << none;
    EXPECT_EQ(value_from_text(oid::text, "a\xbf").error().code, ErrorCode::corrupt);
    EXPECT_EQ(value_from_binary(oid::text, "a\xbf").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace stroma::front::postgres
