#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/json.h"
#include "base/metrics.h"
#include "matrix/matrix_service.h"
#include "matrix/rearranged_zip.h"

namespace stroma::matrix {
namespace {

Result<std::string> sha256_of(const fs::path& path) {
    const File file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    Digest digest(DigestKind::sha256);
    Bytes piece(4u << 20);
    for (std::uint64_t at = 0; at < size; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(piece.size(), size - at));
        TRY(file.read_at(at, piece));
        digest.update(piece);
    }
    return digest.hex();
}

/// Folder formats travel as one file.
bool is_folder_format(const std::string& format) {
    return format == "csv" || format == "mtx" || format == "zarr";
}

std::string layout_for(const MatrixQuery& query, bool zipped) {
    if (!zipped) return query.layout;
    return query.format == "zarr" && query.layout == "hca-v1" ? "hca-v1-zip" : "zip";
}

std::string size_class(std::uint64_t cells) {
    for (const std::uint64_t bound : {1'000u, 10'000u, 100'000u, 1'000'000u})
        if (cells < bound) return fmt::format("<{}", bound);
    return ">=1000000";
}

}  // namespace

Result<MatrixResult> MatrixStage::build(const RequestRecord& request, const pipeline::Job& job,
                                        pipeline::StageContext& context) {
    MatrixResult result;
    result.hash = request.hash;
    result.complete = true;
    context.progress({"selecting cells", 0, 0, ""});
    MatrixWriter& writer = service_.writer();
    const Selection selection = TRY(writer.select(request.query, request.scope));
    if (selection.cell_count == 0) {
        result.message =
            "No cells match the request" +
            (request.query.species.empty() ? "." : " for " + request.query.species + ".");
        return result;
    }
    const auto* format = TRY(writer.writer(request.query.format));
    const bool zipped = is_folder_format(request.query.format);
    result.file_name = request.id + std::string(format->extension()) + (zipped ? ".zip" : "");
    const fs::path staged = staging_ / (job.attempt_name() + "." + result.file_name);
    std::error_code ignored;
    fs::remove_all(staged, ignored);
    const expression::WriteOptions options{.compression = "",
                                           .durable = true,
                                           .layout = layout_for(request.query, zipped),
                                           .stem = request.id + std::string(format->extension())};
    const expression::Watch watch{
        [&](double done, double total, std::string_view unit) {
            context.progress({"writing " + result.file_name, done, total, std::string(unit)});
        },
        [&] { return context.cancelled(); }};
    const auto written = TRY(writer.write(request.query, selection, staged, options, watch));
    result.cells = written.cells;
    result.genes = written.genes;
    result.nonzeros = written.nonzeros;
    result.sum = written.sum;
    result.bytes = written.bytes;
    TRY(put_file(staged, result));
    result.message = fmt::format("{} cells, {} non-zeros", result.cells, result.nonzeros);
    return result;
}

Result<void> MatrixStage::put_file(const fs::path& staged, MatrixResult& result) {
    result.sha256 = TRY(sha256_of(staged));
    result.object_key = "results/" + result.hash + "/" + result.file_name;
    TRY(service_.objects().put_file(result.object_key, staged, {}));
    return {};
}

/// Nothing when there is no file to rearrange, or it is gone or of another kind: then it's built.
Result<std::optional<MatrixResult>> MatrixStage::rearrange(const MatrixJobInputs& inputs,
                                                           const pipeline::Job& job) {
    if (inputs.rearranged.empty()) return std::nullopt;
    const RequestRecord& request = inputs.request;
    std::optional<MatrixResult> result;
    const std::string hash = request.hash.substr(0, request.hash.find('.'));
    for (MatrixResult& known : TRY(service_.requests().results_of(hash)))
        if (known.object_key == inputs.rearranged) result = std::move(known);
    auto reader = service_.objects().open(inputs.rearranged);
    if (!result || !reader) return std::nullopt;
    const int descriptor = ::dup((*reader)->descriptor());
    if (descriptor < 0) return std::nullopt;
    result->hash = request.hash;
    const std::string stem = request.id + "." + request.query.format;
    result->file_name = stem + ".zip";
    const fs::path staged = staging_ / (job.id + "." + result->file_name);
    TRY(remove_file(staged));
    const auto bytes = rearrange_zip(File(descriptor, inputs.rearranged), request.query.format,
                                     request.query.fields, staged, stem);
    if (!bytes) return std::nullopt;
    result->bytes = *bytes;
    TRY(put_file(staged, *result));
    return result;
}

Result<std::string> MatrixStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    const MatrixJobInputs inputs = TRY(matrix_job_inputs_of(job.inputs));
    const RequestRecord& request = inputs.request;
    const std::int64_t started_ms = service_.clock().steady_ms();
    auto rearranged = TRY(rearrange(inputs, job));
    auto built =
        rearranged ? Result<MatrixResult>(*std::move(rearranged)) : build(request, job, context);
    if (!built) {
        counter("stroma_matrix_errors_total", "Matrix requests that failed").add();
        return fail(std::move(built.error()));
    }
    MatrixResult& result = *built;
    result.generation = inputs.generation;
    result.completed_ms = service_.clock().unix_ms();
    result.expires_ms = result.completed_ms + service_.options().retention.count();
    TRY(service_.requests().put_result(result));
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
