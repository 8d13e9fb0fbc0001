#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "front/account/account_routes.h"
#include "front/api/openapi.h"

// What signing in does over HTTP is tried from outside, in test/acceptance/test_accounts.py.

namespace stroma::front::account {
namespace {

http::Request request_with(std::vector<std::pair<std::string, std::string>> headers) {
    http::Request request;
    request.client = "127.0.0.1";
    request.headers = std::move(headers);
    return request;
}

const AccountFrontOptions behind_proxy{"", {"127.0.0.1", "10.0.0.2"}};

TEST(AccountFront, EveryRouteIsDescribed) {
    const Json document = *parse_json(api::openapi_document());
    std::set<std::string> described, routed;
    for (const auto& [path, methods] : document["paths"].items())
        for (const auto& [method, operation] : methods.items()) {
            if (operation["tags"][0] != "account") continue;
            std::string upper = method;
            for (char& c : upper) c = static_cast<char>(std::toupper(c));
            described.insert(upper + " " + path);
        }
    for (const auto& group : {sign_in_routes(), oidc_routes(), own_routes(), user_routes(),
                              link_routes(), audit_routes()})
        for (const AccountRoute& route : group)
            routed.insert(std::string(route.method) + " " + route.pattern);
    EXPECT_EQ(described, routed);
}

TEST(Visit, TheAddressIsTheLastOneThatNoTrustedProxyHas) {
    const auto request = request_with({{"host", "stroma.example"},
                                       {"x-forwarded-for", "6.6.6.6, 203.0.113.9 , 10.0.0.2"},
                                       {"x-forwarded-proto", "https"}});
    const Visit trusting = visit_of(request, behind_proxy);
    EXPECT_EQ(trusting.address, "203.0.113.9");
    EXPECT_TRUE(trusting.is_secure);
    EXPECT_EQ(trusting.base_url, "https://stroma.example");
    const Visit wary = visit_of(request, {"", {}});
    EXPECT_EQ(wary.address, "127.0.0.1");
    EXPECT_FALSE(wary.is_secure);
}

TEST(Visit, CookiesAreReadByTheirWholeNames) {
    const std::string cookies =
        "xstroma_session=1; stroma_session=abc; stroma_links=l1.l2.; stroma_browser=" +
        std::string(300, 'x');
    const Visit visit = visit_of(request_with({{"cookie", cookies}}), {"", {}});
    EXPECT_EQ(visit.session, "abc");
    EXPECT_EQ(visit.links, (std::vector<std::string>{"l1", "l2"}));
    EXPECT_EQ(visit.browser, "");  // longer than any of ours
    const Visit secure =
        visit_of(request_with({{"cookie", cookies}}), {"https://stroma.example", {}});
    EXPECT_EQ(secure.session, "");
}

TEST(Visit, APageIsOwnOnlyIfEverythingItsBrowserSaysAgrees) {
    const auto is_own = [](std::vector<std::pair<std::string, std::string>> headers) {
        headers.emplace_back("host", "stroma.example:8080");
        const auto request = request_with(std::move(headers));
        return is_from_own_page(request, visit_of(request, behind_proxy));
    };
    EXPECT_TRUE(is_own({{"origin", "http://stroma.example:8080"}}));
    EXPECT_TRUE(is_own({{"origin", "http://Stroma.Example:8080"}}));
    EXPECT_TRUE(is_own({{"sec-fetch-site", "same-origin"}}));
    EXPECT_FALSE(is_own({}));
    EXPECT_FALSE(is_own({{"origin", "null"}}));
    EXPECT_FALSE(is_own({{"origin", ""}}));
    EXPECT_FALSE(is_own({{"origin", "http://stroma.example"}}));
    EXPECT_FALSE(is_own({{"origin", "http://stroma.example:8080.evil.example"}}));
    EXPECT_FALSE(is_own({{"origin", "http://evil.example/http://stroma.example:8080"}}));
    EXPECT_FALSE(is_own({{"origin", "http://stroma.example:8080"}, {"sec-fetch-site", "none"}}));
    EXPECT_FALSE(is_own({{"origin", "http://evil.example"}, {"sec-fetch-site", "same-origin"}}));
}

TEST(Visit, TheTokenIsMadeOfTheCookiesAndDiffersWithThem) {
    Visit visit;
    EXPECT_EQ(csrf_token(visit), "");
    visit.links = {"a", "b"};
    const std::string of_links = csrf_token(visit);
    visit.session = "s";
    EXPECT_EQ(of_links.size(), 32u);
    EXPECT_NE(csrf_token(visit), of_links);
    EXPECT_EQ(csrf_token(visit), csrf_token(visit));
}

}  // namespace
}  // namespace stroma::front::account
