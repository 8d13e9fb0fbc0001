#include <fmt/format.h>
#include <unistd.h>

#include "base/json.h"
#include "base/metrics.h"
#include "matrix/kept_selection.h"
#include "matrix/matrix_service.h"
#include "matrix/rearranged/rearranged_zip.h"

namespace stroma::matrix {
namespace {

constexpr int turns_max = 5;

/// A format whose files travel as one.
bool is_zipped(const std::string& file_name) { return file_name.ends_with(".zip"); }

std::string layout_for(const MatrixQuery& query, bool zipped) {
    if (!zipped) return query.layout;
    return query.format == "zarr" && query.layout == "hca-v1" ? "hca-v1-zip" : "zip";
}

/// Named after what it holds, never after who asked: names lie in the bytes of a zip.
std::string stem_of(const std::string& file_name) {
    return is_zipped(file_name) ? file_name.substr(0, file_name.size() - 4) : file_name;
}

std::string size_class(std::uint64_t cells) {
    for (const std::uint64_t bound : {1'000u, 10'000u, 100'000u, 1'000'000u})
        if (cells < bound) return fmt::format("<{}", bound);
    return ">=1000000";
}

}  // namespace

/// The cells of the request: those that were kept under its id, or the query's. When data changed
/// since it was asked the request moves on to what is current, and to another id.
Result<Selection> MatrixStage::select(RequestRecord& request) {
    if (auto kept = TRY(find_kept_selection(service_.objects(), request.selection())))
        return *std::move(kept);
    const std::string suffix = request.hash.substr(request.hash.find('.'));
    for (int turn = 0; turn < turns_max; ++turn) {
        const std::string id = TRY(service_.selection_id(request.query, request.scope));
        Selection selection = TRY(service_.writer().select(request.query, request.scope));
        if (id != TRY(service_.selection_id(request.query, request.scope))) continue;
        if (id == request.selection()) return selection;
        TRY(service_.requests().put_selection({id, request.query, request.scope}));
        TRY(service_.requests().repoint(request.hash, id + suffix));
        request.hash = id + suffix;
        return selection;
    }
    return fail(ErrorCode::conflict, "data changed again and again while its cells were selected");
}

/// Keeps the selection on its first time.
Result<expression::AnnotatedData> MatrixStage::gather(const RequestRecord& request,
                                                      Selection selection,
                                                      const pipeline::Job& job) {
    auto data = service_.writer().gather(request.query, selection);
    if (!data && data.error().code == ErrorCode::not_found &&
        request.selection() != TRY(service_.selection_id(request.query, request.scope)))
        return fail(ErrorCode::conflict, "a dataset went away while its cells were selected");
    if (!data || selection.obs) return data;
    selection.obs = data->obs;
    selection.var = data->var;
    std::vector<std::string> datasets;
    for (const auto& part : selection.cells) datasets.push_back(part.dataset);
    TRY(service_.requests().put_sources(request.selection(), datasets));
    TRY(keep_selection(service_.objects(), request.selection(), selection,
                       staging_ / (job.attempt_name() + ".selection")));
    return data;
}

Result<MatrixStage::Made> MatrixStage::build(RequestRecord& request, const pipeline::Job& job,
                                             pipeline::StageContext& context) {
    Made made;
    MatrixResult& result = made.result;
    result.complete = true;
    context.progress({"selecting cells", 0, 0, ""});
    Selection selection = TRY(select(request));
    result.hash = request.result_key();
    if (selection.cell_count == 0) {
        result.message =
            "No cells match the request" +
            (request.query.species.empty() ? "." : " for " + request.query.species + ".");
        return made;
    }
    result.file_name = TRY(service_.file_name_of(request));
    made.staged = staging_ / (job.attempt_name() + "." + result.file_name);
    const auto written = TRY(write(request, std::move(selection), made.staged, job, context));
    result.cells = written.cells;
    result.genes = written.genes;
    result.nonzeros = written.nonzeros;
    result.sum = written.sum;
    result.bytes = written.bytes;
    result.message = fmt::format("{} cells, {} non-zeros", result.cells, result.nonzeros);
    return made;
}

/// Writes the file; who asked for it may read behind.
Result<expression::WrittenMatrix> MatrixStage::write(const RequestRecord& request,
                                                     Selection selection, const fs::path& staged,
                                                     const pipeline::Job& job,
                                                     pipeline::StageContext& context) {
    const std::string name = TRY(service_.file_name_of(request));
    const auto* format = TRY(service_.writer().writer(request.query.format));
    const auto data = TRY(gather(request, std::move(selection), job));
    std::error_code ignored;
    fs::remove_all(staged, ignored);
    GrowingResults::Attempt growing(service_.growing(), job.id, request.result_key());
    const expression::WriteOptions options{.compression = "",
                                           .durable = true,
                                           .layout = layout_for(request.query, is_zipped(name)),
                                           .stem = stem_of(name),
                                           .settled = [&](const fs::path& at, std::uint64_t bytes) {
                                               growing.result().settle(at, bytes);
                                           }};
    const expression::Watch watch{
        [&](double done, double total, std::string_view unit) {
            context.progress({"writing " + name, done, total, std::string(unit)});
        },
        [&] { return context.cancelled(); }};
    return format->write(data, staged, options, watch);
}

/// Nothing when there is no file to rearrange, or it is gone or of another kind: then it's built.
Result<std::optional<MatrixStage::Made>> MatrixStage::rearrange(const MatrixJobInputs& inputs,
                                                                const pipeline::Job& job) {
    if (inputs.rearranged.empty()) return std::nullopt;
    const RequestRecord& request = inputs.request;
    std::optional<MatrixResult> result;
    for (MatrixResult& known : TRY(service_.requests().results_of(request.hash)))
        if (known.object_key == inputs.rearranged) result = std::move(known);
    auto reader = service_.objects().open(inputs.rearranged);
    if (!result || !reader) return std::nullopt;
    const int descriptor = ::dup((*reader)->descriptor());
    if (descriptor < 0) return std::nullopt;
    result->hash = request.result_key();
    result->file_name = TRY(service_.file_name_of(request));
    const fs::path staged = staging_ / (job.attempt_name() + "." + result->file_name);
    TRY(remove_file(staged));
    const auto bytes = rearrange_zip(File(descriptor, inputs.rearranged), request.query.format,
                                     request.query.fields, staged, stem_of(result->file_name));
    if (!bytes) return std::nullopt;
    result->bytes = *bytes;
    return Made{*std::move(result), staged};
}

Result<void> MatrixStage::keep(Made& made, std::int64_t generation) {
    made.result.generation = generation;
    made.result.expired = false;
    made.result.completed_ms = service_.clock().unix_ms();
    made.result.expires_ms = made.result.completed_ms + service_.options().retention.count();
    return service_.files().keep(made.staged, made.result);
}

Result<std::string> MatrixStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    MatrixJobInputs inputs = TRY(matrix_job_inputs_of(job.inputs));
    RequestRecord& request = inputs.request;
    const std::int64_t started_ms = service_.clock().steady_ms();
    auto rearranged = TRY(rearrange(inputs, job));
    auto made = rearranged ? Result<Made>(*std::move(rearranged)) : build(request, job, context);
    const Result<void> kept = made ? keep(*made, inputs.generation) : fail(std::move(made.error()));
    if (!kept) {
        counter("stroma_matrix_errors_total", "Matrix requests that failed").add();
        return fail(kept.error());
    }
    const MatrixResult& result = made->result;
    histogram("stroma_matrix_seconds", "Time from a job's start to its file",
              {{"format", request.query.format}, {"cells", size_class(result.cells)}})
        .observe(static_cast<double>(service_.clock().steady_ms() - started_ms) / 1000);
    counter("stroma_matrix_completions_total", "Matrix files made",
            {{"format", request.query.format}})
        .add();
    return Json{{"hash", result.hash},
                {"object", result.object_key},
                {"cells", result.cells},
                {"nonzeros", result.nonzeros},
                {"bytes", result.bytes}}
        .dump();
}

}  // namespace stroma::matrix
