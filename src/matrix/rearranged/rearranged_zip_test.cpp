#include "matrix/rearranged/rearranged_zip.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "expression/output/frame_text.h"

namespace stroma::matrix {
namespace {

std::string rearranged(const std::string& table, char separator,
                       const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& piece : rearranged_table(table, separator, names)) text += piece;
    return text;
}

TEST(RearrangedTable, ColumnsComeInTheOrderAskedWithTheirBytesAsTheyWere) {
    const std::string table = "cellkey,a,\"b,c\"\nk1,1,\"x\"\"y\nz\"\nk2,,\"\"\n";
    EXPECT_EQ(rearranged(table, ',', {"b,c", "a"}),
              "cellkey,\"b,c\",a\nk1,\"x\"\"y\nz\",1\nk2,\"\",\n");
    EXPECT_EQ(rearranged(table, ',', {"a", "b,c"}), table);
    EXPECT_EQ(rearranged("cellkey\ta\ta\nk\t1\t2\n", '\t', {"a", "cellkey", "a"}),
              "cellkey\ta\ta\nk\t1\t2\n");
}

TEST(RearrangedTable, IsCutWhereAWrittenTableIs) {
    std::string table = "cellkey,a,b\n", expected = "cellkey,b,a\n";
    for (std::uint64_t row = 0; row <= expression::table_rows_a_piece; ++row) {
        const std::string number = std::to_string(row);
        table += number + ",x" + number + ",y" + number + "\n";
        expected += number + ",y" + number + ",x" + number + "\n";
    }
    const auto pieces = rearranged_table(table, ',', {"b", "a"});
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0] + pieces[1], expected);
    EXPECT_EQ(std::count(pieces[1].begin(), pieces[1].end(), '\n'), 1);
}

TEST(RearrangedTable, AnotherSetOfColumnsIsNone) {
    const std::string table = "cellkey,a,b\nk1,1,2\n";
    EXPECT_EQ(rearranged(table, ',', {"a"}), "");
    EXPECT_EQ(rearranged(table, ',', {"a", "c"}), "");
    EXPECT_EQ(rearranged(table, ',', {"a", "b", "b"}), "");
    EXPECT_EQ(rearranged("cellkey,a,b\nk1,1\n", ',', {"b", "a"}), "");
}

}  // namespace
}  // namespace stroma::matrix
