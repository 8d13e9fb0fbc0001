#include <gtest/gtest.h>

#include "account/accounts.h"
#include "account/audit.h"
#include "account/links.h"
#include "account/password.h"
#include "account/throttle.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::account {
namespace {

using catalog::Action;
using catalog::Role;
using catalog::ThingKind;

constexpr const char* good = "correct horse battery";

class AccountTest : public ::testing::Test {
protected:
    void SetUp() override {
        catalog = catalog::Catalog::open(*database, clock, ids).value();
        accounts = Accounts::open(*database, *catalog, clock, ids, {}).value();
        audit = std::make_unique<Audit>(*database, clock);
        catalog->set_witness(*audit);
        links = std::make_unique<Links>(
            *database, *catalog, clock, ids,
            [this](std::string_view) { return Result<std::vector<std::string>>(result_sources); },
            [this](std::string_view) { return Result<std::optional<ViewOfLink>>(view); });
        ada = catalog->create_principal("ada", Role::user).value();
        eve = catalog->create_principal("eve", Role::user).value();
    }
    catalog::Dataset dataset_of(const catalog::Principal& owner, const char* name) {
        return catalog->create_dataset(name, "", owner.id, catalog::Visibility::private_).value();
    }
    catalog::Principal holder_of(const std::string& secret) {
        catalog::Principal principal = catalog::anonymous_principal();
        if (const auto right = links->right_of(secret).value()) principal.links.push_back(*right);
        return principal;
    }
    bool may_read(const catalog::Principal& principal, const std::string& dataset) {
        return catalog->decide(principal, Action::read, {ThingKind::dataset, dataset, ""}).value();
    }

    ManualClock clock;
    IdSource ids{11};
    std::unique_ptr<sql::SqliteDatabase> database = *sql::SqliteDatabase::open_in_memory();
    std::unique_ptr<catalog::Catalog> catalog;
    std::unique_ptr<Accounts> accounts;
    std::unique_ptr<Audit> audit;
    std::unique_ptr<Links> links;
    std::vector<std::string> result_sources;
    std::optional<ViewOfLink> view;
    catalog::Principal ada, eve;
};

TEST(Password, AHashIsArgon2idAndOnlyItsPasswordFits) {
    const std::string hash = hash_password(good).value();
    EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$"));
    EXPECT_NE(hash, hash_password(good).value());
    EXPECT_TRUE(is_password(hash, good).value());
    EXPECT_FALSE(is_password(hash, "correct horse batterz").value());
    EXPECT_FALSE(is_password("", good).value());
    EXPECT_FALSE(is_weaker_hash(hash));
    EXPECT_TRUE(
        is_weaker_hash("$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"
                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

TEST(Throttle, GivesItsTriesWithinAMovingMinute) {
    ManualClock clock;
    Throttle throttle(clock);
    EXPECT_TRUE(throttle.take("a", 2));
    clock.advance(Milliseconds{30'000});
    EXPECT_TRUE(throttle.take("a", 2));
    EXPECT_FALSE(throttle.take("a", 2));
    EXPECT_TRUE(throttle.take("b", 2));
    clock.advance(Milliseconds{30'000});
    EXPECT_TRUE(throttle.take("a", 2));  // the first is a minute old
    EXPECT_FALSE(throttle.take("a", 2));
    throttle.give_back("a");
    EXPECT_TRUE(throttle.take("a", 2));
}

TEST_F(AccountTest, ASessionEndsWhenItIsUnusedForADayAndWhenItIsTwoWeeksOld) {
    const auto made = accounts->start_session(ada.id, {"192.0.2.1", "browser", ""}).value();
    const auto is_in = [&] { return accounts->principal_of_session(made.secret)->has_value(); };
    for (int hours = 0; hours < 13 * 24; hours += 12) {
        EXPECT_TRUE(is_in());
        clock.advance(Milliseconds{12 * 3600 * 1000});
    }
    EXPECT_TRUE(is_in());
    clock.advance(Milliseconds{23 * 3600 * 1000});
    EXPECT_TRUE(is_in());
    clock.advance(Milliseconds{3600 * 1000});
    EXPECT_FALSE(is_in());  // however much it was used
    const auto idle = accounts->start_session(ada.id, {}).value();
    clock.advance(Milliseconds{24 * 3600 * 1000});
    EXPECT_FALSE(accounts->principal_of_session(idle.secret)->has_value());
    ASSERT_TRUE(accounts->expire());
    EXPECT_TRUE(accounts->sessions(ada.id)->empty());
}

TEST_F(AccountTest, AnAddressGetsTwentyWrongPasswordsAMinuteOverAllUsers) {
    ASSERT_TRUE(accounts->set_password(ada.id, good));
    const Place place{"192.0.2.1", "", ""};
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(accounts->sign_in("user-" + std::to_string(i), good, place).error().code,
                  ErrorCode::denied);
    EXPECT_EQ(accounts->sign_in("ada", good, place).error().code, ErrorCode::exhausted);
    EXPECT_TRUE(accounts->sign_in("ada", good, {"192.0.2.2", "", ""}));
    clock.advance(Milliseconds{60'000});
    EXPECT_TRUE(accounts->sign_in("ada", good, place));
}

TEST_F(AccountTest, TwoUsersNeverHaveOneAddress) {
    EXPECT_TRUE(accounts->set_email(ada.id, "Ada@Lab.example"));
    EXPECT_EQ(accounts->set_email(eve.id, "ada@lab.EXAMPLE").error().code,
              ErrorCode::already_exists);
    for (const char* bad : {"ada", "@lab.example", "ada@", "a@b@c", "a b@c.example"})
        EXPECT_EQ(accounts->set_email(eve.id, bad).error().code, ErrorCode::invalid_input) << bad;
    EXPECT_TRUE(accounts->set_email(ada.id, ""));
    EXPECT_TRUE(accounts->set_email(eve.id, "ada@lab.example"));
}

TEST_F(AccountTest, AnInvitationWorksOnceAndOnlyUntilItIsOver) {
    const auto first = accounts->invite(ada.id, Milliseconds{0}).value();
    const auto second = accounts->invite(ada.id, Milliseconds{1000}).value();
    const auto accept = [&](const std::string& secret) {
        return accounts->accept_invitation({secret, good, "", ""}, {});
    };
    EXPECT_EQ(accept(first.secret).error().code, ErrorCode::denied);  // a newer one was made
    clock.advance(Milliseconds{1000});
    EXPECT_EQ(accept(second.secret).error().code, ErrorCode::denied);
    const auto third = accounts->invite(ada.id, Milliseconds{1000}).value();
    EXPECT_TRUE(accept(third.secret));
    EXPECT_EQ(accept(third.secret).error().code, ErrorCode::denied);
}

TEST_F(AccountTest, ALinkIsWorthWhatItsCreatorMayGive) {
    const auto dataset = dataset_of(ada, "blood"), other = dataset_of(ada, "liver");
    const auto make = [&](const catalog::Principal& who) {
        return links->create(who, {ThingKind::dataset, dataset.id, "", Milliseconds{60'000}});
    };
    EXPECT_EQ(make(eve).error().code, ErrorCode::not_found);
    ASSERT_TRUE(catalog->grant({dataset.id, eve.id, "read"}));
    EXPECT_EQ(make(eve).error().code, ErrorCode::denied);
    ASSERT_TRUE(catalog->grant({dataset.id, eve.id, "own"}));
    const auto link = make(eve).value();
    EXPECT_TRUE(may_read(holder_of(link.secret), dataset.id));
    EXPECT_FALSE(may_read(holder_of(link.secret), other.id));
    EXPECT_FALSE(
        catalog->may(holder_of(link.secret), Action::change, {ThingKind::dataset, dataset.id, ""})
            .value());
    ASSERT_TRUE(catalog->revoke({dataset.id, eve.id, "own"}));
    EXPECT_FALSE(may_read(holder_of(link.secret), dataset.id));
    ASSERT_TRUE(catalog->grant({dataset.id, eve.id, "own"}));
    EXPECT_TRUE(may_read(holder_of(link.secret), dataset.id));
    ASSERT_TRUE(catalog->set_disabled(eve.id, true));
    EXPECT_FALSE(may_read(holder_of(link.secret), dataset.id));
    ASSERT_TRUE(catalog->set_disabled(eve.id, false));
    clock.advance(Milliseconds{60'000});
    EXPECT_FALSE(may_read(holder_of(link.secret), dataset.id));
}

TEST_F(AccountTest, ALinkToACollectionGivesItsDatasetsAndToAResultNeedsAllOfThem) {
    const auto shelf =
        catalog->create_collection("shelf", "", ada.id, catalog::Visibility::private_).value();
    auto dataset = dataset_of(ada, "blood");
    const auto other = dataset_of(eve, "liver");
    dataset.collection = shelf.id;
    ASSERT_TRUE(catalog->update_dataset(dataset));
    const auto link =
        links->create(ada, {ThingKind::collection, "shelf", "", Milliseconds{1000}}).value();
    EXPECT_TRUE(may_read(holder_of(link.secret), dataset.id));
    EXPECT_FALSE(may_read(holder_of(link.secret), other.id));
    const auto to_result = [&] {
        return links->create(ada, {ThingKind::result, "hash.loom", "", Milliseconds{1000}});
    };
    EXPECT_EQ(to_result().error().code, ErrorCode::not_found);
    result_sources = {dataset.id, other.id};
    EXPECT_EQ(to_result().error().code, ErrorCode::not_found);
    result_sources = {dataset.id};
    const auto holder = holder_of(to_result().value().secret);
    EXPECT_TRUE(catalog->may(holder, Action::read, {ThingKind::result, "hash", ""}).value());
    EXPECT_FALSE(catalog->may(holder, Action::read, {ThingKind::result, "hash2", ""}).value());
    EXPECT_FALSE(may_read(holder, dataset.id));
}

TEST_F(AccountTest, ALinkToAViewGivesTheViewAndWhatItShows) {
    const auto dataset = dataset_of(ada, "blood"), other = dataset_of(ada, "liver");
    const auto make = [&](const catalog::Principal& who) {
        return links->create(who, {ThingKind::view, "view-1", "", Milliseconds{1000}});
    };
    EXPECT_EQ(make(ada).error().code, ErrorCode::not_found);
    view = ViewOfLink{eve.id, dataset.id, false};
    EXPECT_EQ(make(ada).error().code, ErrorCode::not_found) << "somebody else's private view";
    EXPECT_EQ(make(eve).error().code, ErrorCode::denied) << "she may not share the dataset";
    view->owner = ada.id;
    const auto holder = holder_of(make(ada).value().secret);
    EXPECT_TRUE(may_read(holder, dataset.id));
    EXPECT_FALSE(may_read(holder, other.id));
    EXPECT_TRUE(catalog->may(holder, Action::read, {ThingKind::view, "view-1", ada.id}).value());
    EXPECT_FALSE(catalog->may(holder, Action::read, {ThingKind::view, "view-2", ada.id}).value());
}

TEST_F(AccountTest, OnlyALinkThatSaysSoLetsAStrangerComment) {
    const auto dataset = dataset_of(ada, "blood");
    const catalog::Thing thing{ThingKind::dataset, dataset.id, ""};
    const auto holder = [&](bool comments) {
        return holder_of(
            links->create(ada, {ThingKind::dataset, dataset.id, "", Milliseconds{1000}, comments})
                .value()
                .secret);
    };
    EXPECT_FALSE(catalog->may(holder(false), Action::comment, thing).value());
    EXPECT_TRUE(catalog->may(holder(true), Action::comment, thing).value());
    EXPECT_FALSE(catalog->may(holder(true), Action::change, thing).value());
    EXPECT_FALSE(catalog->may(eve, Action::comment, thing).value());
    ASSERT_TRUE(catalog->grant({dataset.id, eve.id, "read"}));
    EXPECT_TRUE(catalog->may(eve, Action::comment, thing).value());
    EXPECT_FALSE(
        links->create(ada, {ThingKind::result, "hash.loom", "", Milliseconds{1000}, true}));
}

TEST_F(AccountTest, TheAuditTellsOfChangesDenialsAndLinksAndNotOfReading) {
    const auto dataset = dataset_of(ada, "blood");
    const catalog::Thing thing{ThingKind::dataset, dataset.id, ""};
    EXPECT_TRUE(catalog->decide(ada, Action::read, thing).value());
    EXPECT_TRUE(audit->entries({})->empty());
    EXPECT_TRUE(catalog->decide(ada, Action::change, thing).value());
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(catalog->decide(eve, Action::read, thing).value());
    const auto link =
        links->create(ada, {ThingKind::dataset, dataset.id, "", Milliseconds{3600'000}}).value();
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(may_read(holder_of(link.secret), dataset.id));
    clock.advance(Milliseconds{60'000});
    EXPECT_TRUE(may_read(holder_of(link.secret), dataset.id));
    std::string told;
    const auto entries = audit->entries({}).value();
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
        told += entry->name + " " + entry->action + " " + entry->outcome + " " + entry->by + "\n";
    EXPECT_EQ(told,
              "ada change allowed \n"
              "eve read denied \n"
              "ada share allowed \n"
              "anonymous read allowed link\n"
              "anonymous read allowed link\n");
    EXPECT_EQ(audit->entries({.who = "eve"})->size(), 1u);
    EXPECT_EQ(audit->entries({.outcome = "allowed", .limit = 2})->size(), 2u);
    EXPECT_EQ(audit->entries({.before = entries[1].number})->size(), 3u);
}

TEST_F(AccountTest, TheDatabaseRefusesToChangeOrRemoveALineOfTheAudit) {
    ASSERT_TRUE(audit->note(ada, "sign-in", "user", ada.id, true));
    const auto connection = database->connect().value();
    EXPECT_FALSE(connection->change("UPDATE audit SET name = 'eve'"));
    EXPECT_FALSE(connection->change("DELETE FROM audit"));
    EXPECT_EQ(audit->entries({})->size(), 1u);
}

}  // namespace
}  // namespace stroma::account
