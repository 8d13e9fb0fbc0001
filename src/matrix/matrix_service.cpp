#include "matrix/matrix_service.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "base/json.h"
#include "base/metrics.h"
#include "matrix/fields/fields.h"
#include "matrix/kept_selection.h"
#include "matrix/progress/progress_estimate.h"
#include "matrix/rearranged/rearranged_zip.h"
#include "warehouse/frame_names.h"

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
    const ProgressEstimate now = estimate(job, now_ms);
    request.fraction = now.fraction;
    request.eta_seconds = now.eta_seconds;
}

void describe_result(const MatrixResult& result, std::int64_t now_ms, MatrixRequest& request) {
    const bool expired = is_expired(result, now_ms);
    request.state = expired ? RequestState::expired : RequestState::complete;
    request.fraction = 1;
    request.eta_seconds = 0;
    request.message = expired ? std::string(renew_text) : result.message;
    request.object_key = expired ? "" : result.object_key;
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

/// Folder formats travel as one file.
bool is_folder_format(std::string_view format) {
    return format == "csv" || format == "mtx" || format == "zarr";
}

bool names_selections(const MatrixQuery& query) {
    const auto names = [](std::string_view text) {
        return warehouse::lower_case(text).find("selected_cell") != std::string::npos;
    };
    return names(query.sql) || names(query.where);
}

/// How often the result was made, once the job that makes it now is done.
std::int64_t generation_of(const std::optional<MatrixResult>& result, std::int64_t now_ms) {
    if (!result) return 1;
    return result->generation + is_expired(*result, now_ms);
}

tl::unexpected<Error> no_result(std::string_view result) {
    return fail(ErrorCode::not_found, "there is no result '" + std::string(result) + "'");
}

}  // namespace

Result<warehouse::Scope> MatrixService::scope_of(const catalog::Principal& principal) {
    if (principal.role == catalog::Role::administrator && principal.scopes.empty())
        return warehouse::Scope{true, {}, principal.id};
    return warehouse::Scope{false, TRY(catalog_.readable_datasets(principal)), principal.id};
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
        const bool is_seen = scope.everything ||
                             std::find(scope.datasets.begin(), scope.datasets.end(), dataset.id) !=
                                 scope.datasets.end();
        if (is_seen && !dataset.withdrawn && !dataset.current_revision.empty())
            revisions.push_back(dataset.current_revision);
    }
    std::sort(revisions.begin(), revisions.end());
    Json text = {{"query", to_json(canonical)},
                 {"revisions", revisions},
                 {"annotation", TRY(catalog_.annotation())}};
    // Everybody sees other selections of cells.
    if (names_selections(query)) text["asker"] = scope.asker;
    return sha256_hex(text.dump()).substr(0, 32);
}

Result<std::string> MatrixService::submit(const RequestRecord& record,
                                          const std::optional<MatrixResult>& former,
                                          const std::string& other_order) {
    const std::int64_t generation = generation_of(former, clock_.unix_ms());
    const pipeline::Job job = TRY(jobs_.submit(
        {.stage = "matrix",
         .owner = record.owner,
         .title = "matrix as " + record.query.format,
         .inputs = to_json(MatrixJobInputs{record, generation, other_order}),
         .idempotency_key = fmt::format("matrix:{}:{}", record.result_key(), generation),
         .is_bounded = true}));
    return job.id;
}

Result<MatrixRequest> MatrixService::request(const MatrixQuery& asked,
                                             const catalog::Principal& principal) {
    counter("stroma_matrix_requests_total", "Matrix requests", {{"format", asked.format}}).add();
    RequestRecord record;
    record.scope = TRY(scope_of(principal));
    record.query = TRY(writer_.checked(asked, record.scope));
    record.id = ids_.uuid();
    record.owner = principal.id;
    record.data_version = TRY(catalog_.data_version());
    record.created_ms = clock_.unix_ms();
    const std::string selection = TRY(selection_id(record.query, record.scope));
    record.hash = selection + format_suffix(record.query);
    TRY(requests_.put_selection({selection, record.query, record.scope}));

    const auto result = TRY(files_.find(record.result_key()));
    const bool is_there = result && result->complete && !is_expired(*result, record.created_ms);
    const std::string other_order = is_there ? "" : TRY(file_of_another_order(record));
    const bool is_hit = is_there || !other_order.empty();
    counter(is_hit ? "stroma_matrix_cache_hits_total" : "stroma_matrix_cache_misses_total",
            is_hit ? "Matrix requests answered by a result that was there"
                   : "Matrix requests that had to be built")
        .add();
    if (!is_there) record.job = TRY(submit(record, result, other_order));
    TRY(requests_.add(record));
    const auto found = TRY(find(record.id));
    return *found;
}

Result<std::string> MatrixService::file_of_another_order(const RequestRecord& record) {
    if (!can_rearrange(record.query.format) || record.query.layout == "folder") return "";
    for (const MatrixResult& result : TRY(requests_.results_of(record.hash)))
        if (result.complete && !is_expired(result, record.created_ms)) return result.object_key;
    return "";
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
    const auto result = TRY(files_.find(record->result_key()));
    const auto job = TRY(jobs_.find(record->job));
    // A result that had expired says nothing of a request that is making it anew.
    const bool is_anew = job && job->state != pipeline::JobState::succeeded;
    if (result && result->complete && !(is_anew && is_expired(*result, record->created_ms)))
        describe_result(*result, clock_.unix_ms(), request);
    else if (job)
        describe_job(*job, clock_.unix_ms(), request);
    request.result_key = record->result_key();
    if (request.file_name.empty()) request.file_name = TRY(file_name_of(*record));
    const std::int64_t generation =
        result && !is_anew ? result->generation : generation_of(result, record->created_ms);
    request.tag =
        sha256_hex(fmt::format("{} {} {}", request.result_key, generation, options_.program))
            .substr(0, 32);
    return request;
}

Result<std::string> MatrixService::file_name_of(const RequestRecord& request) {
    const auto* format = TRY(writer_.writer(request.query.format));
    return request.selection() + std::string(format->extension()) +
           (is_folder_format(request.query.format) ? ".zip" : "");
}

Result<void> MatrixService::check_readable(std::string_view result, std::string_view selection,
                                           const catalog::Principal& principal) {
    const auto sources = TRY(requests_.sources(selection));
    bool may_read = !sources.empty(), is_there = may_read;
    for (const std::string& id : sources) {
        const auto dataset = TRY(catalog_.find_dataset(id));
        is_there = is_there && dataset && !dataset->withdrawn;
        may_read = may_read && dataset &&
                   TRY(catalog_.may(principal, catalog::Action::read,
                                    {catalog::ThingKind::dataset, id, dataset->owner}));
    }
    if (may_read) return {};
    const catalog::Thing thing{catalog::ThingKind::result, std::string(selection), ""};
    if (is_there && TRY(catalog_.decide(principal, catalog::Action::read, thing))) return {};
    return no_result(result);
}

Result<std::vector<std::string>> MatrixService::sources_of(std::string_view result) {
    return requests_.sources(result.substr(0, result.find('.')));
}

Result<MatrixRequest> MatrixService::cited(std::string_view result,
                                           const catalog::Principal& principal) {
    const std::size_t dot = std::min(result.find('.'), result.size());
    const std::string selection(result.substr(0, dot)), suffix(result.substr(dot));
    const auto kept = TRY(requests_.selection(selection));
    if (!kept) return no_result(result);
    TRY(check_readable(result, selection, principal));
    return made({"", selection, principal.id, "", kept->query, kept->scope, 0, 0}, suffix);
}

Result<MatrixRequest> MatrixService::in_format(const MatrixRequest& request,
                                               std::string_view suffix,
                                               const catalog::Principal& principal) {
    const std::string selection = request.hash.substr(0, request.hash.find('.'));
    const auto kept = TRY(requests_.selection(selection));
    if (!kept) return no_result(request.hash);
    return made({"", selection, principal.id, "", request.query, kept->scope, 0, 0}, suffix);
}

Result<MatrixRequest> MatrixService::made(RequestRecord record, std::string_view suffix) {
    if (suffix != format_suffix(record.query)) {
        const expression::FormatWriter* writer = writer_.writer_of_suffix(suffix);
        if (writer == nullptr) return no_result(record.hash + std::string(suffix));
        record.query.format = writer->name();
        record.query.layout.clear();
    }
    record.hash += format_suffix(record.query);
    MatrixRequest request;
    request.id = request.hash = record.hash;
    request.query = record.query;
    const std::int64_t now_ms = clock_.unix_ms();
    const auto result = TRY(files_.find(record.result_key()));
    if (result && result->complete && !is_expired(*result, now_ms)) {
        describe_result(*result, now_ms, request);
        return request;
    }
    const std::string other_order = TRY(file_of_another_order(record));
    request.job = TRY(submit(record, result, other_order));
    if (const auto job = TRY(jobs_.find(request.job))) describe_job(*job, now_ms, request);
    return request;
}

Result<std::int64_t> MatrixService::forget_removed() {
    std::int64_t forgotten = 0;
    for (const std::string& id : TRY(requests_.source_datasets())) {
        const auto dataset = TRY(catalog_.find_dataset(id));
        if (dataset && !dataset->withdrawn) continue;
        for (const std::string& selection : TRY(requests_.selections_of(id))) {
            // The objects first: after a crash the rows still tell of them.
            TRY(objects_.remove(kept_selection_key(selection)));
            for (const std::string& key : TRY(requests_.result_objects(selection)))
                TRY(objects_.remove(key));
            TRY(requests_.forget(selection));
            ++forgotten;
        }
    }
    return forgotten;
}

Result<std::unique_ptr<object::ObjectReader>> MatrixService::open_result(
    const MatrixRequest& request) {
    if (request.object_key.empty())
        return fail(ErrorCode::not_found,
                    "request " + request.id + " has no file: " + request.message);
    auto reader = objects_.open(request.object_key);
    if (!reader && reader.error().code == ErrorCode::not_found)
        return fail(ErrorCode::unavailable, std::string(renew_text));
    return reader;
}

Result<std::shared_ptr<const FieldDetail>> MatrixService::field_detail(
    std::string_view name, const catalog::Principal& principal) {
    const Field* field = find_field(name);
    if (field == nullptr) return fail(ErrorCode::not_found, "no field '" + std::string(name) + "'");
    return field_details_.of(*field, TRY(scope_of(principal)));
}

}  // namespace stroma::matrix
