#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace stroma::expression {

/// The type of a number as its file had it. Kept, so that what goes out equals what came in.
enum class ValueType : std::uint8_t {
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float32,
    float64,
};
std::size_t size_of(ValueType type);       ///< bytes a value; boolean is 1
std::string_view name_of(ValueType type);  ///< numpy's name: "bool", "int8", "float32"...
bool is_floating(ValueType type);

template <class T>
constexpr ValueType value_type_of();
template <>
constexpr ValueType value_type_of<bool>() {
    return ValueType::boolean;
}
template <>
constexpr ValueType value_type_of<std::int8_t>() {
    return ValueType::int8;
}
template <>
constexpr ValueType value_type_of<std::int16_t>() {
    return ValueType::int16;
}
template <>
constexpr ValueType value_type_of<std::int32_t>() {
    return ValueType::int32;
}
template <>
constexpr ValueType value_type_of<std::int64_t>() {
    return ValueType::int64;
}
template <>
constexpr ValueType value_type_of<std::uint8_t>() {
    return ValueType::uint8;
}
template <>
constexpr ValueType value_type_of<std::uint16_t>() {
    return ValueType::uint16;
}
template <>
constexpr ValueType value_type_of<std::uint32_t>() {
    return ValueType::uint32;
}
template <>
constexpr ValueType value_type_of<std::uint64_t>() {
    return ValueType::uint64;
}
template <>
constexpr ValueType value_type_of<float>() {
    return ValueType::float32;
}
template <>
constexpr ValueType value_type_of<double>() {
    return ValueType::float64;
}

/// Numbers of one type in row-major order. shape {} is a scalar of one value.
struct Array {
    ValueType type = ValueType::float64;
    std::vector<std::uint64_t> shape;
    Bytes bytes;  ///< product(shape) * size_of(type), little-endian

    std::uint64_t value_count() const;
    /// The value as a double; exact for all but 64-bit integers past 2^53.
    double number(std::uint64_t index) const;
    std::int64_t integer(std::uint64_t index) const;  ///< for integer and boolean types
    template <class T>
    const T* data() const {
        return reinterpret_cast<const T*>(bytes.data());
    }
    template <class T>
    T* data() {
        return reinterpret_cast<T*>(bytes.data());
    }
    template <class T>
    static Array of(const std::vector<T>& values) {
        Array array{value_type_of<T>(), {values.size()}, {}};
        const ByteSpan bytes = std::as_bytes(std::span(values));
        array.bytes.assign(bytes.begin(), bytes.end());
        return array;
    }
};

/// Texts (UTF-8) one behind the other.
class TextArray {
public:
    TextArray() = default;
    TextArray(std::initializer_list<std::string_view> texts) {
        for (const auto text : texts) push_back(text);
    }
    std::size_t size() const { return ends_.size(); }
    bool empty() const { return ends_.empty(); }
    std::string_view operator[](std::size_t index) const {
        const std::uint64_t begin = index == 0 ? 0 : ends_[index - 1];
        return std::string_view(bytes_).substr(begin, ends_[index] - begin);
    }
    void push_back(std::string_view text) {
        bytes_.append(text);
        ends_.push_back(bytes_.size());
    }
    void reserve(std::size_t texts, std::size_t bytes) {
        ends_.reserve(texts);
        bytes_.reserve(bytes);
    }
    /// For storing: where each text ends in text_bytes().
    const std::vector<std::uint64_t>& ends() const { return ends_; }
    const std::string& text_bytes() const { return bytes_; }
    friend bool operator==(const TextArray&, const TextArray&) = default;

private:
    std::vector<std::uint64_t> ends_;
    std::string bytes_;
};

}  // namespace stroma::expression
