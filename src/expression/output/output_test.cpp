#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "expression/output/anndata_layout.h"
#include "expression/output/deflate.h"
#include "expression/output/matrix_pieces.h"
#include "expression/output/memory_matrix.h"
#include "expression/output/number_text.h"
#include "expression/output/ordered_work.h"
#include "expression/output/output_files.h"

namespace stroma::expression {
namespace {

template <class T>
std::string text_of(T value) {
    char text[number_text_bytes_max];
    return {text, write_number(text, value)};
}

std::string field(std::string_view text, Quoting quoting) {
    std::string to;
    append_field(to, text, ',', quoting);
    return to;
}

fs::path fresh_folder(const std::string& name) {
    const fs::path folder =
        fs::path(testing::TempDir()) / ("stroma_output_" + std::to_string(::getpid()) + name);
    fs::remove_all(folder);
    fs::create_directories(folder);
    return folder;
}

TEST(NumberText, WholeNumbersHaveNoPoint) {
    EXPECT_EQ(text_of(0.0F), "0");
    EXPECT_EQ(text_of(9.0F), "9");
    EXPECT_EQ(text_of(10.0), "10");
    EXPECT_EQ(text_of(-3.0F), "-3");
    EXPECT_EQ(text_of(16'777'215.0F), "16777215");
    EXPECT_EQ(text_of(std::int64_t{-9'007'199'254'740'993}), "-9007199254740993");
    EXPECT_EQ(text_of(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(text_of(std::int8_t{-128}), "-128");
    EXPECT_EQ(text_of(true), "1");
}

TEST(NumberText, WhatIsNoNumberIsReadByPandasAndR) {
    EXPECT_EQ(text_of(std::nanf("")), "NaN");
    EXPECT_EQ(text_of(std::numeric_limits<double>::infinity()), "Inf");
    EXPECT_EQ(text_of(-std::numeric_limits<float>::infinity()), "-Inf");
    EXPECT_EQ(text_of(-0.0), "-0");
}

TEST(NumberText, AnyFloatReadsBackTheSame) {
    std::mt19937_64 random(3);
    for (int i = 0; i < 20'000; ++i) {
        const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        if (!std::isfinite(value)) continue;
        const std::string text = text_of(value);
        float back = 0;
        std::from_chars(text.data(), text.data() + text.size(), back);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(back), std::bit_cast<std::uint32_t>(value)) << text;
    }
}

TEST(NumberText, OnlyFieldsThatNeedQuotesGetThem) {
    EXPECT_EQ(field("plain text", Quoting::formulas), "plain text");
    EXPECT_EQ(field("a,b", Quoting::plain), "\"a,b\"");
    EXPECT_EQ(field("say \"hi\"", Quoting::plain), "\"say \"\"hi\"\"\"");
    EXPECT_EQ(field("two\nlines", Quoting::plain), "\"two\nlines\"");
    EXPECT_EQ(field(" blank", Quoting::plain), "\" blank\"");
    EXPECT_EQ(field("", Quoting::formulas), "");
    EXPECT_EQ(field("=cmd|' /C calc'!A0", Quoting::plain), "=cmd|' /C calc'!A0");
    for (const std::string start : {"=", "+", "-", "@", "\t"})
        EXPECT_EQ(field(start + "1", Quoting::formulas), "\"" + start + "1\"");
}

TEST(OrderedWork, PiecesAreTakenInOrderWhateverTheThreadsDo) {
    for (const std::size_t slots : {2u, 3u, 16u}) {
        std::vector<std::size_t> made(slots), taken;
        const auto done = run_in_order(
            500, slots, {},
            [&](std::size_t i, std::size_t slot) -> Result<void> {
                made[slot] = i * i;
                return {};
            },
            [&](std::size_t i, std::size_t slot) -> Result<void> {
                EXPECT_EQ(made[slot], i * i);
                taken.push_back(i);
                return {};
            });
        ASSERT_TRUE(done);
        ASSERT_EQ(taken.size(), 500u);
        for (std::size_t i = 0; i < taken.size(); ++i) EXPECT_EQ(taken[i], i);
    }
}

TEST(OrderedWork, TheFirstErrorEndsItAndNothingBehindItIsTaken) {
    for (const bool in_take : {false, true}) {
        std::size_t taken = 0;
        const auto fail_at_50 = [](std::size_t i) -> Result<void> {
            if (i == 50) return fail(ErrorCode::exhausted, "full");
            return {};
        };
        const auto done = run_in_order(
            100, 4, {},
            [&](std::size_t i, std::size_t) -> Result<void> {
                return in_take ? Result<void>() : fail_at_50(i);
            },
            [&](std::size_t i, std::size_t) -> Result<void> {
                if (in_take) TRY(fail_at_50(i));
                ++taken;
                return {};
            });
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, ErrorCode::exhausted);
        EXPECT_LE(taken, 50u);
    }
}

TEST(OrderedWork, CancellingStopsIt) {
    std::atomic<int> asked{0};
    Watch watch;
    watch.cancelled = [&] { return ++asked > 10; };
    const auto nothing = [](std::size_t, std::size_t) -> Result<void> { return {}; };
    const auto done = run_in_order(1000, 4, watch, nothing, nothing);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::cancelled);
}

TEST(MatrixLines, RangesCoverEveryLineOnce) {
    const std::vector<std::uint64_t> starts{0, 0, 5, 5, 30, 31, 31, 31};
    for (const std::uint64_t values : {1u, 4u, 5u, 26u, 1000u}) {
        std::uint64_t next = 0;
        for (const LineRange range : ranges_of_values(starts, values)) {
            EXPECT_EQ(range.first, next);
            EXPECT_GE(range.count, 1u);
            if (range.count > 1) {
                EXPECT_LE(starts[range.first + range.count] - starts[range.first], values);
            }
            next += range.count;
        }
        EXPECT_EQ(next, starts.size() - 1);
    }
    EXPECT_TRUE(ranges_of_values(std::vector<std::uint64_t>{0}, 7).empty());
}

TEST(MatrixLines, PiecesOfAnyLengthHoldEachValueOnceAndTallyEachCellOnce) {
    const auto matrix = matrix_of<std::int32_t>(40, 9, [](auto cell, auto gene) {
        return cell % 4 == 1 ? 0 : static_cast<std::int32_t>((cell * 9 + gene) % 3);
    });
    const auto starts = line_starts(*matrix, {});
    ASSERT_TRUE(starts);
    LineBlock all;
    ASSERT_TRUE(matrix->read_lines(0, 40, all));
    for (const std::uint64_t length : {1u, 2u, 7u, 50u, 1000u}) {
        Tally tally(40);
        Bytes values;
        ValuePiece piece;
        for (std::uint64_t begin = 0; begin < starts->back(); begin += length) {
            const std::uint64_t end = std::min(begin + length, starts->back());
            ASSERT_TRUE(read_piece(*matrix, *starts, begin, end, piece));
            tally.add(piece.block, ValueType::int32, piece.shared_lines);
            const ByteSpan bytes = piece.values(ValueType::int32);
            values.insert(values.end(), bytes.begin(), bytes.end());
        }
        EXPECT_EQ(values, all.values);
        EXPECT_EQ(tally.nonzeros(), starts->back());
        double sum = 0;
        for (std::size_t i = 0; i < all.places.size(); ++i) sum += all.values_as<std::int32_t>()[i];
        EXPECT_EQ(tally.sum(), sum);
    }
}

TEST(Deflate, ChecksumsOfPartsGiveThatOfTheWhole) {
    const std::string text = "123456789";
    EXPECT_EQ(crc32_of(as_bytes(text)), 0xcbf43926u);
    EXPECT_EQ(crc_of_both(crc32_of(as_bytes("1234")), crc32_of(as_bytes("56789")), 5), 0xcbf43926u);
}

TEST(OutputFiles, AnEntryOfMoreThanFourGigabytesIsZip64) {
    const fs::path path = fresh_folder("zip64") / "x.zip";
    auto files = OutputFiles::create(path, Bundling::deflated_zip, "stem");
    ASSERT_TRUE(files);
    PackedPiece claimed;
    claimed.bytes = to_bytes("packed");
    claimed.text_bytes = std::uint64_t{5} << 30;
    ASSERT_TRUE((*files)->begin("big"));
    ASSERT_TRUE((*files)->append(claimed));
    ASSERT_TRUE((*files)->end());
    ASSERT_TRUE((*files)->commit(false));
    const std::string zip = *read_file(path);
    const std::string size("\0\0\0\x40\1\0\0\0", 8), packed("\x08\0\0\0\0\0\0\0", 8);
    EXPECT_TRUE(zip.starts_with(std::string("PK\3\4\x2d\0\x08", 7))) << "its sizes come behind it";
    EXPECT_NE(zip.find(packed + size), std::string::npos) << "in the descriptor";
    EXPECT_NE(zip.find(std::string("\1\0\x10\0", 4) + size + packed), std::string::npos)
        << "in the directory";
}

TEST(OutputFiles, WhatIsSettledOfAnArchiveNeverChanges) {
    for (const Bundling bundling : {Bundling::stored_zip, Bundling::deflated_zip}) {
        const fs::path path = fresh_folder("settled") / "x.zip";
        std::vector<std::string> seen;
        auto files =
            OutputFiles::create(path, bundling, "stem", [&](const fs::path& at, std::uint64_t to) {
                const std::string bytes = *read_file(at);
                ASSERT_GE(bytes.size(), to);
                seen.push_back(bytes.substr(0, to));
            });
        ASSERT_TRUE(files);
        ASSERT_TRUE((*files)->add("whole", as_bytes("a whole file")));
        ASSERT_TRUE((*files)->begin("pieces"));
        for (const char* text : {"one ", "two ", "three"}) {
            Bytes bytes = to_bytes(text);
            PackedPiece piece;
            (*files)->pack(bytes, piece);
            ASSERT_TRUE((*files)->append(piece));
        }
        ASSERT_TRUE((*files)->end());
        ASSERT_TRUE((*files)->commit(false));
        const std::string zip = *read_file(path);
        ASSERT_GE(seen.size(), 6u);
        for (const std::string& bytes : seen) EXPECT_TRUE(zip.starts_with(bytes));
        EXPECT_EQ(seen.back(), zip);
    }
}

TEST(OutputFiles, AnArchiveFolderIsOneName) {
    EXPECT_EQ(*stem_of("", "/x/request.csv.zip"), "request.csv");
    EXPECT_EQ(*stem_of("", "/x/request.csv"), "request.csv");
    EXPECT_EQ(*stem_of("mine", "/x/request.csv"), "mine");
    for (const char* bad : {"a/b", "..", "."}) EXPECT_FALSE(stem_of(bad, "/x/y"));
}

/// Notes what an AnnData layout holds.
class NotedStore final : public AnndataStore {
public:
    Result<void> group(const std::string& path, const Attributes& attributes) override {
        return note(path, attributes);
    }
    Result<void> array(const std::string& path, const Array& values,
                       const Attributes& attributes) override {
        types[path] = values.type;
        return note(path, attributes);
    }
    Result<void> texts(const std::string& path, std::span<const std::uint64_t>, const TextArray&,
                       const Attributes& attributes) override {
        return note(path, attributes);
    }
    Result<void> records(const std::string& path, const Records&,
                         const Attributes& attributes) override {
        return note(path, attributes);
    }
    Result<void> matrix(const std::string& path, const NamedMatrix&,
                        const Attributes& attributes) override {
        return note(path, attributes);
    }
    std::map<std::string, Attributes> noted;
    std::map<std::string, ValueType> types;

private:
    Result<void> note(const std::string& path, const Attributes& attributes) {
        EXPECT_TRUE(noted.emplace(path, attributes).second) << path << " is there twice";
        return {};
    }
};

Column numbers_called(std::string name) {
    return {std::move(name), Array::of(std::vector<std::int32_t>{1}), std::nullopt};
}

TEST(AnndataLayout, NamesThatAPathCannotHoldBecomeOthersThatDiffer) {
    AnnotatedData data;
    data.obs.index.push_back("cell");
    for (const char* name : {"a/b", "a_b", "..", "", "_index", ".zarray", "x"})
        data.obs.columns.push_back(numbers_called(name));
    NotedStore store;
    ASSERT_TRUE(write_anndata_layout(data, store));
    const Attributes& obs = store.noted.at("obs");
    EXPECT_EQ(std::get<std::string>(obs[2].second), "_index");
    EXPECT_EQ(std::get<std::vector<std::string>>(obs[3].second),
              (std::vector<std::string>{"a_b", "a_b_1", "_.", "_", "_index_1", "_zarray", "x"}));
}

TEST(AnndataLayout, CodesAreAsNarrowAsPandasMakesThem) {
    for (const auto& [categories, type] : {std::pair{127, ValueType::int8},
                                           {128, ValueType::int16},
                                           {32'767, ValueType::int16},
                                           {32'768, ValueType::int32}}) {
        Categorical values;
        TextArray texts;
        for (int i = 0; i < categories; ++i) texts.push_back(std::to_string(i));
        values.categories = texts;
        values.codes = {categories - 1};
        AnnotatedData data;
        data.obs.index.push_back("cell");
        data.obs.columns.push_back({"x", values, std::nullopt});
        NotedStore store;
        ASSERT_TRUE(write_anndata_layout(data, store));
        EXPECT_EQ(store.types.at("obs/x/codes"), type) << categories;
    }
}

}  // namespace
}  // namespace stroma::expression
