#include "redshift/load/value_reader.h"

#include <gtest/gtest.h>

#include "redshift/load/letter_search.h"

namespace stroma::redshift {
namespace {

std::optional<std::int64_t> moment_of(std::string_view text) {
    LoadColumn column;
    column.kind = ValueKind::timestamp;
    Field field;
    field.text = text;
    LoadValue value;
    Misfit misfit;
    if (!read_value(column, field, {}, value, misfit)) return std::nullopt;
    return value.integer;
}

TEST(ValueReader, AMomentIsReadByItsDigitsAndBySigns) {
    constexpr std::int64_t second = 1'000'000;
    EXPECT_EQ(moment_of("1970-01-02 00:00:01"), 86'401 * second);
    EXPECT_EQ(moment_of("2026-11-23 01:02:03.4"), 1'795'395'723 * second + 400'000);
    EXPECT_EQ(moment_of("2026-11-23 01:02:03.000004"), 1'795'395'723 * second + 4);
    EXPECT_EQ(moment_of("2026-02-29 01:02:03"), std::nullopt);
}

TEST(ValueReader, NoOtherLetterStandsForADigitOrASignOfAMoment) {
    const std::string right = "2026-11-23 01:02:03";
    // What may follow a number that is shorter: a blank, a fraction, a zone.
    const std::string_view elsewhere = " \t.+-Zz";
    for (std::size_t place = 0; place < right.size(); ++place) {
        const bool is_digit = right[place] >= '0' && right[place] <= '9';
        for (int letter = 0; letter < 256; ++letter) {
            std::string text = right;
            text[place] = static_cast<char>(letter);
            const bool is_other_digit = letter >= '0' && letter <= '9';
            if (text == right || elsewhere.find(text[place]) != std::string_view::npos) continue;
            const auto read = moment_of(text);
            if (is_digit && !is_other_digit) {
                EXPECT_EQ(read, std::nullopt) << place << " " << letter;
            } else if (is_digit) {
                EXPECT_NE(read, moment_of(right)) << place << " " << letter;
            } else if (read) {
                EXPECT_EQ(read, moment_of(right)) << place << " " << letter;
            }
        }
    }
}

TEST(LetterSearch, TheFirstOfThreeLettersIsFoundWhereverItStands) {
    for (std::size_t size = 0; size < 50; ++size) {
        for (std::size_t from = 0; from <= size; ++from) {
            EXPECT_EQ(first_of(std::string(size, 'x'), from, 'a', 'b', 'c'), size);
            for (std::size_t place = 0; place < size; ++place) {
                std::string text(size, static_cast<char>('b' ^ 0x80));
                text[place] = "abc"[place % 3];
                const std::size_t expected = place >= from ? place : size;
                ASSERT_EQ(first_of(text, from, 'a', 'b', 'c'), expected) << from << " " << size;
            }
        }
    }
}

TEST(LetterSearch, PlainLettersAreCountedUpToTheFirstOther) {
    for (std::size_t size = 0; size < 40; ++size) {
        const std::string plain(size, 'x');
        EXPECT_EQ(plain_front(plain), size < 4 ? 0 : size);
        for (std::size_t place = 0; place < size; ++place) {
            for (const char other : {'\0', '\x80', '\xff'}) {
                std::string text = plain;
                text[place] = other;
                EXPECT_LE(plain_front(text), place) << size;
            }
        }
    }
}

}  // namespace
}  // namespace stroma::redshift
