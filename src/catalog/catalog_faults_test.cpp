#include <gtest/gtest.h>

#include <array>

#include "catalog/catalog.h"
#include "sql/faulty/faulty_database.h"
#include "sql/sqlite/sqlite_database.h"

// What the catalog holds and decides when any one call of its database fails.

namespace stroma::catalog {
namespace {

using Kind = CallFault::Kind;
constexpr std::array kinds = {Kind::fail_before, Kind::fail_after, Kind::torn};

struct Opened {
    Opened() { catalog = Catalog::open(faulty, clock, ids).value(); }
    void plan(std::uint64_t at, Kind kind) { faulty.faults().plan({.at = at, .kind = kind}); }
    /// The work met no fault: every call was made before the planned one. Ends the plan.
    bool ran_through(std::uint64_t at) {
        const bool all = faulty.faults().calls_made() < at;
        faulty.faults().plan({});
        return all;
    }

    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    sql::FaultyDatabase faulty{*database};
    std::unique_ptr<Catalog> catalog;
};

/// What an import does to the catalog, as its repeat does it again.
Result<void> load(Catalog& catalog) {
    auto dataset = TRY(catalog.find_dataset("pbmc"));
    if (!dataset) dataset = TRY(catalog.create_dataset("pbmc", "t", "owner", Visibility::private_));
    Revision revision = TRY(catalog.begin_revision(dataset->id, "content", "{}"));
    revision.object_key = "sealed/1";
    revision.object_etag = "etag";
    revision.cells = 7;
    return catalog.publish_revision(revision);
}

TEST(CatalogFaults, ALoadIsPublishedOnceWhicheverCallOfTheDatabaseFails) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            Opened opened;
            Catalog& catalog = *opened.catalog;
            const std::int64_t version = catalog.data_version().value();
            opened.plan(at, kind);
            const auto done = load(catalog);
            ran_through = opened.ran_through(at);
            EXPECT_EQ(done.has_value(), ran_through);
            const auto seen = catalog.find_dataset("pbmc").value();
            if (seen && !seen->current_revision.empty()) {
                EXPECT_EQ(catalog.find_revision(seen->current_revision).value()->state,
                          RevisionState::ready);
                EXPECT_GT(catalog.data_version().value(), version);
            } else {
                EXPECT_EQ(catalog.data_version().value(), version);
            }
            ASSERT_TRUE(load(catalog));
            ASSERT_EQ(catalog.datasets()->size(), 1u);
            const Dataset dataset = catalog.datasets()->front();
            const auto revisions = catalog.revisions(dataset.id).value();
            ASSERT_EQ(revisions.back().id, dataset.current_revision);
            for (const Revision& revision : revisions)
                EXPECT_EQ(revision.state, RevisionState::ready);
            EXPECT_TRUE(catalog.pending_revisions()->empty());
        }
    }
}

TEST(CatalogFaults, NothingIsAllowedThatWouldBeRefusedWhicheverCallOfTheDatabaseFails) {
    Opened opened;
    Catalog& catalog = *opened.catalog;
    const Principal owner = catalog.create_principal("ada", Role::user).value();
    const Principal stranger = catalog.create_principal("eve", Role::user).value();
    const Dataset dataset =
        catalog.create_dataset("secret", "t", owner.id, Visibility::private_).value();
    const std::string secret = catalog.create_token(stranger.id, "t", {}, 0)->secret;
    ASSERT_TRUE(catalog.set_disabled(stranger.id, true));
    const Thing thing{.kind = ThingKind::dataset, .id = dataset.id, .owner = ""};
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            opened.plan(at, kind);
            EXPECT_FALSE(catalog.principal_of_token(secret)) << "disabled";
            for (const Action action : {Action::read, Action::change, Action::remove}) {
                const auto allowed = catalog.may(stranger, action, thing);
                EXPECT_FALSE(allowed && *allowed);
            }
            const auto readable = catalog.readable_datasets(stranger);
            EXPECT_TRUE(!readable || readable->empty());
            ran_through = opened.ran_through(at);
        }
    }
}

TEST(CatalogFaults, ARevokedTokenIsRevokedWhenNoErrorWasTold) {
    for (const Kind kind : kinds) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            Opened opened;
            Catalog& catalog = *opened.catalog;
            const Principal ada = catalog.create_principal("ada", Role::user).value();
            const NewToken token = catalog.create_token(ada.id, "t", {}, 0).value();
            opened.plan(at, kind);
            const auto done = catalog.revoke_token(token.token.id);
            ran_through = opened.ran_through(at);
            EXPECT_EQ(done.has_value(), ran_through);
            EXPECT_TRUE(!done || !catalog.principal_of_token(token.secret));
            ASSERT_TRUE(catalog.revoke_token(token.token.id));
            EXPECT_FALSE(catalog.principal_of_token(token.secret));
        }
    }
}

}  // namespace
}  // namespace stroma::catalog
