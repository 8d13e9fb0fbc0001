#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "expression/frame.h"
#include "expression/zarr/zarr_store.h"

namespace stroma::expression {

/// The attributes of a group or array: its .zattrs, or of version 3 a part of its zarr.json; an
/// empty object where there are none.
Result<nlohmann::ordered_json> zarr_attributes(const ZarrStore& store, std::string_view path);

/// Reads AnnData's elements out of a Zarr group: what lies in obs, var, obsm, varm, obsp, varp,
/// uns. Encodings of anndata 0.7 to 0.12; nodes without an encoding are read as what they look
/// like.
class ZarrElements {
public:
    ZarrElements(const ZarrStore& store, std::uint64_t bytes_max)
        : store_(store), bytes_max_(bytes_max) {}

    /// errors  unsupported    "encoding X not known"
    ///         invalid_input  names the path and what is wrong; groups deeper than 32
    Result<Element> read(const std::string& path, int depth = 0) const;
    Result<Frame> read_frame(const std::string& path) const;
    Result<Dict> read_dict(const std::string& path, int depth = 0) const;
    /// The node's encoding-type, "" without one.
    Result<std::string> encoding(const std::string& path) const;
    /// attrs["shape"] of a sparse group.
    Result<std::vector<std::uint64_t>> sparse_shape(const std::string& path) const;

private:
    Result<Element> read_array(const std::string& path) const;
    Result<Element> read_encoded(const std::string& path, const std::string& kind, int depth) const;
    Result<Column> read_column(const std::string& path, const std::string& name,
                               std::uint64_t rows) const;
    Result<Column> read_categorical(const std::string& path, const std::string& name) const;
    Result<Column> read_nullable(const std::string& path, const std::string& name) const;
    Result<Column> with_old_categories(const std::string& path, const std::string& categories,
                                       Column column) const;
    Result<SparseArray> read_sparse(const std::string& path, bool by_row) const;
    Result<Frame> frame_of_records(const std::string& path) const;

    const ZarrStore& store_;
    std::uint64_t bytes_max_;
};

}  // namespace stroma::expression
