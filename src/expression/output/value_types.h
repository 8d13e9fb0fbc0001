#pragma once

#include <cassert>
#include <type_traits>

#include "expression/array.h"

namespace stroma::expression {

/// Calls `work` with std::type_identity of the C++ type of a value type.
template <class Work>
auto with_type(ValueType type, Work&& work) {
    switch (type) {
        case ValueType::boolean: return work(std::type_identity<bool>{});
        case ValueType::int8: return work(std::type_identity<std::int8_t>{});
        case ValueType::int16: return work(std::type_identity<std::int16_t>{});
        case ValueType::int32: return work(std::type_identity<std::int32_t>{});
        case ValueType::int64: return work(std::type_identity<std::int64_t>{});
        case ValueType::uint8: return work(std::type_identity<std::uint8_t>{});
        case ValueType::uint16: return work(std::type_identity<std::uint16_t>{});
        case ValueType::uint32: return work(std::type_identity<std::uint32_t>{});
        case ValueType::uint64: return work(std::type_identity<std::uint64_t>{});
        case ValueType::float32: return work(std::type_identity<float>{});
        case ValueType::float64: break;
    }
    return work(std::type_identity<double>{});
}

}  // namespace stroma::expression
