#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "front/api/api_domain.h"

namespace stroma::front::api {

/// The whole domain in memory, for tests of the API: remembers what it was asked. Its rules: the
/// administrator may all; owners may all to their things but administer; public things may be
/// read by all; a grant of "read" lets read; users may create; anybody may make a matrix request.
class FakeDomain final : public SiteAnswers,
                         public AccessAnswers,
                         public MatrixAnswers,
                         public CitationAnswers,
                         public SqlAnswers,
                         public DatasetAnswers,
                         public ImportAnswers,
                         public JobAnswers {
public:
    ApiDomain domain() { return {*this, *this, *this, *this, *this, *this, *this, *this}; }

    std::string version() override { return "9.8.7"; }
    Result<void> ready() override;
    Result<void> publish_gauges() override { return {}; }
    const Clock& clock() override { return now; }

    Result<catalog::Principal> principal_of_token(std::string_view secret) override;
    Result<bool> decide(const catalog::Principal& principal, catalog::Action action,
                        const catalog::Thing& thing) override {
        return may(principal, action, thing);
    }
    Result<bool> may(const catalog::Principal&, catalog::Action, const catalog::Thing&) override;
    Result<catalog::Principal> create_principal(std::string_view, catalog::Role) override;
    Result<std::vector<catalog::Principal>> principals() override;
    Result<catalog::NewToken> create_token(std::string_view, std::string_view,
                                           std::vector<std::string>, std::int64_t) override;
    Result<std::vector<catalog::Token>> tokens(std::string_view) override;
    Result<void> revoke_token(std::string_view) override;
    Result<void> grant(const catalog::Grant& grant) override;
    Result<void> revoke(const catalog::Grant& grant) override;
    Result<std::vector<catalog::Grant>> grants_on(std::string_view thing) override;

    std::vector<std::string> field_names() override { return {"total_umis", "barcode"}; }
    Result<std::optional<FieldDetail>> field(const catalog::Principal&,
                                             std::string_view name) override;
    std::vector<NamedText> formats() override;
    std::vector<NamedText> features() override;
    Result<RequestedMatrices> request(const catalog::Principal&, const MatrixOrder&) override;
    Result<std::optional<matrix::MatrixRequest>> find(std::string_view id) override;
    Result<StoredFile> open_file(std::string_view id, std::string_view name) override;
    Result<std::string> stream(const matrix::StreamOrder& order,
                               const std::function<Result<void>(ByteSpan)>& take,
                               std::stop_token stop) override;

    Result<CitedResult> result(const catalog::Principal& principal, std::string_view name) override;
    Result<CitedResult> other_format(const catalog::Principal&, const matrix::MatrixRequest&,
                                     std::string_view suffix) override;
    Result<std::string> difference(const catalog::Principal& principal, std::string_view from,
                                   std::string_view to, std::stop_token) override;
    Result<std::string> origin(const catalog::Principal& principal,
                               const matrix::OriginQuestion& question) override;

    Result<std::unique_ptr<sql::Rows>> query(const catalog::Principal&, const SqlOrder&) override;
    Result<StoredFile> query_to_file(const catalog::Principal&, const SqlOrder&,
                                     std::string_view format) override;

    Result<std::vector<catalog::Dataset>> datasets(const catalog::Principal&) override;
    Result<std::optional<catalog::Dataset>> find_dataset(std::string_view) override;
    Result<std::vector<catalog::Revision>> revisions(std::string_view) override;
    Result<std::optional<catalog::Revision>> find_revision(std::string_view id) override;
    Result<std::optional<StoredFile>> source_file(std::string_view) override {
        return std::nullopt;
    }
    Result<std::vector<catalog::Image>> images(std::string_view revision) override {
        std::vector<catalog::Image> found;
        for (const catalog::Image& image : all_images)
            if (image.revision == revision) found.push_back(image);
        return found;
    }
    Result<std::optional<catalog::Image>> find_image(std::string_view id) override {
        for (const catalog::Image& image : all_images)
            if (image.id == id) return image;
        return std::nullopt;
    }
    Result<void> remove_image(const catalog::Image&) override { return {}; }
    Result<catalog::Dataset> change(std::string_view, const DatasetChange&) override;
    Result<void> withdraw(std::string_view) override;
    Result<std::vector<catalog::Collection>> collections(const catalog::Principal&) override;
    Result<std::optional<catalog::Collection>> find_collection(std::string_view) override;
    Result<catalog::Collection> create_collection(const catalog::Principal&, std::string_view,
                                                  std::string_view, catalog::Visibility) override;

    Result<Upload> create_upload(const catalog::Principal&, std::string_view,
                                 std::uint64_t) override;
    Result<std::optional<Upload>> find_upload(std::string_view id) override;
    Result<Upload> append(std::string_view id, std::uint64_t offset,
                          const std::function<Result<Bytes>()>& next) override;
    Result<void> remove_upload(std::string_view id) override;
    Result<pipeline::Job> import(const catalog::Principal&, const ImportOrder&) override;
    Result<std::optional<std::string>> notification_key(std::string_view key_id) override;
    Result<void> notify(const BundleEvent& event) override;

    Result<std::vector<pipeline::Job>> jobs(const pipeline::JobFilter&) override;
    Result<std::optional<pipeline::Job>> find_job(std::string_view id) override;
    Result<std::vector<pipeline::JobLogLine>> log_lines(std::string_view, std::int64_t) override;
    Result<pipeline::Job> cancel(std::string_view id) override;
    Result<pipeline::Job> retry(std::string_view id) override;
    Result<pipeline::Job> wait_for_change(std::string_view id, std::int64_t version,
                                          Milliseconds wait) override;
    std::uint64_t wait_for_any_change(std::uint64_t seen, Milliseconds wait) override;

    /// Changes a job as a worker would, and wakes its watchers.
    void set_job(pipeline::Job job);
    static StoredFile file_of(std::string_view content, std::string name);

    ManualClock now;
    std::optional<Error> not_ready, notify_error, request_error, query_error;
    std::map<std::string, catalog::Principal, std::less<>> by_secret;
    std::map<std::string, matrix::MatrixRequest, std::less<>> requests;
    std::map<std::string, catalog::Dataset, std::less<>> all_datasets;
    std::map<std::string, catalog::Revision, std::less<>> all_revisions;
    std::map<std::string, catalog::Collection, std::less<>> all_collections;
    std::map<std::string, Upload, std::less<>> uploads;
    std::map<std::string, std::string, std::less<>> uploaded;
    std::map<std::string, pipeline::Job, std::less<>> all_jobs;
    std::vector<catalog::Image> all_images;
    std::vector<catalog::Grant> grants;
    std::vector<BundleEvent> events;
    std::vector<MatrixOrder> orders;
    std::vector<matrix::StreamOrder> streams;
    std::optional<Error> stream_error;  ///< after the first bytes
    std::vector<SqlOrder> sql_orders;
    std::vector<ImportOrder> imports;
    int fails_after_rows = -1;  ///< of a query's three
    bool anonymous_may_ask = true;

private:
    bool may_locked(const catalog::Principal&, catalog::Action, const catalog::Thing&) const;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t changes_ = 0;
};

}  // namespace stroma::front::api
