#include <gtest/gtest.h>

#include <ctime>

#include "base/base64.h"
#include "base/digest.h"
#include "front/api/api_test_site.h"
#include "front/api/http_signature.h"

namespace stroma::front::api {
namespace {

constexpr char payload[] =
    R"({"transaction_id":"t","subscription_id":"sub-1","event_type":"CREATE","attachments":{},
        "match":{"bundle_uuid":"u","bundle_version":"v"}})";

std::string http_date(std::int64_t unix_ms) {
    const std::time_t seconds = unix_ms / 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    return std::string(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
}

/// Signs as the data store did.
struct Signer {
    std::string key = "shared key", key_id = "dss", algorithm = "hmac-sha256";
    std::string names = "(request-target) host date digest";
    std::int64_t at_ms = 0;

    HeaderList headers(std::string_view body) const {
        Digest sha(DigestKind::sha256);
        sha.update(body);
        const std::string date = http_date(at_ms),
                          digest = "SHA-256=" + base64(as_text(sha.bytes()));
        std::string text;
        const auto add = [&](const std::string& name, const std::string& value) {
            if (names.find(name) == names.npos) return;
            text += (text.empty() ? "" : "\n") + name + ": " + value;
        };
        add("(request-target)", "post /dss/notification");
        add("host", "localhost");
        add("date", date);
        add("digest", digest);
        const std::string signature = base64(as_text(hmac_sha256(as_bytes(key), text)));
        return {
            {"Host", "localhost"},
            {"Date", date},
            {"Digest", digest},
            {"Authorization", "Signature keyId=\"" + key_id + "\",algorithm=\"" + algorithm +
                                  "\",headers=\"" + names + "\",signature=\"" + signature + "\""}};
    }
};

class Notifications : public ApiTest {
protected:
    Signer signer() const {
        Signer signer;
        signer.at_ms = domain_.now.unix_ms();
        return signer;
    }
    int post(const HeaderList& headers, std::string_view body = payload) {
        return call("POST", "/dss/notification", "", body, headers).status;
    }
};

TEST_F(Notifications, ASignedOneIsQueuedAndTheAnswerNamesTheSubscription) {
    const auto answer = call("POST", "/dss/notification", "", payload, signer().headers(payload));
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.body.find("sub-1"), std::string::npos);
    ASSERT_EQ(domain_.events.size(), 1u);
    EXPECT_EQ(domain_.events[0].type, "CREATE");
    EXPECT_EQ(domain_.events[0].bundle_uuid, "u");
    EXPECT_EQ(domain_.events[0].bundle_version, "v");
}

TEST_F(Notifications, TheSignatureHeaderAndASmallerSetOfHeadersServeToo) {
    Signer less = signer();
    less.names = "date digest";
    HeaderList headers = less.headers(payload);
    headers[3].first = "Signature";
    headers[3].second.erase(0, 10);
    EXPECT_EQ(post(headers), 200);
}

TEST_F(Notifications, WhatIsNotSignedAsAgreedIs401AndNothingIsQueued) {
    EXPECT_EQ(post({}), 401);
    Signer wrong = signer();
    wrong.key = "other key";
    EXPECT_EQ(post(wrong.headers(payload)), 401);
    wrong = signer();
    wrong.key_id = "nobody";
    EXPECT_EQ(post(wrong.headers(payload)), 401);
    wrong = signer();
    wrong.key = "";
    wrong.key_id = "nobody";
    EXPECT_EQ(post(wrong.headers(payload)), 401);
    wrong = signer();
    wrong.algorithm = "none";
    EXPECT_EQ(post(wrong.headers(payload)), 401);
    wrong = signer();
    wrong.names = "date";
    EXPECT_EQ(post(wrong.headers(payload)), 401);
    wrong = signer();
    wrong.names = "digest";
    EXPECT_EQ(post(wrong.headers(payload)), 401);
    EXPECT_EQ(post(signer().headers("another body")), 401);
    HeaderList headers = signer().headers(payload);
    headers[1].second = http_date(domain_.now.unix_ms() + 1000);
    EXPECT_EQ(post(headers), 401);
    for (const char* broken : {"Signature ", "Signature keyId", "Signature keyId=\"", "Signature ,",
                               "Signature signature=\"\",headers=\"nope\""}) {
        headers = signer().headers(payload);
        headers[3].second = broken;
        EXPECT_EQ(post(headers), 401) << broken;
    }
    EXPECT_TRUE(domain_.events.empty());
}

TEST_F(Notifications, TheDateMayBeFifteenMinutesOffAndNotMore) {
    for (const std::int64_t minutes : {-15, 15}) {
        Signer early = signer();
        early.at_ms += minutes * 60'000;
        EXPECT_EQ(post(early.headers(payload)), 200) << minutes;
        early.at_ms += minutes * 1000 / 15;
        EXPECT_EQ(post(early.headers(payload)), 401) << minutes;
    }
}

TEST_F(Notifications, TheSameOneAgainIsAnsweredButNotQueuedAgain) {
    const HeaderList headers = signer().headers(payload);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(post(headers), 200);
    EXPECT_EQ(domain_.events.size(), 1u);
    domain_.now.advance(Milliseconds{15 * 60'000 + 1000});
    EXPECT_EQ(post(headers), 401);
}

TEST_F(Notifications, OneThatCouldNotBeQueuedMayBeSentAgain) {
    const HeaderList headers = signer().headers(payload);
    domain_.notify_error = Error{ErrorCode::unavailable, "the queue is down"};
    EXPECT_EQ(post(headers), 503);
    domain_.notify_error.reset();
    EXPECT_EQ(post(headers), 200);
    EXPECT_EQ(domain_.events.size(), 1u);
}

TEST_F(Notifications, ASignedPayloadThatNamesNoBundleIs400) {
    for (const char* body :
         {"[]", "{}", R"({"event_type":"CREATE"})", R"({"event_type":"CREATE","match":{}})",
          R"({"event_type":"CREATE","match":{"bundle_uuid":1,"bundle_version":"v"}})"})
        EXPECT_EQ(post(signer().headers(body), body), 400) << body;
}

TEST(HttpDate, OnlyTheFixedFormIsADate) {
    EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:01 GMT"), 1000);
    for (const char* bad :
         {"", "Thu, 01 Jan 1970", "1970-01-01", "Thu, 01 Jan 1970 00:00:01 GMT x"})
        EXPECT_FALSE(parse_http_date(bad)) << bad;
}

}  // namespace
}  // namespace stroma::front::api
