#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "annotation/cell_bitmap.h"

namespace stroma::front::annotation {

/// A JSON body whose list of runs was read ahead of it, and its text with an empty list there.
struct BodyWithRuns {
    stroma::annotation::CellRuns runs;  ///< as they were sent
    std::string rest;
};

/// Reads the member "cells": [[first, end], …] of a body without making a value of each number:
/// thousands of scattered cells are thousands of pairs. Unset where it isn't exactly that, or
/// where a run ends above `cells`: the whole body is then to be read as any JSON.
std::optional<BodyWithRuns> runs_ahead(std::string_view body, std::uint32_t cells);

}  // namespace stroma::front::annotation
