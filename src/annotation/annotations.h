#pragma once

#include <memory>

#include "annotation/gene_sets.h"
#include "annotation/kept_things.h"
#include "annotation/labels.h"
#include "annotation/spaces.h"

namespace stroma::annotation {

/// All stores of this folder over one control database.
struct Annotations {
    /// Brings their tables up to date.
    static Result<std::unique_ptr<Annotations>> open(sql::Database& control, const Clock& clock,
                                                     IdSource& ids);
    Annotations(sql::Database& control, const Clock& clock, IdSource& ids)
        : spaces(control, clock, ids),
          labels(control, clock, ids),
          gene_sets(control, clock),
          kept(control, clock, ids) {}

    Spaces spaces;
    Labels labels;
    GeneSets gene_sets;
    KeptThings kept;
};

}  // namespace stroma::annotation
