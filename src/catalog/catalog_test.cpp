#include "catalog/catalog.h"

#include <gtest/gtest.h>

#include "sql/sqlite/sqlite_database.h"

namespace stroma::catalog {
namespace {

class CatalogTest : public ::testing::Test {
protected:
    void SetUp() override {
        database = *sql::SqliteDatabase::open_in_memory();
        auto opened = Catalog::open(*database, clock, ids);
        ASSERT_TRUE(opened) << opened.error().message;
        catalog = *std::move(opened);
    }
    Dataset dataset(std::string_view name, Visibility visibility = Visibility::private_) {
        return catalog->create_dataset(name, "a title", "owner", visibility).value();
    }
    Revision published(const Dataset& dataset, std::string_view content) {
        Revision revision = catalog->begin_revision(dataset.id, content, "{}").value();
        revision.object_key = "sealed/" + revision.id;
        revision.object_etag = "etag";
        revision.cells = 7;
        EXPECT_TRUE(catalog->publish_revision(revision));
        return catalog->find_revision(revision.id).value().value();
    }

    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database;
    std::unique_ptr<Catalog> catalog;
};

TEST_F(CatalogTest, ADatasetIsFoundByIdAndByName) {
    const Dataset made = dataset("pbmc.68k_v1-a");
    EXPECT_EQ(catalog->find_dataset(made.id).value()->name, made.name);
    EXPECT_EQ(catalog->find_dataset(made.name).value()->id, made.id);
    EXPECT_FALSE(catalog->find_dataset("other").value());
    EXPECT_EQ(catalog->datasets()->size(), 1u);
}

TEST_F(CatalogTest, AnIdWinsOverAnotherDatasetsNameThatLooksLikeIt) {
    const Dataset victim = dataset("victim");
    dataset(victim.id);
    EXPECT_EQ(catalog->find_dataset(victim.id).value()->name, "victim");
}

TEST_F(CatalogTest, NamesThatArePathsOrTooLongAreRefused) {
    for (const std::string& name :
         {std::string(), std::string("a/b"), std::string(".."), std::string("-x"),
          std::string("a b"), std::string("a\nb"), std::string("\xc3\xa9"), std::string(201, 'a')})
        EXPECT_EQ(catalog->create_dataset(name, "", "o", Visibility::private_).error().code,
                  ErrorCode::invalid_input)
            << name;
    EXPECT_TRUE(catalog->create_dataset(std::string(200, 'a'), "", "o", Visibility::private_));
}

TEST_F(CatalogTest, ATakenNameIsRefusedAndFreeAgainAfterWithdrawal) {
    const Dataset first = dataset("pbmc");
    EXPECT_EQ(catalog->create_dataset("pbmc", "", "o", Visibility::private_).error().code,
              ErrorCode::already_exists);
    ASSERT_TRUE(catalog->withdraw_dataset(first.id));
    const Dataset second = dataset("pbmc");
    EXPECT_EQ(catalog->find_dataset("pbmc").value()->id, second.id);
    EXPECT_TRUE(catalog->find_dataset(first.id).value()->withdrawn);
}

TEST_F(CatalogTest, PublishingMakesARevisionReadyAndCurrentAtOnce) {
    const Dataset made = dataset("pbmc");
    const std::int64_t before = catalog->data_version().value();
    const Revision pending = catalog->begin_revision(made.id, "content", "{}").value();
    EXPECT_EQ(pending.number, 1);
    EXPECT_EQ(catalog->pending_revisions()->size(), 1u);
    EXPECT_EQ(catalog->find_dataset(made.id).value()->current_revision, "");
    EXPECT_EQ(catalog->data_version().value(), before);
    Revision sealed = pending;
    sealed.object_key = "key";
    sealed.nonzeros = 1ull << 48;
    ASSERT_TRUE(catalog->publish_revision(sealed));
    EXPECT_EQ(catalog->find_dataset(made.id).value()->current_revision, pending.id);
    EXPECT_EQ(catalog->find_revision(pending.id).value()->nonzeros, 1ull << 48);
    EXPECT_TRUE(catalog->pending_revisions()->empty());
    EXPECT_GT(catalog->data_version().value(), before);
}

TEST_F(CatalogTest, AnAnnotationIsToldFromTheFormerOne) {
    EXPECT_EQ(catalog->annotation().value(), "");
    std::string former;
    for (int i = 0; i < 3; ++i) {
        const std::int64_t before = catalog->data_version().value();
        ASSERT_TRUE(catalog->note_annotation());
        EXPECT_GT(catalog->data_version().value(), before);
        EXPECT_NE(catalog->annotation().value(), former);
        former = catalog->annotation().value();
    }
    published(dataset("pbmc"), "content");
    EXPECT_EQ(catalog->annotation().value(), former);
}

TEST_F(CatalogTest, PublishingTwiceIsHarmlessButOtherBytesAreAConflict) {
    Revision revision = published(dataset("pbmc"), "content");
    const std::int64_t version = catalog->data_version().value();
    EXPECT_TRUE(catalog->publish_revision(revision));
    EXPECT_EQ(catalog->data_version().value(), version);
    revision.object_etag = "other";
    EXPECT_EQ(catalog->publish_revision(revision).error().code, ErrorCode::conflict);
}

TEST_F(CatalogTest, ANewerRevisionStaysCurrentWhenAnOlderOneIsPublishedLate) {
    const Dataset made = dataset("pbmc");
    const Revision first = catalog->begin_revision(made.id, "one", "{}").value();
    const Revision second = published(made, "two");
    EXPECT_EQ(second.number, 2);
    ASSERT_TRUE(catalog->publish_revision(first));
    EXPECT_EQ(catalog->find_dataset(made.id).value()->current_revision, second.id);
}

TEST_F(CatalogTest, APendingRevisionOfTheSameContentIsGoneOnWith) {
    const Dataset made = dataset("pbmc");
    const Revision first = catalog->begin_revision(made.id, "one", "{}").value();
    EXPECT_EQ(catalog->begin_revision(made.id, "one", "{}")->id, first.id);
    EXPECT_NE(catalog->begin_revision(made.id, "two", "{}")->id, first.id);
}

TEST_F(CatalogTest, RemovingTheCurrentRevisionBringsNoOlderOneBack) {
    const Dataset made = dataset("pbmc");
    const Revision first = published(made, "one");
    const Revision second = published(made, "two");
    ASSERT_TRUE(catalog->remove_revision(second.id));
    EXPECT_EQ(catalog->find_dataset(made.id).value()->current_revision, "");
    EXPECT_FALSE(catalog->find_dataset(made.id).value()->withdrawn);
    EXPECT_EQ(catalog->publish_revision(second).error().code, ErrorCode::conflict);
    ASSERT_TRUE(catalog->remove_revision(first.id));
    EXPECT_EQ(catalog->find_revision(first.id).value()->state, RevisionState::removed);
}

TEST_F(CatalogTest, RemovingTheLastRevisionWithdrawsTheDataset) {
    const Dataset made = dataset("pbmc");
    const Revision only = published(made, "one");
    ASSERT_TRUE(catalog->remove_revision(only.id));
    EXPECT_TRUE(catalog->find_dataset(made.id).value()->withdrawn);
    EXPECT_EQ(catalog->begin_revision(made.id, "x", "{}").error().code, ErrorCode::not_found);
}

TEST_F(CatalogTest, ADatasetIsRenamedAndMovedButNotIntoACollectionThatIsNotThere) {
    Dataset made = dataset("pbmc");
    const Collection atlas =
        catalog->create_collection("atlas", "Atlas", "owner", Visibility::public_).value();
    made.name = "blood";
    made.collection = atlas.id;
    EXPECT_EQ(catalog->update_dataset(made)->collection, atlas.id);
    EXPECT_EQ(catalog->find_dataset("blood").value()->id, made.id);
    EXPECT_EQ(catalog->find_collection("atlas").value()->id, atlas.id);
    made.collection = "nowhere";
    EXPECT_EQ(catalog->update_dataset(made).error().code, ErrorCode::invalid_input);
}

TEST_F(CatalogTest, ABundleKeepsEachOfItsVersions) {
    ASSERT_TRUE(catalog->put_bundle({.uuid = "u",
                                     .version = "2",
                                     .dataset = "",
                                     .revision = "",
                                     .state = "loaded",
                                     .report = "{}",
                                     .changed_ms = 5}));
    ASSERT_TRUE(catalog->put_bundle({.uuid = "u",
                                     .version = "1",
                                     .dataset = "",
                                     .revision = "",
                                     .state = "loaded",
                                     .report = "{}",
                                     .changed_ms = 6}));
    ASSERT_TRUE(catalog->put_bundle({.uuid = "u",
                                     .version = "2",
                                     .dataset = "",
                                     .revision = "",
                                     .state = "deleted",
                                     .report = "{}",
                                     .changed_ms = 7}));
    const auto versions = catalog->bundles("u").value();
    ASSERT_EQ(versions.size(), 2u);
    EXPECT_EQ(versions[0].version, "1");
    EXPECT_EQ(versions[1].state, "deleted");
}

TEST_F(CatalogTest, ATokenNamesItsPrincipalUntilItIsRevokedOrExpires) {
    const Principal ada = catalog->create_principal("ada", Role::user).value();
    const std::int64_t later = clock.unix_ms() + 1000;
    const NewToken token = catalog->create_token(ada.id, "laptop", {"read"}, later).value();
    const Principal came = catalog->principal_of_token(token.secret).value();
    EXPECT_EQ(came.id, ada.id);
    EXPECT_EQ(came.scopes, std::vector<std::string>{"read"});
    EXPECT_EQ(catalog->principal_of_token(token.secret + "0").error().code, ErrorCode::denied);
    EXPECT_EQ(catalog->principal_of_token("").error().code, ErrorCode::denied);
    clock.advance(Milliseconds{1000});
    EXPECT_EQ(catalog->principal_of_token(token.secret).error().code, ErrorCode::denied);

    const NewToken second = catalog->create_token(ada.id, "phone", {}, 0).value();
    ASSERT_TRUE(catalog->principal_of_token(second.secret));
    ASSERT_TRUE(catalog->revoke_token(second.token.id));
    EXPECT_EQ(catalog->principal_of_token(second.secret).error().code, ErrorCode::denied);
    EXPECT_EQ(catalog->tokens(ada.id)->size(), 2u);
}

TEST_F(CatalogTest, ATokenOfADisabledPrincipalIsRefused) {
    const Principal ada = catalog->create_principal("ada", Role::user).value();
    const NewToken token = catalog->create_token(ada.id, "laptop", {}, 0).value();
    ASSERT_TRUE(catalog->set_disabled(ada.id, true));
    EXPECT_EQ(catalog->principal_of_token(token.secret).error().code, ErrorCode::denied);
}

TEST_F(CatalogTest, TheSecretOfATokenIsNotInTheDatabase) {
    const NewToken token = catalog->create_token("local", "first", {}, 0).value();
    const auto connection = database->connect().value();
    const auto rows = connection->execute("SELECT * FROM tokens").value();
    ASSERT_TRUE(rows->next().value());
    for (std::size_t c = 0; c < rows->columns().size(); ++c) {
        const sql::Value value = rows->value(c);
        if (const auto* text = std::get_if<std::string>(&value)) {
            EXPECT_EQ(text->find(token.secret.substr(10)), std::string::npos);
        }
    }
}

TEST_F(CatalogTest, ScopesThatDoNotExistAreRefused) {
    for (const char* scope : {"", "everything", "dataset:", "dataset:a b", "read write"})
        EXPECT_FALSE(catalog->create_token("local", "x", {scope}, 0)) << scope;
}

TEST_F(CatalogTest, ADatabaseOfANewerProgramIsRefusedAndNotTouched) {
    const auto connection = database->connect().value();
    ASSERT_TRUE(connection->change("UPDATE schema_versions SET version = 99"));
    const auto opened = Catalog::open(*database, clock, ids);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
    const auto rows = connection->execute("SELECT version FROM schema_versions").value();
    ASSERT_TRUE(rows->next().value());
    EXPECT_EQ(rows->integer(0), 99);
}

}  // namespace
}  // namespace stroma::catalog
