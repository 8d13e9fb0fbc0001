#pragma once

#include "app/tissue/step.h"
#include "image/stored_image.h"
#include "tissue/pixel_reader.h"
#include "tissue/scratch_plane.h"
#include "tissue/segment/filters.h"

namespace stroma::app {

/// A PNG for people, at most about 1,600 pixels wide: the channel in grey, the borders of labels in
/// yellow.
Result<void> write_overlay(const image::StoredImage& picture, std::size_t channel,
                           const tissue::ScratchPlane<std::uint32_t>& labels, const fs::path& path);

/// The labels as an OME-TIFF with the pixel size of `info`, in the place of what lies there.
Result<void> write_label_picture(const image::ImageInfo& info,
                                 const tissue::ScratchPlane<std::uint32_t>& labels, bool has_levels,
                                 const std::string& name, const fs::path& path);

/// Makes a window's values of a channel; any thread.
using MakeWindow = std::function<Result<void>(std::size_t channel, const tissue::Window& window,
                                              tissue::Raster<float>& out)>;
/// Writes the picture that `make` gives as an OME-TIFF of that shape below the run's output.
/// Values are rounded to its type and cut to what that holds.
/// memory  a window on each thread; one plane in scratch space
Result<void> write_made(const StepRun& run, const image::ImageInfo& shape, const MakeWindow& make,
                        const std::string& file);

}  // namespace stroma::app
