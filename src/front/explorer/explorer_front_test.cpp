#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/json.h"
#include "front/api/openapi.h"
#include "front/explorer/explorer_test_site.h"

namespace stroma::front::explorer {
namespace {

/// Where a route's parameters are filled in, for revision `id`.
std::string filled(std::string pattern, const std::string& id) {
    const std::map<std::string, std::string> values = {{"{revision}", id},
                                                       {"{version}", "v0.2"},
                                                       {"{embedding}", "X_umap"},
                                                       {"{image}", id + "-image"},
                                                       {"{level}", "0"},
                                                       {"{channel}", "0"},
                                                       {"{y}", "0"},
                                                       {"{x}", "0"}};
    for (const auto& [name, value] : values)
        if (const std::size_t at = pattern.find(name); at != pattern.npos)
            pattern.replace(at, name.size(), value);
    return pattern;
}

struct Question {
    std::string query, body;
    int status = 200;
    HeaderList headers;
};

constexpr std::string_view peers_comparison =
    R"({"mode":"topN","count":2,"set1":{"filter":{"obs":{"index":[0,1]}}},)"
    R"("set2":{"filter":{"obs":{"index":[[2,4]]}}}})";

bool is_below_revision(const http::Route& route) { return route.pattern.starts_with("/d/"); }

/// What makes a route answer on the sample; none needs anything where there is no row.
Question question_of(const http::Route& route) {
    const auto ends = [&](std::string_view end) { return route.pattern.ends_with(end); };
    if (ends("/diffexp/obs")) return {"", std::string(peers_comparison), 200, {}};
    if (ends("/data/var") && route.method == "PUT")
        return {"", R"({"filter":{"var":{"index":[0]}}})", 200, {}};
    if (ends("/summarize/var") && route.method == "POST")
        return {
            "", "var:name_0=gene1", 200, {{"Content-Type", "application/x-www-form-urlencoded"}}};
    if (ends("/data/var") || ends("/summarize/var")) return {"?var:name_0=gene1", "", 200, {}};
    if (route.pattern.find("/expression") != std::string::npos)
        return route.method == "POST" ? Question{"", R"({"genes":["A"]})", 200, {}}
                                      : Question{"?gene=A", "", 200, {}};
    if (ends("/clusterings/{clustering}")) return {"", "", 404, {}};  // the sample has none
    return {};
}

TEST_F(ExplorerTest, EveryRouteAsksTheOneDecision) {
    struct Row {
        const char* id;
        int expected[5];  ///< anonymous, stranger, reader, owner, admin; 0 is the route's own
    };
    constexpr const char* who[5] = {"", "stranger", "reader", "owner", "admin"};
    const Row table[] = {{"open-2", {0, 0, 0, 0, 0}},         {"ds-1", {404, 404, 0, 0, 0}},
                         {"ds-2", {404, 404, 404, 404, 404}}, {"open-1", {410, 410, 410, 410, 410}},
                         {"gone", {404, 404, 410, 410, 410}}, {"gone-1", {404, 404, 410, 410, 410}},
                         {"none", {404, 404, 404, 404, 404}}};
    for (const http::Route& route : front_.routes())
        for (const Row& row : table)
            for (int i = 0; i < 5; ++i) {
                if (!is_below_revision(route)) continue;
                const Question question = question_of(route);
                const int expected = row.expected[i] == 0 ? question.status : row.expected[i];
                EXPECT_EQ(call(route.method, filled(route.pattern, row.id) + question.query, who[i],
                               question.body, question.headers)
                              .status,
                          expected)
                    << route.method << " " << route.pattern << " of " << row.id << " as '" << who[i]
                    << "'";
            }
}

TEST_F(ExplorerTest, AHiddenDatasetAndAnAbsentOneAreToldInTheSameWords) {
    const auto words = [&](const std::string& id) {
        std::string text = (*parse_json(call("GET", "/d/" + id + "/schema").body))["detail"];
        text.replace(text.find(id), id.size(), "X");
        return text;
    };
    EXPECT_EQ(words("ds-1"), words("none"));
    EXPECT_EQ(words("ds"), words("none"));
}

TEST_F(ExplorerTest, EveryRouteIsDescribed) {
    const Json document = *parse_json(api::openapi_document());
    std::set<std::string> described, routed;
    for (const auto& [path, methods] : document["paths"].items())
        if (path.starts_with("/d/") || path.starts_with("/v1/comparisons") ||
            path.starts_with("/v1/clusterings"))
            for (const auto& [method, operation] : methods.items()) {
                std::string upper = method;
                for (char& c : upper) c = static_cast<char>(std::toupper(c));
                described.insert(upper + " " + path);
            }
    for (const http::Route& route : front_.routes())
        routed.insert(route.method + " " + route.pattern);
    EXPECT_EQ(described, routed);
}

TEST_F(ExplorerTest, WhatIsImmutableSaysSoAndIsTheSameTwice) {
    for (const http::Route& route : front_.routes()) {
        if (!is_below_revision(route)) continue;
        const Question question = question_of(route);
        if (question.status != 200) continue;
        const std::string target = filled(route.pattern, "open-2") + question.query;
        const auto first = call(route.method, target, "", question.body, question.headers);
        // Which images and clusterings there are may change.
        const bool changes = target.ends_with("/images") || target.ends_with("/clusterings");
        EXPECT_EQ(first.header("cache-control"), changes ? "public, max-age=1, must-revalidate"
                                                         : "public, max-age=31536000, immutable")
            << target;
        const std::string etag = first.header("etag");
        ASSERT_TRUE(etag.size() > 2 && etag.starts_with('"')) << target;
        const auto again = call(route.method, target, "", question.body, question.headers);
        EXPECT_EQ(again.body, first.body) << target;
        EXPECT_EQ(again.header("etag"), etag) << target;
        HeaderList headers = question.headers;
        headers.emplace_back("If-None-Match", etag);
        if (route.method == "GET") {
            EXPECT_EQ(call("GET", target, "", "", headers).status, 304) << target;
        }
    }
}

TEST_F(ExplorerTest, PrivateBytesStayInTheBrowserOfWhoAsked) {
    const auto answer = call("GET", "/d/ds-1/schema", "reader");
    EXPECT_EQ(answer.header("cache-control"), "private, max-age=31536000, immutable");
    EXPECT_NE(answer.header("vary").find("Authorization"), std::string::npos);
}

TEST_F(ExplorerTest, ADatasetsNameLeadsToTheCurrentRevision) {
    const auto answer = call("GET", "/d/open/api/v0.2/schema?x=%20y");
    EXPECT_EQ(answer.status, 307);
    EXPECT_EQ(answer.header("location"), "../../../open-2/api/v0.2/schema?x=%20y");
    EXPECT_EQ(answer.header("cache-control"), "public, max-age=1, must-revalidate");
    EXPECT_EQ(call("GET", "/d/ds/schema").status, 404);
    EXPECT_EQ(call("GET", "/d/ds/schema", "reader").header("location"), "../ds-1/schema");
    EXPECT_EQ(call("GET", "/d/empty/schema").status, 404);
    fake_.all_datasets["open"].current_revision = "open-3";
    EXPECT_EQ(call("GET", "/d/open/schema").header("location"), "../open-3/schema");
}

TEST_F(ExplorerTest, ThePointerIsShortLivedAndChangesWithItsDataset) {
    const auto before = call("GET", "/d/open");
    const Json pointer = *parse_json(before.body);
    EXPECT_EQ(pointer["revision"]["id"], "open-2");
    EXPECT_EQ(pointer["links"]["schema"], "open-2/schema");
    EXPECT_EQ(pointer["visibility"], "public");
    EXPECT_EQ(before.header("cache-control"), "public, max-age=1, must-revalidate");
    const HeaderList known{{"If-None-Match", before.header("etag")}};
    EXPECT_EQ(call("GET", "/d/open", "", "", known).status, 304);
    fake_.all_datasets["open"].title = "renamed";
    const auto after = call("GET", "/d/open", "", "", known);
    EXPECT_EQ(after.status, 200);
    EXPECT_EQ((*parse_json(after.body))["title"], "renamed");
}

TEST_F(ExplorerTest, ErrorsAreProblemsWithTheirReason) {
    const auto answer = call("GET", "/d/open-2/expression?gene=nope");
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.header("content-type"), "application/problem+json");
    const Json problem = *parse_json(answer.body);
    EXPECT_EQ(problem["detail"], "X has no gene 'nope' by id, symbol or synonym");
    EXPECT_EQ(problem["message"], problem["detail"]);
    EXPECT_EQ(problem["code"], "not_found");
    EXPECT_EQ(problem["status"], 404);
    EXPECT_EQ(problem["title"], "Not Found");
    const auto gone = *parse_json(call("GET", "/d/open-1/schema").body);
    EXPECT_NE(gone["detail"].get<std::string>().find("was removed"), std::string::npos);
}

TEST_F(ExplorerTest, WhatIsAskedWronglyIsRefusedWithAReason) {
    const std::pair<const char*, int> wrong[] = {
        {"/d/open-2/obs?column=age", 404},
        {"/d/open-2/obs?compression=rar", 400},
        {"/d/open-2/embeddings/tsne", 404},
        {"/d/open-2/expression", 400},
        {"/d/open-2/expression?gene=A&layer=none", 404},
        {"/d/open-2/expression?gene=A&form=round", 400},
        {"/d/open-2/expression?gene=A&gene=B&form=sparse", 400},
        {"/d/open-2/genes?limit=0", 400},
        {"/d/open-2/api/v0.1/schema", 404},
        {"/d/open-2/api/v0.2/annotations/obs?annotation-name=age", 400},
        {"/d/open-2/api/v0.2/layout/obs?layout-name=tsne", 400},
        {"/d/open-2/api/v0.2/data/var", 400},
        {"/d/open-2/api/v0.2/data/var?obs:x=1", 400},
        {"/d/open-2/api/v0.2/data/var?var:none=1", 400},
        {"/d/open-2/api/v0.2/data/var?var:name_0=nope", 404},
        {"/d/open-2/api/v0.2/data/var?var:name_0=gene0&var:name_0=nope", 404},
        {"/d/open-2/api/v0.2/summarize/var?method=sum&var:name_0=gene0", 400},
        {"/d/open-2/api/v0.3/layout/obs?nbins=99999", 400}};
    for (const auto& [target, status] : wrong) {
        const auto answer = call("GET", target);
        EXPECT_EQ(answer.status, status) << target;
        EXPECT_GT((*parse_json(answer.body))["detail"].get<std::string>().size(), 10u) << target;
    }
    for (const char* body :
         {"{}", R"({"filter":3})", R"({"filter":{"obs":{}}})", R"({"filter":{"var":3}})",
          R"({"filter":{"var":{"index":[-1]}}})", R"({"filter":{"var":{"index":[[2,1]]}}})",
          R"({"filter":{"var":{"index":[99]}}})", R"({"filter":{"var":{"other":[]}}})",
          R"({"filter":{"var":{"annotation_value":[{"name":"symbol"}]}}})"})
        EXPECT_EQ(call("PUT", "/d/open-2/api/v0.2/data/var", "", body).status, 400) << body;
}

TEST_F(ExplorerTest, WhoTakesNoBytesGets406) {
    const HeaderList json{{"Accept", "application/json"}};
    EXPECT_EQ(call("GET", "/d/open-2/api/v0.2/annotations/obs", "", "", json).status, 406);
    for (const char* taken : {"*/*", "application/*", "text/html, application/octet-stream;q=0.5"})
        EXPECT_EQ(
            call("GET", "/d/open-2/api/v0.2/annotations/obs", "", "", {{"Accept", taken}}).status,
            200)
            << taken;
}

TEST_F(ExplorerTest, BodiesComePackedAsTheClientTakesThem) {
    const std::string target = "/d/open-2/api/v0.2/config";
    const auto coding = [&](const char* accepted) {
        return call("GET", target, "", "", {{"Accept-Encoding", accepted}})
            .header("content-encoding");
    };
    EXPECT_EQ(coding("gzip, deflate, br, zstd"), "zstd");
    EXPECT_EQ(coding("gzip, zstd;q=0"), "gzip");
    EXPECT_EQ(coding("br"), "");
    const auto range = call("GET", target, "", "", {{"Range", "bytes=0-9"}});
    EXPECT_EQ(range.status, 206);
    EXPECT_EQ(range.body.size(), 10u);
}

TEST_F(ExplorerTest, ThePeersComparisonTellsGenesOfBothDirections) {
    const auto ask = [&](std::string_view body) {
        return call("POST", "/d/open-2/api/v0.2/diffexp/obs", "", body);
    };
    const Json answer = *parse_json(ask(peers_comparison).body);
    for (const char* side : {"positive", "negative"})
        for (const Json& row : answer[side]) EXPECT_EQ(row.size(), 4u);
    EXPECT_EQ(ask("{}").status, 501);
    for (const char* wrong :
         {R"({"mode":"topN"})", R"({"mode":"topN","count":0})", R"({"mode":"topN","count":3})",
          R"({"mode":"topN","count":3,"set1":{"filter":{"obs":{"index":[0,1]}}}})",
          R"({"mode":"topN","count":3,"set1":{"filter":{"var":{}}},"set2":{"filter":{}}})"})
        EXPECT_EQ(ask(wrong).status, 400) << wrong;
}

}  // namespace
}  // namespace stroma::front::explorer
