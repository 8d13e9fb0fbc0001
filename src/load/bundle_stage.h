#pragma once

#include <string>
#include <string_view>

#include "catalog/catalog.h"
#include "load/bundle_order.h"
#include "load/dataset_loader.h"
#include "load/import_stage.h"
#include "pipeline/stage.h"

namespace stroma::loading {

/// A notice as the inputs of a job of stage "bundle", and back.
std::string to_job_inputs(const BundleNotice& notice);
Result<BundleNotice> bundle_notice_of(std::string_view job_inputs);

/// Applies what a bundle's home said (POST /dss/notification): fetches and loads a version, or
/// takes it away. Any order, any number of times; see decide().
/// The source is a folder that holds each bundle as <uuid>.<version>/, with its manifest beside it
/// or inside, as hca_bundle.h says.
class BundleStage final : public pipeline::Stage {
public:
    BundleStage(ImportStage& import, DatasetLoader& loader, catalog::Catalog& catalog,
                fs::path source)
        : import_(import), loader_(loader), catalog_(catalog), source_(std::move(source)) {}
    std::string_view name() const override { return "bundle"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    Result<std::string> load(const BundleNotice& notice, const pipeline::Job& job,
                             pipeline::StageContext& context);
    Result<std::string> remove(const BundleNotice& notice);

    ImportStage& import_;
    DatasetLoader& loader_;
    catalog::Catalog& catalog_;
    fs::path source_;
};

}  // namespace stroma::loading
