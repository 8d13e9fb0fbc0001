#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "expression/frame.h"
#include "expression/h5ad/hdf5_dataset.h"
#include "expression/h5ad/hdf5_driver.h"

namespace stroma::expression {

/// What a foreign HDF5 file may hold.
struct Hdf5Limits {
    std::uint64_t objects_max = 100'000;                         ///< groups and datasets
    std::size_t depth_max = 32;                                  ///< groups inside groups
    std::uint64_t unpacked_bytes_max = std::uint64_t{64} << 30;  ///< all datasets, inflated
    /// "bomb": all datasets are larger than the file this many times (and than 64 MiB).
    std::uint64_t unpacked_ratio_max = 200;
};

/// A foreign HDF5 file, open for reading. Parts are named by their path without a leading slash:
/// "obs/cell_type"; "" is the root. Any thread; calls into the library take its one lock.
class Hdf5File : public std::enable_shared_from_this<Hdf5File> {
public:
    enum class Part { absent, group, dataset };

    /// Opens the file and walks all of it: afterwards every dataset has an allowed layout and
    /// filters, and no link leaves the file.
    /// errors  invalid_input, unsupported, exhausted ("limit", "bomb"): name the file and the part
    static Result<std::shared_ptr<Hdf5File>> open(File file, const Hdf5Limits& limits);
    /// Opens it without the walk, to look at its parts and attributes only; nothing when it isn't
    /// a readable HDF5 file.
    static std::shared_ptr<Hdf5File> glance(File file);

    const std::string& name() const { return file_.name(); }
    const File& file() const { return file_; }
    std::uint64_t file_bytes() const { return file_bytes_; }

    Part part(const std::string& path) const;
    bool has_group(const std::string& path) const { return part(path) == Part::group; }
    bool has_dataset(const std::string& path) const { return part(path) == Part::dataset; }
    /// The names in a group as h5py gives them: in byte order, or as created where that is kept.
    Result<std::vector<std::string>> names(const std::string& path) const;
    /// errors  not_found, invalid_input, unsupported
    Result<std::shared_ptr<Hdf5Dataset>> dataset(const std::string& path) const;

    bool has_attribute(const std::string& path, const std::string& name) const;
    std::vector<std::string> attribute_names(const std::string& path) const;
    /// An attribute as an Array or TextGrid. errors  not_found, invalid_input, exhausted (16 MiB)
    Result<Element> attribute(const std::string& path, const std::string& name) const;
    /// A text attribute, "" when absent or not one text.
    std::string text_attribute(const std::string& path, const std::string& name) const;
    /// The path that an attribute holding an object reference points to; "" when it isn't one.
    std::string referenced_path(const std::string& path, const std::string& name) const;

    /// Texts that lie in the file's global heap, each given by its 16 bytes (length, address,
    /// number). errors  invalid_input  a damaged heap; exhausted  a text over bytes_max
    Result<TextArray> heap_texts(const Hdf5Values& references, std::uint64_t bytes_max) const;

    /// "<file>: <path>" for messages.
    std::string place(const std::string& path) const;

private:
    friend class Hdf5Walk;
    explicit Hdf5File(File file) : file_(std::move(file)) {}
    Result<void> open_library();
    Hdf5Id open_object(const std::string& path) const;

    File file_;
    std::uint64_t file_bytes_ = 0;
    std::uint64_t base_address_ = 0;
    Hdf5Id id_;
};

/// A value that `what` stands for, or an error that names it in front.
std::string join_path(std::string_view group, std::string_view name);

}  // namespace stroma::expression
