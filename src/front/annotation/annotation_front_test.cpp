#include "front/annotation/annotation_front.h"

#include <gtest/gtest.h>

#include <set>

#include "annotation/annotations.h"
#include "base/json.h"
#include "front/annotation/runs_text.h"
#include "front/api/openapi.h"
#include "front/explorer/explorer_test_site.h"

namespace stroma::front::annotation {
namespace {

TEST(RunsAhead, AreThoseOfTheBodyAndTheRestIsReadAsAnyJson) {
    const std::string in_a_label = R"({"label": "T \"cells\": [[1, 2]]", "cells" : [[0, 1]]})";
    const auto ahead = runs_ahead(R"({"cells" : [ [0,1], [ 7 , 10 ] ], "label": "T"})", 10);
    ASSERT_TRUE(ahead);
    EXPECT_EQ(ahead->runs, (stroma::annotation::CellRuns{{0, 1}, {7, 10}}));
    EXPECT_EQ(parse_json(ahead->rest).value(), Json({{"cells", Json::array()}, {"label", "T"}}));
    EXPECT_EQ(runs_ahead(in_a_label, 10)->runs, (stroma::annotation::CellRuns{{0, 1}}));
    // What only might be the member, or holds anything but such runs, is left to JSON's reader.
    for (const char* odd :
         {R"({"x\"cells": [[1, 2]]})", R"({"cells": []})", R"({"cells": [[1, 2, 3]]})",
          R"({"cells": [[01, 2]]})", R"({"cells": [[-1, 2]]})", R"({"cells": [[1, 2.5]]})",
          R"({"cells": [[1, 2],]})", R"({"cells": [[1, 2]})", R"({"cells": [[1, 99999999999]]})",
          R"({"cells": [[1, 11]]})", R"({"cells": {"column": "a"}})", R"({"cells)", "",
          R"({"cells": [[)"})
        EXPECT_FALSE(runs_ahead(odd, 10)) << odd;
}

class AnnotationTest : public explorer::ExplorerTest {
protected:
    void SetUp() override {
        ExplorerTest::SetUp();
        http::ServerOptions options;
        options.access_log = false;
        served_ = *http::Server::listen(options, front_of_.routes(), api_.authenticator());
        served_->start();
    }
    void TearDown() override {
        served_->stop(Milliseconds{10'000});
        ExplorerTest::TearDown();
    }
    http::TestClient::Answer ask(std::string_view method, std::string_view target,
                                 std::string_view token = "", std::string_view body = "",
                                 std::string_view if_match = "*") {
        explorer::HeaderList headers{{"If-Match", std::string(if_match)}};
        if (!token.empty()) headers.emplace_back("Authorization", "Bearer " + std::string(token));
        return http::ask(served_->port(), method, target, std::move(headers), body);
    }
    Json made(std::string_view target, std::string_view token, std::string_view body) {
        const auto answer = ask("POST", target, token, body);
        EXPECT_EQ(answer.status, 201) << answer.body;
        return *parse_json(answer.body);
    }

    std::unique_ptr<stroma::annotation::Annotations> kept_ =
        *stroma::annotation::Annotations::open(*control_, system_clock(), ids_);
    AnnotationFront front_of_{
        {{fake_, fake_, fake_, explorer_, *comparisons_, *clusterings_, images_, "9.8.7"},
         kept_->spaces,
         kept_->labels,
         kept_->gene_sets,
         kept_->kept}};
    std::unique_ptr<http::Server> served_;
};

TEST_F(AnnotationTest, EveryRouteIsDescribed) {
    const Json document = *parse_json(api::openapi_document());
    std::set<std::string> described, routed;
    for (const auto& [path, methods] : document["paths"].items()) {
        if (!path.starts_with("/u/")) continue;
        for (const auto& [method, operation] : methods.items()) {
            std::string upper = method;
            for (char& c : upper) c = static_cast<char>(std::toupper(c));
            described.insert(upper + " " + path);
        }
    }
    for (const http::Route& route : front_of_.routes())
        routed.insert(route.method + " " + route.pattern);
    EXPECT_EQ(described, routed);
}

TEST_F(AnnotationTest, OnEveryRouteStrangersLearnNothingOfASpace) {
    const std::string space = made("/u/spaces", "owner", R"({"title":"mine"})")["id"];
    const std::string place = "/u/spaces/" + space + "/revisions/open-2";
    const Json column = made(place + "/labels", "owner", R"({"name":"kind"})")["column"];
    const Json view = made("/u/views", "owner", R"({"revision":"open-2","name":"v","state":{}})");
    const std::pair<std::string, std::string> names[] = {
        {"{space}", space},   {"{revision}", "open-2"}, {"{column}", column["id"]},
        {"{id}", view["id"]}, {"{geneset}", "set"},     {"{principal}", "reader"},
        {"{version}", "v0.2"}};
    for (const http::Route& route : front_of_.routes()) {
        if (route.pattern.find('{') == std::string::npos) continue;
        std::string target = route.pattern;
        for (const auto& [name, value] : names)
            if (const std::size_t at = target.find(name); at != target.npos)
                target.replace(at, name.size(), value);
        for (const char* who : {"", "stranger"})
            EXPECT_EQ(ask(route.method, target, who, "{}").status, 404)
                << route.method << " " << target << " as " << who;
    }
    EXPECT_EQ(ask("POST", "/u/spaces", "", R"({"title":"x"})").status, 401);
    EXPECT_EQ(ask("GET", place + "/labels", "owner").status, 200);
}

TEST_F(AnnotationTest, AWriteNeedsTheTagOfWhatItChanges) {
    const std::string space = made("/u/spaces", "owner", R"({"title":"mine"})")["id"];
    const Json column = made("/u/spaces/" + space + "/revisions/open-2/labels", "owner",
                             R"({"name":"kind"})")["column"];
    const std::string target = "/u/labels/" + std::string(column["id"]) + "/history";
    const std::string tag = "\"" + std::string(column["etag"]) + "\"";
    constexpr std::string_view order = R"({"op":"assign","label":"a","cells":[[0,2]]})";
    EXPECT_EQ(ask("POST", target, "owner", order, "").status, 428);
    EXPECT_EQ(ask("POST", target, "owner", order, tag).status, 200);
    EXPECT_EQ(ask("POST", target, "owner", order, tag).status, 412);
    EXPECT_EQ(ask("POST", target, "owner", order, "\"of another\"").status, 412);
}

}  // namespace
}  // namespace stroma::front::annotation
