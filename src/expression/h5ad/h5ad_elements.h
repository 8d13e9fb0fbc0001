#pragma once

#include <string>
#include <string_view>

#include "expression/frame.h"
#include "expression/h5ad/hdf5_file.h"

namespace stroma::expression {

/// Reads AnnData's elements out of an HDF5 file: every encoding that anndata 0.6 to 0.12 wrote,
/// whether named by attributes (0.7 on) or not. One thread.
/// Source: the AnnData on-disk format.
class H5adElements {
public:
    explicit H5adElements(const Hdf5File& file) : file_(file) {}

    /// Whatever lies at the path. errors  unsupported  "encoding 'awkward-array' isn't known"
    Result<Element> element(const std::string& path) const;
    /// A group's members (or, before 0.7, a compound dataset's fields) by name. Absent: empty.
    Result<Dict> dict(const std::string& path) const;
    /// A table: a dataframe group, or before 0.7 a compound dataset.
    /// errors  invalid_input  columns of different lengths; exhausted  over 2,000 columns
    Result<Frame> frame(const std::string& path) const;
    /// One column of a table. `name` is what the column is called.
    Result<Column> column(const std::string& path, std::string name) const;
    /// The order of a sparse matrix group: "csr", "csc", or "" when it isn't one.
    std::string sparse_order(const std::string& path) const;
    /// The shape a sparse matrix group states.
    Result<std::vector<std::uint64_t>> sparse_shape(const std::string& path) const;

private:
    Result<Element> group_element(const std::string& path) const;
    Result<Element> sparse(const std::string& path, bool by_row) const;
    Result<Frame> frame_of_group(const std::string& path) const;
    Result<Frame> frame_of_records(const std::string& path) const;
    Result<Column> categorical(const std::string& codes, const std::string& categories,
                               bool ordered, std::string name) const;
    Result<Column> nullable(const std::string& path, std::string name) const;
    Result<bool> flag_attribute(const std::string& path, const std::string& name) const;

    /// Links may lead in circles, so both are counted.
    Result<void> count_element(const std::string& path) const;

    const Hdf5File& file_;
    mutable std::uint64_t elements_ = 0;
    mutable int column_depth_ = 0;
};

/// A categorical column of codes into categories.
/// errors  invalid_input  a code past the categories: names the row
Result<Categorical> make_categorical(const Array& codes, Column categories, bool ordered,
                                     const std::string& place);

}  // namespace stroma::expression
