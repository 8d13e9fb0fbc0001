#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "matrix/matrix_request.h"
#include "sql/database.h"
#include "warehouse/warehouse.h"

namespace stroma::matrix {

/// What one hash came to; shared by every request with that hash.
struct MatrixResult {
    std::string hash;             ///< a request's result_key()
    std::int64_t generation = 1;  ///< rises when an expired result is made anew
    bool complete = false;
    bool expired = false;
    std::string object_key, file_name, sha256, message;
    std::uint64_t bytes = 0, cells = 0, genes = 0, nonzeros = 0;
    double sum = 0;
    std::int64_t completed_ms = 0, expires_ms = 0;
};

/// A request's own record; its state follows from its result and its job.
struct RequestRecord {
    std::string id, hash, owner, job;
    MatrixQuery query;
    warehouse::Scope scope;
    std::int64_t data_version = 0, created_ms = 0;

    /// The selection's id: the hash without the format behind it.
    std::string selection() const { return hash.substr(0, hash.find('.')); }
    /// Names its result: the hash, and the order of the fields where the format shows it.
    std::string result_key() const;
};

/// What a selection's id stands for: a query, whatever its format, as a scope saw it.
struct SelectionRecord {
    std::string id;
    MatrixQuery query;
    warehouse::Scope scope;
};

/// What a job of stage "matrix" is told: everything, so that it needs no other record.
struct MatrixJobInputs {
    RequestRecord request;  ///< id, hash, query and scope
    std::int64_t generation = 1;
    /// The file of another order of the same fields, which only has to be rearranged; "" builds.
    std::string rearranged;
};
std::string to_json(const MatrixJobInputs& inputs);
Result<MatrixJobInputs> matrix_job_inputs_of(std::string_view json);

std::string to_json(const MatrixQuery& query);
Result<MatrixQuery> query_from_json(std::string_view json);

/// Requests and results in the control database. Any thread.
class RequestStore {
public:
    static Result<std::unique_ptr<RequestStore>> open(sql::Database& database);

    Result<void> add(const RequestRecord& request);
    Result<std::optional<RequestRecord>> find(std::string_view id);
    Result<std::optional<MatrixResult>> result(std::string_view key);
    /// The results of every order of a hash's fields.
    Result<std::vector<MatrixResult>> results_of(std::string_view hash);
    /// Inserts or replaces.
    Result<void> put_result(const MatrixResult& result);
    /// Marks it, unless the result was made anew meanwhile.
    Result<void> set_expired(const MatrixResult& result);
    Result<std::vector<MatrixResult>> results_expired_by(std::int64_t now_ms);

    /// Repeats change nothing.
    Result<void> put_selection(const SelectionRecord& selection);
    Result<std::optional<SelectionRecord>> selection(std::string_view id);
    /// Which datasets' cells a selection holds, once its cells are known. Repeats are harmless.
    Result<void> put_sources(std::string_view selection, const std::vector<std::string>& datasets);
    Result<std::vector<std::string>> sources(std::string_view selection);
    Result<std::vector<std::string>> selections_of(std::string_view dataset);
    /// Every dataset that a selection holds cells of.
    Result<std::vector<std::string>> source_datasets();
    /// Requests that waited for one hash wait for another: data changed before their job ran.
    Result<void> repoint(std::string_view from, std::string_view to);
    /// The keys of a selection's files.
    Result<std::vector<std::string>> result_objects(std::string_view selection);
    /// Takes the selection, its requests and results away, but no object.
    Result<void> forget(std::string_view selection);

private:
    explicit RequestStore(sql::Database& database) : database_(database) {}
    sql::Database& database_;
};

}  // namespace stroma::matrix
