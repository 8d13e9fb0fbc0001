#pragma once

#include <gtest/gtest.h>

#include "expression/sealed_samples.h"
#include "front/api/api.h"
#include "front/api/fake_domain.h"
#include "front/explorer/explorer_front.h"
#include "front/http/test_client.h"
#include "image/pyramid_writer.h"
#include "object/memory/memory_store.h"
#include "pipeline/worker.h"
#include "queue/database/database_queue.h"
#include "sql/sqlite/sqlite_database.h"

// What the tests of this folder share.

namespace stroma::front::explorer {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (fs::temp_directory_path() / "front-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { fs::remove_all(path); }
    fs::path path;
};

/// Sixty cells of counts, "T" and "B" in turns of ten, from three donors.
inline expression::AnnotatedData many_cells() {
    namespace samples = expression::samples;
    auto data =
        samples::dataset_of(samples::random_matrix({.cells = 60, .genes = 20, .density = 0.5}, 5),
                            expression::Unit::counts);
    expression::Categorical types{{}, expression::TextArray{"T", "B"}, false};
    expression::Categorical donors{{}, expression::TextArray{"a", "b", "c"}, false};
    for (std::int32_t cell = 0; cell < 60; ++cell) {
        types.codes.push_back(cell / 10 % 2);
        donors.codes.push_back(cell % 3);
    }
    data.obs.columns = {{"type", types, {}}, {"donor", donors, {}}};
    return data;
}

/// Revisions "many-…" hold many_cells(), all others the rich dataset.
inline Result<std::shared_ptr<const expression::SealedDataset>> sealed_sample(
    std::string_view revision) {
    auto data = revision.starts_with("many") ? many_cells() : expression::samples::rich_dataset();
    return expression::SealedDataset::open(
        expression::samples::reader_of(expression::samples::seal(data)));
}

/// Two labels side by side.
class TwoLabels final : public stroma::image::ImageSource {
public:
    const stroma::image::ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    Result<void> read_rows(std::size_t, std::uint64_t, std::uint64_t rows,
                           std::span<Bytes> out) override {
        for (std::size_t i = 0; i < 2 * rows; ++i) out[0][i] = static_cast<std::byte>(1 + i % 2);
        return {};
    }

private:
    stroma::image::ImageInfo info_{.width = 2,
                                   .height = 3,
                                   .content = stroma::image::Content::labels,
                                   .channels = {{.name = "labels", .color = ""}}};
};

/// A server over four cells: datasets "open" (public), "ds" (private, the reader may read), "gone"
/// (withdrawn) and "empty" (public, without a revision); revisions "open-1" (removed), "open-2",
/// "ds-1", "gone-1". "many" is public and "many-ds" as "ds", both of sixty cells. Under each
/// revision lies an image, named after it with "-image". Tokens are the principals' names.
class ExplorerTest : public ::testing::Test {
protected:
    void SetUp() override {
        for (const std::string name : {"admin", "owner", "reader", "stranger"}) {
            const auto role = name == "admin" ? catalog::Role::administrator : catalog::Role::user;
            fake_.by_secret[name] = {name, name, role, false, 1, {}};
        }
        add_dataset("open", catalog::Visibility::public_, "open-2");
        add_dataset("ds", catalog::Visibility::private_, "ds-1");
        add_dataset("gone", catalog::Visibility::private_, "");
        add_dataset("empty", catalog::Visibility::public_, "");
        add_dataset("many", catalog::Visibility::public_, "many-1");
        add_dataset("many-ds", catalog::Visibility::private_, "many-ds-1");
        fake_.all_datasets["gone"].withdrawn = true;
        fake_.grants = {
            {"ds", "reader", "read"}, {"many-ds", "reader", "read"}, {"gone", "reader", "read"}};
        add_revision("open-1", "open", catalog::RevisionState::removed);
        add_revision("open-2", "open", catalog::RevisionState::ready);
        add_revision("ds-1", "ds", catalog::RevisionState::ready);
        add_revision("ds-2", "ds", catalog::RevisionState::pending);
        add_revision("gone-1", "gone", catalog::RevisionState::removed);
        add_revision("many-1", "many", catalog::RevisionState::ready);
        add_revision("many-ds-1", "many-ds", catalog::RevisionState::ready);
        http::ServerOptions options;
        options.access_log = false;
        auto server = http::Server::listen(options, front_.routes(), api_.authenticator());
        ASSERT_TRUE(server);
        server_ = std::move(*server);
        server_->start();
    }
    void TearDown() override {
        if (server_) server_->stop(Milliseconds{10'000});
    }
    void add_dataset(const std::string& id, catalog::Visibility visibility,
                     const std::string& current) {
        catalog::Dataset dataset;
        dataset.id = dataset.name = id;
        dataset.title = "cells of " + id;
        dataset.owner = "owner";
        dataset.visibility = visibility;
        dataset.current_revision = current;
        fake_.all_datasets[id] = dataset;
    }
    void add_revision(const std::string& id, const std::string& dataset,
                      catalog::RevisionState state) {
        catalog::Revision revision;
        revision.id = id;
        revision.dataset = dataset;
        revision.state = state;
        revision.cells = 4;
        fake_.all_revisions[id] = revision;
        const std::string image = id + "-image";
        TwoLabels labels;
        File file = *File::create(folder_.path / image);
        ASSERT_TRUE(stroma::image::write_pyramid(labels, file, {}, false, {}));
        ASSERT_TRUE(objects_.put_file(stroma::image::ImageFiles::object_key(image),
                                      folder_.path / image, {}));
        fake_.all_images.push_back(
            {image, id, "outlines", "", "spatial", "[1,0,0,0,1,0]", "{}", 0});
    }
    http::TestClient::Answer call(std::string_view method, std::string_view target,
                                  std::string_view token = "", std::string_view body = "",
                                  HeaderList headers = {}) {
        if (!token.empty()) headers.emplace_back("Authorization", "Bearer " + std::string(token));
        return http::ask(server_->port(), method, target, std::move(headers), body);
    }

    api::FakeDomain fake_;
    object::MemoryStore objects_;
    TemporaryFolder folder_;
    stroma::explorer::BodyStore bodies_{
        objects_,
        folder_.path,
        "kept/",
        [](std::string_view revision) { return "kept/" + std::string(revision) + "/"; },
        {}};
    stroma::explorer::Explorer explorer_{sealed_sample, bodies_};
    IdSource ids_{7};
    std::unique_ptr<sql::SqliteDatabase> control_ = *sql::SqliteDatabase::open_in_memory();
    std::unique_ptr<queue::TransactionalQueue> queue_ =
        queue::open_queue(*control_, "jobs", pipeline::job_queue_options(), system_clock(), ids_)
            .value();
    std::unique_ptr<pipeline::JobStore> jobs_ =
        pipeline::JobStore::open(*control_, *queue_, system_clock(), ids_).value();
    std::unique_ptr<stroma::explorer::Comparisons> comparisons_ =
        stroma::explorer::Comparisons::open(*control_, explorer_, *jobs_, system_clock(), ids_,
                                            {.budget = Milliseconds{30'000}})
            .value();
    std::unique_ptr<stroma::explorer::Clusterings> clusterings_ =
        stroma::explorer::Clusterings::open(*control_, explorer_, *jobs_, system_clock()).value();
    stroma::image::ImageFiles images_{objects_};
    ExplorerFront front_{
        {fake_, fake_, fake_, explorer_, *comparisons_, *clusterings_, images_, "9.8.7"}};
    api::Api api_{fake_.domain(), {}};
    std::unique_ptr<http::Server> server_;
};

}  // namespace stroma::front::explorer
