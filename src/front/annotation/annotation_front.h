#pragma once

#include <memory>
#include <vector>

#include "annotation/gene_sets.h"
#include "annotation/kept_things.h"
#include "annotation/labels.h"
#include "annotation/spaces.h"
#include "front/explorer/explorer_front.h"

namespace stroma::front::annotation {

/// What the routes ask. The references outlive the front.
struct AnnotationDomain {
    explorer::ExplorerDomain explorer;
    stroma::annotation::Spaces& spaces;
    stroma::annotation::Labels& labels;
    stroma::annotation::GeneSets& gene_sets;
    stroma::annotation::KeptThings& kept;
};

/// Finds selections that were kept, for comparisons and matrices. The domain outlives it.
api::FindSelection selection_finder(const AnnotationDomain& domain);

/// The mutable address space /u/…: spaces, labels, gene sets, selections and views. Reads have an
/// ETag and are to be asked for anew each time (no-cache); a write to what is there needs If-Match:
/// 428 without, 412 when it is stale. cellxgene's API stands there with labels and gene sets of the
/// space; its clients know no ETag. Nothing here changes a byte below /d. Any thread; outlives
/// the server.
class AnnotationFront {
public:
    explicit AnnotationFront(AnnotationDomain domain);
    ~AnnotationFront();
    std::vector<http::Route> routes();

private:
    std::unique_ptr<const AnnotationDomain> domain_;
};

}  // namespace stroma::front::annotation
