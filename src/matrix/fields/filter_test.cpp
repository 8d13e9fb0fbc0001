#include "matrix/fields/filter.h"

#include <gtest/gtest.h>

#include "matrix/fields/fields.h"

namespace stroma::matrix {
namespace {

bool only_cell_type(std::string_view name) { return name == "cell_type"; }

Filter parsed(std::string_view json) {
    auto filter = parse_filter(json, only_cell_type);
    EXPECT_TRUE(filter) << (filter ? "" : filter.error().message);
    return filter ? *filter : Filter{};
}

std::string refusal(std::string_view json) {
    const auto filter = parse_filter(json, only_cell_type);
    EXPECT_FALSE(filter) << filter->condition;
    if (filter) return "";
    EXPECT_EQ(filter.error().code, ErrorCode::invalid_input);
    return filter.error().message;
}

TEST(Filter, AComparisonBecomesAConditionOnTheCellsView) {
    EXPECT_EQ(parsed(R"({"op":">=","field":"genes_detected","value":500})").condition,
              R"("genes_detected" >= 500)");
    EXPECT_EQ(parsed(R"({"op":"=","field":"donor.sex","value":"male"})").condition,
              R"("donor_organism.sex" = 'male')");
    EXPECT_EQ(parsed(R"({"op":"=","field":"emptydrops_is_cell","value":"t"})").condition,
              R"("emptydrops_is_cell" = true)");
}

TEST(Filter, ValuesAreEscapedAndNeverSql) {
    EXPECT_EQ(parsed(R"({"op":"=","field":"barcode","value":"Crohn's"})").condition,
              R"("barcode" = 'Crohn''s')");
    EXPECT_EQ(parsed(R"({"op":"=","field":"barcode","value":"'; drop table cell; --"})").condition,
              R"("barcode" = '''; drop table cell; --')");
    EXPECT_EQ(refusal(R"({"op":"=","field":"barcode; drop table cell","value":1})").substr(0, 10),
              "at /field:");
}

TEST(Filter, NotTakesAnObjectOrAListOfOne) {
    const auto as_list =
        parsed(R"({"op":"not","value":[{"op":"=","field":"barcode","value":"A"}]})");
    const auto as_object =
        parsed(R"({"op":"not","value":{"op":"=","field":"barcode","value":"A"}})");
    EXPECT_EQ(as_list.condition, R"(not ("barcode" = 'A'))");
    EXPECT_EQ(as_list.canonical, as_object.canonical);
}

TEST(Filter, OrderOfOperandsAndValuesDoesNotChangeTheCanonicalForm) {
    const auto one = parsed(R"({"op":"and","value":[{"op":"in","field":"total_umis","value":[2,1]},
                                {"op":"=","field":"cell_type","value":"T"}]})");
    const auto other = parsed(R"({"value":[{"value":"T","op":"=","field":"cell_type"},
                                {"op":"in","value":[1,2.0,1],"field":"cell.total_umis"}],
                                 "op":"and"})");
    EXPECT_EQ(one.canonical, other.canonical);
}

TEST(Filter, SpeciesIsNoticedAlsoUnderNot) {
    EXPECT_TRUE(parsed(R"({"op":"not","value":[{"op":"=",
        "field":"cell_suspension.genus_species.ontology_label","value":"Mus musculus"}]})")
                    .names_species);
    EXPECT_FALSE(parsed(R"({"op":"=","field":"barcode","value":"A"})").names_species);
}

TEST(Filter, ABadNodeIsNamedByItsPointer) {
    EXPECT_EQ(refusal(R"({"field":"barcode","value":"A"})"), "at /: the filter has no 'op'");
    EXPECT_EQ(refusal(R"({"op":"=","field":"barcode"})"), "at /: the filter has no 'value'");
    EXPECT_EQ(refusal(R"({"op":"=","value":"A"})"), "at /: the comparison has no 'field'");
    EXPECT_EQ(refusal(R"({"op":"in","field":"barcode","value":"A"})"),
              "at /value: 'in' needs a list of values");
    EXPECT_EQ(refusal(R"({"op":"and","value":{}})"), "at /value: 'and' needs a list of filters");
    EXPECT_EQ(refusal(R"({"op":"or","value":[{"op":"=","field":"barcode","value":"A"}]})"),
              "at /value: 'or' needs at least two filters");
    EXPECT_EQ(refusal(R"({"op":"not","value":[]})"), "at /value: 'not' takes exactly one filter");
    EXPECT_EQ(
        refusal(R"({"op":"and","value":[{"op":"=","field":"barcode","value":"A"},{"op":"~"}]})"),
        "at /value/1: the filter has no 'value'");
    EXPECT_EQ(refusal(R"({"op":">","field":"total_umis","value":"many"})"),
              "at /value: this field is numeric; give a number");
}

TEST(Filter, NestedFiftyDeepIsTakenAndTenThousandIsRefused) {
    std::string inner = R"({"op":"=","field":"barcode","value":"A"})";
    std::string deep = inner;
    for (int i = 0; i < 50; ++i) deep = R"({"op":"not","value":[)" + deep + "]}";
    EXPECT_FALSE(parsed(deep).condition.empty());
    for (int i = 0; i < 10'000; ++i) deep = R"({"op":"not","value":[)" + deep + "]}";
    EXPECT_FALSE(parse_filter(deep, only_cell_type));
}

TEST(Fields, ThereAreFortyThreeAndTheDefaultsAreTheServices) {
    EXPECT_EQ(warehouse::api_fields().size(), 43u);
    const auto defaults = default_fields();
    EXPECT_EQ(defaults.front(), "genes_detected");
    EXPECT_EQ(defaults.back(), "specimen_from_organism.organ_parts.ontology_label");
    EXPECT_EQ(defaults.size(), 6 + 7 + 9 + 7 + 3 + 6 + 4u);
}

}  // namespace
}  // namespace stroma::matrix
