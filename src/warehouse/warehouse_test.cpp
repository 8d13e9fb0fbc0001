#include "warehouse/warehouse.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "sql/duckdb/duckdb_database.h"
#include "warehouse/demo_warehouse.h"

namespace stroma::warehouse {
namespace {

using testing::DemoWarehouse;

TEST(Warehouse, ALoadIsVisibleAndItsRepeatChangesNothing) {
    DemoWarehouse demo;
    const auto report = demo.load("ds1", "r1", 1);
    EXPECT_EQ(report.rows.at("cell"), 40);
    EXPECT_FALSE(report.already_loaded);
    EXPECT_TRUE(demo.load("ds1", "r1", 1).already_loaded);
    EXPECT_EQ(demo.text("SELECT count(*) FROM obs"), "40");
    EXPECT_TRUE(*demo.warehouse->has_revision("r1"));
    EXPECT_FALSE(*demo.warehouse->has_revision("r2"));
}

TEST(Warehouse, ItsVersionRisesWithEveryChange) {
    DemoWarehouse demo;
    std::uint64_t before = demo.warehouse->version();
    const auto has_risen = [&] {
        return std::exchange(before, demo.warehouse->version()) < demo.warehouse->version();
    };
    demo.load("ds1", "r1", 1);
    EXPECT_TRUE(has_risen());
    ASSERT_TRUE(demo.warehouse->load_features({{{"featurekey", "ENSG1"}}}, "made up"));
    EXPECT_TRUE(has_risen());
    ASSERT_TRUE(demo.warehouse->remove("r1"));
    EXPECT_TRUE(has_risen());
    demo.text("SELECT count(*) FROM cells");
    EXPECT_FALSE(has_risen());
}

TEST(Warehouse, ANewRevisionTakesTheFormerOneOutOfSight) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load("ds1", "r2", 2);
    EXPECT_EQ(demo.text("SELECT count(*), min(revision), max(revision) FROM obs"), "40|r2|r2");
    demo.load("ds1", "r0", 0);  // an old one, delivered late
    EXPECT_EQ(demo.text("SELECT DISTINCT revision FROM cells"), "r2");
}

TEST(Warehouse, RemovingARevisionLeavesNoOrphanAndNothingOfOthersIsTaken) {
    DemoWarehouse demo;
    demo.load_bundle("b1", "rb1");
    demo.load_bundle("b2", "rb2");  // brings the same donor and project
    EXPECT_EQ(demo.text("SELECT count(*) FROM donor"), "1");
    ASSERT_TRUE(demo.warehouse->remove("rb1"));
    EXPECT_EQ(demo.text("SELECT count(*) FROM donor"), "1");
    ASSERT_TRUE(demo.warehouse->remove("rb2"));
    for (const auto* table : {"donor", "specimen", "cell_suspension", "library_preparation",
                              "project", "analysis", "cell_all", "provenance", "document"}) {
        EXPECT_EQ(demo.text(std::string("SELECT count(*) FROM ") + table), "0") << table;
    }
    EXPECT_FALSE(*demo.warehouse->has_revision("rb1"));
}

TEST(Warehouse, CellsBelowAHundredMoleculesOfAnOptimusBundleAreInTheFullRelationsOnly) {
    DemoWarehouse demo;
    demo.load_bundle("b1", "rb1");
    EXPECT_EQ(demo.text("SELECT count(*) FROM cell_all"), "40");
    const std::string called = demo.text("SELECT count(*) FROM cell_all WHERE total_umis >= 100");
    EXPECT_EQ(demo.text("SELECT count(*) FROM cell"), called);
    EXPECT_NE(called, "40");
    EXPECT_EQ(demo.text("SELECT count(DISTINCT cellkey) FROM expression"), called);
    EXPECT_EQ(demo.text("SELECT count(DISTINCT cellkey) FROM expression_all"), "40");
}

TEST(Warehouse, EveryFieldOfTheV1ApiIsAColumnOfCells) {
    DemoWarehouse demo;
    demo.load_bundle("b1", "rb1");
    EXPECT_EQ(demo.text("SELECT DISTINCT \"donor_organism.sex\", "
                        "\"project.project_core.project_short_name\", dss_bundle_fqid, "
                        "\"specimen_from_organism.organ.ontology_label\" FROM cells"),
              "female|Demo|b1.v1|blood");
    const auto selected = demo.warehouse->select_where(
        "\"donor_organism.sex\" = 'female' AND total_umis >= 100", demo.everything, {});
    ASSERT_TRUE(selected.has_value()) << selected.error().message;
    ASSERT_EQ(selected->size(), 1u);
    EXPECT_EQ(std::to_string((*selected)[0].cells.size()), demo.text("SELECT count(*) FROM cell"));
}

TEST(Warehouse, AConditionChoosesTheSameCellsWhateverItNames) {
    DemoWarehouse demo;
    demo.load_bundle("b1", "rb1");
    demo.load("ds1", "r1", 1);
    for (const std::string condition :
         {"tissue = 'blood'", "\"donor_organism.sex\" = 'female' AND flag",
          "\"SPECIMEN_from_organism.organ.ontology_label\" = 'blood'", "score < 4 AND called",
          "cells.tissue = 'lung'", "bundle_uuid = 'b1'", "COLUMNS('^flag$')", "true",
          "cell_id IN (SELECT cell_id FROM obs WHERE flag)"}) {
        const auto selected = demo.warehouse->select_where(condition, demo.everything, {});
        ASSERT_TRUE(selected.has_value()) << condition << ": " << selected.error().message;
        std::size_t count = 0;
        for (const auto& part : *selected) count += part.cells.size();
        EXPECT_GT(count, 0u) << condition;
        EXPECT_EQ(std::to_string(count),
                  demo.text("SELECT count(*) FROM cells WHERE (" + condition + ")"))
            << condition;
    }
    const auto unknown =
        demo.warehouse->select_where("\"donor_organism.se\" = 'x'", demo.everything, {});
    ASSERT_FALSE(unknown.has_value());
    EXPECT_NE(unknown.error().message.find("\"donor_organism.d"), std::string::npos)
        << unknown.error().message;
}

TEST(Warehouse, ObsOfTheCellxgeneSchemaFillsTheBiologyTables) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    EXPECT_EQ(demo.text("SELECT sex, count(*) FROM cell JOIN cell_suspension USING "
                        "(cellsuspensionkey) JOIN specimen USING (specimenkey) JOIN donor USING "
                        "(donorkey) GROUP BY sex ORDER BY sex"),
              "female|20\nmale|20");
    EXPECT_EQ(demo.text("SELECT count(*) FROM cells WHERE \"donor_organism.sex\" = sex"), "40");
}

TEST(Warehouse, DatasetsWithDifferentColumnTypesAreAskedTogether) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load("ds2", "r2", 1, true);
    EXPECT_EQ(demo.text("SELECT typeof(score) FROM obs LIMIT 1"), "VARCHAR");
    EXPECT_EQ(demo.text("SELECT count(*) FROM obs WHERE dataset = 'ds2' AND score = 'high'"), "20");
    Scope only;
    only.datasets = {"ds1"};
    EXPECT_EQ(demo.text("SELECT typeof(score) FROM obs LIMIT 1", only), "DOUBLE");
}

TEST(Warehouse, AScopeHidesEveryTraceOfOtherDatasets) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load_bundle("b1", "rb1");
    Scope only;
    only.datasets = {"ds1"};
    EXPECT_EQ(demo.text("SELECT string_agg(dataset) FROM dataset", only), "ds1");
    EXPECT_EQ(demo.text("SELECT count(*) FROM document", only), "0");
    EXPECT_EQ(demo.text("SELECT count(DISTINCT dataset) FROM expression_all", only), "1");
    EXPECT_EQ(demo.text("SELECT count(*) FROM stl_load_commits", only), "1");
    const auto where = demo.warehouse->select_where(
        "true) UNION ALL SELECT 'b1', 'rb1', 0 FROM cells WHERE (true", only, {});
    EXPECT_FALSE(where.has_value());
}

TEST(Warehouse, ExpressionHoldsEveryStoredValueOfTheMatrix) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    const auto& matrix = demo.matrix("r1");
    EXPECT_EQ(demo.text("SELECT count(*), sum(exrpvalue)::BIGINT FROM expression"),
              std::to_string(matrix.values.size()) + "|" + std::to_string(matrix.sum()));
    EXPECT_EQ(demo.text("SELECT sum(exprvalue)::BIGINT FROM expression WHERE featurekey = "
                        "'ENSG00000000003' AND exprtype = 'Count'"),
              std::to_string(matrix.sum_of_gene(3)));
    EXPECT_EQ(demo.text("SELECT sum(a.exrpvalue * b.exrpvalue)::BIGINT FROM expression a JOIN "
                        "expression b USING (cellkey) WHERE a.featurekey = 'ENSG00000000003' AND "
                        "b.featurekey = 'ENSG00000000006'"),
              std::to_string(matrix.product_of_genes(3, 6)));
}

// Queries A to D of the back-end comparison (matrix-service.md 6.1).
TEST(Warehouse, TheFourQueriesOfTheBackEndComparisonAreRight) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    demo.load_bundle("b1", "rb1");
    const auto& matrix = demo.matrix("r1");
    EXPECT_EQ(demo.text("SELECT count(*) FROM expression JOIN cell USING (cellkey) JOIN project "
                        "USING (projectkey) WHERE project.short_name = 'ds1'"),
              std::to_string(matrix.values.size()));
    std::int64_t diseased = 0, healthy = 0, healthy_count = 0;
    for (std::size_t at = 0; at < matrix.values.size(); ++at) {
        const bool is_diseased = matrix.cells[at] % 4 == 0;
        if (is_diseased && matrix.cells[at] % 3 == 0) ++diseased;
        if (!is_diseased && matrix.genes[at] == 5) {
            healthy += matrix.values[at];
            ++healthy_count;
        }
    }
    EXPECT_EQ(demo.text("SELECT count(*) FROM expression e JOIN cells c USING (cellkey) WHERE "
                        "c.\"donor_organism.diseases.ontology\" <> 'PATO:0000461' AND c.flag"),
              std::to_string(diseased));
    EXPECT_EQ(
        demo.text("SELECT avg(exrpvalue) = " + std::to_string(healthy) + ".0 / " +
                  std::to_string(healthy_count) +
                  ", count(*) FROM expression e JOIN feature f USING (featurekey) JOIN cell c "
                  "USING (cellkey) JOIN cell_suspension s USING (cellsuspensionkey) JOIN "
                  "specimen p USING (specimenkey) JOIN donor d USING (donorkey) WHERE "
                  "f.featurename = 'GENE5' AND d.diseases_ontology = 'PATO:0000461' AND "
                  "d.ethnicity_ontology = 'HANCESTRO:0005'"),
        "true|" + std::to_string(healthy_count));
    EXPECT_EQ(demo.text("SELECT DISTINCT pub_title FROM publication WHERE projectkey IN (SELECT "
                        "projectkey FROM cell JOIN expression USING (cellkey) WHERE featurekey = "
                        "'ENSG00000000005')"),
              "A demo, published");
}

TEST(Warehouse, ProvenanceNamesTheBundleOfARow) {
    DemoWarehouse demo;
    demo.load_bundle("b1", "rb1");
    demo.load_bundle("b2", "rb2");
    EXPECT_EQ(demo.text("SELECT string_agg(bundle_uuid ORDER BY bundle_uuid) FROM provenance WHERE "
                        "table_name = 'donor' AND row_key = 'donor-1'"),
              "b1,b2");
    EXPECT_EQ(demo.text("SELECT content->>'$.sex' FROM document WHERE document_id = 'donor-1'"),
              "female");
}

TEST(Warehouse, SelectionsKeepTheOrderOfTheQuery) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    const auto selected = demo.warehouse->select_sql(
        "SELECT cell_id FROM obs WHERE cell_index < 3 ORDER BY cell_index DESC;", demo.everything,
        {});
    ASSERT_TRUE(selected.has_value()) << selected.error().message;
    ASSERT_EQ(selected->size(), 1u);
    EXPECT_EQ((*selected)[0].cells, (std::vector<std::uint32_t>{2, 1, 0}));
    EXPECT_EQ((*selected)[0].revision, "r1");
}

TEST(Warehouse, ARefusedLoadLeavesNothing) {
    DemoWarehouse demo;
    EXPECT_FALSE(demo.try_load_with_unknown_column("ds1", "r1"));
    EXPECT_EQ(demo.text("SELECT count(*) FROM dataset"), "0");
    EXPECT_FALSE(*demo.warehouse->has_revision("r1"));
}

TEST(Warehouse, LimitsEndAStatementWithTheLimitsName) {
    DemoWarehouse demo;
    demo.load("ds1", "r1", 1);
    QueryLimits limits;
    limits.rows_max = 10;
    EXPECT_NE(demo.error_of("SELECT * FROM obs", limits).message.find("10 rows"),
              std::string::npos);
    limits = QueryLimits();
    limits.bytes_max = 100;
    EXPECT_EQ(demo.error_of("SELECT * FROM obs", limits).code, ErrorCode::exhausted);
    limits = QueryLimits();
    limits.time = Milliseconds(50);
    const auto slow = demo.error_of(
        "SELECT count(*) FROM obs a, obs b, obs c, obs d, obs e, obs f WHERE a.cell_id <> "
        "f.cell_id",
        limits);
    EXPECT_EQ(slow.code, ErrorCode::exhausted) << slow.message;
    EXPECT_NE(slow.message.find("time limit"), std::string::npos);
}

}  // namespace
}  // namespace stroma::warehouse
