#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "expression/array.h"

namespace stroma::expression {

struct Hdf5Field;

/// The type of a dataset's or attribute's values as they lie in the file.
struct Hdf5Type {
    enum class Kind {
        integer,
        floating,
        boolean,        ///< an enumeration of FALSE and TRUE, as h5py writes booleans
        fixed_text,     ///< `size` bytes each
        variable_text,  ///< 16 bytes each that point into a global heap
        compound,
        array,  ///< `dims` values of base[0], inside compounds
        reference,
        other,  ///< `name` says what it is; can't be read
    };
    enum class Padding { null_terminated, null_padded, space_padded };

    Kind kind = Kind::other;
    std::size_t size = 0;  ///< bytes a value
    bool is_signed = false;
    bool big_endian = false;
    Padding padding = Padding::null_padded;
    std::vector<Hdf5Field> fields;    ///< of a compound
    std::vector<std::uint64_t> dims;  ///< of an array
    std::vector<Hdf5Type> base;       ///< of an array: one
    std::string name;                 ///< for messages: "float32", "text of 8 bytes"

    bool is_text() const { return kind == Kind::fixed_text || kind == Kind::variable_text; }
    bool is_number() const {
        return kind == Kind::integer || kind == Kind::floating || kind == Kind::boolean;
    }
    /// What its numbers become; half floats become float32. Only for is_number().
    ValueType value_type() const;
    /// Whether the file's bytes are those of value_type() already.
    bool is_native() const;
};

struct Hdf5Field {
    std::string name;
    std::size_t offset = 0;
    Hdf5Type type;
};

/// Values that lie `stride` bytes apart, the first at the start of `bytes`.
struct Hdf5Values {
    ByteSpan bytes;
    std::size_t stride = 0;
    std::size_t count = 0;
    const std::byte* at(std::size_t index) const { return bytes.data() + index * stride; }
};

/// Turns numbers of the file into ours, little-endian and close together.
void decode_numbers(const Hdf5Type& type, const Hdf5Values& values, std::byte* out);

/// A text of fixed length without its padding.
std::string_view without_padding(const Hdf5Type& type, const std::byte* bytes);

/// Whether the bytes are well-formed UTF-8 (no surrogates, nothing overlong).
bool is_utf8(std::string_view text);

/// Reads the type from a handle of the HDF5 library.
/// errors  invalid_input  damaged; exhausted  more than 2,000 fields or nested deeper than 4
Result<Hdf5Type> read_hdf5_type(std::int64_t type_id);

}  // namespace stroma::expression
