#pragma once

#include <vector>

#include "tissue/correct/registration.h"

namespace stroma::tissue {

/// Shifts at the nodes of a grid over the fixed picture; between them bilinear, beyond the outer
/// ones as these have it.
struct ShiftField {
    std::int64_t columns = 0, rows = 0;
    double first_x = 0, first_y = 0, step_x = 1, step_y = 1;  ///< places of nodes, pixels
    std::vector<Shift> nodes;                                 ///< row by row
    double base_x = 0, base_y = 0;                            ///< about all of them, whole pixels
    double farthest = 0;  ///< most that a node lies beside that, along either axis

    Shift at(double x, double y) const;
};

/// How parts of a slide lie beside the shift of the whole: phase correlation of windows of 512
/// pixels about as far apart, within `reach` pixels of it. A node without agreement (correlation
/// under 0.3), or more than half of that from the middle of its neighbours, gets that middle.
/// errors  corrupt, cancelled
Result<ShiftField> find_local_shifts(const image::StoredImage& fixed, std::size_t fixed_channel,
                                     const image::StoredImage& moving, std::size_t moving_channel,
                                     const Shift& whole, double reach,
                                     const expression::Watch& watch);

/// As shifted_window(), each pixel by its own shift.
Result<void> bent_window(const image::StoredImage& moving, std::size_t channel,
                         const ShiftField& field, std::int64_t x, std::int64_t y,
                         Raster<float>& out);

}  // namespace stroma::tissue
