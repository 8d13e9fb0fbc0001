#include "front/postgres/scram.h"

#include <gtest/gtest.h>

namespace stroma::front::postgres {
namespace {

// The exchange of RFC 7677, section 3. Its server's part of the nonce and its salt are given.
constexpr char salt[] = "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81";
constexpr char client_first[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr char client_last[] =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramServer server(std::vector<std::string> secrets) {
    return {
        "user", std::string(salt, 16), 4096, std::move(secrets), "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        ""};
}

TEST(Scram, TheExampleOfRfc7677IsAnsweredAsItSays) {
    auto scram = server({"pencil"});
    const auto first = scram.first("SCRAM-SHA-256", client_first);
    ASSERT_TRUE(first);
    EXPECT_EQ(*first,
              "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
              "i=4096");
    const auto last = scram.last(client_last);
    ASSERT_TRUE(last) << last.error().message;
    EXPECT_EQ(*last, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, AnyOfSeveralSecretsIsThePassword) {
    auto scram = server({"pen", "pencil", "brush"});
    ASSERT_TRUE(scram.first("SCRAM-SHA-256", client_first));
    EXPECT_TRUE(scram.last(client_last));
}

TEST(Scram, AnotherPasswordAndNoneAreDenied) {
    for (const auto& secrets : {std::vector<std::string>{"pen"}, std::vector<std::string>{}}) {
        auto scram = server(secrets);
        ASSERT_TRUE(scram.first("SCRAM-SHA-256", client_first));
        const auto last = scram.last(client_last);
        ASSERT_FALSE(last);
        EXPECT_EQ(last.error().code, ErrorCode::denied);
    }
}

TEST(Scram, WhatBreaksTheProtocolIsRefused) {
    EXPECT_FALSE(server({"pencil"}).first("SCRAM-SHA-1", client_first));
    EXPECT_FALSE(server({"pencil"}).first("SCRAM-SHA-256-PLUS", client_first));
    EXPECT_FALSE(server({"pencil"}).first("SCRAM-SHA-256", "p=tls-unique,,n=user,r=abc"));
    EXPECT_FALSE(server({"pencil"}).first("SCRAM-SHA-256", "n,,n=user"));
    auto scram = server({"pencil"});
    EXPECT_FALSE(scram.last(client_last));  // before the first
    ASSERT_TRUE(scram.first("SCRAM-SHA-256", client_first));
    EXPECT_FALSE(scram.last("c=biws,r=another,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
}

TEST(Scram, AClientThatCouldBindButWasNotOfferedItIsLetInOnlyWithoutTls) {
    ScramServer with_tls("user", "salt", 4096, {"pencil"}, "nonce", "hash of a certificate");
    EXPECT_FALSE(with_tls.first("SCRAM-SHA-256", "y,,n=user,r=abc"));
    EXPECT_TRUE(server({"pencil"}).first("SCRAM-SHA-256", "y,,n=user,r=abc"));
}

}  // namespace
}  // namespace stroma::front::postgres
