#include "portal/portal.h"

#include <gtest/gtest.h>

#include "sql/sqlite/sqlite_database.h"

namespace stroma::portal {
namespace {

class PortalTest : public ::testing::Test {
protected:
    void SetUp() override {
        database = *sql::SqliteDatabase::open_in_memory();
        catalog = *catalog::Catalog::open(*database, clock, ids);
        ontologies = *ontology::Ontologies::open(*database, clock);
        auto opened = Portal::open(
            *database, *catalog, *ontologies, *read_profiles(""),
            [](std::string_view) -> Result<std::shared_ptr<const expression::SealedDataset>> {
                return fail(ErrorCode::not_found, "there are no files here");
            },
            clock, ids);
        ASSERT_TRUE(opened) << opened.error().message;
        portal = *std::move(opened);
    }
    catalog::Dataset dataset(std::string_view name) {
        auto made = catalog->create_dataset(name, "", "rosalind", catalog::Visibility::private_);
        auto revision = *catalog->begin_revision(made->id, name, "{}");
        EXPECT_TRUE(catalog->publish_revision(revision));
        return **catalog->find_dataset(made->id);
    }
    catalog::Collection collection() {
        return *catalog->create_collection("atlas", "Atlas", "rosalind",
                                           catalog::Visibility::private_);
    }
    void put_in(const catalog::Collection& into, std::vector<std::string> datasets) {
        catalog::CollectionChange change;
        change.datasets = std::move(datasets);
        ASSERT_TRUE(catalog->change_collection(into.id, change));
    }

    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<ontology::Ontologies> ontologies;
    std::unique_ptr<Portal> portal;
};

TEST_F(PortalTest, ACardIsPutInThePlaceOfTheOneThatWasRead) {
    Card card = *portal->card("thing");
    EXPECT_EQ(card.version, 0);
    card.doi = "10.1234/x";
    Card stale = card;
    EXPECT_EQ(portal->put_card(card)->version, 1);
    stale.doi = "10.1234/y";
    EXPECT_EQ(portal->put_card(stale).error().code, ErrorCode::conflict);
    Card now = *portal->card("thing");
    EXPECT_EQ(now.doi, "10.1234/x");
    now.datasets = {"b", "a"};
    EXPECT_EQ(portal->put_card(now)->version, 2);
    EXPECT_EQ(portal->card("thing")->datasets, (std::vector<std::string>{"b", "a"}));
}

TEST_F(PortalTest, ACollectionIsPublishedWithItsDatasets) {
    const auto atlas = collection();
    EXPECT_EQ(portal->publish(atlas).error().code, ErrorCode::conflict) << "nothing is in it";
    const auto one = dataset("one"), two = dataset("two");
    put_in(atlas, {one.id, two.id});
    const auto before = *catalog->data_version();
    const auto published = portal->publish(atlas);
    ASSERT_TRUE(published) << published.error().message;
    EXPECT_EQ(published->visibility, catalog::Visibility::public_);
    EXPECT_EQ((*catalog->find_dataset("two"))->visibility, catalog::Visibility::public_);
    EXPECT_GT(*catalog->data_version(), before);
    EXPECT_GT(portal->card(atlas.id)->published_ms, 0);
    EXPECT_EQ(portal->card(atlas.id)->revised_ms, 0);
}

TEST_F(PortalTest, ARevisionIsSeenWhenItIsPublishedAndThereIsOneAtMost) {
    auto atlas = collection();
    const auto one = dataset("one"), two = dataset("two");
    put_in(atlas, {one.id});
    atlas = *portal->publish(atlas);
    auto draft = *portal->begin_draft(atlas, "rosalind");
    EXPECT_EQ(portal->begin_draft(atlas, "max").error().code, ErrorCode::already_exists);
    draft.title = "Atlas, second edition";
    draft.datasets = {two.id, one.id};
    ASSERT_TRUE(portal->put_draft(draft));
    EXPECT_EQ(*portal->datasets_in(atlas.id), std::vector<std::string>{one.id});
    EXPECT_EQ((*catalog->find_dataset("two"))->visibility, catalog::Visibility::private_);
    clock.advance(Milliseconds{5});
    atlas = *portal->publish(atlas);
    EXPECT_EQ(atlas.title, "Atlas, second edition");
    EXPECT_EQ(*portal->datasets_in(atlas.id), (std::vector<std::string>{two.id, one.id}));
    EXPECT_EQ((*catalog->find_dataset("two"))->visibility, catalog::Visibility::public_);
    EXPECT_GT(portal->card(atlas.id)->revised_ms, 0);
    EXPECT_FALSE(*portal->draft(atlas.id));
}

TEST_F(PortalTest, ADroppedRevisionLeavesTheCollectionAsItWas) {
    auto atlas = collection();
    put_in(atlas, {dataset("one").id});
    atlas = *portal->publish(atlas);
    auto draft = *portal->begin_draft(atlas, "rosalind");
    draft.datasets = {};
    ASSERT_TRUE(portal->put_draft(draft));
    EXPECT_EQ(portal->publish(atlas).error().code, ErrorCode::conflict);
    ASSERT_TRUE(portal->drop_draft(atlas.id));
    EXPECT_EQ(portal->drop_draft(atlas.id).error().code, ErrorCode::not_found);
    EXPECT_EQ(portal->datasets_in(atlas.id)->size(), 1u);
}

TEST_F(PortalTest, ALinkIsFoundByItsSecretAlone) {
    const auto made = portal->create_link({"", "result.h5ad", "d", "r", "p", 0, 77});
    ASSERT_TRUE(made);
    const auto found = *portal->find_link(made->secret);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->result, "result.h5ad");
    EXPECT_EQ(found->expires_ms, 77);
    EXPECT_FALSE(*portal->find_link(made->link.id));
}

TEST_F(PortalTest, CommentsAreOfADatasetOrAViewAndGoWithTheirDataset) {
    const auto one = dataset("one");
    Comment comment;
    comment.dataset = one.id;
    EXPECT_EQ(portal->add_comment(comment).error().code, ErrorCode::invalid_input) << "no words";
    comment.text = "Good";
    ASSERT_TRUE(portal->add_comment(comment));
    comment.view = "view-1";
    const auto on_view = portal->add_comment(comment);
    EXPECT_EQ(portal->comments(one.id, "")->size(), 1u);
    EXPECT_EQ(portal->comments(one.id, "view-1")->front().id, on_view->id);
    ASSERT_TRUE(portal->forget_removed());
    EXPECT_TRUE(portal->find_comment(on_view->id)->has_value());
    ASSERT_TRUE(catalog->remove_revision(one.current_revision));
    ASSERT_TRUE(portal->forget_removed());
    EXPECT_FALSE(portal->find_comment(on_view->id)->has_value());
}

TEST_F(PortalTest, ADatasetWhoseFileIsUnreadableIsListedAllTheSame) {
    const auto one = dataset("one");
    const auto found =
        portal->search(catalog::local_administrator(), SearchQuestion{.order = "title"});
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_EQ(found->entries.size(), 1u);
    EXPECT_EQ(found->entries[0].dataset.id, one.id);
    EXPECT_EQ(portal->search(catalog::anonymous_principal(), {})->all, 0u);
}

}  // namespace
}  // namespace stroma::portal
