#include "app/terminal/text_table.h"

#include <gtest/gtest.h>

#include "app/terminal/terminal.h"

namespace stroma::app {
namespace {

TEST(TextTable, PutsNumbersToTheRightAndWordsToTheLeft) {
    TextTable table({{"name"}, {"cells", TextTable::Align::right}, {"note"}});
    table.add({"pbmc", "700", "small"});
    table.add({"a longer name", "12", ""});
    EXPECT_EQ(table.text(0),
              "name           cells  note\n"
              "pbmc             700  small\n"
              "a longer name     12  \n");
}

TEST(TextTable, CutsTheWidestColumnWhenTheScreenIsNarrow) {
    TextTable table({{"name"}, {"n", TextTable::Align::right}});
    table.add({"a name that is much too long", "1"});
    EXPECT_EQ(table.text(12),
              "name       n\n"
              "a name t…  1\n");
}

TEST(TextTable, CountsCharactersNotBytes) {
    TextTable table({{"name"}, {"n"}});
    table.add({"Zürich", "1"});
    table.add({"Berlin", "2"});
    EXPECT_EQ(table.text(0), "name    n\nZürich  1\nBerlin  2\n");
}

TEST(TextTable, KeepsARowOnOneLine) {
    TextTable table({{"text"}});
    table.add({"two\nlines\tand a tab"});
    EXPECT_EQ(table.text(0), "text\ntwo lines and a tab\n");
}

TEST(Terminal, CutsBetweenCharacters) {
    EXPECT_EQ(cut_to_columns("größer", 4), "grö…");
    EXPECT_EQ(cut_to_columns("größer", 6), "größer");
    EXPECT_EQ(cut_to_columns("x", 0), "");
}

}  // namespace
}  // namespace stroma::app
