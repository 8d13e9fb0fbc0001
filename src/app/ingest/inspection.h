#pragma once

#include "load/inspector.h"
#include "portal/portal.h"

namespace stroma::app {

/// Imports are checked by the portal's profiles, and their reports kept there.
class Inspection final : public loading::Inspector {
public:
    explicit Inspection(portal::Portal& portal) : portal_(portal) {}
    Result<std::string> inspect(const expression::SealedDataset& dataset, std::string_view profile,
                                const expression::Watch& watch) override;
    Result<void> keep(std::string_view id, std::string_view profile,
                      std::string_view report) override;

private:
    portal::Portal& portal_;
};

}  // namespace stroma::app
