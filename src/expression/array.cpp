#include "expression/array.h"

#include <cassert>

namespace stroma::expression {
namespace {

/// Calls visit with a null pointer of the C++ type that `type` names.
template <class Visit>
auto with_null_of(ValueType type, Visit&& visit) {
    switch (type) {
        case ValueType::boolean: return visit(static_cast<const std::uint8_t*>(nullptr));
        case ValueType::int8: return visit(static_cast<const std::int8_t*>(nullptr));
        case ValueType::int16: return visit(static_cast<const std::int16_t*>(nullptr));
        case ValueType::int32: return visit(static_cast<const std::int32_t*>(nullptr));
        case ValueType::int64: return visit(static_cast<const std::int64_t*>(nullptr));
        case ValueType::uint8: return visit(static_cast<const std::uint8_t*>(nullptr));
        case ValueType::uint16: return visit(static_cast<const std::uint16_t*>(nullptr));
        case ValueType::uint32: return visit(static_cast<const std::uint32_t*>(nullptr));
        case ValueType::uint64: return visit(static_cast<const std::uint64_t*>(nullptr));
        case ValueType::float32: return visit(static_cast<const float*>(nullptr));
        case ValueType::float64: return visit(static_cast<const double*>(nullptr));
    }
    assert(false && "a value type that is not one");
    __builtin_unreachable();
}

}  // namespace

std::size_t size_of(ValueType type) {
    return with_null_of(type, [](const auto* null) { return sizeof *null; });
}

std::string_view name_of(ValueType type) {
    static constexpr std::string_view names[] = {"bool",   "int8",    "int16",  "int32",
                                                 "int64",  "uint8",   "uint16", "uint32",
                                                 "uint64", "float32", "float64"};
    return names[static_cast<std::size_t>(type)];
}

bool is_floating(ValueType type) {
    return type == ValueType::float32 || type == ValueType::float64;
}

std::uint64_t Array::value_count() const {
    std::uint64_t count = 1;
    for (const std::uint64_t length : shape) count *= length;
    return count;
}

double Array::number(std::uint64_t index) const {
    return with_null_of(type, [&](const auto* null) {
        using T = std::remove_cvref_t<decltype(*null)>;
        assert((index + 1) * sizeof(T) <= bytes.size());
        return static_cast<double>(load<T>(bytes.data() + index * sizeof(T)));
    });
}

std::int64_t Array::integer(std::uint64_t index) const {
    assert(!is_floating(type));
    return with_null_of(type, [&](const auto* null) {
        using T = std::remove_cvref_t<decltype(*null)>;
        assert((index + 1) * sizeof(T) <= bytes.size());
        return static_cast<std::int64_t>(load<T>(bytes.data() + index * sizeof(T)));
    });
}

}  // namespace stroma::expression
