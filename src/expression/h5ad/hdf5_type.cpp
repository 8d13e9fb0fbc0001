#include "expression/h5ad/hdf5_type.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>

namespace stroma::expression {
namespace {

constexpr int fields_max = 2000;
constexpr int type_depth_max = 4;
constexpr std::size_t record_bytes_max = 64u << 20;

struct TypeId {
    hid_t id;
    explicit TypeId(hid_t type) : id(type) {}
    TypeId(const TypeId&) = delete;
    TypeId& operator=(const TypeId&) = delete;
    ~TypeId() {
        if (id >= 0) H5Tclose(id);
    }
};

std::string member_name(hid_t type, unsigned index) {
    const std::unique_ptr<char, herr_t (*)(void*)> name(H5Tget_member_name(type, index),
                                                        H5free_memory);
    return name == nullptr ? "" : name.get();
}

Result<Hdf5Type> read_type(hid_t id, int depth);

bool is_boolean_enum(hid_t id) {
    if (H5Tget_size(id) != 1 || H5Tget_nmembers(id) != 2) return false;
    for (unsigned i = 0; i < 2; ++i) {
        std::int8_t value = -1;
        if (H5Tget_member_value(id, i, &value) < 0) return false;
        const std::string name = member_name(id, i);
        if (!(name == "FALSE" && value == 0) && !(name == "TRUE" && value == 1)) return false;
    }
    return true;
}

Result<void> read_fields(hid_t id, int depth, Hdf5Type& type) {
    const int count = H5Tget_nmembers(id);
    if (count < 0) return fail(ErrorCode::invalid_input, "has a damaged compound type");
    if (count > fields_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("has {} fields; the limit is {}", count, fields_max));
    // The library tells offsets as in memory, where a text of varying length is a pointer.
    std::vector<std::size_t> in_memory;
    for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
        const TypeId member(H5Tget_member_type(id, i));
        Hdf5Field field{member_name(id, i), H5Tget_member_offset(id, i), {}};
        field.type = TRY(read_type(member.id, depth + 1));
        in_memory.push_back(H5Tget_size(member.id));
        type.fields.push_back(std::move(field));
    }
    const std::vector<Hdf5Field> unmoved = type.fields;
    for (std::size_t i = 0; i < unmoved.size(); ++i) {
        const std::size_t grown = unmoved[i].type.size - in_memory[i];
        for (std::size_t k = 0; k < unmoved.size(); ++k)
            if (unmoved[k].offset > unmoved[i].offset) type.fields[k].offset += grown;
        type.size += grown;
    }
    for (const Hdf5Field& field : type.fields)
        if (field.offset > type.size || field.type.size > type.size - field.offset)
            return fail(ErrorCode::invalid_input,
                        fmt::format("has a field '{}' that passes its record", field.name));
    return {};
}

Result<void> read_array(hid_t id, int depth, Hdf5Type& type) {
    const int rank = H5Tget_array_ndims(id);
    if (rank < 1 || rank > 8) return fail(ErrorCode::invalid_input, "has a damaged array type");
    hsize_t dims[8] = {};
    H5Tget_array_dims2(id, dims);
    const TypeId base(H5Tget_super(id));
    type.base.push_back(TRY(read_type(base.id, depth + 1)));
    std::size_t bytes = type.base[0].size;
    for (int i = 0; i < rank; ++i) {
        if (dims[i] == 0 || __builtin_mul_overflow(bytes, dims[i], &bytes) ||
            bytes > record_bytes_max)
            return fail(ErrorCode::invalid_input, "has a damaged array type");
        type.dims.push_back(dims[i]);
    }
    type.size = bytes;
    type.name = "array of " + type.base[0].name;
    return {};
}

void read_integer(hid_t id, Hdf5Type& type) {
    const bool plain = std::has_single_bit(type.size) && type.size <= 8 &&
                       H5Tget_precision(id) == type.size * 8 && H5Tget_offset(id) == 0;
    type.is_signed = H5Tget_sign(id) == H5T_SGN_2;
    type.big_endian = H5Tget_order(id) == H5T_ORDER_BE;
    type.name = fmt::format("{}int{}", type.is_signed ? "" : "u", type.size * 8);
    if (plain) type.kind = Hdf5Type::Kind::integer;
}

/// IEEE 754 only: other layouts of the same size must not pass for it.
void read_float(hid_t id, Hdf5Type& type) {
    std::size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
    type.big_endian = H5Tget_order(id) == H5T_ORDER_BE;
    type.name = fmt::format("float{}", type.size * 8);
    if (H5Tget_fields(id, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return;
    const std::size_t wanted = type.size == 2 ? 5 : type.size == 4 ? 8 : type.size == 8 ? 11 : 0;
    const bool plain = wanted != 0 && exponent_bits == wanted && mantissa == 0 &&
                       mantissa_bits == type.size * 8 - 1 - wanted &&
                       H5Tget_order(id) != H5T_ORDER_VAX;
    if (plain) type.kind = Hdf5Type::Kind::floating;
}

void read_text(hid_t id, Hdf5Type& type) {
    const H5T_str_t padding = H5Tget_strpad(id);
    type.padding = padding == H5T_STR_NULLTERM   ? Hdf5Type::Padding::null_terminated
                   : padding == H5T_STR_SPACEPAD ? Hdf5Type::Padding::space_padded
                                                 : Hdf5Type::Padding::null_padded;
    const bool variable = H5Tis_variable_str(id) > 0;
    type.kind = variable ? Hdf5Type::Kind::variable_text : Hdf5Type::Kind::fixed_text;
    // A handle taken from a file counts a variable text as it lies there; the library tells the
    // size in memory, a pointer.
    if (variable) type.size = 16;
    type.name = variable ? "text" : fmt::format("text of {} bytes", type.size);
}

Result<Hdf5Type> read_type(hid_t id, int depth) {
    if (id < 0) return fail(ErrorCode::invalid_input, "has a damaged type");
    if (depth > type_depth_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("has types nested deeper than {}", type_depth_max));
    Hdf5Type type;
    type.size = H5Tget_size(id);
    if (type.size == 0) return fail(ErrorCode::invalid_input, "has a damaged type");
    switch (H5Tget_class(id)) {
        case H5T_INTEGER: read_integer(id, type); break;
        case H5T_FLOAT: read_float(id, type); break;
        case H5T_STRING: read_text(id, type); break;
        case H5T_COMPOUND:
            type.kind = Hdf5Type::Kind::compound;
            type.name = "compound";
            TRY(read_fields(id, depth, type));
            break;
        case H5T_ARRAY:
            type.kind = Hdf5Type::Kind::array;
            TRY(read_array(id, depth, type));
            break;
        case H5T_ENUM: {
            const TypeId base(H5Tget_super(id));
            type = TRY(read_type(base.id, depth + 1));
            if (is_boolean_enum(id)) {
                type.kind = Hdf5Type::Kind::boolean;
                type.name = "bool";
            }
            break;
        }
        case H5T_REFERENCE:
            type.kind = Hdf5Type::Kind::reference;
            type.name = "reference";
            break;
        case H5T_VLEN: type.name = "lists of varying length"; break;
        case H5T_OPAQUE: type.name = "opaque bytes"; break;
        case H5T_BITFIELD: type.name = "bit field"; break;
        default: type.name = "an unknown type"; break;
    }
    return type;
}

float from_half(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half >> 15) << 31;
    const std::uint32_t exponent = half >> 10 & 31;
    const std::uint32_t mantissa = half & 1023;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
    if (exponent == 0) {
        const float value = std::ldexp(static_cast<float>(mantissa), -24);
        return sign != 0 ? -value : value;
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

template <std::size_t size>
void copy_values(const Hdf5Values& values, bool swap, std::byte* out) {
    for (std::size_t i = 0; i < values.count; ++i, out += size) {
        std::memcpy(out, values.at(i), size);
        if (swap) std::reverse(out, out + size);
    }
}

}  // namespace

ValueType Hdf5Type::value_type() const {
    if (kind == Kind::boolean) return ValueType::boolean;
    if (kind == Kind::floating) return size == 8 ? ValueType::float64 : ValueType::float32;
    switch (size) {
        case 1: return is_signed ? ValueType::int8 : ValueType::uint8;
        case 2: return is_signed ? ValueType::int16 : ValueType::uint16;
        case 4: return is_signed ? ValueType::int32 : ValueType::uint32;
        default: return is_signed ? ValueType::int64 : ValueType::uint64;
    }
}

bool Hdf5Type::is_native() const {
    return is_number() && !(big_endian && size > 1) && !(kind == Kind::floating && size == 2);
}

void decode_numbers(const Hdf5Type& type, const Hdf5Values& values, std::byte* out) {
    if (values.count == 0) return;
    if (type.is_native() && values.stride == type.size) {
        std::memcpy(out, values.bytes.data(), values.count * type.size);
    } else if (type.kind == Hdf5Type::Kind::floating && type.size == 2) {
        for (std::size_t i = 0; i < values.count; ++i) {
            auto half = load<std::uint16_t>(values.at(i));
            if (type.big_endian) half = static_cast<std::uint16_t>(half << 8 | half >> 8);
            store(out + 4 * i, from_half(half));
        }
    } else {
        switch (type.size) {
            case 1: copy_values<1>(values, false, out); break;
            case 2: copy_values<2>(values, type.big_endian, out); break;
            case 4: copy_values<4>(values, type.big_endian, out); break;
            default: copy_values<8>(values, type.big_endian, out); break;
        }
    }
    // Enumerations from outside may hold any byte; ours are 0 and 1.
    if (type.kind == Hdf5Type::Kind::boolean)
        for (std::size_t i = 0; i < values.count; ++i)
            out[i] = out[i] != std::byte{0} ? std::byte{1} : std::byte{0};
}

std::string_view without_padding(const Hdf5Type& type, const std::byte* bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes), type.size);
    if (type.padding == Hdf5Type::Padding::null_terminated) return text.substr(0, text.find('\0'));
    const char padding = type.padding == Hdf5Type::Padding::space_padded ? ' ' : '\0';
    return text.substr(0, text.find_last_not_of(padding) + 1);
}

bool is_utf8(std::string_view text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* end = at + text.size();
    while (at < end) {
        if (*at < 0x80) {
            ++at;
            continue;
        }
        const int more = *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : 1;
        if (*at < 0xc2 || *at > 0xf4 || end - at <= more) return false;
        const unsigned second = at[1];
        if ((*at == 0xe0 && second < 0xa0) || (*at == 0xed && second > 0x9f) ||
            (*at == 0xf0 && second < 0x90) || (*at == 0xf4 && second > 0x8f))
            return false;
        for (int i = 1; i <= more; ++i)
            if ((at[i] & 0xc0) != 0x80) return false;
        at += more + 1;
    }
    return true;
}

Result<Hdf5Type> read_hdf5_type(std::int64_t type_id) { return read_type(type_id, 0); }

}  // namespace stroma::expression
