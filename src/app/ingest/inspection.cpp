#include "app/ingest/inspection.h"

namespace stroma::app {

Result<std::string> Inspection::inspect(const expression::SealedDataset& dataset,
                                        std::string_view profile, const expression::Watch& watch) {
    return portal_.inspect(dataset, profile, watch);
}

Result<void> Inspection::keep(std::string_view id, std::string_view profile,
                              std::string_view report) {
    return portal_.put_report(id, profile, report);
}

}  // namespace stroma::app
