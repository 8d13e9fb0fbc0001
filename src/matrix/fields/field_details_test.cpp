#include "matrix/fields/field_details.h"

#include <gtest/gtest.h>

#include "warehouse/demo_warehouse.h"

namespace stroma::matrix {
namespace {

using warehouse::Scope;
using warehouse::testing::DemoWarehouse;

std::int64_t cells_of(const FieldDetail& detail) {
    std::int64_t cells = 0;
    for (const auto& [value, count] : detail.cell_counts) cells += count;
    return cells;
}

TEST(FieldDetails, AreCountedAnewWhenTheWarehouseChangesAndOnlyThen) {
    DemoWarehouse demo;
    FieldDetails details(*demo.warehouse);
    const Field& sex = *find_field("donor_organism.sex");
    const auto cells = [&] { return cells_of(*details.of(sex, demo.everything).value()); };
    EXPECT_EQ(cells(), 0);
    demo.load("ds1", "r1", 1);
    EXPECT_EQ(cells(), 40);
    demo.load("ds2", "r2", 1);
    EXPECT_EQ(cells(), 80);
    const auto first = details.of(sex, demo.everything).value();
    EXPECT_EQ(details.of(sex, demo.everything).value(), first);  // the same one, not an equal one
    ASSERT_TRUE(demo.warehouse->remove("r1"));
    EXPECT_EQ(cells(), 40);
    EXPECT_EQ(cells_of(*first), 80);
}

TEST(FieldDetails, OfOneScopeAreNeverGivenToAnother) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load("ds2", "r2", 1);
    FieldDetails details(*demo.warehouse);
    const Field& sex = *find_field("donor_organism.sex");
    const auto cells = [&](const Scope& scope) {
        return cells_of(*details.of(sex, scope).value());
    };
    EXPECT_EQ(cells(demo.everything), 80);
    EXPECT_EQ(cells({false, {"ds1"}}), 40);
    EXPECT_EQ(cells({false, {}}), 0);
    EXPECT_EQ(cells({false, {"ds1", "ds2"}}), 80);
}

}  // namespace
}  // namespace stroma::matrix
