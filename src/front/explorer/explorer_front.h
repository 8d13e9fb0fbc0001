#pragma once

#include <memory>
#include <string>
#include <vector>

#include "explorer/clusterings.h"
#include "explorer/comparisons.h"
#include "front/api/api.h"
#include "front/api/api_domain.h"
#include "front/http/server.h"
#include "image/image_files.h"

namespace stroma::front::explorer {

/// What the routes ask. The references outlive the front.
struct ExplorerDomain {
    api::AccessAnswers& access;
    api::DatasetAnswers& datasets;
    api::JobAnswers& jobs;
    stroma::explorer::Explorer& explorer;
    stroma::explorer::Comparisons& comparisons;
    stroma::explorer::Clusterings& clusterings;
    stroma::image::ImageFiles& images;
    std::string version;  ///< of Stroma, for cellxgene's config
    api::FindSelection find_selection = {};
};

/// The immutable address space /d/<revision>/…: Stroma's own routes (JSON, Arrow) and cellxgene's
/// /api/v0.2 and /api/v0.3 (JSON, NetEncoding). /d/<dataset>/… redirects to the current revision,
/// /d/<dataset> is the short-lived pointer to it. /v1/comparisons compares two selections of a
/// revision, /v1/clusterings groups its cells anew. Any thread; outlives the server.
class ExplorerFront {
public:
    explicit ExplorerFront(ExplorerDomain domain);
    ~ExplorerFront();
    std::vector<http::Route> routes();

private:
    std::unique_ptr<const ExplorerDomain> domain_;
};

}  // namespace stroma::front::explorer
