#pragma once

#include <string>

#include "expression/frame.h"
#include "expression/h5ad/hdf5_file.h"

// Whole datasets in memory: what is small beside the matrices.

namespace stroma::expression {

constexpr std::uint64_t frame_text_bytes_max = 64u << 10;  ///< one text of obs or var
constexpr std::uint64_t loose_text_bytes_max = 16u << 20;  ///< one text of uns

/// A dataset of numbers or booleans. errors  invalid_input  it holds something else
Result<Array> read_numbers(const Hdf5Dataset& dataset);
Result<Array> read_numbers(const Hdf5File& file, const std::string& path);
/// A dataset of texts of any kind and shape, row-major, checked to be UTF-8.
/// errors  invalid_input  names the row; exhausted  a text over bytes_max
Result<TextArray> read_texts(const Hdf5File& file, const Hdf5Dataset& dataset,
                             std::uint64_t bytes_max);
Result<TextArray> read_texts(const Hdf5File& file, const std::string& path,
                             std::uint64_t bytes_max);
/// Any dataset as AnnData's uns would hold it: Array, TextGrid, Records, or nothing (h5py.Empty).
/// errors  unsupported  names the type
Result<Element> read_element(const Hdf5File& file, const Hdf5Dataset& dataset,
                             std::uint64_t text_bytes_max);
Result<Element> read_element(const Hdf5File& file, const std::string& path,
                             std::uint64_t text_bytes_max);
/// A compound dataset's fields as equally long columns; a field of arrays is an Array with more
/// axes.
Result<Records> read_records(const Hdf5File& file, const Hdf5Dataset& dataset,
                             std::uint64_t text_bytes_max);
/// The integers of an array, from any integer type. errors  invalid_input  it holds others
Result<std::vector<std::int64_t>> integers_of(const Array& array, const std::string& place);
Result<std::vector<std::int64_t>> read_integers(const Hdf5File& file, const std::string& path);
/// Numbers as texts, the way pandas makes an index of them.
TextArray texts_of(const Column& column);

}  // namespace stroma::expression
