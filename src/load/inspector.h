#pragma once

#include <string>
#include <string_view>

#include "expression/sealed_dataset.h"

namespace stroma::loading {

/// Checks content against a profile of rules before it becomes visible. Any thread.
class Inspector {
public:
    virtual ~Inspector() = default;
    /// The report: a JSON object with state ("valid", "invalid"), errors and findings.
    /// errors  not_found  no such profile     cancelled
    virtual Result<std::string> inspect(const expression::SealedDataset& dataset,
                                        std::string_view profile,
                                        const expression::Watch& watch) = 0;
    /// Keeps it under the id of the revision, or of the job when that was refused.
    virtual Result<void> keep(std::string_view id, std::string_view profile,
                              std::string_view report) = 0;
};

}  // namespace stroma::loading
