#pragma once

#include <gtest/gtest.h>

#include "front/api/api.h"
#include "front/api/fake_domain.h"
#include "front/http/test_client.h"

namespace stroma::front::api {

using http::TestClient;
using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A running server with the API over a fake domain: principals "admin", "owner", "reader",
/// "stranger", whose tokens are their names; dataset "ds" (private, the owner's, the reader may
/// read), "open" (public), "gone" (withdrawn); job "j1", upload "u1", collections "c1", "c2",
/// matrix requests "r1" (nobody's) and "r9" (the owner's).
class ApiTest : public ::testing::Test {
protected:
    void SetUp() override { start({}); }
    void start(const ApiOptions& options);
    void TearDown() override {
        if (server_) server_->stop(Milliseconds{10'000});
    }
    TestClient::Answer call(std::string_view method, std::string_view target,
                            std::string_view token = "", std::string_view body = "",
                            HeaderList headers = {});

    FakeDomain domain_;
    std::unique_ptr<Api> api_;
    std::unique_ptr<http::Server> server_;
};

}  // namespace stroma::front::api
