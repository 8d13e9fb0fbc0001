#include "matrix/rearranged/rearranged_zip.h"

#include <gtest/gtest.h>

namespace stroma::matrix {
namespace {

TEST(RearrangedTable, ColumnsComeInTheOrderAskedWithTheirBytesAsTheyWere) {
    const std::string table = "cellkey,a,\"b,c\"\nk1,1,\"x\"\"y\nz\"\nk2,,\"\"\n";
    EXPECT_EQ(rearranged_table(table, ',', {"b,c", "a"}),
              "cellkey,\"b,c\",a\nk1,\"x\"\"y\nz\",1\nk2,\"\",\n");
    EXPECT_EQ(rearranged_table(table, ',', {"a", "b,c"}), table);
    EXPECT_EQ(rearranged_table("cellkey\ta\ta\nk\t1\t2\n", '\t', {"a", "cellkey", "a"}),
              "cellkey\ta\ta\nk\t1\t2\n");
}

TEST(RearrangedTable, AnotherSetOfColumnsIsNone) {
    const std::string table = "cellkey,a,b\nk1,1,2\n";
    EXPECT_EQ(rearranged_table(table, ',', {"a"}), "");
    EXPECT_EQ(rearranged_table(table, ',', {"a", "c"}), "");
    EXPECT_EQ(rearranged_table(table, ',', {"a", "b", "b"}), "");
    EXPECT_EQ(rearranged_table("cellkey,a,b\nk1,1\n", ',', {"b", "a"}), "");
}

}  // namespace
}  // namespace stroma::matrix
