#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "expression/input_files.h"
#include "image/image_info.h"
#include "image/placed_image.h"

namespace stroma::image {

/// A foreign picture, open for reading. One thread.
class ImageSource {
public:
    virtual ~ImageSource() = default;
    virtual const ImageInfo& info() const = 0;
    /// How many neighbouring channels are decoded together: {3} for a photograph, {1, 1, 1} where
    /// each channel has its own pages. They add up to all channels.
    virtual std::vector<std::size_t> groups() const = 0;
    /// Rows [first, first + rows) of that group's channels: row-major values of info().type in
    /// out[channel of the group], each rows * width values long. Groups and rows are asked for in
    /// rising order.
    virtual Result<void> read_rows(std::size_t group, std::uint64_t first, std::uint64_t rows,
                                   std::span<Bytes> out) = 0;
    /// Of labels: the cells' ids that 1, 2, … stand for; empty where the label is the id.
    virtual const std::vector<std::string>& label_ids() const {
        static const std::vector<std::string> none;
        return none;
    }
};

struct ImageOptions {
    bool are_labels = false;  ///< the one channel holds numbers of cells
    std::string element;      ///< of a store or folder: which of its pictures; "" finds the one
    std::uint64_t memory_bytes = std::uint64_t{1} << 30;
    std::optional<double> micrometres;  ///< of a pixel, where the picture doesn't say
};

/// A picture beside the cells of what is imported: an element of a SpatialData store, an image of
/// Space Ranger.
struct FoundPicture {
    std::string element;              ///< its path within the input; ImageOptions::element reads it
    std::string name;                 ///< what it is to be called
    Transform transform = unchanged;  ///< to obsm["spatial"]
    bool are_labels = false;
    std::string cell_column;            ///< labels: the obs column that has them; "": is found
    std::optional<double> micrometres;  ///< of a pixel, where the picture itself doesn't say
};
constexpr std::size_t found_pictures_max = 64;

/// Reads one kind of picture. Stateless.
class ImageReader {
public:
    virtual ~ImageReader() = default;
    virtual std::string_view name() const = 0;  ///< "tiff", "png", "ome-zarr"
    /// By names and first bytes. Cheap; false for what can't be read.
    virtual bool recognises(expression::InputFiles& files) const = 0;
    /// What it returns may keep `files`, which must outlive it. `notes` gets what a person should
    /// know of the reading.
    /// errors  invalid_input  names the file and the part; exhausted  a limit, by its name
    ///         unsupported    a known kind that isn't read
    virtual Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files,
                                                      const ImageOptions& options,
                                                      std::vector<std::string>& notes) const = 0;
    /// The pictures that lie beside the cells of an input that is read as a dataset.
    virtual Result<std::vector<FoundPicture>> beside(expression::InputFiles&,
                                                     std::vector<std::string>&) const {
        return std::vector<FoundPicture>{};
    }
};

}  // namespace stroma::image
