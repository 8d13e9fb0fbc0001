#include "matrix/matrix_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/metrics.h"
#include "matrix/fields.h"
#include "matrix/kept_selection.h"

namespace stroma::matrix {
namespace {

constexpr std::string_view renew_text =
    "The file was removed after its time; POST the same request again to make it anew.";

/// The suffix of a result's id that names the format and its variant.
std::string format_suffix(const MatrixQuery& query) {
    return "." + query.format + (query.layout.empty() ? "" : "-" + query.layout);
}

void describe_job(const pipeline::Job& job, std::int64_t now_ms, MatrixRequest& request) {
    if (job.state == pipeline::JobState::failed || job.state == pipeline::JobState::cancelled) {
        request.state = RequestState::failed;
        request.message = job.error.empty() ? "The request was cancelled." : job.error;
        return;
    }
    request.message = job.progress.step;
    if (job.progress.total <= 0) return;
    request.fraction = std::clamp(job.progress.done / job.progress.total, 0.0, 1.0);
    const double seconds = static_cast<double>(now_ms - job.started_ms) / 1000;
    if (request.fraction > 0) request.eta_seconds = seconds / request.fraction - seconds;
}

void describe_result(const MatrixResult& result, MatrixRequest& request) {
    request.state = result.expired ? RequestState::expired : RequestState::complete;
    request.fraction = 1;
    request.eta_seconds = 0;
    request.message = result.expired ? std::string(renew_text) : result.message;
    request.object_key = result.expired ? "" : result.object_key;
    request.file_name = result.file_name;
    request.sha256 = result.sha256;
    request.bytes = result.bytes;
    request.cells = result.cells;
    request.genes = result.genes;
    request.nonzeros = result.nonzeros;
    request.sum = result.sum;
    request.completed_ms = result.completed_ms;
    request.expires_ms = result.expires_ms;
}

}  // namespace

Result<warehouse::Scope> MatrixService::scope_of(const catalog::Principal& principal) {
    if (principal.role == catalog::Role::administrator && principal.scopes.empty())
        return warehouse::Scope{true, {}};
    return warehouse::Scope{false, TRY(catalog_.readable_datasets(principal))};
}

Result<std::string> MatrixService::selection_id(const MatrixQuery& query,
                                                const warehouse::Scope& scope) {
    // One text for one meaning under one snapshot: the order of fields and genes doesn't matter.
    MatrixQuery canonical = query;
    canonical.format = canonical.layout = "";
    std::sort(canonical.fields.begin(), canonical.fields.end());
    std::sort(canonical.genes.begin(), canonical.genes.end());
    std::sort(canonical.bundles.begin(), canonical.bundles.end());
    std::vector<std::string> revisions;
    for (const auto& dataset : TRY(catalog_.datasets())) {
        const bool is_seen =
            scope.everything || std::find(scope.datasets.begin(), scope.datasets.end(),
                                          dataset.id) != scope.datasets.end();
        if (is_seen && !dataset.withdrawn && !dataset.current_revision.empty())
            revisions.push_back(dataset.current_revision);
    }
    std::sort(revisions.begin(), revisions.end());
    const Json text = {{"query", to_json(canonical)}, {"revisions", revisions}};
    return sha256_hex(text.dump()).substr(0, 32);
}

/// Queues the job that makes a result; gives the job's id.
Result<std::string> MatrixService::submit(const RequestRecord& record,
                                          const std::optional<MatrixResult>& result) {
    const std::int64_t generation = result ? result->generation + result->expired : 1;
    const pipeline::Job job = TRY(jobs_.submit(
        {.stage = "matrix",
         .owner = record.owner,
         .title = "matrix as " + record.query.format,
         .inputs = to_json(MatrixJobInputs{record, generation}),
         .idempotency_key = fmt::format("matrix:{}:{}", record.hash, generation)}));
    return job.id;
}

Result<MatrixRequest> MatrixService::request(const MatrixQuery& asked,
                                             const catalog::Principal& principal) {
    counter("stroma_matrix_requests_total", "Matrix requests", {{"format", asked.format}}).add();
    RequestRecord record;
    record.query = TRY(writer_.checked(asked));
    record.id = ids_.uuid();
    record.owner = principal.id;
    record.scope = TRY(scope_of(principal));
    record.data_version = TRY(catalog_.data_version());
    record.created_ms = clock_.unix_ms();
    const std::string selection = TRY(selection_id(record.query, record.scope));
    record.hash = selection + format_suffix(record.query);
    TRY(requests_.put_selection({selection, record.query, record.scope}));

    const auto result = TRY(requests_.result(record.hash));
    const bool is_hit = result && result->complete && !result->expired;
    counter(is_hit ? "stroma_matrix_cache_hits_total" : "stroma_matrix_cache_misses_total",
            is_hit ? "Matrix requests answered by a result that was there"
                   : "Matrix requests that had to be built")
        .add();
    if (!is_hit) record.job = TRY(submit(record, result));
    TRY(requests_.add(record));
    const auto found = TRY(find(record.id));
    return *found;
}

Result<MatrixRequest> MatrixService::described(MatrixRequest request) {
    const auto result = TRY(requests_.result(request.hash));
    if (result && result->complete) {
        describe_result(*result, request);
        return request;
    }
    if (const auto job = TRY(jobs_.find(request.job)))
        describe_job(*job, clock_.unix_ms(), request);
    return request;
}

Result<std::optional<MatrixRequest>> MatrixService::find(std::string_view id) {
    const auto record = TRY(requests_.find(id));
    if (!record) return std::nullopt;
    MatrixRequest request;
    request.id = record->id;
    request.hash = record->hash;
    request.query = record->query;
    request.owner = record->owner;
    request.job = record->job;
    request.data_version = record->data_version;
    request.created_ms = record->created_ms;
    return TRY(described(std::move(request)));
}

Result<void> MatrixService::check_readable(std::string_view result, std::string_view selection,
                                           const catalog::Principal& principal) {
    const auto sources = TRY(requests_.sources(selection));
    bool may_read = !sources.empty();
    for (const std::string& id : sources) {
        const auto dataset = TRY(catalog_.find_dataset(id));
        may_read = may_read && dataset &&
                   TRY(catalog_.may(principal, catalog::Action::read,
                                    {catalog::ThingKind::dataset, id, dataset->owner}));
    }
    if (may_read) return {};
    return fail(ErrorCode::not_found, "there is no result '" + std::string(result) + "'");
}

Result<MatrixRequest> MatrixService::cited(std::string_view result,
                                           const catalog::Principal& principal, bool may_see) {
    const std::size_t dot = std::min(result.find('.'), result.size());
    const std::string selection(result.substr(0, dot)), suffix(result.substr(dot));
    const auto kept = TRY(requests_.selection(selection));
    if (!kept) return fail(ErrorCode::not_found, "there is no result '" + std::string(result) + "'");
    if (!may_see) TRY(check_readable(result, selection, principal));

    RequestRecord record{selection, "", principal.id, "", kept->query, kept->scope, 0, 0};
    const expression::FormatWriter* writer = writer_.writer_of_suffix(suffix);
    if (suffix == format_suffix(kept->query)) {
        record.hash = selection + suffix;
    } else if (writer != nullptr) {
        record.query.format = writer->name();
        record.query.layout.clear();
        record.hash = selection + format_suffix(record.query);
    } else {
        return fail(ErrorCode::not_found,
                    "there is no result '" + std::string(result) + "': unknown suffix");
    }
    MatrixRequest request;
    request.id = request.hash = record.hash;
    request.query = record.query;
    const auto made = TRY(requests_.result(record.hash));
    if (!made || !made->complete || made->expired) {
        request.job = TRY(submit(record, made));
        const auto job = TRY(jobs_.find(request.job));
        if (job) describe_job(*job, clock_.unix_ms(), request);
        return request;
    }
    return described(std::move(request));
}

Result<std::int64_t> MatrixService::forget_dataset(std::string_view dataset) {
    std::int64_t forgotten = 0;
    for (const std::string& selection : TRY(requests_.selections_of(dataset))) {
        TRY(objects_.remove(kept_selection_key(selection)));
        for (const std::string& key : TRY(requests_.forget(selection))) TRY(objects_.remove(key));
        ++forgotten;
    }
    return forgotten;
}

Result<std::unique_ptr<object::ObjectReader>> MatrixService::open_result(
    const MatrixRequest& request) {
    if (request.object_key.empty())
        return fail(ErrorCode::not_found,
                    "request " + request.id + " has no file: " + request.message);
    return objects_.open(request.object_key);
}

Result<std::int64_t> MatrixService::expire() {
    std::int64_t removed = 0;
    for (MatrixResult& result : TRY(requests_.results_expired_by(clock_.unix_ms()))) {
        if (!result.object_key.empty()) TRY(objects_.remove(result.object_key));
        result.expired = true;
        TRY(requests_.put_result(result));
        ++removed;
    }
    return removed;
}

Result<FieldDetail> MatrixService::field_detail(std::string_view name,
                                                const catalog::Principal& principal) {
    const Field* field = find_field(name);
    if (field == nullptr) return fail(ErrorCode::not_found, "no field '" + std::string(name) + "'");
    FieldDetail detail{std::string(field->name),
                       std::string(field->description),
                       field->kind == FieldKind::numeric,
                       0,
                       0,
                       {}};
    const warehouse::Scope scope = TRY(scope_of(principal));
    const std::string column = quoted_name(field->name);
    if (detail.numeric) {
        const auto rows = TRY(warehouse_.query(
            fmt::format(R"(select min({0}), max({0}) from cells where "called")", column), scope,
            {}));
        if (TRY(rows->next()) && !rows->is_null(0)) {
            const auto number = [&](std::size_t i) {
                const sql::Value value = rows->value(i);
                const auto* whole = std::get_if<std::int64_t>(&value);
                return whole != nullptr ? static_cast<double>(*whole) : std::get<double>(value);
            };
            detail.minimum = number(0);
            detail.maximum = number(1);
        }
        return detail;
    }
    const std::string text =
        field->kind == FieldKind::boolean
            ? fmt::format("case when {0} then 'True' when not {0} then 'False' else '' end", column)
            : fmt::format("coalesce(cast({} as varchar), '')", column);
    const auto rows = TRY(
        warehouse_.query(fmt::format(R"(select {} as v, count(*) as n from cells where "called" )"
                                     "group by 1 order by n desc, v",
                                     text),
                         scope, {}));
    while (TRY(rows->next())) detail.cell_counts.emplace_back(rows->text(0), rows->integer(1));
    return detail;
}

}  // namespace stroma::matrix
