#include "arrow/ipc_writer.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/file.h"
#include "base/json.h"

namespace stroma::arrow {
namespace {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (fs::temp_directory_path() / "arrow-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { fs::remove_all(path); }
    fs::path path;
};

/// The bytes as Arrow's own JavaScript reader sees them: test/clients/read_arrow.mjs.
Json read_by_arrow(std::string_view bytes) {
    const TemporaryFolder folder;
    EXPECT_TRUE(replace_file(folder.path / "table.arrow", as_bytes(bytes)).has_value());
    const std::string command = "node " STROMA_CLIENT_TESTS "/read_arrow.mjs " STROMA_CLIENT_MODULES
                                " " +
                                (folder.path / "table.arrow").string();
    std::FILE* pipe = ::popen(command.c_str(), "r");
    std::string answer(64u << 10, '\0');
    answer.resize(std::fread(answer.data(), 1, answer.size(), pipe));
    EXPECT_EQ(::pclose(pipe), 0) << answer;
    const auto json = parse_json(answer);
    EXPECT_TRUE(json.has_value()) << answer;
    return json.value_or(Json());
}

template <class T>
ByteSpan span_of(const std::vector<T>& values) {
    return std::as_bytes(std::span(values));
}

/// A batch of three rows of every type, and one of two; "letters" is coded, with a null.
struct Sample {
    std::vector<Field> fields = {{"i8", Type::int8, false, {}, false, {}},
                                 {"i16", Type::int16, false, {}, false, {}},
                                 {"i32", Type::int32, true, {}, false, {{"unit", "px"}}},
                                 {"i64", Type::int64, false, {}, false, {}},
                                 {"u8", Type::uint8, false, {}, false, {}},
                                 {"u16", Type::uint16, false, {}, false, {}},
                                 {"u32", Type::uint32, false, {}, false, {}},
                                 {"u64", Type::uint64, false, {}, false, {}},
                                 {"f32", Type::float32, false, {}, false, {}},
                                 {"f64", Type::float64, false, {}, false, {}},
                                 {"yes", Type::boolean, true, {}, false, {}},
                                 {"text", Type::utf8, true, {}, false, {}},
                                 {"long", Type::large_utf8, false, {}, false, {}},
                                 {"letters", Type::utf8, true, Type::int8, true, {}}};
    std::vector<std::int8_t> i8 = {-128, 0, 127};
    std::vector<std::int16_t> i16 = {-32768, 0, 32767};
    std::vector<std::int32_t> i32 = {1, 0, 3};
    std::vector<std::int64_t> i64 = {INT64_MIN, 0, INT64_MAX};
    std::vector<std::uint8_t> u8 = {0, 1, 255};
    std::vector<std::uint16_t> u16 = {0, 1, 65535};
    std::vector<std::uint32_t> u32 = {0, 1, 4294967295u};
    std::vector<std::uint64_t> u64 = {0, 1, UINT64_MAX};
    std::vector<float> f32 = {0.5f, NAN, -2};
    std::vector<double> f64 = {0.1, NAN, 1e300};
    std::vector<std::uint8_t> yes = {0b001}, second_is_null = {0b101};
    std::vector<std::int32_t> text_ends = {0, 2, 2, 5};
    std::vector<std::int64_t> long_ends = {0, 2, 2, 5};
    std::string text =
        "ab\xC3\xA9"
        "c";
    std::vector<std::int8_t> codes = {1, 0, 0};
    std::vector<std::int32_t> letter_ends = {0, 1, 2};
    std::string letters = "xy";

    Array entries() const { return {2, 0, {}, span_of(letter_ends), as_bytes(letters)}; }
    std::vector<Array> columns() const {
        const ByteSpan holes = span_of(second_is_null), none;
        return {{3, 0, none, none, span_of(i8)},
                {3, 0, none, none, span_of(i16)},
                {3, 1, holes, none, span_of(i32)},
                {3, 0, none, none, span_of(i64)},
                {3, 0, none, none, span_of(u8)},
                {3, 0, none, none, span_of(u16)},
                {3, 0, none, none, span_of(u32)},
                {3, 0, none, none, span_of(u64)},
                {3, 0, none, none, span_of(f32)},
                {3, 0, none, none, span_of(f64)},
                {3, 1, holes, none, span_of(yes)},
                {3, 1, holes, span_of(text_ends), as_bytes(text)},
                {3, 0, none, span_of(long_ends), as_bytes(text)},
                {3, 1, holes, none, span_of(codes)}};
    }
};

std::string written(Container container, BodyCompression compression) {
    const Sample sample;
    std::string bytes;
    IpcWriter writer(sample.fields, {container, compression, {{"made by", "a test"}}},
                     [&](ByteSpan piece) -> Result<void> {
                         bytes += as_text(piece);
                         return {};
                     });
    EXPECT_TRUE(writer.begin().has_value());
    EXPECT_TRUE(writer.write_dictionary(13, sample.entries()).has_value());
    EXPECT_TRUE(writer.write_batch(3, sample.columns()).has_value());
    EXPECT_TRUE(writer.write_batch(3, sample.columns()).has_value());
    EXPECT_TRUE(writer.finish().has_value());
    return bytes;
}

constexpr char all_values[] =
    R"([[-128,0,127],[-32768,0,32767],[1,null,3],["-9223372036854775808",0,"9223372036854775807"],)"
    R"([0,1,255],[0,1,65535],[0,1,4294967295],[0,1,"18446744073709551615"],[0.5,"NaN",-2],)"
    R"([0.1,"NaN",1e+300],[true,null,false],["ab",null,"éc"],["ab","","éc"],["y",null,"x"]])";

TEST(ArrowIpc, ArrowsOwnReaderSeesEveryTypeInEveryContainerAndPacking) {
    auto expected = *parse_json(all_values);
    for (auto& column : expected) {
        const Json once = column;
        for (const auto& value : once) column.push_back(value);  // two batches
    }
    for (const auto container : {Container::stream, Container::file})
        for (const auto compression :
             {BodyCompression::none, BodyCompression::lz4, BodyCompression::zstd}) {
            const Json read = read_by_arrow(written(container, compression));
            EXPECT_EQ(read["values"], expected) << static_cast<int>(compression);
            EXPECT_EQ(read["batches"], 2);
            EXPECT_EQ(read["metadata"].dump(), R"({"made by":"a test"})");
            EXPECT_EQ(read["field_metadata"][2].dump(), R"({"unit":"px"})");
            EXPECT_EQ(read["nulls"].dump(), "[0,0,2,0,0,0,0,0,0,0,2,2,0,2]");
            EXPECT_EQ(read["columns"][13][1], "Dictionary<Int8, Utf8>");
        }
}

TEST(ArrowIpc, TheSameCallsWriteTheSameBytes) {
    for (const auto compression :
         {BodyCompression::none, BodyCompression::lz4, BodyCompression::zstd})
        EXPECT_EQ(written(Container::stream, compression), written(Container::stream, compression));
}

TEST(ArrowIpc, ALargeBufferIsPackedAndReadBackWhole) {
    for (const auto compression : {BodyCompression::lz4, BodyCompression::zstd}) {
        std::vector<std::int64_t> numbers(200'000);
        for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int>(i / 1000);
        std::string bytes;
        IpcWriter writer({{"n", Type::int64, false, {}, false, {}}},
                         {Container::stream, compression, {}}, [&](ByteSpan piece) -> Result<void> {
                             bytes += as_text(piece);
                             return {};
                         });
        const Array column{numbers.size(), 0, {}, {}, span_of(numbers)};
        ASSERT_TRUE(writer.begin().has_value());
        ASSERT_TRUE(writer.write_batch(numbers.size(), std::span(&column, 1)).has_value());
        ASSERT_TRUE(writer.finish().has_value());
        EXPECT_LT(bytes.size(), numbers.size());
        const Json read = read_by_arrow(bytes);
        EXPECT_EQ(read["rows"], 200'000);
        EXPECT_EQ(read["last"].dump(), "[199]");
    }
}

TEST(ArrowIpc, AnErrorOfTheSinkEndsTheWriting) {
    IpcWriter writer({{"n", Type::int64, false, {}, false, {}}}, {}, [](ByteSpan) -> Result<void> {
        return fail(ErrorCode::exhausted, "the disk is full");
    });
    const auto begun = writer.begin();
    ASSERT_FALSE(begun.has_value());
    EXPECT_EQ(begun.error().message, "the disk is full");
}

}  // namespace
}  // namespace stroma::arrow
