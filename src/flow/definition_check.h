#pragma once

#include "flow/definition.h"

// Private to this folder: what a definition that could be read must fulfil beside.

namespace stroma::flow {

/// Adds issues; puts the stages into an order in which each comes behind what it reads.
void check_definition(Checked& checked, const Steps* steps, const fs::path& folder);

}  // namespace stroma::flow
