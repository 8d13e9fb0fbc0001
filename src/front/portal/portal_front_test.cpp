#include "front/portal/portal_front.h"

#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "front/api/fake_domain.h"
#include "front/api/openapi.h"
#include "object/memory/memory_store.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::front::portal {
namespace {

class PortalFrontTest : public ::testing::Test {
protected:
    void SetUp() override {
        database_ = *sql::SqliteDatabase::open_in_memory();
        catalog_ = *catalog::Catalog::open(*database_, clock_, ids_);
        ontologies_ = *ontology::Ontologies::open(*database_, clock_);
        portal_ = *stroma::portal::Portal::open(
            *database_, *catalog_, *ontologies_, *stroma::portal::read_profiles(""),
            [](std::string_view) -> Result<std::shared_ptr<const expression::SealedDataset>> {
                return fail(ErrorCode::not_found, "there are no files here");
            },
            clock_, ids_);
        front_ = std::make_unique<PortalFront>(PortalDomain{fake_.domain(),
                                                            *portal_,
                                                            *ontologies_,
                                                            explorer_,
                                                            "",
                                                            false,
                                                            {},
                                                            "http://stroma.example"});
    }

    ManualClock clock_;
    IdSource ids_{1};
    api::FakeDomain fake_;
    std::unique_ptr<sql::SqliteDatabase> database_;
    std::unique_ptr<catalog::Catalog> catalog_;
    std::unique_ptr<ontology::Ontologies> ontologies_;
    std::unique_ptr<stroma::portal::Portal> portal_;
    object::MemoryStore objects_;
    stroma::explorer::BodyStore bodies_{
        objects_,
        fs::temp_directory_path(),
        "derived/",
        [](std::string_view revision) { return "derived/" + std::string(revision) + "/"; },
        {}};
    stroma::explorer::Explorer explorer_{
        [](std::string_view) -> Result<std::shared_ptr<const expression::SealedDataset>> {
            return fail(ErrorCode::not_found, "there are no files here");
        },
        bodies_};
    std::unique_ptr<PortalFront> front_;
};

TEST_F(PortalFrontTest, EveryRouteIsDescribed) {
    const Json document = *parse_json(api::openapi_document());
    std::set<std::string> described, routed;
    for (const auto& [path, methods] : document["paths"].items())
        if (path.starts_with("/v1/portal") || path.starts_with("/v1/ontology"))
            for (const auto& [method, operation] : methods.items()) {
                std::string upper = method;
                for (char& c : upper) c = static_cast<char>(std::toupper(c));
                described.insert(upper + " " + path);
            }
    for (const http::Route& route : front_->routes())
        routed.insert(route.method + " " + route.pattern);
    EXPECT_EQ(described, routed);
}

TEST_F(PortalFrontTest, EveryFacetIsAParameterOfTheSearch) {
    const Json document = *parse_json(api::openapi_document());
    std::set<std::string> described;
    for (const Json& one : document["paths"]["/v1/portal/search"]["get"]["parameters"])
        described.insert(one["name"].get<std::string>());
    for (const auto& facet : stroma::portal::all_facets())
        EXPECT_TRUE(described.contains(std::string(facet.name))) << facet.name;
}

}  // namespace
}  // namespace stroma::front::portal
