#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "catalog/catalog.h"
#include "matrix/fields/field_details.h"
#include "matrix/matrix_writer.h"
#include "matrix/progress/growing_result.h"
#include "matrix/request_store.h"
#include "matrix/result_files.h"
#include "object/object_store.h"
#include "pipeline/job_store.h"
#include "pipeline/stage.h"

namespace stroma::matrix {

struct MatrixServiceOptions {
    Milliseconds retention{30LL * 24 * 3600 * 1000};  ///< then a result's file is removed
    std::string program;  ///< its version: another one may write other bytes for the same values
};

/// Matrix requests from asking to the file: the query is made canonical and hashed with the
/// snapshot before anything runs, so a repeat is answered by the result that is there. Any thread.
class MatrixService {
public:
    MatrixService(RequestStore& requests, MatrixWriter& writer, catalog::Catalog& catalog,
                  warehouse::Warehouse& warehouse, object::ObjectStore& objects,
                  pipeline::JobStore& jobs, const Clock& clock, IdSource& ids,
                  MatrixServiceOptions options)
        : requests_(requests),
          writer_(writer),
          catalog_(catalog),
          warehouse_(warehouse),
          objects_(objects),
          jobs_(jobs),
          clock_(clock),
          ids_(ids),
          options_(options),
          files_(requests, objects, clock),
          field_details_(warehouse) {}

    /// Checks the query, then answers from an equal one's result or queues a job.
    Result<MatrixRequest> request(const MatrixQuery& query, const catalog::Principal& principal);
    Result<std::optional<MatrixRequest>> find(std::string_view id);
    /// The result's bytes.
    /// errors  not_found    it has none: not made yet, expired, or no cell matched
    ///         unavailable  it expired since the request was read; asked again, it is made again
    Result<std::unique_ptr<object::ObjectReader>> open_result(const MatrixRequest& request);
    ResultFiles& files() { return files_; }
    /// Counts or range of an API field or a column of `cells`. not_found for unknown names.
    Result<std::shared_ptr<const FieldDetail>> field_detail(std::string_view name,
                                                            const catalog::Principal& principal);

    /// A result by its id, "<selection>.<suffix>": also in a format that nobody asked for yet (then
    /// a job is queued), and after its file expired. The same id gives the same bytes for ever; its
    /// fields have the order in which they were asked for first.
    /// errors  not_found  no such result, an unknown suffix, or a dataset that the principal may
    ///                    not read
    Result<MatrixRequest> cited(std::string_view result, const catalog::Principal& principal);
    /// The datasets that a selection ("<hash>" or "<hash>.<format>") holds cells of; empty when
    /// there is no such result.
    Result<std::vector<std::string>> sources_of(std::string_view result);
    /// The request's cells in the format of a suffix; whoever may read the request may have them.
    Result<MatrixRequest> in_format(const MatrixRequest& request, std::string_view suffix,
                                    const catalog::Principal& principal);
    /// Takes away every selection that holds cells of a removed dataset, with its results and
    /// requests; gives how many.
    Result<std::int64_t> forget_removed();
    /// Hash of the query, whatever its format, and of the revisions and annotation it sees now.
    Result<std::string> selection_id(const MatrixQuery& query, const warehouse::Scope& scope);

    /// What the principal may see in the warehouse.
    Result<warehouse::Scope> scope_of(const catalog::Principal& principal);

    MatrixWriter& writer() { return writer_; }
    RequestStore& requests() { return requests_; }
    object::ObjectStore& objects() { return objects_; }
    GrowingResults& growing() { return growing_; }
    /// What the file of a request is called.
    Result<std::string> file_name_of(const RequestRecord& request);
    const Clock& clock() const { return clock_; }
    const MatrixServiceOptions& options() const { return options_; }

private:
    /// Queues the job that makes a record's result; gives the job's id.
    Result<std::string> submit(const RequestRecord& record,
                               const std::optional<MatrixResult>& former,
                               const std::string& other_order);
    /// The object of the same matrix with its fields in another order, "" when there is none.
    Result<std::string> file_of_another_order(const RequestRecord& record);
    /// The result of a record whose hash lacks the suffix: as it is, or with the job that makes it.
    Result<MatrixRequest> made(RequestRecord record, std::string_view suffix);
    Result<void> check_readable(std::string_view result, std::string_view selection,
                                const catalog::Principal& principal);

    RequestStore& requests_;
    MatrixWriter& writer_;
    catalog::Catalog& catalog_;
    warehouse::Warehouse& warehouse_;
    object::ObjectStore& objects_;
    pipeline::JobStore& jobs_;
    const Clock& clock_;
    IdSource& ids_;
    MatrixServiceOptions options_;
    ResultFiles files_;
    GrowingResults growing_;
    FieldDetails field_details_;
};

/// Builds one request's file and makes it the result of its hash.
class MatrixStage final : public pipeline::Stage {
public:
    MatrixStage(MatrixService& service, fs::path staging)
        : service_(service), staging_(std::move(staging)) {}
    std::string_view name() const override { return "matrix"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    /// What a result is to be; its file is not kept yet.
    struct Made {
        MatrixResult result;
        fs::path staged;  ///< empty when no cell matched
    };
    Result<Made> build(RequestRecord& request, const pipeline::Job& job,
                       pipeline::StageContext& context);
    Result<Selection> select(RequestRecord& request);
    Result<expression::AnnotatedData> gather(const RequestRecord& request, Selection selection,
                                             const pipeline::Job& job);
    Result<std::optional<Made>> rearrange(const MatrixJobInputs& inputs, const pipeline::Job& job);
    Result<expression::WrittenMatrix> write(const RequestRecord& request, Selection selection,
                                            const fs::path& staged, const pipeline::Job& job,
                                            pipeline::StageContext& context);
    Result<void> keep(Made& made, std::int64_t generation);
    MatrixService& service_;
    fs::path staging_;
};

}  // namespace stroma::matrix
