#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>

#include "expression/text/delimiters.h"
#include "expression/text/id_table.h"
#include "expression/text/memory_files.h"
#include "expression/text/numbers.h"
#include "expression/text/table.h"
#include "expression/text/triplets.h"

namespace stroma::expression {
namespace {

std::string gzip(std::string_view text) {
    z_stream stream = {};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

Result<std::string> all_of(const std::string& content, std::size_t block, TextLimits limits = {}) {
    MemoryFiles files("t.txt", content);
    const auto input = TRY(TextInput::open(files, "t.txt", limits));
    std::string text;
    while (true) {
        const std::string_view part = TRY(input->next_block(block));
        if (part.empty()) return text;
        text += part;
        text += '#';
    }
}

TEST(TextInput, BlocksEndAtLineEndsWhetherPlainOrPacked) {
    const std::string text = "aa\nbbb\nc\nlast";
    EXPECT_EQ(all_of(text, 4).value(), "aa\n#bbb\n#c\n#last#");
    EXPECT_EQ(all_of(text, 1).value(), "aa\n#bbb\n#c\n#last#");
    std::string packed = all_of(gzip(text), 4).value();
    packed.erase(std::remove(packed.begin(), packed.end(), '#'), packed.end());
    EXPECT_EQ(packed, text);
}

TEST(TextInput, SeveralGzipMembersAreOneTextAndAnythingBehindThemIsRefused) {
    const std::string two = gzip("one\n") + gzip("two\n");
    EXPECT_EQ(all_of(two, 1000).value(), "one\ntwo\n#");
    const auto garbage = all_of(two + "x", 1000);
    ASSERT_FALSE(garbage);
    EXPECT_EQ(garbage.error().code, ErrorCode::invalid_input);
    EXPECT_NE(garbage.error().message.find("follows its last member"), std::string::npos);
}

TEST(TextInput, ADamagedChecksumACutFileAndABombAreRefused) {
    std::string wrong = gzip("hello\n");
    wrong[wrong.size() - 6] ^= 1;
    EXPECT_EQ(all_of(wrong, 100).error().code, ErrorCode::invalid_input);
    const std::string whole = gzip(std::string(10000, 'x') + "\n");
    EXPECT_EQ(all_of(whole.substr(0, whole.size() / 2), 100).error().code,
              ErrorCode::invalid_input);
    const auto bomb = all_of(whole, 100, {.unpacked_bytes_max = 5000});
    ASSERT_FALSE(bomb);
    EXPECT_EQ(bomb.error().code, ErrorCode::exhausted);
    EXPECT_NE(bomb.error().message.find("bomb"), std::string::npos);
}

TEST(TextInput, ALineWithoutEndIsRefusedInBoundedMemory) {
    const std::string text(5000, 'x');
    EXPECT_EQ(all_of(text, 100, {.line_bytes_max = 1000}).error().code, ErrorCode::invalid_input);
}

TEST(Numbers, TextsAreReadExactlyAndSayWhichTypeKeepsThem) {
    NumberText number;
    ASSERT_TRUE(parse_number("16777217", number));
    EXPECT_TRUE(number.is_integer);
    EXPECT_FALSE(number.fits_float);
    ASSERT_TRUE(parse_number("0.1", number));
    EXPECT_TRUE(number.fits_float);
    ASSERT_TRUE(parse_number("0.1234567890123", number));
    EXPECT_FALSE(number.fits_float);
    ASSERT_TRUE(parse_number(" +1e3 ", number));
    EXPECT_EQ(number.value, 1000);
    for (const char* bad : {"", "x", "1x", "+-1", "1 2", "9007199254740993", "1e999"})
        EXPECT_FALSE(parse_number(bad, number)) << bad;
}

TEST(Table, QuotesAndEscapesAreTakenOffExactly) {
    std::vector<std::string_view> fields;
    std::vector<std::string> storage;
    ASSERT_TRUE(split_fields("a,\"b,\"\"c\",", {.separator = ','}, fields, storage));
    EXPECT_EQ(fields, (std::vector<std::string_view>{"a", "b,\"c", ""}));
    ASSERT_TRUE(split_fields("a\\|b|c\\\\", {.separator = '|', .quotes = false, .backslash = true},
                             fields, storage));
    EXPECT_EQ(fields, (std::vector<std::string_view>{"a|b", "c\\"}));
    EXPECT_FALSE(split_fields("a,\"b", {.separator = ','}, fields, storage));
}

TEST(Table, ALineWithOtherFieldCountIsNamed) {
    MemoryFiles files("t.tsv", std::string("a\tb\n1\t2\n3\n"));
    const auto table = read_table(files, "t.tsv", {});
    ASSERT_FALSE(table);
    EXPECT_NE(table.error().message.find("line 3 has 1 fields"), std::string::npos)
        << table.error().message;
}

TEST(Table, ColumnsTakeTheTypeThatAllTheirTextsHave) {
    EXPECT_TRUE(column_of_texts("n", {"1", "2", ""}).is_numeric());
    EXPECT_TRUE(column_of_texts("n", {"1", "2", ""}).is_missing(2));
    EXPECT_EQ(column_of_texts("n", {"1.5", "2"}).text(0), "1.5");
    EXPECT_EQ(column_of_texts("b", {"True", "False"}).text(1), "False");
    EXPECT_TRUE(column_of_texts("c", {"x", "y", "x", "x"}).is_categorical());
    EXPECT_TRUE(column_of_texts("t", {"007", "008"}).is_text() ||
                column_of_texts("t", {"007", "008"}).is_categorical());
}

TEST(Table, RepeatedIdsAreRefusedOrMadeUniqueOnRequest) {
    TextArray ids{"a", "b", "a", "a-1"};
    std::vector<std::string> notes;
    const auto refused = settle_ids(ids, "gene", "genes.tsv", false, notes);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("'a'"), std::string::npos);
    ASSERT_TRUE(settle_ids(ids, "gene", "genes.tsv", true, notes));
    EXPECT_EQ(ids, (TextArray{"a", "b", "a-2", "a-1"}));
    EXPECT_EQ(notes.size(), 1u);
}

struct Triplet {
    std::uint32_t cell, gene;
    double value;
};

TripletBlock block_of(const std::vector<Triplet>& triplets) {
    TripletBlock block;
    for (const Triplet& t : triplets) {
        block.add_cell(t.cell);
        block.genes.push_back(t.gene);
        block.add_value({t.value, t.value == std::floor(t.value),
                         static_cast<double>(static_cast<float>(t.value)) == t.value});
    }
    return block;
}

/// A block for each triplet, as pieces of a text may be that short.
void add_each(TripletSpool& spool, const std::vector<Triplet>& triplets) {
    std::vector<TripletBlock> blocks;
    for (const Triplet& t : triplets) blocks.push_back(block_of({t}));
    blocks.insert(blocks.begin() + 1, TripletBlock());
    ASSERT_TRUE(
        spool.add(blocks.size(), [&](std::size_t i) -> const TripletBlock& { return blocks[i]; }));
}

TEST(Triplets, UnorderedOnesAreSortedByCellInSeveralRanges) {
    TripletSpool spool(nullptr);
    add_each(spool, {{2, 1, 5}, {0, 3, 1}, {2, 0, 7}, {0, 1, 2}, {1, 2, 9}});
    const auto source = std::move(spool).finish(4, 4, 64);
    ASSERT_TRUE(source);
    EXPECT_EQ((*source)->order(), Order::by_cell);
    for (int pass = 0; pass < 2; ++pass) {
        LineBlock first, rest;
        ASSERT_TRUE((*source)->read_lines(0, 1, first));
        ASSERT_TRUE((*source)->read_lines(1, 3, rest));
        EXPECT_EQ(first.places, (std::vector<std::uint32_t>{3, 1}));
        EXPECT_EQ(rest.places, (std::vector<std::uint32_t>{2, 1, 0}));
        EXPECT_EQ(rest.starts, (std::vector<std::uint64_t>{0, 1, 3, 3}));
        EXPECT_EQ(rest.values_as<std::int32_t>()[2], 7);
    }
}

TEST(Triplets, OnesThatLieByGeneAreGivenByGene) {
    TripletSpool spool(nullptr);
    add_each(spool, {{1, 0, 5}, {0, 1, 1}, {1, 1, 7}});
    const auto source = std::move(spool).finish(2, 2);
    ASSERT_TRUE(source);
    EXPECT_EQ((*source)->order(), Order::by_gene);
    LineBlock block;
    ASSERT_TRUE((*source)->read_lines(0, 2, block));
    EXPECT_EQ(block.starts, (std::vector<std::uint64_t>{0, 1, 3}));
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{1, 0, 1}));
}

TEST(Triplets, WideAndNarrowColumnsComeBackFromAScratchFileAsTheyWere) {
    File scratch = *File::temporary(fs::temp_directory_path());
    ASSERT_TRUE(scratch.write_at(0, to_bytes("what others keep there")));
    TripletSpool spool(&scratch);
    const TripletBlock blocks[] = {
        block_of({{0, 7, 1}, {0, 300, 255}, {0, 70000, 256}, {1, 0, -3}, {1, 1, 70000}}),
        block_of({{1, 2, 0.5}, {2, 9, 1e300}})};
    ASSERT_TRUE(spool.add(2, [&](std::size_t i) -> const TripletBlock& { return blocks[i]; }));
    const auto source = std::move(spool).finish(3, 70001);
    ASSERT_TRUE(source);
    EXPECT_EQ((*source)->order(), Order::by_cell);
    LineBlock all, middle;
    ASSERT_TRUE((*source)->read_lines(0, 3, all));
    EXPECT_EQ(all.starts, (std::vector<std::uint64_t>{0, 3, 6, 7}));
    EXPECT_EQ(all.places, (std::vector<std::uint32_t>{7, 300, 70000, 0, 1, 2, 9}));
    const double* values = all.values_as<double>();
    EXPECT_EQ(std::vector<double>(values, values + 7),
              (std::vector<double>{1, 255, 256, -3, 70000, 0.5, 1e300}));
    ASSERT_TRUE((*source)->read_lines(1, 1, middle));
    EXPECT_EQ(middle.values_as<double>()[2], 0.5);
}

TEST(IdTable, IdsOfEveryLengthKeepTheNumbersTheyGot) {
    IdTable table;
    std::vector<std::string> ids;
    for (std::size_t length = 0; length < 40; ++length)
        for (const char last : {'a', 'b'})
            ids.push_back(length == 0 ? "" : std::string(length - 1, 'x') + last);
    for (const std::string& id : ids) table.add(IdKey(id));
    EXPECT_EQ(table.size(), ids.size() - 1);  // the empty one is there once
    for (const std::string& id : ids) {
        const std::string padded = id + "0123456789abcdef";
        const std::uint32_t number =
            table.find(IdKey::of_padded(std::string_view(padded).substr(0, id.size())));
        ASSERT_LT(number, table.size()) << id;
        EXPECT_EQ(table.ids()[number], id);
        EXPECT_EQ(table.find(IdKey(id + "?")), IdTable::none);
    }
}

TEST(IdTable, IdsThatWantOnePlaceAreToldApart) {
    IdTable table;
    std::vector<std::string> ids = {"7", "07", "007", "x7", "y7", "7777777x00000007"};
    for (std::uint32_t i = 0; i < 3000; ++i) {
        ids.push_back(std::to_string(100 + i));
        ids.push_back("ENSG00000" + std::to_string(100'000 + i * 4096));
        ids.push_back("barcode-of-more-than-16-" + std::to_string(i));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(table.add(IdKey(ids[i])), i);
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const IdKey key(ids[i]);
        EXPECT_EQ(table.find(key), i) << ids[i];
        EXPECT_EQ(table.find_at(table.prefetch(key), key), i) << ids[i];
    }
    for (const char* absent : {"99", "3100", "0100", "ENSG0000099999", "z7"})
        EXPECT_EQ(table.find(IdKey(absent)), IdTable::none) << absent;
}

TEST(Delimiters, AreFoundAcrossTheStrideAndAtTheEnd) {
    std::string text(150, 'x');
    for (const std::size_t at : {0u, 63u, 64u, 127u, 149u}) text[at] = ',';
    text[100] = '\n';
    std::vector<std::uint32_t> places;
    EXPECT_TRUE(find_delimiters(text, ',', "\"\\", places));
    EXPECT_EQ(places, (std::vector<std::uint32_t>{0, 63, 64, 100, 127, 149}));
    text[148] = '"';
    EXPECT_FALSE(find_delimiters(text, ',', "\"", places));
}

}  // namespace
}  // namespace stroma::expression
