#include "front/api/fake_domain.h"

#include "base/digest.h"

namespace stroma::front::api {
namespace {

using catalog::Action;
using catalog::ThingKind;

class FakeRows final : public sql::Rows {
public:
    explicit FakeRows(int fails_after) : fails_after_(fails_after) {}
    const std::vector<sql::ColumnInfo>& columns() const override { return columns_; }
    Result<bool> next() override {
        if (row_ == fails_after_) return fail(ErrorCode::exhausted, "rows_max: 2 rows");
        return ++row_ <= 3;
    }
    sql::Value value(std::size_t column) const override {
        if (column == 0) return std::int64_t{row_};
        if (column == 1) return row_ == 2 ? sql::Value() : sql::Value(row_ + 0.5);
        return row_ == 3 ? std::string() : std::string("a \"quoted\", text");
    }
    std::int64_t rows_changed() const override { return 0; }

private:
    int row_ = 0, fails_after_;
    std::vector<sql::ColumnInfo> columns_{{"n", sql::Type::integer, "BIGINT"},
                                          {"x", sql::Type::real, "DOUBLE"},
                                          {"t,", sql::Type::text, "VARCHAR"}};
};

template <class Map>
auto found_in(const Map& map, std::string_view id) -> std::optional<typename Map::mapped_type> {
    const auto one = map.find(id);
    if (one == map.end()) return std::nullopt;
    return one->second;
}

tl::unexpected<Error> missing() { return fail(ErrorCode::not_found, "not there"); }

}  // namespace

Result<void> FakeDomain::ready() {
    if (not_ready) return fail(*not_ready);
    return {};
}

Result<catalog::Principal> FakeDomain::principal_of_token(std::string_view secret) {
    const auto found = found_in(by_secret, secret);
    if (!found) return fail(ErrorCode::denied, "unknown");
    return *found;
}

bool FakeDomain::may_locked(const catalog::Principal& principal, Action action,
                            const catalog::Thing& thing) const {
    if (principal.role == catalog::Role::administrator) return true;
    if (action == Action::administer) return false;
    const bool user = principal.role == catalog::Role::user;
    if (action == Action::create)
        return user || (thing.kind == ThingKind::matrix_request && anonymous_may_ask);
    if (thing.kind == ThingKind::site) return action == Action::read;
    if (user && thing.owner == principal.id) return true;
    for (const auto& grant : grants)
        if (grant.thing == thing.id && grant.principal == principal.id && action == Action::read)
            return true;
    if (action != Action::read) return false;
    if (thing.kind == ThingKind::dataset) {
        const auto dataset = found_in(all_datasets, thing.id);
        return dataset && dataset->visibility == catalog::Visibility::public_;
    }
    if (thing.kind == ThingKind::collection) {
        const auto collection = found_in(all_collections, thing.id);
        return collection && collection->visibility == catalog::Visibility::public_;
    }
    return thing.kind == ThingKind::matrix_request && thing.owner.empty();
}

Result<bool> FakeDomain::may(const catalog::Principal& principal, Action action,
                             const catalog::Thing& thing) {
    return may_locked(principal, action, thing);
}

Result<catalog::Principal> FakeDomain::create_principal(std::string_view name, catalog::Role role) {
    if (name == "taken") return fail(ErrorCode::already_exists, "the name 'taken' is taken");
    return catalog::Principal{"p-" + std::string(name), std::string(name), role, false, 1, {}};
}

Result<std::vector<catalog::Principal>> FakeDomain::principals() {
    std::vector<catalog::Principal> all;
    for (const auto& [secret, principal] : by_secret) all.push_back(principal);
    return all;
}

Result<catalog::NewToken> FakeDomain::create_token(std::string_view principal,
                                                   std::string_view label,
                                                   std::vector<std::string> scopes,
                                                   std::int64_t expires_ms) {
    return catalog::NewToken{{"t1", std::string(principal), std::string(label), std::move(scopes),
                              now.unix_ms(), expires_ms, 0, false},
                             "stroma_secret"};
}

Result<std::vector<catalog::Token>> FakeDomain::tokens(std::string_view principal) {
    return std::vector<catalog::Token>{{"t1", std::string(principal), "", {}, 1, 0, 0, false}};
}

Result<void> FakeDomain::revoke_token(std::string_view id) {
    if (id != "t1") return missing();
    return {};
}

Result<void> FakeDomain::grant(const catalog::Grant& grant) {
    grants.push_back(grant);
    return {};
}

Result<void> FakeDomain::revoke(const catalog::Grant& grant) {
    std::erase_if(grants, [&](const catalog::Grant& one) {
        return one.thing == grant.thing && one.principal == grant.principal;
    });
    return {};
}

Result<std::vector<catalog::Grant>> FakeDomain::grants_on(std::string_view thing) {
    std::vector<catalog::Grant> on;
    for (const auto& grant : grants)
        if (grant.thing == thing) on.push_back(grant);
    return on;
}

Result<std::optional<FieldDetail>> FakeDomain::field(const catalog::Principal&,
                                                     std::string_view name) {
    if (name == "total_umis")
        return std::optional(FieldDetail{"total_umis", "UMIs of a cell", true, 100, 277, {}});
    if (name == "barcode")
        return std::optional(FieldDetail{"barcode", "", false, 0, 0, {{"", 2}, {"AAA", 14}}});
    return std::optional<FieldDetail>();
}

std::vector<NamedText> FakeDomain::formats() {
    return {{"loom", "<p>Loom</p>"}, {"csv", ""}, {"mtx", ""}, {"zarr", ""}, {"h5ad", ""}};
}

std::vector<NamedText> FakeDomain::features() {
    return {{"gene", "genes"}, {"transcript", "transcripts"}};
}

Result<RequestedMatrices> FakeDomain::request(const catalog::Principal& principal,
                                              const MatrixOrder& order) {
    if (request_error) return fail(*request_error);
    orders.push_back(order);
    RequestedMatrices made;
    made.request.id = "r1";
    made.request.query = order.query;
    made.request.owner = principal.id;
    if (order.every_species) made.non_human_request_ids["Mus musculus"] = "r2";
    return made;
}

Result<std::optional<matrix::MatrixRequest>> FakeDomain::find(std::string_view id) {
    return found_in(requests, id);
}

StoredFile FakeDomain::file_of(std::string_view content, std::string name) {
    auto file = File::temporary(fs::temp_directory_path());
    (void)file->write_at(0, as_bytes(content));
    return {std::make_shared<const File>(std::move(*file)),
            content.size(),
            "tag",
            std::move(name),
            "application/x-hdf5",
            sha256_hex(content)};
}

Result<StoredFile> FakeDomain::open_file(std::string_view, std::string_view name) {
    if (name != "r1.loom") return fail(ErrorCode::not_found, "the request has no such file");
    return file_of("loom bytes", "r1.loom");
}

Result<std::string> FakeDomain::stream(const matrix::StreamOrder& order,
                                       const std::function<Result<void>(ByteSpan)>& take,
                                       std::stop_token) {
    streams.push_back(order);
    const std::string content = "loom bytes";
    TRY(take(as_bytes(content.substr(order.offset, order.count))));
    if (stream_error) return fail(*stream_error);
    return sha256_hex(content);
}

Result<CitedResult> FakeDomain::result(const catalog::Principal& principal, std::string_view name) {
    if (!may_locked(principal, Action::read, {ThingKind::dataset, "ds", "owner"}))
        return fail(ErrorCode::not_found, "there is no result '" + std::string(name) + "'");
    if (name == "made.loom") return CitedResult{file_of("loom bytes", "made.loom"), {}};
    return CitedResult{};
}

Result<CitedResult> FakeDomain::other_format(const catalog::Principal&,
                                             const matrix::MatrixRequest&,
                                             std::string_view suffix) {
    if (suffix != "h5ad") return fail(ErrorCode::not_found, "unknown suffix");
    return CitedResult{file_of("h5ad bytes", "made.h5ad"), {}};
}

Result<std::string> FakeDomain::difference(const catalog::Principal& principal,
                                           std::string_view from, std::string_view,
                                           std::stop_token) {
    if (!may_locked(principal, Action::read, {ThingKind::dataset, std::string(from), "owner"}))
        return fail(ErrorCode::not_found, "there is no snapshot");
    return "{}";
}

Result<std::string> FakeDomain::origin(const catalog::Principal& principal,
                                       const matrix::OriginQuestion& question) {
    if (!may_locked(principal, Action::read, {ThingKind::dataset, question.dataset, "owner"}))
        return fail(ErrorCode::not_found, "there is no cell");
    return "{}";
}

Result<std::unique_ptr<sql::Rows>> FakeDomain::query(const catalog::Principal&,
                                                     const SqlOrder& order) {
    if (query_error) return fail(*query_error);
    sql_orders.push_back(order);
    return std::unique_ptr<sql::Rows>(std::make_unique<FakeRows>(fails_after_rows));
}

Result<StoredFile> FakeDomain::query_to_file(const catalog::Principal&, const SqlOrder& order,
                                             std::string_view format) {
    sql_orders.push_back(order);
    return file_of("PAR1", "rows." + std::string(format));
}

Result<std::vector<catalog::Dataset>> FakeDomain::datasets(const catalog::Principal& principal) {
    std::vector<catalog::Dataset> readable;
    for (const auto& [id, dataset] : all_datasets)
        if (may_locked(principal, Action::read, {ThingKind::dataset, id, dataset.owner}))
            readable.push_back(dataset);
    return readable;
}

Result<std::optional<catalog::Dataset>> FakeDomain::find_dataset(std::string_view id_or_name) {
    for (const auto& [id, dataset] : all_datasets)
        if (id == id_or_name || (dataset.name == id_or_name && !dataset.withdrawn))
            return std::optional(dataset);
    return std::optional<catalog::Dataset>();
}

Result<std::vector<catalog::Revision>> FakeDomain::revisions(std::string_view dataset) {
    catalog::Revision revision;
    revision.id = "rev1";
    revision.dataset = dataset;
    revision.number = 1;
    revision.state = catalog::RevisionState::ready;
    revision.object_key = "secret/place/on/disk";
    return std::vector{revision};
}

Result<std::optional<catalog::Revision>> FakeDomain::find_revision(std::string_view id) {
    const auto found = all_revisions.find(id);
    if (found == all_revisions.end()) return std::nullopt;
    return found->second;
}

Result<catalog::Dataset> FakeDomain::change(std::string_view id, const DatasetChange& change) {
    catalog::Dataset& dataset = all_datasets.find(id)->second;
    if (change.title) dataset.title = *change.title;
    if (change.visibility) dataset.visibility = *change.visibility;
    return dataset;
}

Result<void> FakeDomain::withdraw(std::string_view id) {
    all_datasets.find(id)->second.withdrawn = true;
    return {};
}

Result<std::vector<catalog::Collection>> FakeDomain::collections(
    const catalog::Principal& principal) {
    std::vector<catalog::Collection> readable;
    for (const auto& [id, collection] : all_collections)
        if (may_locked(principal, Action::read, {ThingKind::collection, id, collection.owner}))
            readable.push_back(collection);
    return readable;
}

Result<std::optional<catalog::Collection>> FakeDomain::find_collection(std::string_view id) {
    return found_in(all_collections, id);
}

Result<catalog::Collection> FakeDomain::create_collection(const catalog::Principal& principal,
                                                          std::string_view name,
                                                          std::string_view title,
                                                          catalog::Visibility visibility) {
    catalog::Collection collection;
    collection.id = "c-new";
    collection.name = name;
    collection.title = title;
    collection.owner = principal.id;
    collection.visibility = visibility;
    return collection;
}

Result<Upload> FakeDomain::create_upload(const catalog::Principal& principal, std::string_view name,
                                         std::uint64_t size) {
    const Upload upload{"u-new", std::string(name), principal.id, size, 0, 1, 2};
    uploads["u-new"] = upload;
    return upload;
}

Result<std::optional<Upload>> FakeDomain::find_upload(std::string_view id) {
    const std::lock_guard lock(mutex_);
    return found_in(uploads, id);
}

Result<Upload> FakeDomain::append(std::string_view id, std::uint64_t offset,
                                  const std::function<Result<Bytes>()>& next) {
    const std::string key(id);
    if (uploads[key].received_bytes != offset)
        return fail(ErrorCode::conflict, "the next piece begins elsewhere");
    for (;;) {
        const auto piece = next();
        const std::lock_guard lock(mutex_);
        if (!piece) {
            changed_.notify_all();
            return fail(piece.error());
        }
        Upload& upload = uploads[key];
        if (piece->empty()) return upload;
        if (upload.received_bytes + piece->size() > upload.size_bytes)
            return fail(ErrorCode::exhausted, "more bytes than were announced");
        uploaded[key] += as_text(*piece);
        upload.received_bytes += piece->size();
    }
}

Result<void> FakeDomain::remove_upload(std::string_view id) {
    uploads.erase(uploads.find(id));
    return {};
}

Result<pipeline::Job> FakeDomain::import(const catalog::Principal& principal,
                                         const ImportOrder& order) {
    imports.push_back(order);
    pipeline::Job job;
    job.id = "j-new";
    job.stage = "import";
    job.owner = principal.id;
    job.inputs = R"({"path":"/secret/folder"})";
    return job;
}

Result<std::optional<std::string>> FakeDomain::notification_key(std::string_view key_id) {
    if (key_id != "dss") return std::optional<std::string>();
    return std::optional<std::string>("shared key");
}

Result<void> FakeDomain::notify(const BundleEvent& event) {
    if (notify_error) return fail(*notify_error);
    const std::lock_guard lock(mutex_);
    events.push_back(event);
    return {};
}

Result<std::vector<pipeline::Job>> FakeDomain::jobs(const pipeline::JobFilter& filter) {
    const std::lock_guard lock(mutex_);
    std::vector<pipeline::Job> some;
    for (const auto& [id, job] : all_jobs)
        if (filter.owner.empty() || filter.owner == job.owner) some.push_back(job);
    return some;
}

Result<std::optional<pipeline::Job>> FakeDomain::find_job(std::string_view id) {
    const std::lock_guard lock(mutex_);
    return found_in(all_jobs, id);
}

Result<std::vector<pipeline::JobLogLine>> FakeDomain::log_lines(std::string_view, std::int64_t) {
    return std::vector<pipeline::JobLogLine>{{5, "info", "reading X"}};
}

Result<pipeline::Job> FakeDomain::cancel(std::string_view id) {
    const std::lock_guard lock(mutex_);
    pipeline::Job& job = all_jobs.find(id)->second;
    job.cancel_asked = true;
    return job;
}

Result<pipeline::Job> FakeDomain::retry(std::string_view id) {
    const std::lock_guard lock(mutex_);
    const pipeline::Job& job = all_jobs.find(id)->second;
    if (job.state != pipeline::JobState::failed)
        return fail(ErrorCode::conflict, "only a failed or cancelled job can be queued again");
    return job;
}

Result<pipeline::Job> FakeDomain::wait_for_change(std::string_view id, std::int64_t version,
                                                  Milliseconds wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [&] { return all_jobs.find(id)->second.version > version; });
    return all_jobs.find(id)->second;
}

void FakeDomain::set_job(pipeline::Job job) {
    const std::lock_guard lock(mutex_);
    all_jobs[job.id] = std::move(job);
    ++changes_;
    changed_.notify_all();
}

std::uint64_t FakeDomain::wait_for_any_change(std::uint64_t seen, Milliseconds wait) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [&] { return changes_ > seen; });
    return changes_;
}

}  // namespace stroma::front::api
