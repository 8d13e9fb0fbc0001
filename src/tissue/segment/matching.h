#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace stroma::tissue {

/// How well found objects agree with true ones, at one least overlap.
struct Agreement {
    std::uint64_t matched = 0, invented = 0, missed = 0;
    double overlap_sum = 0;  ///< of the matched pairs' intersection over union

    double f1() const;                 ///< 2 TP / (2 TP + FP + FN); 1 when there is nothing at all
    double precision() const;          ///< TP / (TP + FP)
    double recall() const;             ///< TP / (TP + FN)
    double average_precision() const;  ///< TP / (TP + FP + FN), as segmentation papers call it
    double panoptic_quality() const;
    Agreement& operator+=(const Agreement& other);
};

/// Pairs objects whose intersection over union exceeds `overlap` (0.5 or more, so that a partner
/// is the only one). Labels of two pictures of equal size, 0 for none.
Agreement agreement(std::span<const std::uint32_t> truth, std::span<const std::uint32_t> found,
                    double overlap);

}  // namespace stroma::tissue
