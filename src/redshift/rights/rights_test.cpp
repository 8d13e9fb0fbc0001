#include <gtest/gtest.h>

#include "redshift/catalog/pg_catalog.h"
#include "redshift/engine.h"
#include "redshift/folder_lake.h"
#include "redshift/load/row_text.h"
#include "sql/duckdb/duckdb_database.h"

namespace stroma::redshift {
namespace {

/// The administrator, and the users alice, bob and carol, each with a session.
class RedshiftRights : public testing::Test {
protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "rights_XXXXXX";
        folder = ::mkdtemp(name.data());
        open();
    }
    void TearDown() override {
        sessions.clear();
        engine.reset();
        fs::remove_all(folder);
    }
    void open() {
        sessions.clear();
        engine.reset();
        EngineOptions options;
        options.folder = folder / "data";
        options.lake = std::make_shared<FolderLake>(folder / "lake");
        options.catalog = pg_catalog();
        options.find_user = [](std::string_view name) -> Result<std::optional<EngineUser>> {
            for (const char* known : {"alice", "bob", "carol"})
                if (name == known) return EngineUser{"id-of-" + std::string(known), known, false};
            return std::nullopt;
        };
        engine = Engine::open(std::move(options)).value();
    }
    Session& as(const std::string& name) {
        auto& session = sessions[name];
        if (session != nullptr) return *session;
        SessionOptions options;
        options.principal = catalog::local_administrator();
        if (name != "admin") {
            options.principal.id = "id-of-" + name;
            options.principal.name = options.user = name;
            options.principal.role = catalog::Role::user;
        }
        session = engine->connect(std::move(options)).value();
        return *session;
    }
    /// What the last statement gives, as lines; or "SQLSTATE words" of what was refused.
    std::string run(const std::string& name, const std::string& script) {
        const auto statements = split(script);
        if (!statements) return statements.error().sqlstate;
        std::string text;
        for (const Statement& statement : *statements) {
            text.clear();
            const auto cursor = as(name).run(statement);
            if (!cursor) return cursor.error().sqlstate + " " + cursor.error().message;
            for (;;) {
                const auto more = (*cursor)->next();
                if (!more) return more.error().sqlstate + " " + more.error().message;
                if (!*more) break;
                for (std::size_t at = 0; at < (*cursor)->columns().size(); ++at)
                    text += (at > 0 ? "|" : "") + text_of((*cursor)->value(at));
                text += ";";
            }
        }
        return text;
    }
    void admin(const std::string& script) { ASSERT_EQ(run("admin", script), "") << script; }
    void refused(const std::string& name, const std::string& script) {
        const std::string told = run(name, script);
        EXPECT_TRUE(told.starts_with("42501")) << name << ": " << script << ": " << told;
    }

    fs::path folder;
    std::unique_ptr<Engine> engine;
    std::map<std::string, std::unique_ptr<Session>> sessions;
};

constexpr const char* t_denied = "42501 permission denied for relation t";

TEST_F(RedshiftRights, WhatIsGrantedIsAllowedAndNothingElse) {
    admin(
        "create table t(a int, b varchar(9)); insert into t values (1, 'x'); create table u(a "
        "int)");
    as("alice");
    EXPECT_EQ(run("alice", "select a from t"), t_denied);
    admin("grant select on t to alice");
    EXPECT_EQ(run("alice", "select a, b from t"), "1|x;");
    EXPECT_EQ(run("bob", "select a from t"), t_denied);
    EXPECT_EQ(run("alice", "insert into t values (2, 'y')"), t_denied);
    admin("grant insert on table t to alice");
    EXPECT_EQ(run("alice", "insert into t values (2, 'y')"), "");
    EXPECT_EQ(run("alice", "update t set a = 3 where a = 2"), t_denied);
    EXPECT_EQ(run("alice", "delete from t"), t_denied);
    EXPECT_EQ(run("alice", "truncate t"), t_denied);
    admin("grant update, delete, truncate on t to alice");
    EXPECT_EQ(run("alice", "update t set a = 3 where a = 2; delete from t where a = 3"), "");
    EXPECT_EQ(run("alice", "insert into t select a, 'z' from u"),
              "42501 permission denied for relation u");
    refused("alice", "alter table t add column c int");
    refused("alice", "drop table t");
    refused("alice", "vacuum t");
    refused("alice", "grant select on t to bob");
    admin("revoke all on t from alice");
    EXPECT_EQ(run("alice", "select a from t"), t_denied);
}

TEST_F(RedshiftRights, AStatementCannotReadAroundThem) {
    admin(
        "create table t(a int); insert into t values (42); create table mine(a int); "
        "grant all on mine to alice; grant create on schema public to alice; "
        "grant temp on database dev to alice; insert into mine values (1); create table told(a "
        "text, b text, c text, d text, e text, f text, g text, h text, i text, j text, k text, l "
        "text); grant all on told to alice; create table two(a text, b text); grant all on two to "
        "alice");
    const std::vector<std::string> readings = {
        "select (select max(a) from t)",
        "with x as (select * from t) select * from x",
        "with t as (select * from t) select * from t",
        "with recursive t as (select * from t union all select a + 1 from t where a < 9) select * "
        "from t",
        "select * from mine where exists (select 1 from public.t where t.a = mine.a)",
        "select * from mine, lateral (select * from t) z",
        "select * from mine union all (select a from \"T\")",
        "select * from dev.public.t",
        "select * from (summarize t)",
        "table t",
        "values ((select max(a) from t))",
        "select a from mine order by (select max(a) from t)",
        "select sum(a) over (order by (select max(a) from t)) from mine",
        "insert into mine select a from t",
        "insert into mine values ((select max(a) from t))",
        "with x as (select * from t) insert into mine select a from x",
        "insert into told (summarize t)",
        "insert into told (summarize select * from t)",
        "insert into two (select 'x', 'y' from t) returning a",
        "insert into two (\"a\", b) (from (unpivot t on a))",
        "insert into mine (from t)",
        "insert into mine (table t)",
        "insert into mine (a) (table t)",
        "update mine set a = 3 from t returning mine.a",
        "delete from mine using t returning mine.a",
        "update mine set a = (select max(a) from t)",
        "update mine set a = t.a from t where mine.a < t.a",
        "update mine set a = 1 where a in (select a from t)",
        "delete from mine where a in (select a from t)",
        "delete from mine using t where mine.a = t.a",
        "merge into mine using t on mine.a = t.a when matched then update set a = t.a when not "
        "matched then insert values (t.a)",
        "create table own as select * from t",
        "select * into own from t",
        "create temp table own as select * from t",
        "create temp table own(like t)",
        "create view own as select * from t",
        "explain select * from t",
        "prepare p as select * from t; execute p",
        "begin; declare c cursor for select * from t",
        "unload ('select * from t') to 's3://b/x'",
        "unload ('select * from t') to 's3://b/x' format parquet",
        "analyze compression t",
        "select * from stroma_system.load_errors",
        "select * from stroma_system.load_ledger",
        "select * from main.schema_versions"};
    for (const std::string& reading : readings) {
        refused("alice", reading);
        run("alice", "rollback");
    }
    EXPECT_EQ(run("alice", "select count(*) from mine"), "1;");
    EXPECT_EQ(run("alice", "with t as (select 7 as a) select * from t"), "7;");
    EXPECT_EQ(
        run("alice", "update mine set a = a + 1 where a is distinct from 5; select a from mine"),
        "2;");
    EXPECT_EQ(run("alice", "select count(*) > 0 from pg_class"), "t;");
    EXPECT_EQ(run("alice", "insert into mine (a) (select 5) returning a + 1"), "6;");
    EXPECT_EQ(run("alice", "update mine set a = 7 where a = 5 returning a, a + 1 as next"), "7|8;");
    EXPECT_EQ(run("alice", "delete from mine where a = 7 returning *"), "7;");
}

TEST_F(RedshiftRights, AViewReadsAsItsOwnerWhereverNamesAreLookedFor) {
    admin(
        "create table t(a int); insert into t values (42); create view seen as select a from t; "
        "grant select on seen to alice; create schema hers; alter schema hers owner to alice");
    EXPECT_EQ(run("alice", "select * from seen"), "42;");
    refused("alice", "select * from t");
    // A view that is bound late reads nothing that its owner may not, whoever asks.
    EXPECT_EQ(
        run("alice", "create view hers.late as select * from public.t with no schema binding"), "");
    refused("alice", "select * from hers.late");
    EXPECT_EQ(run("alice", "create view hers.loose as select * from t with no schema binding"), "");
    refused("alice", "set search_path to public; select * from hers.loose");
    EXPECT_EQ(run("alice",
                  "create table hers.t(a int); insert into hers.t values (7); "
                  "select * from hers.loose"),
              "7;");
    EXPECT_EQ(run("alice",
                  "create view hers.twice as select * from hers.loose; grant usage on "
                  "schema hers to bob; grant select on hers.twice to bob"),
              "");
    EXPECT_EQ(run("bob", "select * from hers.twice"), "7;");
    refused("bob", "select * from hers.loose");
    // Nobody makes a view read as somebody else by giving it away.
    refused("alice", "alter table hers.late owner to bob");
    refused("alice", "create or replace view public.seen as select 1 as a");
}

TEST_F(RedshiftRights, AViewOfWhatIsNotThereYetReadsAsItsOwner) {
    admin(
        "create schema hers; alter schema hers owner to alice; grant usage on schema hers to bob");
    EXPECT_EQ(run("alice",
                  "create view hers.soon as select * from public.coming with no schema binding; "
                  "create view hers.hidden(a, b) as with w as (select * from public.coming c) "
                  "select w.a, 'query(' from w with no schema binding; grant select on "
                  "all tables in schema hers to bob"),
              "");
    open();  // it is kept
    EXPECT_EQ(run("alice", "select * from hers.soon"), "42P01 relation \"coming\" does not exist");
    admin("create table coming(a int); insert into coming values (3)");
    EXPECT_EQ(run("admin", "select * from hers.soon"), "3;");
    refused("alice", "select * from hers.soon");
    refused("alice", "select count(*) from hers.hidden");
    refused("bob", "select * from hers.soon");
    refused("bob", "create temp table kept as select a from hers.hidden");
    admin("grant select on coming to alice");
    EXPECT_EQ(run("bob", "select * from hers.soon"), "3;");
    EXPECT_EQ(run("bob", "select * from hers.hidden"), "3|query(;");
    refused("bob", "select * from coming");
}

TEST_F(RedshiftRights, AProcedureIsCalledByWhomItIsGrantedTo) {
    admin(
        "create table t(a int); insert into t values (42); create procedure peek(a out int) as $$ "
        "begin select into a max(t.a) from t; end; $$ language plpgsql; create procedure "
        "lent(b out int) as $$ begin select into b max(t.a) from t; execute 'insert into t select "
        "max(a) + 1 from t'; end; $$ language plpgsql security definer");
    EXPECT_EQ(run("alice", "call peek()"), "42501 permission denied for procedure peek");
    refused("alice", "grant execute on procedure lent() to alice");
    refused("alice", "drop procedure peek()");
    refused("alice",
            "create or replace procedure peek(a out int) as $$ begin a := 1; end; $$ language "
            "plpgsql");
    admin("grant execute on procedure peek(), lent() to alice");
    open();  // they are kept
    EXPECT_EQ(run("alice", "call peek()"), "42501 permission denied for relation t");
    EXPECT_EQ(run("alice", "call lent()"), "42;");
    EXPECT_EQ(run("alice", "call lent()"), "43;");
    // Afterwards the session's statements are its user's again, also where the call failed.
    refused("alice", "select * from t");
    admin(
        "create or replace procedure lent(b out int) as $$ begin b := 1 / 0; end; $$ "
        "language plpgsql security definer");
    EXPECT_EQ(run("alice", "call lent()"), "22012 division by zero");
    refused("alice", "select * from t");
    admin(
        "create or replace procedure lent(b out int) as $$ begin b := 1; insert into t values "
        "(cast('x' as int)); end; $$ language plpgsql security definer");
    EXPECT_EQ(run("alice", "call lent()"), "22P02 invalid input syntax for type integer: \"x\"");
    refused("alice", "select * from t");
    admin("revoke execute on procedure lent() from alice");
    refused("alice", "call lent()");
    refused("alice", "select * from stroma_system.procedures");
    EXPECT_EQ(
        run("alice", "create procedure public.mine() as $$ begin null; end; $$ language plpgsql"),
        "42501 permission denied for schema public");
}

TEST_F(RedshiftRights, WithoutAGrantNothingIsMade) {
    EXPECT_EQ(run("alice", "create table own(a int)"), "42501 permission denied for schema public");
    EXPECT_EQ(run("alice", "create schema lab"), "42501 permission denied for database dev");
    EXPECT_EQ(run("alice", "create temp table own(a int)"),
              "42501 permission denied for database dev");
    admin("grant create on schema public to alice");
    EXPECT_EQ(run("alice", "create table own(a int); insert into own values (1); drop table own"),
              "");
}

TEST_F(RedshiftRights, ASchemaOfOnesOwnHoldsTablesOfOnesOwn) {
    admin("grant create, temp on database dev to alice");
    EXPECT_EQ(run("alice",
                  "create schema lab; create table lab.a(a int); insert into lab.a values "
                  "(1); create table lab.b as select a + 1 as a from lab.a; select * from "
                  "lab.b; alter table lab.b rename to c; select a from lab.c"),
              "2;");
    EXPECT_EQ(run("alice",
                  "vacuum lab.a; lock lab.a; analyze lab.a; create temp table w(a int); "
                  "insert into w select a from lab.a; select * from w"),
              "1;");
    refused("bob", "select * from lab.a");
    EXPECT_EQ(run("bob", "select * from lab.a"), "42501 permission denied for schema lab");
    EXPECT_EQ(run("alice",
                  "grant usage on schema lab to bob; grant select on all tables in schema "
                  "lab to bob"),
              "");
    EXPECT_EQ(run("bob", "select a from lab.a union all select a from lab.c order by 1"), "1;2;");
    EXPECT_EQ(run("admin", "select tableowner from pg_tables where schemaname = 'lab' group by 1"),
              "alice;");
    // What is dropped takes its rights with it, and what a backup or a restart keeps is there.
    open();
    EXPECT_EQ(run("bob", "select a from lab.a"), "1;");
    EXPECT_EQ(run("alice", "drop table lab.a; create table lab.a(a int)"), "");
    EXPECT_EQ(run("bob", "select a from lab.a"), "42501 permission denied for relation a");
    refused("bob", "drop schema lab cascade");
    EXPECT_EQ(run("alice", "drop schema lab cascade"), "");
    EXPECT_EQ(run("admin", "select count(*) from stroma_system.rights where schema = 'lab'"), "0;");
}

TEST_F(RedshiftRights, AGrantIsOfItsTransaction) {
    admin("create table t(a int)");
    as("alice");
    admin("begin; grant select on t to alice");
    EXPECT_EQ(run("alice", "select * from t"), t_denied);
    admin("rollback");
    EXPECT_EQ(run("alice", "select * from t"), t_denied);
    admin("begin; create table made(a int); grant select on made to alice; commit");
    EXPECT_EQ(run("alice", "select * from made"), "");
}

TEST_F(RedshiftRights, GrantOptionsAreGivenOnAndTakenBack) {
    admin("create table t(a int); grant select on t to alice with grant option");
    EXPECT_EQ(run("alice", "grant select on t to bob"), "");
    EXPECT_EQ(run("bob", "select * from t"), "");
    refused("alice", "grant insert on t to bob");
    refused("bob", "grant select on t to carol");
    EXPECT_EQ(run("admin", "revoke select on t from alice"), "2BP01 dependent privileges exist");
    EXPECT_EQ(run("bob", "select * from t"), "");
    admin("revoke grant option for select on t from alice cascade");
    EXPECT_EQ(run("alice", "select * from t"), "");
    EXPECT_EQ(run("bob", "select * from t"), t_denied);
}

TEST_F(RedshiftRights, GroupsAndRolesAreWhoIsInThem) {
    admin(
        "create table t(a int); create group readers with user alice; create role loaders; "
        "create role all_of_it; grant select on t to group readers; grant insert on t to role "
        "loaders; grant role loaders to role all_of_it; grant role all_of_it to bob");
    EXPECT_EQ(run("alice", "select * from t"), "");
    EXPECT_EQ(run("bob", "select * from t"), t_denied);
    EXPECT_EQ(run("bob", "insert into t values (1)"), "");
    EXPECT_EQ(run("admin", "drop group readers").substr(0, 5), "2BP01");
    EXPECT_EQ(run("admin", "drop role loaders").substr(0, 5), "2BP01");
    admin("alter group readers drop user alice; alter group readers add user carol");
    EXPECT_EQ(run("alice", "select * from t"), t_denied);
    EXPECT_EQ(run("carol", "select * from t"), "1;");
    EXPECT_EQ(run("admin", "select user_name, role_name from svv_user_grants"), "bob|all_of_it;");
    EXPECT_EQ(run("admin", "select role_name, granted_role_name from svv_role_grants"),
              "all_of_it|loaders;");
    EXPECT_EQ(run("admin", "grant role all_of_it to role loaders").substr(0, 5), "0LP01");
    admin("drop role loaders force; revoke select on t from group readers; drop group readers");
    EXPECT_EQ(run("bob", "insert into t values (1)"), t_denied);
    EXPECT_EQ(run("admin", "create user dave password 'x'").substr(0, 5), "0A000");
    refused("alice", "create role mine");
    EXPECT_EQ(run("admin", "grant select on t to dave").substr(0, 5), "42704");
    EXPECT_EQ(run("admin", "grant usage on t to alice").substr(0, 5), "0LP01");
}

TEST_F(RedshiftRights, DefaultPrivilegesAreThoseOfWhatIsMadeAfter) {
    admin(
        "create table before(a int); alter default privileges in schema public grant select on "
        "tables to alice; create table after(a int)");
    refused("alice", "select * from before");
    EXPECT_EQ(run("alice", "select * from after"), "");
    EXPECT_EQ(run("admin",
                  "select schema_name, owner_name, privilege_type, grantee_name from "
                  "svv_default_privileges"),
              "public|admin|SELECT|alice;");
    EXPECT_EQ(run("admin", "select array_to_string(defaclacl, ',') from pg_default_acl"),
              "alice=r/admin;");
    admin(
        "alter default privileges in schema public revoke select on tables from alice; create "
        "table later(a int)");
    refused("alice", "select * from later");
    refused("alice", "alter default privileges for user bob grant select on tables to alice");
}

TEST_F(RedshiftRights, TheyAreToldAsTheyAreDecided) {
    admin(
        "create table t(a int); grant select on t to alice; grant insert on t to alice with grant "
        "option");
    EXPECT_EQ(run("alice",
                  "select has_table_privilege('t', 'select'), has_table_privilege('alice', "
                  "'t', 'INSERT WITH GRANT OPTION'), has_table_privilege('t', 'delete'), "
                  "has_table_privilege('admin', 't', 'delete')"),
              "t|t|f|t;");
    EXPECT_EQ(run("alice",
                  "select relname from pg_class where relname = 't' and "
                  "has_table_privilege(oid, 'SELECT')"),
              "t;");
    EXPECT_EQ(run("alice",
                  "select has_schema_privilege('public', 'usage'), has_schema_privilege("
                  "'public', 'create'), has_database_privilege('dev', 'temp')"),
              "t|f|f;");
    EXPECT_EQ(run("admin",
                  "select privilege_type, identity_name, admin_option from "
                  "svv_relation_privileges where relation_name = 't' order by 1"),
              "INSERT|alice|t;SELECT|alice|f;");
    EXPECT_EQ(run("admin", "select array_to_string(relacl, ',') from pg_class where relname = 't'"),
              "admin=arwdDxAP/admin,alice=a*r/admin;");
}

TEST_F(RedshiftRights, ACommentOfBeforeDefinitionsWereKeptIsTold) {
    admin("create view v as select 1 as a; create view w as select 2 as a");
    sessions.clear();
    engine.reset();
    {
        sql::DuckDbOptions options;
        options.file = folder / "data" / "dev.duckdb";
        const auto database = sql::open_duckdb(options).value();
        const auto connection = database->connect().value();
        ASSERT_TRUE(connection->run_script("COMMENT ON VIEW public.v IS '123'"));
        ASSERT_TRUE(connection->run_script("COMMENT ON VIEW public.w IS 'plain'"));
    }
    open();
    EXPECT_EQ(run("admin", "select description from pg_description order by 1"), "123;plain;");
    admin("comment on view v is '[4]'");
    EXPECT_EQ(run("admin", "select description from pg_description order by 1"), "[4];plain;");
    EXPECT_EQ(run("admin", "show view v"), "SELECT 1 AS a;");
}

TEST_F(RedshiftRights, LogsShowOnesOwn) {
    admin("create table t(a int); insert into t values (123456)");
    EXPECT_EQ(run("alice", "select count(*) from stl_query where querytxt like '%123456%'"), "1;")
        << "its own, which asks";
    EXPECT_NE(run("admin", "select count(*) from stl_query where querytxt like '%123456%'"), "1;");
}

TEST_F(RedshiftRights, AFunctionIsWhoeverMadeItsToChangeAndReadsNothing) {
    admin(
        "create table secret(n int); insert into secret values (7); create schema lab; "
        "grant usage, create on schema lab to alice; grant usage on schema lab to bob");
    refused("carol", "create function lab.f_one(int) returns int as $$ select $1 $$ language sql");
    EXPECT_EQ(run("alice",
                  "create function lab.f_one(int) returns int stable as $$ select $1 + 1 "
                  "$$ language sql"),
              "");
    EXPECT_EQ(run("bob", "select lab.f_one(4)"), "5;");
    refused("bob",
            "create or replace function lab.f_one(int) returns int as $$ select 0 $$ "
            "language sql");
    refused("bob", "drop function lab.f_one(int)");
    // Everybody calls it.
    EXPECT_EQ(run("alice", "grant execute on function lab.f_one(int) to bob"), "");
    refused("bob", "grant execute on function lab.f_one(int) to carol");
    EXPECT_EQ(run("alice", "grant execute on function lab.f_two(int) to bob").substr(0, 5),
              "42883");
    EXPECT_EQ(run("alice", "grant select on function lab.f_one(int) to bob").substr(0, 5), "0LP01");
    EXPECT_EQ(run("alice", "revoke execute on function lab.f_one(int) from bob").substr(0, 5),
              "0A000");
    for (const char* body : {"select n from secret", "select (select max(n) from secret)",
                             "select $1 + (from secret)", "select exists(table secret)"}) {
        const std::string told = run("admin", "create function f_sees(int) returns int as $$ " +
                                                  std::string(body) + " $$ language sql");
        EXPECT_TRUE(told.starts_with("0A000") || told.starts_with("42601")) << body << told;
    }
    open();
    EXPECT_EQ(run("bob", "select lab.f_one(5)"), "6;");
    EXPECT_EQ(run("alice", "drop function lab.f_one(int)"), "");
}

TEST_F(RedshiftRights, ATableIsShownToThoseWhoMayReadItAndAppendedByThoseWhoMayEmptyIt) {
    admin(
        "create table given(n int); create table taken(n int); insert into taken values (1); "
        "grant select on taken to bob; grant insert on given to bob");
    refused("carol", "show table taken");
    refused("carol", "show columns from table public.taken");
    EXPECT_TRUE(run("bob", "show table taken").starts_with("CREATE TABLE public.taken"));
    refused("bob", "alter table given append from taken");
    admin("grant delete on taken to bob");
    EXPECT_EQ(run("bob", "alter table given append from taken"), "");
    EXPECT_EQ(run("admin", "select count(*) from given"), "1;");
}

TEST_F(RedshiftRights, SomeColumnsAreReadAndNoOthers) {
    admin(
        "create table t(a int, b int, secret int); insert into t values (1, 2, 42), (3, 4, 43); "
        "create table u(a int, secret int); insert into u values (1, 7); "
        "grant select on u to alice; grant select (a, b) on t to alice");
    EXPECT_EQ(run("alice", "select a, b from t order by a"), "1|2;3|4;");
    EXPECT_EQ(run("alice", "select count(*), max(b) from public.t as x where x.a > 1"), "1|4;");
    EXPECT_EQ(run("alice", "select t.b, u.secret from t join u using (a)"), "2|7;");
    EXPECT_EQ(run("alice", "with t2 as (select * from t) select a from t2 order by 1"), "1;3;");
    EXPECT_EQ(run("alice", "select a from t where a in (select a from dev.public.t where b = 4)"),
              "3;");
    for (const char* reading : {
             "select * from t",
             "select secret from t",
             "select t.secret from t",
             "select a from t where secret = 42",
             "select a from t order by secret",
             "select max(secret) over () from t",
             "select (select max(secret) from t)",
             "with x as (select * from t) select secret from x",
             "select x.secret from (select * from t) x",
             "select a from t group by a, secret",
             "select a from t natural join u",
             "select t.a from t join u on t.a = u.a and t.secret > 0",
             "select q.x from t as q(z, y, x)",
             "select q.z from t as q(z, y)",
             "select a from t union all select secret from public.t",
             "select t.a from t, public.t z where z.secret = 42",
             "create table copied as select a from t",
             "update t set a = 1",
             "delete from t",
             "insert into t values (1, 2, 3)",
         })
        refused("alice", reading);
    // Of what is read a table may be made.
    admin("grant create on schema public to alice");
    EXPECT_EQ(run("alice",
                  "create table copied as select a, b from t; select * from copied order "
                  "by a"),
              "1|2;3|4;");
    refused("alice", "create table all_of_it as select * from t");
    refused("alice", "create table secrets as select secret from t");
    refused("alice", "create table secrets as select a from t where secret = 42");
    // A whole row has what may be read, and no more.
    const std::string row = run("alice", "select cast(t as varchar) from t where a = 1");
    EXPECT_EQ(row.find("42"), std::string::npos) << row;
    EXPECT_EQ(run("bob", "select a from t"), t_denied);
    // By a view of another that may read all.
    admin("create view v as select a, secret from t; grant select on v to alice");
    EXPECT_EQ(run("alice", "select secret from v order by 1"), "42;43;");
    EXPECT_EQ(run("alice", "select v.secret, t.b from v join t using (a) order by 1"),
              "42|2;43|4;");
    refused("alice", "select t.secret from v join t using (a)");
}

TEST_F(RedshiftRights, AViewOfOnesOwnIsNoWayToOtherColumns) {
    admin(
        "create table t(a int, secret int); insert into t values (1, 42); grant select on t to "
        "alice; grant create on schema public to alice");
    EXPECT_EQ(run("alice", "create view v as select * from t; select secret from v"), "42;");
    admin("revoke select on t from alice; grant select (a) on t to alice");
    EXPECT_EQ(run("alice", "select a from t"), "1;");
    refused("alice", "select secret from v");
    refused("alice", "select v.secret from t, v");
    refused("alice", "select v.secret from v, t");
    refused("alice", "create view w as select a from t");
}

TEST_F(RedshiftRights, ColumnsAreSetByWhoMaySetThem) {
    admin(
        "create table t(a int, b int, c int); insert into t values (1, 2, 3); grant select on t to "
        "alice, bob; grant update (b), update (c) on t to alice");
    EXPECT_EQ(run("alice", "update t set b = 5 where a = 1; select b from t"), "5;");
    EXPECT_EQ(run("alice", "update t set b = a + 5, \"C\" = 6; select b, c from t"), "6|6;");
    refused("alice", "update t set a = 5");
    refused("alice", "update t set b = 5, a = 5");
    refused("alice", "update t set (b, a) = (5, 5)");
    refused("bob", "update t set b = 5");
    EXPECT_EQ(run("alice", "select a from t"), "1;");
    admin("revoke update (b) on t from alice");
    refused("alice", "update t set b = 5");
    EXPECT_EQ(run("alice", "update t set c = 7; select c from t"), "7;");
    // The right on all of it takes those on its columns along.
    admin("revoke update on t from alice");
    refused("alice", "update t set c = 8");
}

TEST_F(RedshiftRights, RightsOnColumnsFollowThemAndAreToldOf) {
    admin(
        "create table t(a int, b int); insert into t values (1, 2); create role readers; grant "
        "role readers to carol; grant select (b) on t to alice; grant all (a) on t to role "
        "readers");
    EXPECT_EQ(run("carol", "select a from t"), "1;");
    EXPECT_EQ(run("admin",
                  "select namespace_name, relation_name, column_name, privilege_type, "
                  "identity_name, identity_type from svv_column_privileges order by 3, 4"),
              "public|t|a|SELECT|readers|role;public|t|a|UPDATE|readers|role;"
              "public|t|b|SELECT|alice|user;");
    EXPECT_EQ(run("alice",
                  "select has_column_privilege('t', 'b', 'select'), has_column_privilege('t', 'a', "
                  "'select'), has_table_privilege('t', 'select'), has_column_privilege('t', 2, "
                  "'select'), has_any_column_privilege('t', 'select'), "
                  "has_column_privilege('carol', 't', 'a', 'update')"),
              "t|f|f|t|t|t;");
    // A column of that name that comes later is another one.
    admin("alter table t rename column b to old; alter table t add column b int");
    EXPECT_EQ(run("alice", "select old from t"), "2;");
    refused("alice", "select b from t");
    admin("alter table t drop column old; alter table t add column old int");
    refused("alice", "select old from t");
    admin("grant select (b) on t to alice; alter table t rename to s");
    EXPECT_EQ(run("alice", "select count(b) from s"), "0;");
    admin("drop table s; create table s(b int)");
    refused("alice", "select b from s");
    EXPECT_EQ(run("admin", "select count(*) from svv_column_privileges"), "0;");
    const auto state = [&](const std::string& who, const std::string& script) {
        return run(who, script).substr(0, 5);
    };
    EXPECT_EQ(state("admin", "grant select (absent) on s to alice"), "42703");
    EXPECT_EQ(state("admin", "grant insert (b) on s to alice"), "0LP01");
    EXPECT_EQ(state("admin", "grant select (b) on s to alice with grant option"), "0LP01");
    EXPECT_EQ(state("admin", "grant select (b) on schema public to alice"), "0LP01");
    EXPECT_EQ(state("admin", "grant select (b) on all tables in schema public to alice"), "0LP01");
    EXPECT_EQ(state("alice", "grant select (b) on s to bob"), "42501");
}

}  // namespace
}  // namespace stroma::redshift
