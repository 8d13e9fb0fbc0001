#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/json.h"
#include "front/api/api_test_site.h"

namespace stroma::front::api {
namespace {

Json parsed(const TestClient::Answer& answer) {
    const auto json = parse_json(answer.body);
    EXPECT_TRUE(json) << answer.body;
    return json ? *json : Json();
}

class MatrixRoutes : public ApiTest {};

TEST_F(MatrixRoutes, ARequestIsAnsweredWithTheFourOldMembers) {
    const auto answer = call("POST", "/v1/matrix", "",
                             R"({"filter":{"op":"=","field":"barcode","value":"Crohn's"},
                                 "fields":["total_umis"],"feature":"transcript","format":"csv"})");
    EXPECT_EQ(answer.status, 202);
    const Json json = parsed(answer);
    EXPECT_EQ(json["request_id"], "r1");
    EXPECT_EQ(json["non_human_request_ids"], Json::object());
    EXPECT_EQ(json["status"], "In Progress");
    EXPECT_EQ(json["message"], "Job started.");
    ASSERT_EQ(domain_.orders.size(), 1u);
    const auto& query = domain_.orders[0].query;
    EXPECT_EQ(query.filter, R"({"op":"=","field":"barcode","value":"Crohn's"})");
    EXPECT_EQ(query.fields, std::vector<std::string>{"total_umis"});
    EXPECT_EQ(query.feature, "transcript");
    EXPECT_EQ(query.format, "csv");
    EXPECT_FALSE(domain_.orders[0].every_species);
}

TEST_F(MatrixRoutes, ExactlyOneSelectionMustBeGiven) {
    EXPECT_EQ(call("POST", "/v1/matrix", "", R"({"where":"total_umis > 5"})").status, 202);
    EXPECT_EQ(call("POST", "/v1/matrix", "", R"({"sql":"select 1"})").status, 202);
    EXPECT_EQ(domain_.orders[1].query.sql, "select 1");
    EXPECT_EQ(call("POST", "/v1/matrix", "", "{}").status, 400);
    EXPECT_EQ(call("POST", "/v1/matrix", "", R"({"where":"a","sql":"b"})").status, 400);
}

TEST_F(MatrixRoutes, WrongArgumentsAre400NamingTheirPlace) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"filter":{},"format":"xls"})", "/format"},
        {R"({"filter":{},"feature":"exon"})", "/feature"},
        {R"({"filter":[]})", "/filter"},
        {R"({"filter":{},"fields":"barcode"})", "/fields"},
        {R"({"filter":{},"owner":"me"})", "/owner"},
        {R"({"filter":{},"__proto__":{}})", "/__proto__"},
        {R"({"filter":{},"genes":[1]})", "/genes"},
    };
    for (const auto& [body, pointer] : cases) {
        const auto answer = call("POST", "/v1/matrix", "", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(parsed(answer)["pointer"], pointer) << body;
        EXPECT_NE(parsed(answer)["message"], "");
        EXPECT_EQ(parsed(answer)["code"], "invalid_input");
    }
    EXPECT_TRUE(domain_.orders.empty());
}

TEST_F(MatrixRoutes, ABadNodeOfAFilterIsNamedByItsPlaceInTheBody) {
    domain_.request_error =
        Error{ErrorCode::invalid_input, "at /value/1/op: 'xor' is not an operator"};
    const auto answer = call("POST", "/v1/matrix", "", R"({"filter":{"op":"and","value":[]}})");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(parsed(answer)["pointer"], "/filter/value/1/op");
    EXPECT_EQ(parsed(answer)["message"], "'xor' is not an operator");
}

TEST_F(MatrixRoutes, AFilterIs413OnlyPast128000Characters) {
    const std::string frame = R"({"op":"=","field":"barcode","value":""})";
    const auto status = [&](std::size_t characters) {
        std::string filter = frame;
        filter.insert(filter.size() - 2, std::string(characters - frame.size(), 'a'));
        return call("POST", "/v1/matrix", "", R"({"filter":)" + filter + "}").status;
    };
    EXPECT_EQ(status(127'999), 202);
    EXPECT_EQ(status(128'000), 202);
    EXPECT_EQ(status(128'001), 413);
}

TEST_F(MatrixRoutes, HostileJsonIs400) {
    for (const std::string& body :
         {std::string("{"), std::string("[]"), std::string(R"({"filter":{},"filter":{}})"),
          std::string(R"({"filter":{"value":1e999}})"), std::string("{\"filter\":\"\\ud800\"}"),
          "{\"filter\":" + std::string(100'000, '[')})
        EXPECT_EQ(call("POST", "/v1/matrix", "", body).status, 400) << body.substr(0, 40);
    EXPECT_EQ(call("POST", "/v1/matrix", "", std::string((8u << 20) + 1, ' ')).status, 413);
}

TEST_F(MatrixRoutes, CellsOfARevisionAreRuns) {
    const auto ask = [&](const std::string& cells) {
        return call("POST", "/v1/matrix", "", R"({"revision":"r1","cells":)" + cells + "}").status;
    };
    EXPECT_EQ(ask("[[0,2],[5,9]]"), 202);
    EXPECT_EQ(domain_.orders[0].query.cells,
              (decltype(matrix::MatrixQuery::cells){{0, 2}, {5, 9}}));
    for (const char* bad : {"[]", "[[1]]", "[[-1,2]]", "[[0,4294967296]]", "[[0,\"2\"]]", "3"})
        EXPECT_EQ(ask(bad), 400) << bad;
}

TEST_F(MatrixRoutes, AKeptSelectionIsTheCellsOfItsRevision) {
    TearDown();
    ApiOptions options;
    options.find_selection = [](const http::Request&,
                                const std::string& id) -> Result<std::optional<KeptCells>> {
        if (id == "none") return std::nullopt;
        return KeptCells{"r1", {{0, 2}, {5, 9}}};
    };
    start(options);
    const auto ask = [&](const std::string& body) {
        return call("POST", "/v1/matrix", "", body).status;
    };
    EXPECT_EQ(ask(R"({"selection":"kept"})"), 202);
    EXPECT_EQ(domain_.orders[0].query.revision, "r1");
    EXPECT_EQ(domain_.orders[0].query.cells,
              (decltype(matrix::MatrixQuery::cells){{0, 2}, {5, 9}}));
    EXPECT_EQ(ask(R"({"selection":"none"})"), 404);
    EXPECT_EQ(ask(R"({"selection":"kept","revision":"r1"})"), 400);
    EXPECT_EQ(ask(R"({"selection":"kept","cells":[[0,2]]})"), 400);
}

TEST_F(MatrixRoutes, V0TakesExactlyOneListAndAsksForEverySpecies) {
    const auto answer =
        call("POST", "/v0/matrix", "", R"({"bundle_fqids":["a.1","b.2"],"format":"mtx"})");
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(parsed(answer)["non_human_request_ids"]["Mus musculus"], "r2");
    EXPECT_EQ(domain_.orders[0].query.bundles, (std::vector<std::string>{"a.1", "b.2"}));
    EXPECT_TRUE(domain_.orders[0].every_species);
    for (const char* bad : {R"({"bundle_fqids":["a.1"],"bundle_fqids_url":"http://x/"})", "{}",
                            R"({"bundle_fqids":[]})", R"({"bundle_fqids":["a.1"],"format":"xls"})"})
        EXPECT_EQ(call("POST", "/v0/matrix", "", bad).status, 400) << bad;
    std::string list = R"({"bundle_fqids":[)";
    for (int i = 0; i < 2544; ++i) list += (i > 0 ? ",\"" : "\"") + std::string(64, 'f') + "\"";
    EXPECT_EQ(call("POST", "/v0/matrix", "", list + "]}").status, 413);
}

TEST_F(MatrixRoutes, V0ReadsAManifestByItsUrlOnlyWhereTheOperatorAllowsTheAddress) {
    http::ServerOptions options;
    options.access_log = false;
    auto manifest = http::Server::listen(
        options,
        {{"GET", "/m.tsv",
          [](http::Request&) {
              return http::text_response(200, "bundle_uuid\tx\nu1\t1\nu2\t2\r\nu1\t3\n\n");
          }},
         {"GET", "/hop",
          [](http::Request&) {
              http::Response response;
              response.status = 302;
              response.headers.emplace_back("Location", "/m.tsv");
              return response;
          }},
         {"GET", "/empty", [](http::Request&) { return http::text_response(200, "header\n"); }}},
        nullptr);
    ASSERT_TRUE(manifest);
    (*manifest)->start();
    const std::string base = "http://127.0.0.1:" + std::to_string((*manifest)->port());
    const auto post = [&](const std::string& url) {
        return call("POST", "/v0/matrix", "", R"({"bundle_fqids_url":")" + url + "\"}");
    };
    const auto refused = post(base + "/m.tsv");
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(parsed(refused)["pointer"], "/bundle_fqids_url");
    EXPECT_TRUE(domain_.orders.empty());
    ApiOptions open;
    open.fetch_private_addresses = true;
    start(open);
    EXPECT_EQ(post(base + "/hop").status, 202);
    ASSERT_EQ(domain_.orders.size(), 1u);
    EXPECT_EQ(domain_.orders[0].query.bundles, (std::vector<std::string>{"u1", "u2"}));
    EXPECT_EQ(post(base + "/empty").status, 400);
    EXPECT_EQ(post("file:///etc/passwd").status, 400);
    (*manifest)->stop(Milliseconds{1000});
}

TEST_F(MatrixRoutes, ARunningRequestTellsItsShareAndItsEnd) {
    auto& request = domain_.requests["r1"];
    request.state = matrix::RequestState::in_progress;
    request.fraction = 0.25;
    request.eta_seconds = 10;
    const Json json = parsed(call("GET", "/v1/matrix/r1"));
    EXPECT_EQ(json["status"], "In Progress");
    EXPECT_EQ(json["percentage"], 25.0);
    EXPECT_EQ(json["eta"], iso_time(domain_.now.unix_ms() + 10'000));
    EXPECT_EQ(json["matrix_url"], "");
}

TEST_F(MatrixRoutes, ACompleteRequestLinksItsFile) {
    const auto answer = call("GET", "/v1/matrix/r1", "", "", {{"Host", "localhost:99"}});
    EXPECT_EQ(parsed(answer)["matrix_url"], "http://localhost:99/v1/matrix/r1/files/r1.loom");
    EXPECT_EQ(answer.body.find("results/place"), std::string::npos);
    EXPECT_EQ(
        parsed(call("GET", "/v0/matrix/r1", "", "", {{"Host", "localhost:99"}}))["matrix_location"],
        "http://localhost:99/v1/matrix/r1/files/r1.loom");
    domain_.requests["r1"].object_key.clear();
    EXPECT_EQ(parsed(call("GET", "/v1/matrix/r1"))["matrix_url"], "");
    ApiOptions options;
    options.public_url = "https://stroma.example";
    start(options);
    EXPECT_EQ(parsed(call("GET", "/v1/matrix/r1"))["matrix_url"],
              "https://stroma.example/v1/matrix/r1/files/r1.loom");
}

TEST_F(MatrixRoutes, AFileCarriesItsChecksumAndItsName) {
    const auto answer = call("GET", "/v1/matrix/r1/files/r1.loom");
    EXPECT_EQ(answer.body, "loom bytes");
    EXPECT_EQ(answer.header("x-checksum-sha256").size(), 64u);
    EXPECT_EQ(answer.header("content-disposition"), "attachment; filename=\"r1.loom\"");
    EXPECT_EQ(answer.header("etag"), "\"tag\"");
    EXPECT_EQ(call("GET", "/v1/matrix/r1/files/r1.loom", "", "", {{"Range", "bytes=5-"}}).body,
              "bytes");
    EXPECT_EQ(call("GET", "/v1/matrix/r1/files/..%2fr1.loom").status, 404);
}

TEST_F(MatrixRoutes, AResultIsSentWhileItIsMade) {
    auto& request = domain_.requests["r1"];
    request.state = matrix::RequestState::in_progress;
    request.object_key.clear();
    request.tag = "t1";
    const std::string checksum = sha256_hex("loom bytes");
    const auto whole = call("GET", "/v1/matrix/r1/stream");
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.body, "loom bytes");
    EXPECT_EQ(whole.header("etag"), "\"t1\"");
    EXPECT_EQ(whole.header("content-length"), "");
    EXPECT_EQ(whole.header("x-checksum-sha256"), checksum) << "behind the body";
    EXPECT_EQ(whole.header("content-disposition"), "attachment; filename=\"r1.loom\"");

    const auto rest = call("GET", "/v1/matrix/r1/stream", "", "",
                           {{"Range", "bytes=5-"}, {"If-Range", "\"t1\""}});
    EXPECT_EQ(rest.status, 206);
    EXPECT_EQ(rest.body, "bytes");
    EXPECT_TRUE(rest.header("content-range").starts_with("bytes 5-"));
    EXPECT_TRUE(rest.header("content-range").ends_with("/*"));
    EXPECT_EQ(domain_.streams.back().tag, "t1");
    const auto part = call("GET", "/v1/matrix/r1/stream", "", "", {{"Range", "bytes=5-7"}});
    EXPECT_EQ(part.body, "byt");
    EXPECT_EQ(part.header("content-range"), "bytes 5-7/*");
    const auto changed = call("GET", "/v1/matrix/r1/stream", "", "",
                              {{"Range", "bytes=5-"}, {"If-Range", "\"t0\""}});
    EXPECT_EQ(changed.status, 200);
    EXPECT_EQ(changed.body, "loom bytes");
    EXPECT_EQ(call("GET", "/v1/matrix/r1/stream", "", "", {{"Range", "bytes=-5"}}).status, 200);
}

TEST_F(MatrixRoutes, AStreamWhoseJobFailsIsCutAndNotTakenForWhole) {
    auto& request = domain_.requests["r1"];
    request.state = matrix::RequestState::in_progress;
    domain_.stream_error = Error{ErrorCode::unavailable, "the disk is full"};
    const auto answer = call("GET", "/v1/matrix/r1/stream");
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.whole);
}

TEST_F(MatrixRoutes, TheStreamOfARequestThatIsOverIsItsFileOrItsError) {
    auto& request = domain_.requests["r1"];
    request.tag = "t1";
    const auto file = call("GET", "/v1/matrix/r1/stream");
    EXPECT_EQ(file.body, "loom bytes");
    EXPECT_EQ(file.header("content-length"), "10");
    EXPECT_EQ(file.header("etag"), "\"t1\"") << "as while it was made";
    EXPECT_EQ(file.header("x-checksum-sha256"), sha256_hex("loom bytes"));
    request.state = matrix::RequestState::failed;
    request.message = "it was too hard";
    const auto failed = call("GET", "/v1/matrix/r1/stream");
    EXPECT_EQ(failed.status, 409);
    EXPECT_EQ(parsed(failed)["message"], "it was too hard");
    request.state = matrix::RequestState::expired;
    EXPECT_EQ(call("GET", "/v1/matrix/r1/stream").status, 410);
    request.state = matrix::RequestState::complete;
    request.object_key.clear();
    EXPECT_EQ(call("GET", "/v1/matrix/r1/stream").status, 404) << "no cell matched";
}

TEST_F(MatrixRoutes, OneCommandAsksAndIsLedToTheBytes) {
    const auto answer = call("POST", "/v1/matrix?stream=true", "", R"({"where":"true"})",
                             {{"Host", "localhost:99"}});
    EXPECT_EQ(answer.status, 303);
    EXPECT_EQ(answer.header("location"), "http://localhost:99/v1/matrix/r1/stream");
    EXPECT_EQ(parsed(answer)["request_id"], "r1");
}

TEST_F(MatrixRoutes, AnExpiredRequestStaysExpiredAndItsFileIsGone) {
    domain_.requests["r1"].state = matrix::RequestState::expired;
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(parsed(call("GET", "/v1/matrix/r1"))["status"], "Expired");
    EXPECT_EQ(call("GET", "/v1/matrix/r1/files/r1.loom").status, 410);
}

TEST_F(MatrixRoutes, FieldsAreDescribedAsTheyAlwaysWere) {
    const Json number = parsed(call("GET", "/v1/filters/total_umis"));
    EXPECT_EQ(number["field_type"], "numeric");
    EXPECT_EQ(number["minimum"], 100);
    EXPECT_EQ(number["maximum"], 277);
    const Json category = parsed(call("GET", "/v1/fields/barcode"));
    EXPECT_EQ(category["field_type"], "categorical");
    EXPECT_EQ(category["cell_counts"][""], 2);
    const auto unknown = call("GET", "/v1/filters/nope");
    EXPECT_EQ(unknown.status, 404);
    EXPECT_NE(parsed(unknown)["message"], "");
    EXPECT_EQ(parsed(call("GET", "/v0/matrix/formats"))[0], "loom");
    EXPECT_EQ(parsed(call("GET", "/v1/formats/loom")), "<p>Loom</p>");
    EXPECT_EQ(parsed(call("GET", "/v1/features/gene"))["feature_description"], "genes");
    EXPECT_EQ(call("GET", "/v1/formats/xls").status, 404);
}

}  // namespace
}  // namespace stroma::front::api
