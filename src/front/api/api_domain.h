#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "matrix/matrix_request.h"
#include "matrix/origin.h"
#include "matrix/result_stream.h"
#include "pipeline/job.h"
#include "sql/database.h"

// What the REST API asks of the rest of Stroma: one function per operation, one call per request.
// app/ implements it over catalog, warehouse, matrix and pipeline; tests by a fake. Every function
// may be called from any thread, at the same time as any other.
//
// An error that is the fault of one place in the request's body says so by beginning its message
// with "at <JSON pointer>: " (RFC 6901, e.g. "at /value/1/op: …"); the API then answers with the
// pointer apart. Messages are shown to strangers: no paths of this machine in them.

namespace stroma::front::api {

/// Who asks, and what they may.
class AccessAnswers {
public:
    virtual ~AccessAnswers() = default;
    /// denied when the secret is unknown, expired or revoked.
    virtual Result<catalog::Principal> principal_of_token(std::string_view secret) = 0;
    /// The one decision (Catalog::decide), kept in the audit. Owned things carry their owner.
    virtual Result<bool> decide(const catalog::Principal& principal, catalog::Action action,
                                const catalog::Thing& thing) = 0;
    /// The same as a mere question (Catalog::may).
    virtual Result<bool> may(const catalog::Principal& principal, catalog::Action action,
                             const catalog::Thing& thing) = 0;
    virtual Result<catalog::Principal> create_principal(std::string_view name,
                                                        catalog::Role role) = 0;
    virtual Result<std::vector<catalog::Principal>> principals() = 0;
    /// `principal` by id or name. expires_ms 0 is never.
    virtual Result<catalog::NewToken> create_token(std::string_view principal,
                                                   std::string_view label,
                                                   std::vector<std::string> scopes,
                                                   std::int64_t expires_ms) = 0;
    virtual Result<std::vector<catalog::Token>> tokens(std::string_view principal) = 0;
    virtual Result<void> revoke_token(std::string_view token_id) = 0;
    virtual Result<void> grant(const catalog::Grant& grant) = 0;
    virtual Result<void> revoke(const catalog::Grant& grant) = 0;
    virtual Result<std::vector<catalog::Grant>> grants_on(std::string_view thing) = 0;
};

/// A filter or field of the v1 API, with the values it has in what the principal may read.
struct FieldDetail {
    std::string name, description;
    bool numeric = false;
    double minimum = 0, maximum = 0;  ///< when numeric
    /// Value → number of cells, when categorical: "" for null, "True"/"False" for booleans.
    std::vector<std::pair<std::string, std::int64_t>> cell_counts;
};

struct NamedText {
    std::string name, text;
};

struct MatrixOrder {
    matrix::MatrixQuery query;
    /// v0: one request for each species, whatever the cells are. v1: only when the filter speaks
    /// of a species, also inside "not".
    bool every_species = false;
};

struct RequestedMatrices {
    matrix::MatrixRequest request;                             ///< the human one
    std::map<std::string, std::string> non_human_request_ids;  ///< species label → request id
};

/// Bytes to be served, with what a client checks them by.
struct StoredFile {
    std::shared_ptr<const File> file;
    std::uint64_t size_bytes = 0;
    std::string etag;  ///< without quotes; for ever the same for the same bytes
    std::string name;  ///< what the client should call it
    std::string media_type = "application/octet-stream";
    std::string sha256;  ///< 64 hexadecimal digits, or "" when not known
};

/// The matrix service: /v0 and /v1.
class MatrixAnswers {
public:
    virtual ~MatrixAnswers() = default;
    /// The names of /v1/filters and /v1/fields, in their order.
    virtual std::vector<std::string> field_names() = 0;
    virtual Result<std::optional<FieldDetail>> field(const catalog::Principal& principal,
                                                     std::string_view name) = 0;
    virtual std::vector<NamedText> formats() = 0;   ///< name, HTML description
    virtual std::vector<NamedText> features() = 0;  ///< name, description
    /// Checks the query (invalid_input; filter errors with a pointer relative to the filter) and
    /// opens the requests, or finds the same ones done.
    virtual Result<RequestedMatrices> request(const catalog::Principal& principal,
                                              const MatrixOrder& order) = 0;
    virtual Result<std::optional<matrix::MatrixRequest>> find(std::string_view id) = 0;
    /// The result's file of that name; not_found when the request has none of it.
    virtual Result<StoredFile> open_file(std::string_view id, std::string_view name) = 0;
    /// matrix::stream_result.
    virtual Result<std::string> stream(const matrix::StreamOrder& order,
                                       const std::function<Result<void>(ByteSpan)>& take,
                                       std::stop_token stop) = 0;
};

/// A result by its id: its file once it is made.
struct CitedResult {
    std::optional<StoredFile> file;
    matrix::MatrixRequest request;
};

/// What proves something: results by their content's id, differences of snapshots, origins.
class CitationAnswers {
public:
    virtual ~CitationAnswers() = default;
    /// "<selection>.<suffix>"; not_found also where the principal may not read all its datasets.
    virtual Result<CitedResult> result(const catalog::Principal& principal,
                                       std::string_view name) = 0;
    /// The cells of a request that the principal may see, as the format of that suffix.
    virtual Result<CitedResult> other_format(const catalog::Principal& principal,
                                             const matrix::MatrixRequest& request,
                                             std::string_view suffix) = 0;
    /// JSON: matrix::Snapshots::difference.
    virtual Result<std::string> difference(const catalog::Principal& principal,
                                           std::string_view from, std::string_view to,
                                           std::stop_token stop) = 0;
    /// JSON: matrix::Origins::find.
    virtual Result<std::string> origin(const catalog::Principal& principal,
                                       const matrix::OriginQuestion& question) = 0;
};

struct SqlOrder {
    std::string statement;
    sql::NamedValues parameters;
    std::uint64_t rows_max = 0;  ///< 0 is the site's own limit
    std::stop_token stop;        ///< asked when the client leaves
};

/// Errors: `exhausted` with the pointer /statement when the answer passes a limit of its principal;
/// without one when too many statements run.
class SqlAnswers {
public:
    virtual ~SqlAnswers() = default;
    virtual Result<std::unique_ptr<sql::Rows>> query(const catalog::Principal& principal,
                                                     const SqlOrder& order) = 0;
    /// "parquet" or "arrow": a file without a name, gone when closed.
    virtual Result<StoredFile> query_to_file(const catalog::Principal& principal,
                                             const SqlOrder& order, std::string_view format) = 0;
};

/// What may be changed of a dataset.
struct DatasetChange {
    std::optional<std::string> title, collection;
    std::optional<catalog::Visibility> visibility;
};

class DatasetAnswers {
public:
    virtual ~DatasetAnswers() = default;
    /// Those that the principal may read.
    virtual Result<std::vector<catalog::Dataset>> datasets(const catalog::Principal& principal) = 0;
    virtual Result<std::optional<catalog::Dataset>> find_dataset(std::string_view id_or_name) = 0;
    virtual Result<std::vector<catalog::Revision>> revisions(std::string_view dataset) = 0;
    virtual Result<std::optional<catalog::Revision>> find_revision(std::string_view id) = 0;
    /// The file that a revision came in as, where it was kept. Missing is an answer.
    virtual Result<std::optional<StoredFile>> source_file(std::string_view revision) = 0;
    /// The images that lie under a revision's cells, by name.
    virtual Result<std::vector<catalog::Image>> images(std::string_view revision) = 0;
    virtual Result<std::optional<catalog::Image>> find_image(std::string_view id) = 0;
    virtual Result<void> remove_image(const catalog::Image& image) = 0;
    virtual Result<catalog::Dataset> change(std::string_view dataset,
                                            const DatasetChange& change) = 0;
    /// Withdraws it: the id stays, every row and byte goes.
    virtual Result<void> withdraw(std::string_view dataset) = 0;
    virtual Result<std::vector<catalog::Collection>> collections(
        const catalog::Principal& principal) = 0;
    virtual Result<std::optional<catalog::Collection>> find_collection(
        std::string_view id_or_name) = 0;
    virtual Result<catalog::Collection> create_collection(const catalog::Principal& principal,
                                                          std::string_view name,
                                                          std::string_view title,
                                                          catalog::Visibility visibility) = 0;
};

/// A file on its way in.
struct Upload {
    std::string id, name, owner;
    std::uint64_t size_bytes = 0;      ///< as announced
    std::uint64_t received_bytes = 0;  ///< where the next piece begins
    std::int64_t created_ms = 0, expires_ms = 0;
    bool complete() const { return received_bytes == size_bytes; }
};

struct ImportOrder {
    std::string upload;   ///< id of a complete upload, or
    std::string path;     ///< a file or folder of the server's machine (administrator only), or
    std::string url;      ///< http or https, fetched by the job, or
    std::string result;   ///< id of a matrix request that is complete: a dataset made of others
    std::string profile;  ///< the rules that the content is checked against; "" is none
    bool require_valid = false;
    std::string dataset;  ///< name of the dataset that gets the revision; "" is after the file
    std::string title;
    std::string collection;   ///< id; only for a dataset that is new
    std::string orientation;  ///< of tables: "", "cells-are-rows", "cells-are-columns"
    bool make_ids_unique = false;
    bool sum_duplicates = false;
    catalog::Visibility visibility = catalog::Visibility::private_;
    std::string idempotency_key;

    /// A picture, or labels of cells, under a dataset's cells: see loading::ImagePlacing.
    struct Image {
        std::string of;  ///< name or id of the dataset; "": what is imported is no picture
        std::string name, embedding = "spatial", transform, cell_column;
        bool are_labels = false;
    } image;
};

/// A create or delete event of the data store (reference: POST /dss/notification).
struct BundleEvent {
    std::string type;  ///< "CREATE", "UPDATE", "DELETE", "TOMBSTONE"
    std::string bundle_uuid, bundle_version, bundle_url, subscription, transaction;
};

/// What comes in: uploads, imports, notifications.
class ImportAnswers {
public:
    virtual ~ImportAnswers() = default;
    virtual Result<Upload> create_upload(const catalog::Principal& principal, std::string_view name,
                                         std::uint64_t size_bytes) = 0;
    virtual Result<std::optional<Upload>> find_upload(std::string_view id) = 0;
    /// Takes bytes at `offset` from `next` until it gives none. What arrived before an error of
    /// `next` is kept. conflict when offset isn't received_bytes, exhausted past the size.
    virtual Result<Upload> append(std::string_view id, std::uint64_t offset,
                                  const std::function<Result<Bytes>()>& next) = 0;
    virtual Result<void> remove_upload(std::string_view id) = 0;
    virtual Result<pipeline::Job> import(const catalog::Principal& principal,
                                         const ImportOrder& order) = 0;
    /// The shared key of that id ("" is the only one); nothing when notifications are off.
    virtual Result<std::optional<std::string>> notification_key(std::string_view key_id) = 0;
    /// Queues the event durably.
    virtual Result<void> notify(const BundleEvent& event) = 0;
};

class JobAnswers {
public:
    virtual ~JobAnswers() = default;
    virtual Result<std::vector<pipeline::Job>> jobs(const pipeline::JobFilter& filter) = 0;
    virtual Result<std::optional<pipeline::Job>> find_job(std::string_view id) = 0;
    virtual Result<std::vector<pipeline::JobLogLine>> log_lines(std::string_view id,
                                                                std::int64_t after_ms) = 0;
    virtual Result<pipeline::Job> cancel(std::string_view id) = 0;
    virtual Result<pipeline::Job> retry(std::string_view id) = 0;
    /// JobStore::wait_for_change.
    virtual Result<pipeline::Job> wait_for_change(std::string_view id, std::int64_t version,
                                                  Milliseconds wait) = 0;
    /// JobStore::wait_for_any_change.
    virtual std::uint64_t wait_for_any_change(std::uint64_t seen, Milliseconds wait) = 0;
};

class SiteAnswers {
public:
    virtual ~SiteAnswers() = default;
    virtual std::string version() = 0;  ///< "0.1.0"
    /// Whether requests can be served: stores open, worker alive.
    virtual Result<void> ready() = 0;
    /// Sets the metrics that are only known when they are asked for.
    virtual Result<void> publish_gauges() = 0;
    virtual const Clock& clock() = 0;
};

/// All of it. The references outlive the API.
struct ApiDomain {
    SiteAnswers& site;
    AccessAnswers& access;
    MatrixAnswers& matrices;
    CitationAnswers& citations;
    SqlAnswers& sql;
    DatasetAnswers& datasets;
    ImportAnswers& imports;
    JobAnswers& jobs;
};

}  // namespace stroma::front::api
