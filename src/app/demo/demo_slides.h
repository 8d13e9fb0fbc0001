#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::app {

/// Made-up slides of a small study with everything known of them: which cells lie where, of which
/// kind, and which kinds seek each other. The same seed makes the same slides.
struct SlideShape {
    std::uint64_t seed = 1;
    std::uint32_t side = 768;    ///< pixels
    std::uint32_t patients = 6;  ///< one slide each; the first half responds
    double micrometres = 0.5;    ///< of a pixel
};

enum class SlideKind : std::uint8_t { tumour, cytotoxic, helper, b_cell, macrophage, stroma };
constexpr std::array<std::string_view, 6> slide_kinds = {"Tumour", "Cytotoxic T", "Helper T",
                                                         "B cell", "Macrophage",  "Stroma"};
constexpr std::array<std::string_view, 8> slide_channels = {"DAPI", "PanCK", "CD3", "CD8",
                                                            "CD20", "CD68",  "VIM", "KI67"};

struct SlideCell {
    double x = 0, y = 0;                    ///< centre of the nucleus in pixels
    double across = 0, down = 0, turn = 0;  ///< its half axes and where the first one points
    SlideKind kind = SlideKind::stroma;
    bool divides = false;  ///< has KI67
};

/// One patient's slide.
struct Slide {
    std::string name;  ///< "P1"
    bool responds = false;
    std::uint32_t side = 0;
    std::vector<SlideCell> cells;
    /// Channel by channel, row-major: what a microscope with uneven light and noise would give.
    std::vector<std::vector<std::uint16_t>> pixels;
    std::vector<std::uint32_t> nuclei;  ///< which cell, from 1 on, each pixel is a nucleus of
};

/// Tumour islands in stroma, beside a follicle of B and helper T cells. Where a patient responds
/// cytotoxic T cells lie among the tumour's; else they stay outside and macrophages line its
/// border.
Slide make_slide(const SlideShape& shape, std::uint32_t patient);

}  // namespace stroma::app
