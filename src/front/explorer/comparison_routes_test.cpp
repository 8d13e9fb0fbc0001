#include <cmath>

#include "base/json.h"
#include "explorer/comparison_order.h"
#include "front/explorer/explorer_test_site.h"

namespace stroma::front::explorer {
namespace {

constexpr std::string_view t_against_b =
    R"({"revision":"many-1","a":{"column":"type","labels":["T"]},)"
    R"("b":{"column":"type","labels":["B"]}})";

class ComparisonTest : public ExplorerTest {
protected:
    Json compared(std::string_view order, std::string_view token = "") {
        const auto answer = call("POST", "/v1/comparisons", token, order);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return *parse_json(answer.body);
    }
    /// Comparisons in requests that find no time, so that all become jobs.
    void without_budget() {
        server_->stop(Milliseconds{1000});
        hurried_ = stroma::explorer::Comparisons::open(*control_, explorer_, *jobs_, system_clock(),
                                                       ids_, {.budget = Milliseconds{0}})
                       .value();
        hurried_front_ = std::make_unique<ExplorerFront>(ExplorerDomain{
            fake_, fake_, fake_, explorer_, *hurried_, *clusterings_, images_, "9.8.7"});
        http::ServerOptions options;
        options.access_log = false;
        server_ =
            http::Server::listen(options, hurried_front_->routes(), api_.authenticator()).value();
        server_->start();
    }
    void TearDown() override {
        ExplorerTest::TearDown();
        server_.reset();
    }
    std::unique_ptr<stroma::explorer::Comparisons> hurried_;
    std::unique_ptr<ExplorerFront> hurried_front_;
};

TEST_F(ComparisonTest, TheSameQuestionInAnyWordsHasOneId) {
    const Json first = compared(t_against_b);
    EXPECT_EQ(first["state"], "done");
    EXPECT_EQ(first["cells_a"], 30);
    EXPECT_EQ(first["cells_b"], 30);
    for (const char* same :
         {R"({"revision":"many-1","a":[[0,10],[20,30],[40,50]]})",
          R"({"revision":"many-1","test":"welch","layer":"X","scale":"log_cp10k",)"
          R"("a":[[40,45],[0,10],[20,30],[45,50]],"b":[[10,20],[30,40],[50,60]]})"})
        EXPECT_EQ(compared(same)["id"], first["id"]) << same;
    EXPECT_NE(compared(R"({"revision":"many-1","a":[[0,10],[20,30]]})")["id"], first["id"]);
}

TEST_F(ComparisonTest, ATableIsTheSameInEveryFormat) {
    const Json state = compared(t_against_b);
    const std::string table = "/v1/comparisons/" + state["id"].get<std::string>() + "/table";
    const auto csv = call("GET", table + "?format=csv");
    EXPECT_EQ(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    EXPECT_TRUE(csv.body.starts_with("gene_id,gene_name,n_a,n_b,mean_a,"));
    EXPECT_EQ(std::count(csv.body.begin(), csv.body.end(), '\n'), 21);
    const Json json = *parse_json(call("GET", table).body);
    ASSERT_EQ(json["row_count"], 20);
    for (const Json& row : json["rows"]) EXPECT_EQ(row.size(), json["columns"].size());
    const auto arrow =
        call("GET", table, "", "", {{"Accept", "application/vnd.apache.arrow.stream"}});
    EXPECT_EQ(arrow.header("content-type"), "application/vnd.apache.arrow.stream");
    EXPECT_EQ(arrow.header("cache-control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(call("GET", table, "", "",
                   {{"Accept", "application/vnd.apache.arrow.stream"},
                    {"If-None-Match", arrow.header("etag")}})
                  .status,
              304);
    EXPECT_EQ(call("GET", table + "?format=xls").status, 400);
}

TEST_F(ComparisonTest, WhoMayNotReadTheRevisionLearnsNothing) {
    const std::string order = R"({"revision":"many-ds-1","a":[[0,30]]})";
    const Json state = compared(order, "reader");
    const std::string address = "/v1/comparisons/" + state["id"].get<std::string>();
    for (const std::string who : {"", "stranger"}) {
        EXPECT_EQ(call("POST", "/v1/comparisons", who, order).status, 404);
        EXPECT_EQ(call("GET", address, who).status, 404);
        EXPECT_EQ(call("GET", address + "/table", who).status, 404);
        EXPECT_EQ(call("DELETE", address, who).status, 404);
    }
    EXPECT_EQ(call("GET", address, "owner").header("cache-control"),
              "private, max-age=31536000, immutable");
    // In the words of what isn't there.
    const std::string nothing = "/v1/comparisons/0000";
    std::string hidden = (*parse_json(call("GET", address).body))["detail"];
    std::string absent = (*parse_json(call("GET", nothing).body))["detail"];
    hidden.replace(hidden.find(state["id"]), state["id"].get<std::string>().size(), "X");
    absent.replace(absent.find("0000"), 4, "X");
    EXPECT_EQ(hidden, absent);
}

TEST_F(ComparisonTest, WhatCannotBeComparedIsRefusedWithItsPlace) {
    const std::tuple<const char*, int, const char*> wrong[] = {
        {R"({"revision":"many-1"})", 400, "/a"},
        {R"({"revision":"many-1","a":[[0,10]],"c":1})", 400, "/c"},
        {R"({"revision":"many-1","a":[[10,0]]})", 400, "/a"},
        {R"({"revision":"many-1","a":[[0,61]]})", 400, "/a"},
        {R"({"revision":"many-1","a":[[0,10],[9,12]]})", 400, "/a"},
        {R"({"revision":"many-1","a":[[0,10]],"b":[3]})", 400, "/b"},
        {R"({"revision":"many-1","a":[[0,10]],"donor_column":"donor"})", 400, "/donor_column"},
        {R"({"revision":"many-1","a":[[0,10]],"test":"pseudobulk"})", 400, "/donor_column"},
        {R"({"revision":"many-1","a":[[0,1]]})", 400, ""},
        {R"({"revision":"many-1","a":[[0,10]],"b":[[5,20]]})", 400, ""},
        {R"({"revision":"many-1","a":[[0,10]],"test":"anova"})", 400, ""},
        {R"({"revision":"many-1","a":[[0,10]],"layer":"none"})", 404, ""},
        {R"({"revision":"many-1","a":{"column":"none","labels":["T"]}})", 404, ""},
        {R"({"revision":"many-1","a":{"column":"type","labels":["none"]}})", 404, ""},
        {R"({"revision":"many","a":[[0,10]]})", 404, ""},
        {R"({"revision":"open-1","a":[[0,10]]})", 410, ""}};
    for (const auto& [order, status, pointer] : wrong) {
        const auto answer = call("POST", "/v1/comparisons", "", order);
        EXPECT_EQ(answer.status, status) << order << answer.body;
        EXPECT_EQ(parse_json(answer.body)->value("pointer", ""), pointer) << order << answer.body;
    }
}

TEST_F(ComparisonTest, WhatTakesTooLongBecomesAJobThatCanBeSeen) {
    without_budget();
    const auto asked = call("POST", "/v1/comparisons", "reader", t_against_b);
    ASSERT_EQ(asked.status, 202) << asked.body;
    const Json queued = *parse_json(asked.body);
    const std::string address = "/v1/" + asked.header("location");
    EXPECT_EQ(queued["state"], "queued");
    EXPECT_EQ(asked.header("location"), "comparisons/" + queued["id"].get<std::string>());
    EXPECT_EQ(call("GET", address + "/table").status, 409);
    EXPECT_EQ((*parse_json(call("POST", "/v1/comparisons", "", t_against_b).body))["job"],
              queued["job"]);
    stroma::explorer::ComparisonStage stage(*hurried_);
    pipeline::Worker worker(*jobs_, *queue_, {&stage}, system_clock(), {});
    ASSERT_TRUE(worker.run_until_final(queued["job"].get<std::string>()));
    const auto done = call("GET", address);
    EXPECT_EQ(done.status, 200);
    EXPECT_EQ((*parse_json(done.body))["state"], "done");
    EXPECT_EQ((*parse_json(done.body))["genes"], 20);
    EXPECT_EQ(call("GET", address + "/table").status, 200);
    EXPECT_EQ(compared(t_against_b)["id"], queued["id"]);
}

TEST_F(ComparisonTest, WhoAskedFirstMayCancelIt) {
    without_budget();
    const auto asked = call("POST", "/v1/comparisons", "reader", t_against_b);
    ASSERT_EQ(asked.status, 202) << asked.body;
    const std::string address = "/v1/" + asked.header("location");
    pipeline::Job job = **jobs_->find((*parse_json(asked.body))["job"].get<std::string>());
    EXPECT_EQ(job.owner, "reader");
    fake_.set_job(job);
    EXPECT_EQ(call("DELETE", address).status, 401);
    EXPECT_EQ(call("DELETE", address, "stranger").status, 403);
    EXPECT_FALSE(fake_.all_jobs[job.id].cancel_asked);
    EXPECT_EQ(call("DELETE", address, "reader").status, 202);
    EXPECT_TRUE(fake_.all_jobs[job.id].cancel_asked);
    // Asked again, it is begun again.
    ASSERT_TRUE(jobs_->cancel(job.id));
    EXPECT_NE((*parse_json(call("POST", "/v1/comparisons", "", t_against_b).body))["job"], job.id);
}

TEST_F(ComparisonTest, AStrangerWhoAskedFirstMayCancelItByTheKeyOfTheirAnswer) {
    without_budget();
    const auto asked = call("POST", "/v1/comparisons", "", t_against_b);
    ASSERT_EQ(asked.status, 202) << asked.body;
    const Json first = *parse_json(asked.body);
    const std::string address = "/v1/" + asked.header("location");
    const std::string key = first["cancel_key"].get<std::string>();
    pipeline::Job job = **jobs_->find(first["job"].get<std::string>());
    fake_.set_job(job);
    const Json second = *parse_json(call("POST", "/v1/comparisons", "", t_against_b).body);
    EXPECT_EQ(second["job"], first["job"]);
    EXPECT_FALSE(second.contains("cancel_key")) << "another stranger only waits for it";
    EXPECT_FALSE((*parse_json(call("GET", address).body)).contains("cancel_key"));
    EXPECT_EQ(call("DELETE", address).status, 401);
    EXPECT_EQ(call("DELETE", address + "?key=0123").status, 401);
    EXPECT_FALSE(fake_.all_jobs[job.id].cancel_asked);
    EXPECT_EQ(call("DELETE", address + "?key=" + key).status, 202);
    EXPECT_TRUE(fake_.all_jobs[job.id].cancel_asked);
}

TEST_F(ComparisonTest, AStageThatIsToldToEndEnds) {
    without_budget();
    const auto asked = call("POST", "/v1/comparisons", "reader", t_against_b);
    const Json queued = *parse_json(asked.body);
    const pipeline::Job job = **jobs_->find(queued["job"].get<std::string>());
    const auto ended = hurried_->run(stroma::explorer::comparison_order_of(job.inputs).value(),
                                     job.id, {{}, [] { return true; }});
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::cancelled);
    EXPECT_EQ(call("GET", "/v1/" + asked.header("location") + "/table").status, 409);
}

TEST_F(ComparisonTest, ARemovedRevisionLeavesNoComparison) {
    const std::string address = "/v1/comparisons/" + compared(t_against_b)["id"].get<std::string>();
    ASSERT_TRUE(comparisons_->forget_removed([](const std::string&) { return true; }));
    EXPECT_EQ(call("GET", address).status, 200);
    fake_.all_revisions["many-1"].state = catalog::RevisionState::removed;
    EXPECT_EQ(call("GET", address).status, 410);
    ASSERT_TRUE(comparisons_->forget_removed(
        [](const std::string& revision) { return revision != "many-1"; }));
    EXPECT_EQ(call("GET", address).status, 404);
}

TEST_F(ComparisonTest, DonorsAreComparedAsSamples) {
    const Json state = compared(
        R"({"revision":"many-1","test":"pseudobulk","donor_column":"donor","a":[[0,30]]})");
    EXPECT_EQ(state["scale"], "log2_cpm");
    EXPECT_EQ(state["samples"].size(), 6u);
}

TEST_F(ComparisonTest, DonorsOnBothSidesArePairedOrNotAsAsked) {
    const auto asked = [&](const std::string& paired) {
        return R"({"revision":"many-1","test":"pseudobulk","donor_column":"donor","a":[[0,30]])" +
               paired + "}";
    };
    const Json free = compared(asked(""));
    const Json paired = compared(asked(R"(,"paired":true)"));
    EXPECT_EQ(paired["paired"], true);
    EXPECT_NE(paired["id"], free["id"]);
    for (const std::string& wrong :
         {asked(R"(,"paired":"yes")"), std::string(R"({"revision":"many-1","a":[[0,30]],)"
                                                   R"("paired":true})")})
        EXPECT_EQ(parse_json(call("POST", "/v1/comparisons", "", wrong).body)->value("pointer", ""),
                  "/paired");
}

}  // namespace
}  // namespace stroma::front::explorer
