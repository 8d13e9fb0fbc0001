#pragma once

#include "app/site.h"
#include "pipeline/stage.h"

namespace stroma::app {

/// `stroma backup` as a job, so that it can be watched and cancelled, here or at a server.
class BackupStage final : public pipeline::Stage {
public:
    explicit BackupStage(Site*& site) : site_(site) {}
    std::string_view name() const override { return "backup"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    Site*& site_;  ///< set once the site is whole, before the worker starts
};

}  // namespace stroma::app
