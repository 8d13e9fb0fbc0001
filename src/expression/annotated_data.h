#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "expression/frame.h"
#include "expression/matrix_source.h"

namespace stroma::expression {

/// One matrix of a dataset. Its genes are var's, but for "raw.X", whose genes are raw_var's.
struct NamedMatrix {
    std::string name;  ///< "X", "raw.X", "layers/<name>"
    Unit unit = Unit::unknown;
    std::unique_ptr<MatrixSource> source;
};

/// A dataset as AnnData sees it: what every format reader gives and every format writer takes.
/// Each piece may be empty; matrices are read only when a consumer asks for lines.
struct AnnotatedData {
    Frame obs, var;
    std::vector<NamedMatrix> matrices;
    std::optional<Frame> raw_var;
    Dict obsm, varm, obsp, varp, uns, raw_varm;
    /// What a person should know of the reading: "cells are columns (detected)", "2 duplicate…".
    std::vector<std::string> notes;

    const NamedMatrix* find(std::string_view name) const;
};

/// How a long piece of work tells how far it is and asks whether to stop; both may be empty.
struct Watch {
    std::function<void(double done, double total, std::string_view unit)> progress;
    std::function<bool()> cancelled;
};

}  // namespace stroma::expression
