#include "app/redshift/biology_tables.h"

#include "warehouse/relation_scan.h"

namespace stroma::app {
namespace {

class BiologyTables final : public redshift::OutsideTables {
public:
    BiologyTables(Site& site, std::vector<warehouse::RelationShape> shapes)
        : site_(site), shapes_(std::move(shapes)) {
        for (const auto& shape : shapes_) {
            redshift::OutsideRelation relation{shape.name, {}, shape.scanned};
            for (const auto& column : shape.columns)
                relation.columns.push_back({column.name, column.engine_type, column.source});
            relations_.push_back(std::move(relation));
        }
    }
    const std::string& schema() const override { return schema_; }
    const std::vector<redshift::OutsideRelation>& relations() const override { return relations_; }
    Result<std::shared_ptr<sql::TableScan>> scan(
        const redshift::OutsideRelation& relation, const catalog::Principal& principal,
        const redshift::OutsideQuestion* question) override {
        const auto at = static_cast<std::size_t>(&relation - relations_.data());
        const auto scope = TRY(site_.matrices().scope_of(principal));
        if (question == nullptr)
            return warehouse::scan_relation(site_.warehouse(), shapes_[at], scope, nullptr);
        const warehouse::AskedElsewhere asked{question->select, question->values};
        return warehouse::scan_relation(site_.warehouse(), shapes_[at], scope, &asked);
    }

private:
    Site& site_;
    const std::string schema_ = "biology";
    std::vector<warehouse::RelationShape> shapes_;
    std::vector<redshift::OutsideRelation> relations_;  // of the same numbers
};

}  // namespace

Result<std::shared_ptr<redshift::OutsideTables>> biology_tables(Site& site) {
    return std::make_shared<BiologyTables>(site, TRY(warehouse::relation_shapes(site.warehouse())));
}

}  // namespace stroma::app
