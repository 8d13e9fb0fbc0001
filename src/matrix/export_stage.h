#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "matrix/matrix_service.h"
#include "pipeline/stage.h"

namespace stroma::matrix {

/// What `stroma matrix` asks for: a selection written to a path of this machine. Only for the
/// administrator, whose files they are.
struct ExportRequest {
    MatrixQuery query;
    std::vector<std::string> datasets;  ///< names or ids; empty is all
    fs::path path;                      ///< must not exist
    std::string compression;
    bool durable = false;  ///< fsync before the job succeeds
};

std::string to_job_inputs(const ExportRequest& request);
Result<ExportRequest> export_request_of(std::string_view job_inputs);

/// Writes the file. Outputs: path, cells, genes, nonzeros, sum, bytes, seconds.
class ExportStage final : public pipeline::Stage {
public:
    ExportStage(MatrixWriter& writer, catalog::Catalog& catalog, const Clock& clock)
        : writer_(writer), catalog_(catalog), clock_(clock) {}
    std::string_view name() const override { return "export"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    Result<warehouse::Scope> scope_of(const std::vector<std::string>& datasets);
    MatrixWriter& writer_;
    catalog::Catalog& catalog_;
    const Clock& clock_;
};

}  // namespace stroma::matrix
