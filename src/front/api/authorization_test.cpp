#include <gtest/gtest.h>

#include <map>
#include <set>

#include "front/api/api_routes.h"
#include "front/api/api_test_site.h"

// The authorization matrix: every route, as every principal, on things in every state, against one
// table. A new route without a row here fails.

namespace stroma::front::api {
namespace {

/// Statuses as: anonymous, stranger, reader, owner, administrator.
struct Row {
    const char* method;
    const char* pattern;
    const char* target;  ///< of this case
    int expected[5];
    const char* body = "";
};

constexpr const char* who[5] = {"", "stranger", "reader", "owner", "admin"};
constexpr char filter_body[] =
    R"({"filter":{"op":"=","field":"total_umis","value":1},"format":"loom"})";

constexpr Row table[] = {
    {"GET", "/", "/", {200, 200, 200, 200, 200}},
    {"GET", "/health", "/health", {200, 200, 200, 200, 200}},
    {"GET", "/internal/health", "/internal/health", {200, 200, 200, 200, 200}},
    {"GET", "/version", "/version", {200, 200, 200, 200, 200}},
    {"GET", "/openapi.json", "/openapi.json", {200, 200, 200, 200, 200}},
    {"GET", "/metrics", "/metrics", {200, 200, 200, 200, 200}},
    {"GET", "/v1/filters", "/v1/filters", {200, 200, 200, 200, 200}},
    {"GET", "/v1/filters/{filter_name}", "/v1/filters/barcode", {200, 200, 200, 200, 200}},
    {"GET", "/v1/fields", "/v1/fields", {200, 200, 200, 200, 200}},
    {"GET", "/v1/fields/{field_name}", "/v1/fields/barcode", {200, 200, 200, 200, 200}},
    {"GET", "/v1/formats", "/v1/formats", {200, 200, 200, 200, 200}},
    {"GET", "/v1/formats/{format_name}", "/v1/formats/loom", {200, 200, 200, 200, 200}},
    {"GET", "/v1/features", "/v1/features", {200, 200, 200, 200, 200}},
    {"GET", "/v1/features/{feature_name}", "/v1/features/gene", {200, 200, 200, 200, 200}},
    {"GET", "/v0/matrix/formats", "/v0/matrix/formats", {200, 200, 200, 200, 200}},
    {"POST", "/v1/matrix", "/v1/matrix", {202, 202, 202, 202, 202}, filter_body},
    {"POST", "/v0/matrix", "/v0/matrix", {202, 202, 202, 202, 202}, R"({"bundle_fqids":["a.b"]})"},
    {"GET", "/v1/matrix/{request_id}", "/v1/matrix/r1", {200, 200, 200, 200, 200}},
    {"GET", "/v1/matrix/{request_id}", "/v1/matrix/r9", {404, 404, 404, 200, 200}},
    {"GET", "/v1/matrix/{request_id}", "/v1/matrix/none", {404, 404, 404, 404, 404}},
    {"GET", "/v0/matrix/{request_id}", "/v0/matrix/r1", {200, 200, 200, 200, 200}},
    {"GET", "/v0/matrix/{request_id}", "/v0/matrix/r9", {404, 404, 404, 200, 200}},
    {"GET",
     "/v1/matrix/{request_id}/files/{name}",
     "/v1/matrix/r9/files/r1.loom",
     {404, 404, 404, 200, 200}},
    {"GET",
     "/v1/matrix/{request_id}/files/{name}",
     "/v1/matrix/r9/files/no.loom",
     {404, 404, 404, 404, 404}},
    {"GET", "/v1/matrix/{request_id}/stream", "/v1/matrix/r9/stream", {404, 404, 404, 200, 200}},
    {"GET", "/v1/matrix/{request_id}", "/v1/matrix/r9.h5ad", {404, 404, 404, 200, 200}},
    {"GET", "/v1/matrix/{request_id}", "/v1/matrix/r9.xls", {404, 404, 404, 404, 404}},
    {"GET", "/v1/results/{result}", "/v1/results/made.loom", {404, 404, 200, 200, 200}},
    {"GET", "/v1/results/{result}", "/v1/results/other.loom", {404, 404, 202, 202, 202}},
    {"GET", "/v1/diff", "/v1/diff?from=ds&to=ds", {404, 404, 200, 200, 200}},
    {"GET", "/v1/diff", "/v1/diff?from=ds", {400, 400, 400, 400, 400}},
    {"GET", "/v1/origin", "/v1/origin?cell=c&gene=g&dataset=ds", {404, 404, 200, 200, 200}},
    {"GET", "/v1/origin", "/v1/origin?cell=c", {400, 400, 400, 400, 400}},
    {"POST", "/v1/sql", "/v1/sql", {200, 200, 200, 200, 200}, R"({"statement":"select 1"})"},
    {"GET", "/v1/datasets", "/v1/datasets", {200, 200, 200, 200, 200}},
    {"GET", "/v1/datasets/{dataset}", "/v1/datasets/none", {404, 404, 404, 404, 404}},
    {"GET", "/v1/datasets/{dataset}", "/v1/datasets/open", {200, 200, 200, 200, 200}},
    {"GET", "/v1/datasets/{dataset}", "/v1/datasets/ds", {404, 404, 200, 200, 200}},
    {"GET", "/v1/datasets/{dataset}", "/v1/datasets/ds-name", {404, 404, 200, 200, 200}},
    {"GET", "/v1/datasets/{dataset}", "/v1/datasets/gone", {404, 404, 200, 200, 200}},
    {"GET",
     "/v1/datasets/{dataset}/revisions",
     "/v1/datasets/ds/revisions",
     {404, 404, 200, 200, 200}},
    {"PATCH", "/v1/datasets/{dataset}", "/v1/datasets/none", {404, 404, 404, 404, 404}, "{}"},
    {"PATCH", "/v1/datasets/{dataset}", "/v1/datasets/open", {401, 403, 403, 200, 200}, "{}"},
    {"PATCH", "/v1/datasets/{dataset}", "/v1/datasets/ds", {404, 404, 403, 200, 200}, "{}"},
    {"DELETE",
     "/v1/datasets/{dataset}/images/{image}",
     "/v1/datasets/ds/images/none",
     {404, 404, 403, 404, 404}},
    {"DELETE", "/v1/datasets/{dataset}", "/v1/datasets/none", {404, 404, 404, 404, 404}},
    {"DELETE", "/v1/datasets/{dataset}", "/v1/datasets/open", {401, 403, 403, 204, 204}},
    {"DELETE", "/v1/datasets/{dataset}", "/v1/datasets/ds", {404, 404, 403, 204, 204}},
    {"GET", "/v1/datasets/{dataset}/grants", "/v1/datasets/ds/grants", {404, 404, 403, 200, 200}},
    {"GET", "/v1/datasets/{dataset}/grants", "/v1/datasets/open/grants", {401, 403, 403, 200, 200}},
    {"PUT",
     "/v1/datasets/{dataset}/grants/{principal}",
     "/v1/datasets/open/grants/x",
     {401, 403, 403, 200, 200},
     R"({"access":"read"})"},
    {"PUT",
     "/v1/datasets/{dataset}/grants/{principal}",
     "/v1/datasets/ds/grants/stranger",
     {404, 404, 403, 200, 200},
     R"({"access":"read"})"},
    {"DELETE",
     "/v1/datasets/{dataset}/grants/{principal}",
     "/v1/datasets/ds/grants/x",
     {404, 404, 403, 204, 204}},
    {"GET", "/v1/collections", "/v1/collections", {200, 200, 200, 200, 200}},
    {"POST", "/v1/collections", "/v1/collections", {401, 201, 201, 201, 201}, R"({"name":"n"})"},
    {"GET", "/v1/collections/{collection}", "/v1/collections/c1", {404, 404, 404, 200, 200}},
    {"GET", "/v1/collections/{collection}", "/v1/collections/c2", {200, 200, 200, 200, 200}},
    {"GET", "/v1/collections/{collection}", "/v1/collections/c3", {404, 404, 404, 404, 404}},
    {"POST", "/v1/uploads", "/v1/uploads", {401, 201, 201, 201, 201}, R"({"name":"n","size":1})"},
    {"GET", "/v1/uploads/{upload}", "/v1/uploads/u1", {404, 404, 404, 200, 200}},
    {"GET", "/v1/uploads/{upload}", "/v1/uploads/u2", {404, 404, 404, 404, 404}},
    {"PUT", "/v1/uploads/{upload}", "/v1/uploads/u1", {404, 404, 404, 200, 200}, "0123456789"},
    {"DELETE", "/v1/uploads/{upload}", "/v1/uploads/u1", {404, 404, 404, 204, 204}},
    {"POST", "/v1/imports", "/v1/imports", {401, 403, 403, 403, 202}, R"({"path":"/data/x"})"},
    {"POST", "/v1/imports", "/v1/imports", {401, 404, 404, 409, 409}, R"({"upload":"u1"})"},
    {"GET", "/v1/jobs", "/v1/jobs", {200, 200, 200, 200, 200}},
    {"GET", "/v1/jobs", "/v1/jobs?all=true", {401, 403, 403, 403, 200}},
    {"GET", "/v1/jobs/events", "/v1/jobs/events?seconds=0", {401, 200, 200, 200, 200}},
    {"GET", "/v1/jobs/events", "/v1/jobs/events?seconds=0&all=true", {401, 403, 403, 403, 200}},
    {"GET", "/v1/jobs/{job}", "/v1/jobs/j1", {404, 404, 404, 200, 200}},
    {"GET", "/v1/jobs/{job}", "/v1/jobs/j2", {404, 404, 404, 404, 404}},
    {"GET", "/v1/jobs/{job}/events", "/v1/jobs/j1/events", {404, 404, 404, 200, 200}},
    {"GET", "/v1/jobs/{job}/log", "/v1/jobs/j1/log", {404, 404, 404, 200, 200}},
    {"POST", "/v1/jobs/{job}/cancel", "/v1/jobs/j1/cancel", {404, 404, 404, 200, 200}},
    {"POST", "/v1/jobs/{job}/retry", "/v1/jobs/j1/retry", {404, 404, 404, 200, 200}},
    {"POST", "/dss/notification", "/dss/notification", {401, 401, 401, 401, 401}, "{}"},
    {"GET", "/v1/me", "/v1/me", {200, 200, 200, 200, 200}},
    {"GET", "/v1/principals", "/v1/principals", {401, 403, 403, 403, 200}},
    {"POST", "/v1/principals", "/v1/principals", {401, 403, 403, 403, 201}, R"({"name":"n"})"},
    {"GET", "/v1/tokens", "/v1/tokens", {401, 403, 403, 403, 200}},
    {"POST", "/v1/tokens", "/v1/tokens", {401, 403, 403, 403, 201}, R"({"principal":"n"})"},
    {"DELETE", "/v1/tokens/{token}", "/v1/tokens/t1", {401, 403, 403, 403, 204}},
};

TEST(Authorization, EveryRouteHasARowInTheTable) {
    std::set<std::string> rows, routes;
    for (const Row& row : table) rows.insert(std::string(row.method) + " " + row.pattern);
    for (const ApiRoute& route : all_routes())
        routes.insert(std::string(route.method) + " " + route.pattern);
    EXPECT_EQ(rows, routes);
}

class AuthorizationTest : public ApiTest {};

TEST_F(AuthorizationTest, EveryPrincipalGetsWhatTheTableSays) {
    for (const Row& row : table)
        for (int i = 0; i < 5; ++i) {
            TearDown();
            server_.reset();
            SetUp();
            EXPECT_EQ(call(row.method, row.target, who[i], row.body).status, row.expected[i])
                << row.method << " " << row.target << " as '" << who[i] << "'";
        }
}

TEST_F(AuthorizationTest, AnUnknownOrDisabledTokenIs401OnEveryRouteAndNeverAnonymous) {
    for (const Row& row : table)
        for (const char* token : {"nonsense", "disabled"}) {
            const auto answer = call(row.method, row.target, token, row.body);
            EXPECT_EQ(answer.status, 401) << row.method << " " << row.target;
        }
    EXPECT_TRUE(domain_.orders.empty());
    EXPECT_TRUE(domain_.imports.empty());
}

TEST_F(AuthorizationTest, AHiddenThingAndAnAbsentOneAreToldInTheSameWords) {
    const auto without_id = [](const TestClient::Answer& answer, std::string_view name) {
        std::string text = answer.body.substr(0, answer.body.find("\"request_id\""));
        for (std::size_t at; (at = text.find(name)) != text.npos;)
            text.replace(at, name.size(), "X");
        return text;
    };
    for (const char* kind : {"datasets", "jobs", "uploads", "collections"}) {
        const std::map<std::string, std::string> hidden{
            {"datasets", "ds"}, {"jobs", "j1"}, {"uploads", "u1"}, {"collections", "c1"}};
        const std::string id = hidden.at(kind);
        const auto there = call("GET", std::string("/v1/") + kind + "/" + id, "stranger");
        const auto absent = call("GET", std::string("/v1/") + kind + "/zz", "stranger");
        EXPECT_EQ(there.status, 404);
        EXPECT_EQ(without_id(there, "'" + id + "'"), without_id(absent, "'zz'"));
        EXPECT_EQ(there.headers.size(), absent.headers.size());
    }
}

}  // namespace
}  // namespace stroma::front::api
