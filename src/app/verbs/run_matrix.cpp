#include <fmt/format.h>

#include "app/session.h"
#include "app/terminal/output_mode.h"
#include "app/terminal/progress_line.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "front/http/url.h"
#include "matrix/export_stage.h"

namespace stroma::app {
namespace {

constexpr std::size_t kept_bytes_max = 256u << 20;

/// The cells that were kept under the id, here or at the server.
Result<void> take_selection(Session& session, const std::string& id, matrix::MatrixQuery& query) {
    if (session.site) {
        const auto found =
            TRY(session.site->annotations().kept.find(annotation::KeptKind::selection, id));
        if (!found) return fail(ErrorCode::not_found, "there is no selection '" + id + "'");
        query.revision = found->revision;
        query.cells = TRY(annotation::cells_of(*found));
    } else {
        const std::string path = "/u/selections/" + front::http::percent_encode(id);
        const std::string said = TRY(session.remote->get(path));
        const Json kept = TRY(parse_json(said, {.bytes_max = kept_bytes_max}));
        query.revision = kept.value("revision", "");
        query.cells = kept.value("cells", decltype(query.cells){});
    }
    if (query.cells.empty())
        return fail(ErrorCode::invalid_input, "the selection '" + id + "' holds no cell");
    return {};
}

Result<matrix::ExportRequest> request_for(const MatrixOptions& options, Session& session) {
    matrix::ExportRequest request;
    request.query.where = options.where;
    request.query.sql = options.sql;
    if (!options.filter_file.empty())
        request.query.filter = TRY_WITH(read_file(options.filter_file, 1u << 20), "the filter");
    request.query.revision = options.revision;
    if (!options.selection.empty()) TRY(take_selection(session, options.selection, request.query));
    if (options.where.empty() && options.sql.empty() && options.filter_file.empty() &&
        request.query.revision.empty())
        request.query.where = "true";
    request.query.fields = options.fields;
    request.query.genes = options.genes;
    request.query.feature = options.feature;
    request.query.matrix = options.matrix;
    request.query.format = options.format;
    request.query.layout = options.layout;
    request.compression = options.compression;
    request.durable = options.durable;
    request.datasets = options.datasets;
    request.path = fs::absolute(options.output).lexically_normal();
    return request;
}

}  // namespace

Result<void> run_matrix(const MatrixOptions& options, Invocation& invocation) {
    if (fs::exists(options.output))
        return fail(ErrorCode::already_exists,
                    options.output + " exists; remove it or choose another -o");
    Session session = TRY(open_session(invocation));
    // Who doesn't ask for a file that survives a loss of power needs no record that does.
    if (session.site && !options.durable) session.site->work_for_one_command();
    const auto request = TRY(request_for(options, session));
    const pipeline::Job job =
        TRY(submit(session, "export", "matrix " + request.path.filename().string(),
                   matrix::to_job_inputs(request)));
    const pipeline::Job done = TRY(follow(session, job, invocation));
    TRY(apply_umask(request.path));
    if (session.site) Site::leave(std::move(session.site));
    const Json outputs = TRY(parse_json(done.outputs));
    if (invocation.json) {
        invocation.terminal->print(outputs.dump() + "\n");
        return {};
    }
    invocation.terminal->print(fmt::format(
        "{}: {} cells x {} genes, {} non-zeros, sum {}, {} in {}\n", options.output,
        outputs.value("cells", 0u), outputs.value("genes", 0u),
        outputs.value("nonzeros", std::uint64_t{0}), outputs.value("sum", 0.0),
        short_bytes(outputs.value("bytes", 0.0)), short_duration(outputs.value("seconds", 0.0))));
    return {};
}

}  // namespace stroma::app
