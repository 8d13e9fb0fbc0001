#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>

#include "catalog/catalog.h"
#include "sql/sqlite/sqlite_database.h"

// Every principal asks for every action on every thing in every state; the one table below says
// what must be answered.

namespace stroma::catalog {
namespace {

/// Letters of Action in its order; a cell of the table holds those that are allowed.
constexpr std::string_view letters = "rcwdsa";

enum Column { public_, private_, withdrawn, absent, own_work, foreign_work, site, columns };
constexpr std::array<const char*, columns> column_names = {
    "a public", "a private", "a withdrawn", "an absent", "own work", "foreign work", "the site"};

struct Row {
    const char* principal;
    std::array<const char*, columns> allowed;
    const char* may_create;  ///< "" nothing, "m" matrix requests, "all" every kind but the site
};

constexpr Row table[] = {
    // principal              public  private withdr. absent  own     foreign  site     create
    {"anonymous", {"r", "", "", "", "", "", "r"}, "m"},
    {"stranger", {"r", "", "", "", "rwds", "", "r"}, "all"},
    {"other reader", {"r", "", "", "", "rwds", "", "r"}, "all"},
    {"reader", {"r", "r", "", "", "rwds", "", "r"}, "all"},
    {"collection reader", {"r", "r", "", "", "rwds", "", "r"}, "all"},
    {"writer", {"rw", "rw", "", "", "rwds", "", "r"}, "all"},
    {"co-owner", {"rwds", "rwds", "", "", "rwds", "", "r"}, "all"},
    {"owner", {"rwds", "rwds", "r", "", "rwds", "", "r"}, "all"},
    {"disabled owner", {"", "", "", "", "", "", ""}, ""},
    {"owner [read]", {"r", "r", "r", "", "r", "", "r"}, "m"},
    {"owner [write]", {"rwd", "rwd", "r", "", "rwd", "", "r"}, "all"},
    {"owner [admin]", {"rwds", "rwds", "r", "", "rwds", "", "r"}, "all"},
    {"owner [these]", {"r", "r", "r", "", "", "", "r"}, ""},
    {"owner [these, write]", {"rwd", "rwd", "r", "", "", "", "r"}, ""},
    {"owner [another]", {"", "", "", "", "", "", "r"}, ""},
    {"reader [admin]", {"r", "r", "", "", "rwds", "", "r"}, "all"},
    {"administrator", {"rwdsa", "rwdsa", "rwdsa", "rwdsa", "rwdsa", "rwdsa", "rwdsa"}, "all"},
    {"administrator [read]", {"r", "r", "r", "r", "r", "r", "r"}, "m"},
    {"administrator [these]", {"r", "r", "r", "", "", "", "r"}, ""},
};

class Decision : public ::testing::Test {
protected:
    void SetUp() override {
        catalog = Catalog::open(*database, clock, ids).value();
        for (const char* name : {"owner", "stranger", "other-reader", "reader", "collection-reader",
                                 "writer", "co-owner", "disabled"})
            people[name] = catalog->create_principal(name, Role::user).value();
        shelf = catalog->create_collection("shelf", "", "someone", Visibility::private_).value().id;
        const std::string owner = people["owner"].id;
        things[public_] = make("public", owner, Visibility::public_);
        things[private_] = make("private", owner, Visibility::private_);
        things[withdrawn] = make("withdrawn", owner, Visibility::public_);
        another = make("another", "someone", Visibility::private_);
        things[absent] = "9b2f0000-0000-4000-8000-000000000000";
        for (const auto column : {public_, private_, withdrawn}) grant_on(things[column]);
        grant(shelf, "collection-reader", "read");
        grant(another, "other-reader", "own");
        EXPECT_TRUE(catalog->withdraw_dataset(things[withdrawn]));
    }

    std::string make(std::string_view name, std::string_view owner, Visibility visibility) {
        Dataset dataset = catalog->create_dataset(name, "", owner, visibility).value();
        if (name != "another") {
            dataset.collection = shelf;
            EXPECT_TRUE(catalog->update_dataset(dataset));
        }
        const Revision revision = catalog->begin_revision(dataset.id, name, "{}").value();
        EXPECT_TRUE(catalog->publish_revision(revision));
        return dataset.id;
    }
    void grant(const std::string& thing, const char* who, const char* access) {
        EXPECT_TRUE(catalog->grant({thing, people[who].id, access}));
    }
    void grant_on(const std::string& thing) {
        grant(thing, "reader", "read");
        grant(thing, "writer", "own");
        grant(thing, "writer", "write");  // in its place
        grant(thing, "co-owner", "own");
        grant(thing, "disabled", "own");
    }

    Principal with_scopes(Principal principal, std::string_view scopes) {
        const bool these = scopes.find("these") != scopes.npos;
        for (const char* scope : {"read", "write", "admin"})
            if (scopes.find(scope) != scopes.npos) principal.scopes.emplace_back(scope);
        for (const auto column : {public_, private_, withdrawn})
            if (these) principal.scopes.push_back("dataset:" + things[column]);
        if (scopes.find("another") != scopes.npos) principal.scopes.push_back("dataset:" + another);
        return principal;
    }

    /// "owner [read]": the person, narrowed by the scopes in brackets.
    Principal principal_named(std::string name) {
        const std::size_t bracket = name.find('[');
        if (bracket != name.npos)
            return with_scopes(principal_named(name.substr(0, bracket - 1)), name.substr(bracket));
        if (name == "anonymous") return anonymous_principal();
        if (name == "administrator") return local_administrator();
        if (name == "disabled owner") {
            Principal disabled = people["disabled"];
            disabled.disabled = true;
            return disabled;
        }
        for (char& c : name) c = c == ' ' ? '-' : c;
        return people.at(name);
    }

    std::string allowed(const Principal& principal, Thing thing) {
        std::string answer;
        for (std::size_t a = 0; a < letters.size(); ++a) {
            // Creating is asked of a kind, not of a thing that is there; see may_create.
            const auto action = static_cast<Action>(a);
            if (action == Action::create) continue;
            if (catalog->may(principal, action, thing).value()) answer += letters[a];
        }
        return answer;
    }

    ManualClock clock;
    IdSource ids{1};
    std::unique_ptr<sql::SqliteDatabase> database = sql::SqliteDatabase::open_in_memory().value();
    std::unique_ptr<Catalog> catalog;
    std::map<std::string, Principal> people;
    std::array<std::string, columns> things;
    std::string shelf, another;
};

constexpr ThingKind kinds_of_work[] = {
    ThingKind::job,    ThingKind::matrix_request, ThingKind::upload,
    ThingKind::space,  ThingKind::view,           ThingKind::bucket,
    ThingKind::stream, ThingKind::queue,          ThingKind::bus};

TEST_F(Decision, OnEveryDatasetIsAsTheTableSays) {
    for (const Row& row : table)
        for (const auto column : {public_, private_, withdrawn, absent})
            EXPECT_EQ(allowed(principal_named(row.principal),
                              {.kind = ThingKind::dataset, .id = things[column], .owner = ""}),
                      row.allowed[column])
                << row.principal << " of " << column_names[column] << " dataset";
}

TEST_F(Decision, AnOwnerWrittenIntoTheQuestionAboutADatasetCountsForNothing) {
    const Principal stranger = people["stranger"];
    EXPECT_FALSE(
        catalog
            ->may(stranger, Action::read,
                  {.kind = ThingKind::dataset, .id = things[private_], .owner = stranger.id})
            .value());
}

TEST_F(Decision, OnEveryKindOfWorkIsAsTheTableSays) {
    for (const Row& row : table)
        for (const ThingKind kind : kinds_of_work) {
            const Principal principal = principal_named(row.principal);
            const bool is_unnamed_request =
                principal.role == Role::anonymous && kind == ThingKind::matrix_request;
            EXPECT_EQ(allowed(principal, {.kind = kind, .id = "x", .owner = principal.id}),
                      is_unnamed_request ? "r" : row.allowed[own_work])
                << row.principal;
            for (const std::string owner : {"", "someone", "anonymous"})
                if (owner != principal.id) {
                    EXPECT_EQ(allowed(principal, {.kind = kind, .id = "x", .owner = owner}),
                              row.allowed[foreign_work])
                        << row.principal;
                }
        }
}

TEST_F(Decision, OnTheSiteIsAsTheTableSays) {
    for (const Row& row : table)
        EXPECT_EQ(allowed(principal_named(row.principal), {}), row.allowed[site]) << row.principal;
}

TEST_F(Decision, OnCreatingEachKindIsAsTheTableSays) {
    for (const Row& row : table)
        for (const ThingKind kind :
             {ThingKind::collection, ThingKind::dataset, ThingKind::job, ThingKind::matrix_request,
              ThingKind::upload, ThingKind::space, ThingKind::view, ThingKind::bucket,
              ThingKind::stream, ThingKind::queue, ThingKind::bus}) {
            const std::string_view may = row.may_create;
            const bool expected = may == "all" || (may == "m" && kind == ThingKind::matrix_request);
            EXPECT_EQ(catalog
                          ->may(principal_named(row.principal), Action::create,
                                {.kind = kind, .id = "", .owner = ""})
                          .value(),
                      expected)
                << row.principal << " creating kind " << static_cast<int>(kind);
        }
}

TEST_F(Decision, OnACollectionFollowsItsOwnerGrantsAndVisibility) {
    const auto on = [&](const char* who, const std::string& id) {
        return allowed(principal_named(who),
                       {.kind = ThingKind::collection, .id = id, .owner = ""});
    };
    const std::string open =
        catalog->create_collection("open", "", people["owner"].id, Visibility::public_).value().id;
    EXPECT_EQ(on("anonymous", open), "r");
    EXPECT_EQ(on("owner", open), "rwds");
    EXPECT_EQ(on("anonymous", shelf), "");
    EXPECT_EQ(on("stranger", shelf), "");
    EXPECT_EQ(on("collection reader", shelf), "r");
    EXPECT_EQ(on("administrator", shelf), "rwdsa");
    EXPECT_EQ(on("stranger", "none"), "");
}

TEST_F(Decision, TheReadableDatasetsAreThoseThatMayBeRead) {
    for (const Row& row : table) {
        const Principal principal = principal_named(row.principal);
        std::vector<std::string> expected;
        const auto datasets = catalog->datasets().value();
        for (const Dataset& dataset : datasets)
            if (catalog
                    ->may(principal, Action::read,
                          {.kind = ThingKind::dataset, .id = dataset.id, .owner = ""})
                    .value())
                expected.push_back(dataset.id);
        std::sort(expected.begin(), expected.end());
        EXPECT_EQ(catalog->readable_datasets(principal).value(), expected) << row.principal;
    }
}

TEST_F(Decision, ADatasetWithoutACurrentRevisionIsNotAmongTheReadable) {
    const Dataset empty =
        catalog->create_dataset("empty", "", "someone", Visibility::public_).value();
    const auto readable = catalog->readable_datasets(local_administrator()).value();
    EXPECT_EQ(std::count(readable.begin(), readable.end(), empty.id), 0);
    EXPECT_EQ(readable.size(), 3u);
}

TEST_F(Decision, ARevokedGrantIsGoneAtOnce) {
    const Thing thing{.kind = ThingKind::dataset, .id = things[private_], .owner = ""};
    ASSERT_TRUE(catalog->may(people["reader"], Action::read, thing).value());
    ASSERT_TRUE(catalog->revoke({things[private_], people["reader"].id, ""}));
    EXPECT_FALSE(catalog->may(people["reader"], Action::read, thing).value());
    EXPECT_EQ(catalog->revoke({things[private_], people["reader"].id, "read"}).error().code,
              ErrorCode::not_found);
}

TEST_F(Decision, ASpaceIsItsOwnersAndWhomItIsGrantedTo) {
    const Thing space{.kind = ThingKind::space, .id = "space-1", .owner = people["owner"].id};
    const auto grant_space = [&](const char* who, const char* access) {
        ASSERT_TRUE(catalog->grant({space.id, people[who].id, access, ThingKind::space}));
    };
    grant_space("reader", "read");
    grant_space("writer", "write");
    const std::pair<const char*, const char*> expected[] = {
        {"anonymous", ""},     {"stranger", ""},         {"reader", "r"},
        {"writer", "rw"},      {"owner", "rwds"},        {"administrator", "rwdsa"},
        {"owner [read]", "r"}, {"owner [write]", "rwd"}, {"owner [these]", ""},
        {"disabled owner", ""}};
    for (const auto& [who, letters_allowed] : expected)
        EXPECT_EQ(allowed(principal_named(who), space), letters_allowed) << who;
}

TEST_F(Decision, AViewByLinkIsReadByWhoHasItsIdAndChangedByNobodyElse) {
    const Thing view{
        .kind = ThingKind::view, .id = "view-1", .owner = people["owner"].id, .by_link = true};
    EXPECT_EQ(allowed(principal_named("anonymous"), view), "r");
    EXPECT_EQ(allowed(principal_named("stranger"), view), "r");
    EXPECT_EQ(allowed(principal_named("owner"), view), "rwds");
    EXPECT_EQ(allowed(principal_named("disabled owner"), view), "");
}

TEST_F(Decision, GrantsNameRealThingsPrincipalsAndAccess) {
    const std::string reader = people["reader"].id;
    EXPECT_EQ(catalog->grant({things[absent], reader, "read"}).error().code, ErrorCode::not_found);
    EXPECT_EQ(catalog->grant({shelf, "nobody", "read"}).error().code, ErrorCode::not_found);
    EXPECT_EQ(catalog->grant({shelf, reader, "all"}).error().code, ErrorCode::invalid_input);
    EXPECT_TRUE(catalog->grant({shelf, reader, "read"}));
    EXPECT_TRUE(catalog->grant({shelf, reader, "read"}));
    EXPECT_EQ(catalog->grants_on(shelf)->size(), 2u);
}

}  // namespace
}  // namespace stroma::catalog
