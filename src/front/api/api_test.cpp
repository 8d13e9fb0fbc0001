#include "front/api/api.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/api_test_site.h"
#include "front/api/openapi.h"

namespace stroma::front::api {
namespace {

Json parsed(const TestClient::Answer& answer) {
    const auto json = parse_json(answer.body);
    EXPECT_TRUE(json) << answer.body;
    return json ? *json : Json();
}

TEST(ApiErrors, EveryCodeHasItsStatus) {
    const std::pair<ErrorCode, int> expected[] = {
        {ErrorCode::invalid_input, 400},  {ErrorCode::not_found, 404},
        {ErrorCode::already_exists, 409}, {ErrorCode::denied, 403},
        {ErrorCode::conflict, 409},       {ErrorCode::exhausted, 429},
        {ErrorCode::unavailable, 503},    {ErrorCode::unsupported, 501},
        {ErrorCode::cancelled, 408},      {ErrorCode::corrupt, 500}};
    for (const auto& [code, status] : expected) EXPECT_EQ(status_of(code), status);
}

TEST(OpenApi, TheDocumentAndTheRoutesNameTheSameOperations) {
    const auto document = parse_json(openapi_document());
    ASSERT_TRUE(document) << document.error().message;
    std::set<std::string> described, routed, ids;
    for (const auto& [path, methods] : (*document)["paths"].items())
        for (const auto& [method, operation] : methods.items()) {
            EXPECT_TRUE(ids.insert(operation["operationId"].get<std::string>()).second)
                << operation["operationId"];
            // of the other fronts; their own tests look at them
            if (path.starts_with("/d/") || path.starts_with("/u/") ||
                path.starts_with("/v1/comparisons") || path.starts_with("/v1/clusterings") ||
                path.starts_with("/v1/portal") || path.starts_with("/v1/ontology") ||
                path.starts_with("/v1/flows") || path.starts_with("/v1/dashboards") ||
                operation["tags"][0] == "account" || operation["tags"][0] == "runs")
                continue;
            std::string upper = method;
            for (char& c : upper) c = static_cast<char>(std::toupper(c));
            described.insert(upper + " " + path);
        }
    for (const ApiRoute& route : all_routes())
        routed.insert(std::string(route.method) + " " + route.pattern);
    EXPECT_EQ(described, routed);
}

/// Every "$ref" in the document leads somewhere.
void check_references(const Json& root, const Json& node) {
    if (node.is_object() && node.contains("$ref")) {
        const std::string reference = node["$ref"];
        ASSERT_TRUE(reference.starts_with("#/"));
        EXPECT_TRUE(root.contains(Json::json_pointer(reference.substr(1)))) << reference;
    }
    if (node.is_structured())
        for (const auto& [key, child] : node.items()) check_references(root, child);
}

TEST(OpenApi, TheDocumentIsWhole) {
    const auto parsed_document = parse_json(openapi_document());
    ASSERT_TRUE(parsed_document);
    const Json& document = *parsed_document;
    EXPECT_TRUE(document["openapi"].get<std::string>().starts_with("3.0."));
    check_references(document, document);
    for (const auto& [path, methods] : document["paths"].items())
        for (const auto& [method, operation] : methods.items()) {
            std::set<std::string> named, declared;
            for (std::size_t at = path.find('{'); at != path.npos; at = path.find('{', at + 1))
                named.insert(path.substr(at + 1, path.find('}', at) - at - 1));
            for (const Json& parameter : operation.value("parameters", Json::array())) {
                if (parameter["in"] != "path") continue;
                declared.insert(parameter["name"].get<std::string>());
                EXPECT_EQ(parameter["required"], true);
            }
            EXPECT_EQ(named, declared) << method << " " << path;
            EXPECT_FALSE(operation["responses"].empty());
            EXPECT_FALSE(operation["summary"].get<std::string>().empty());
        }
}

class ApiRoutes : public ApiTest {};

TEST_F(ApiRoutes, TheDocumentIsServed) {
    EXPECT_EQ(call("GET", "/openapi.json").body, openapi_document());
}

TEST_F(ApiRoutes, HealthVersionAndHomeAnswer) {
    EXPECT_EQ(call("GET", "/health").body, "OK");
    EXPECT_EQ(call("GET", "/internal/health").header("content-type"), "text/html");
    EXPECT_EQ(parsed(call("GET", "/version"))["version_info"]["version"], "9.8.7");
    EXPECT_NE(call("GET", "/").body.find("/openapi.json"), std::string::npos);
    domain_.not_ready = Error{ErrorCode::unavailable, "no worker is alive"};
    const auto sick = call("GET", "/health");
    EXPECT_EQ(sick.status, 503);
    EXPECT_NE(sick.header("retry-after"), "");
}

TEST_F(ApiRoutes, AnErrorSaysWhatHappenedToWhichRequest) {
    const auto answer = call("GET", "/v1/datasets/none");
    EXPECT_EQ(parsed(answer)["code"], "not_found");
    EXPECT_EQ(parsed(answer)["message"], "there is no dataset 'none'");
    EXPECT_EQ(parsed(answer)["request_id"], answer.header("x-request-id"));
    const auto nowhere = call("GET", "/nowhere");
    EXPECT_EQ(parsed(nowhere)["request_id"], nowhere.header("x-request-id"));
}

TEST_F(ApiRoutes, DamageIsToldToTheLogAndNotToTheClient) {
    domain_.query_error = Error{ErrorCode::corrupt, "block 7 of /var/lib/stroma/x is damaged"};
    const auto answer = call("POST", "/v1/sql", "", R"({"statement":"select 1"})");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("/var/lib"), std::string::npos);
}

TEST_F(ApiRoutes, RowsComeAsJsonWithTheirColumns) {
    const auto answer = call("POST", "/v1/sql", "",
                             R"({"statement":"select ?","parameters":[1,"a",null,2.5,true]})");
    const Json json = parsed(answer);
    EXPECT_EQ(json["columns"][0], (Json{{"name", "n"}, {"type", "BIGINT"}}));
    EXPECT_EQ(json["rows"].size(), 3u);
    EXPECT_EQ(json["rows"][0], Json::array({1, 1.5, "a \"quoted\", text"}));
    EXPECT_EQ(json["rows"][1][1], nullptr);
    EXPECT_EQ(json["row_count"], 3);
    ASSERT_EQ(domain_.sql_orders[0].parameters.size(), 5u);
    EXPECT_EQ(std::get<std::string>(domain_.sql_orders[0].parameters["2"]), "a");
    call("POST", "/v1/sql", "", R"({"statement":"select $g","parameters":{"g":"CD24"}})");
    EXPECT_EQ(std::get<std::string>(domain_.sql_orders[1].parameters["g"]), "CD24");
    for (const auto* wrong : {"7", "[[1]]", "[18446744073709551615]"}) {
        const auto refused =
            call("POST", "/v1/sql", "",
                 R"({"statement":"select ?","parameters":)" + std::string(wrong) + "}");
        EXPECT_EQ(refused.status, 400) << wrong;
        EXPECT_EQ(parsed(refused)["pointer"], "/parameters");
    }
}

TEST_F(ApiRoutes, RowsComeAsCsvThatTellsNullFromEmpty) {
    const auto answer = call("POST", "/v1/sql", "", R"({"statement":"select 1","format":"csv"})");
    EXPECT_EQ(answer.body,
              "n,x,\"t,\"\n1,1.5,\"a \"\"quoted\"\", text\"\n2,,\"a \"\"quoted\"\", text\"\n"
              "3,3.5,\"\"\n");
}

TEST_F(ApiRoutes, AQueryThatBreaksOffIsNotTakenForWhole) {
    domain_.fails_after_rows = 2;
    EXPECT_EQ(call("POST", "/v1/sql", "", R"({"statement":"select 1"})").status, 429);
    domain_.fails_after_rows = 0;
    EXPECT_EQ(call("POST", "/v1/sql", "", R"({"statement":"select 1"})").status, 429);
}

TEST_F(ApiRoutes, RowsComeAsAFile) {
    const auto answer =
        call("POST", "/v1/sql", "", R"({"statement":"select 1","format":"parquet"})");
    EXPECT_EQ(answer.body, "PAR1");
    EXPECT_EQ(answer.header("content-disposition"), "attachment; filename=\"rows.parquet\"");
    const auto by_accept = call("POST", "/v1/sql", "", R"({"statement":"select 1"})",
                                {{"Accept", "application/vnd.apache.arrow.file, */*"}});
    EXPECT_EQ(by_accept.header("content-disposition"), "attachment; filename=\"rows.arrow\"");
    EXPECT_EQ(call("POST", "/v1/sql", "", R"({"statement":"x","format":"xls"})").status, 400);
    EXPECT_EQ(call("POST", "/v1/sql", "", R"({"format":"json"})").status, 400);
}

TEST_F(ApiRoutes, AnUploadComesInPiecesAndGoesOnWhereItBroke) {
    const auto made = call("POST", "/v1/uploads", "owner", R"({"name":"cells.h5ad","size":10})");
    EXPECT_EQ(made.header("location"), "/v1/uploads/u-new");
    const std::string at = "/v1/uploads/u-new";
    EXPECT_EQ(call("PUT", at, "owner", "0123", {{"Content-Range", "bytes 0-3/10"}}).status, 200);
    EXPECT_EQ(call("HEAD", at, "owner").header("upload-offset"), "4");
    EXPECT_EQ(call("PUT", at, "owner", "0123", {{"Content-Range", "bytes 0-3/10"}}).status, 409);
    EXPECT_EQ(call("POST", "/v1/imports", "owner", R"({"upload":"u-new"})").status, 409);
    const auto done = call("PUT", at, "owner", "456789", {{"Content-Range", "bytes 4-9/10"}});
    EXPECT_EQ(parsed(done)["complete"], true);
    EXPECT_EQ(domain_.uploaded["u-new"], "0123456789");
    const auto job = call("POST", "/v1/imports", "owner", R"({"upload":"u-new","dataset":"d"})");
    EXPECT_EQ(job.status, 202);
    EXPECT_EQ(job.header("location"), "/v1/jobs/j-new");
    EXPECT_EQ(job.body.find("/secret"), std::string::npos);
    EXPECT_EQ(domain_.imports[0].dataset, "d");
}

TEST_F(ApiRoutes, AnUploadThatBreaksKeepsWhatArrived) {
    TestClient client(server_->port());
    client.send(
        "PUT /v1/uploads/u1 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer owner\r\n"
        "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    EXPECT_EQ(client.receive().status, 100);
    client.send("01234");
    client.close();
    server_->stop(Milliseconds{10'000});
    EXPECT_EQ(domain_.uploads["u1"].received_bytes, 5u);
}

TEST_F(ApiRoutes, WrongUploadsAreRefused) {
    for (const char* name : {"", "..", "a/b", "a\\\\b", "a\\u0000b", "a\\nb"})
        EXPECT_EQ(call("POST", "/v1/uploads", "owner",
                       R"({"name":")" + std::string(name) + R"(","size":1})")
                      .status,
                  400)
            << name;
    EXPECT_EQ(call("POST", "/v1/uploads", "owner", R"({"name":"a","size":-1})").status, 400);
    EXPECT_EQ(call("POST", "/v1/uploads", "owner", R"({"name":"a","size":1.5})").status, 400);
    EXPECT_EQ(call("PUT", "/v1/uploads/u1", "owner", "0123456789a").status, 413);
    for (const char* range : {"bytes 0-3/11", "bytes 3-0/10", "bytes 0-10/10", "0-3/10",
                              "bytes 0-3/10x", "bytes -3/10", "bytes 0-4/10"})
        EXPECT_EQ(call("PUT", "/v1/uploads/u1", "owner", "0123", {{"Content-Range", range}}).status,
                  400)
            << range;
}

TEST_F(ApiRoutes, AnImportChangesOnlyADatasetThatMayBeChanged) {
    domain_.uploads["u1"].received_bytes = 10;
    domain_.uploads["u1"].owner = "reader";
    EXPECT_EQ(call("POST", "/v1/imports", "reader", R"({"upload":"u1","dataset":"ds"})").status,
              403);
    EXPECT_EQ(call("POST", "/v1/imports", "reader", R"({"upload":"u1","dataset":"new"})").status,
              202);
    EXPECT_EQ(call("POST", "/v1/imports", "owner", R"({"upload":"u1","path":"/x"})").status, 400);
}

TEST_F(ApiRoutes, ADatasetGoesOnlyIntoACollectionThatMayBeChanged) {
    domain_.uploads["u1"].received_bytes = 10;
    domain_.uploads["u2"] = domain_.uploads["u1"];
    domain_.uploads["u2"].id = "u2";
    domain_.uploads["u2"].owner = "reader";
    const std::tuple<const char*, const char*, const char*, int> cases[] = {
        {"owner", "u1", "c1", 202},  {"owner", "u1", "none", 404}, {"reader", "u2", "c1", 404},
        {"reader", "u2", "c2", 403}, {"reader", "u2", "", 202},
    };
    for (const auto& [who, upload, collection, status] : cases)
        EXPECT_EQ(call("POST", "/v1/imports", who,
                       fmt::format(R"({{"upload":"{}","dataset":"n","collection":"{}"}})", upload,
                                   collection))
                      .status,
                  status)
            << who << collection;
    EXPECT_EQ(call("PATCH", "/v1/datasets/ds", "owner", R"({"collection":"c1"})").status, 200);
    EXPECT_EQ(call("PATCH", "/v1/datasets/ds", "owner", R"({"collection":"none"})").status, 404);
    EXPECT_EQ(call("POST", "/v1/imports", "owner", R"({"upload":"u1","orientation":"up"})").status,
              400);
    EXPECT_EQ(call("POST", "/v1/imports", "owner", R"({"upload":"u1","sum_duplicates":1})").status,
              400);
}

TEST_F(ApiRoutes, AJobIsWatchedChangeByChangeToItsEnd) {
    pipeline::Job job = domain_.all_jobs["j1"];
    job.state = pipeline::JobState::running;
    job.error.clear();
    domain_.set_job(job);
    TestClient client(server_->port());
    client.send(
        "GET /v1/jobs/j1/events HTTP/1.1\r\nHost: localhost\r\n"
        "Authorization: Bearer owner\r\n\r\n");
    EXPECT_NE(client.receive_until("\n\n").find("\"state\":\"running\""), std::string::npos);
    job.version = 4;
    job.progress.done = 7;
    domain_.set_job(job);
    const std::string second = client.receive_until("\n\n");
    EXPECT_NE(second.find("id: 4\n"), std::string::npos);
    EXPECT_NE(second.find("\"done\":7"), std::string::npos);
    job.version = 5;
    job.state = pipeline::JobState::succeeded;
    job.outputs = R"({"dataset":"d"})";
    domain_.set_job(job);
    EXPECT_NE(client.receive_until("\n\n").find("\"dataset\":\"d\""), std::string::npos);
    EXPECT_EQ(client.receive_until("0\r\n\r\n"), "\r\n0\r\n\r\n");
}

TEST_F(ApiRoutes, OnesJobsAreWatchedTogether) {
    TestClient client(server_->port());
    client.send(
        "GET /v1/jobs/events HTTP/1.1\r\nHost: localhost\r\n"
        "Authorization: Bearer owner\r\n\r\n");
    EXPECT_NE(client.receive_until("\n\n").find("\"id\":\"j1\""), std::string::npos);
    pipeline::Job foreign = domain_.all_jobs["j1"];
    foreign.id = "j7";
    foreign.owner = "somebody";
    domain_.set_job(foreign);
    pipeline::Job own = domain_.all_jobs["j1"];
    own.id = "j8";
    domain_.set_job(own);
    const std::string event = client.receive_until("\n\n");
    EXPECT_NE(event.find("\"id\":\"j8\""), std::string::npos) << "what is new is told";
    EXPECT_EQ(event.find("\"id\":\"j1\""), std::string::npos) << "what did not change isn't";
    EXPECT_EQ(event.find("j7"), std::string::npos) << "another's";
    EXPECT_NE(call("GET", "/v1/jobs/events?seconds=0&all=true", "admin").body.find("j7"),
              std::string::npos);
    EXPECT_EQ(call("GET", "/v1/jobs/events?seconds=301", "owner").status, 400);
}

TEST_F(ApiRoutes, JobsAreFilteredAndTheirLogIsRead) {
    EXPECT_EQ(parsed(call("GET", "/v1/jobs", "owner"))["jobs"].size(), 1u);
    EXPECT_EQ(parsed(call("GET", "/v1/jobs"))["jobs"].size(), 0u);
    EXPECT_EQ(parsed(call("GET", "/v1/jobs/j1", "owner"))["error"]["code"], "corrupt");
    EXPECT_EQ(call("GET", "/v1/jobs?state=bad", "owner").status, 400);
    EXPECT_EQ(call("GET", "/v1/jobs?limit=0", "owner").status, 400);
    EXPECT_EQ(parsed(call("GET", "/v1/jobs/j1/log", "owner"))["lines"][0]["text"], "reading X");
}

TEST_F(ApiRoutes, ADatasetNeverTellsWhereItsBytesLie) {
    const auto answer = call("GET", "/v1/datasets/ds/revisions", "owner");
    EXPECT_EQ(parsed(answer)["revisions"][0]["state"], "ready");
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
}

TEST_F(ApiRoutes, UnknownMembersChangeNothing) {
    EXPECT_EQ(call("PATCH", "/v1/datasets/ds", "owner", R"({"title":"t","owner":"me"})").status,
              400);
    EXPECT_EQ(domain_.all_datasets["ds"].title, "");
    EXPECT_EQ(call("PATCH", "/v1/datasets/ds", "owner", R"({"title":"t"})").status, 200);
    EXPECT_EQ(domain_.all_datasets["ds"].title, "t");
}

TEST_F(ApiRoutes, ATokensSecretIsShownOnce) {
    const auto made = call("POST", "/v1/tokens", "admin",
                           R"({"principal":"reader","scopes":["read"],"expires_in_seconds":60})");
    EXPECT_EQ(parsed(made)["secret"], "stroma_secret");
    EXPECT_EQ(parsed(made)["expires"], iso_time(domain_.now.unix_ms() + 60'000));
    EXPECT_EQ(call("GET", "/v1/tokens", "admin").body.find("stroma_secret"), std::string::npos);
    EXPECT_EQ(call("POST", "/v1/principals", "admin", R"({"name":"taken"})").status, 409);
}

}  // namespace
}  // namespace stroma::front::api
