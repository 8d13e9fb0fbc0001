#include "matrix/export_stage.h"

#include "base/json.h"
#include "matrix/request_store.h"

namespace stroma::matrix {

std::string to_job_inputs(const ExportRequest& request) {
    return Json{{"query", to_json(request.query)},
                {"datasets", request.datasets},
                {"path", request.path.string()},
                {"compression", request.compression},
                {"durable", request.durable}}
        .dump();
}

Result<ExportRequest> export_request_of(std::string_view job_inputs) {
    const Json json = TRY(parse_json(job_inputs));
    ExportRequest request;
    request.query = TRY(query_from_json(json.value("query", "")));
    request.datasets = json.value("datasets", std::vector<std::string>{});
    request.path = json.value("path", "");
    request.compression = json.value("compression", "");
    request.durable = json.value("durable", false);
    if (!request.path.is_absolute())
        return fail(ErrorCode::invalid_input, "an export needs an absolute path");
    return request;
}

Result<warehouse::Scope> ExportStage::scope_of(const std::vector<std::string>& datasets) {
    if (datasets.empty()) return warehouse::Scope{true, {}};
    warehouse::Scope scope;
    for (const std::string& name : datasets) {
        const auto dataset = TRY(catalog_.find_dataset(name));
        if (!dataset)
            return fail(ErrorCode::not_found,
                        "no dataset '" + name + "'; 'stroma dataset list' shows them");
        scope.datasets.push_back(dataset->id);
    }
    return scope;
}

Result<std::string> ExportStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    const ExportRequest request = TRY(export_request_of(job.inputs));
    const std::int64_t started_ms = clock_.steady_ms();
    const std::string name = request.path.filename().string();
    context.progress({"selecting cells", 0, 0, ""});
    const auto scope = TRY(scope_of(request.datasets));
    const MatrixQuery query = TRY(writer_.checked(request.query, scope));
    const ReadAhead ahead = TRY(writer_.read_ahead(query, scope));
    const Selection selection = TRY(writer_.select(query, scope));
    const expression::Watch watch{
        [&](double done, double total, std::string_view unit) {
            context.progress({"writing " + name, done, total, std::string(unit)});
        },
        [&] { return context.cancelled(); }};
    const expression::WriteOptions options{.compression = request.compression,
                                           .durable = request.durable,
                                           .layout = query.layout,
                                           .stem = request.path.stem().string()};
    const auto written = TRY(writer_.write(query, selection, request.path, options, watch, ahead));
    return Json{{"path", request.path.string()},
                {"cells", written.cells},
                {"genes", written.genes},
                {"nonzeros", written.nonzeros},
                {"sum", written.sum},
                {"bytes", written.bytes},
                {"seconds", static_cast<double>(clock_.steady_ms() - started_ms) / 1000}}
        .dump();
}

}  // namespace stroma::matrix
