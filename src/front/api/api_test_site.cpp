#include "front/api/api_test_site.h"

namespace stroma::front::api {
namespace {

void fill(FakeDomain& domain) {
    using catalog::Role;
    domain.by_secret = {{"admin", {"admin", "admin", Role::administrator, false, 1, {}}},
                        {"owner", {"owner", "owner", Role::user, false, 1, {}}},
                        {"reader", {"reader", "reader", Role::user, false, 1, {}}},
                        {"stranger", {"stranger", "stranger", Role::user, false, 1, {}}},
                        {"disabled", {"disabled", "disabled", Role::user, true, 1, {}}}};
    for (const char* id : {"ds", "open", "gone"}) {
        catalog::Dataset dataset;
        dataset.id = id;
        dataset.name = std::string(id) + "-name";
        dataset.owner = "owner";
        dataset.visibility = std::string_view(id) == "open" ? catalog::Visibility::public_
                                                            : catalog::Visibility::private_;
        dataset.withdrawn = std::string_view(id) == "gone";
        domain.all_datasets[id] = dataset;
    }
    for (const char* id : {"c1", "c2"}) {
        catalog::Collection collection;
        collection.id = collection.name = id;
        collection.owner = "owner";
        collection.visibility = std::string_view(id) == "c2" ? catalog::Visibility::public_
                                                             : catalog::Visibility::private_;
        domain.all_collections[id] = collection;
    }
    domain.grants = {{"ds", "reader", "read"}, {"gone", "reader", "read"}};
    pipeline::Job job;
    job.id = "j1";
    job.stage = "import";
    job.owner = "owner";
    job.state = pipeline::JobState::failed;
    job.error_code = "corrupt";
    job.error = "a block fails its check";
    job.version = 3;
    domain.all_jobs["j1"] = job;
    domain.uploads["u1"] = {"u1", "x.h5ad", "owner", 10, 0, 1, 2};
    for (const char* id : {"r1", "r9"}) {
        matrix::MatrixRequest request;
        request.id = id;
        request.owner = std::string_view(id) == "r9" ? "owner" : "";
        request.state = matrix::RequestState::complete;
        request.object_key = "results/place";
        request.file_name = "r1.loom";
        request.query.format = "loom";
        domain.requests[id] = request;
    }
}

}  // namespace

void ApiTest::start(const ApiOptions& options) {
    fill(domain_);
    if (server_) server_->stop(Milliseconds{10'000});
    api_ = std::make_unique<Api>(domain_.domain(), options);
    http::ServerOptions server_options;
    server_options.access_log = false;
    auto server = http::Server::listen(server_options, api_->routes(), api_->authenticator());
    ASSERT_TRUE(server);
    server_ = std::move(*server);
    server_->start();
}

TestClient::Answer ApiTest::call(std::string_view method, std::string_view target,
                                 std::string_view token, std::string_view body,
                                 HeaderList headers) {
    if (!token.empty()) headers.emplace_back("Authorization", "Bearer " + std::string(token));
    return http::ask(server_->port(), method, target, std::move(headers), body);
}

}  // namespace stroma::front::api
