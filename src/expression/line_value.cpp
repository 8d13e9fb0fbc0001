#include "expression/line_value.h"

namespace stroma::expression {

double number_at(const LineBlock& block, ValueType type, std::size_t at) {
    switch (type) {
        case ValueType::float32: return block.values_as<float>()[at];
        case ValueType::float64: return block.values_as<double>()[at];
        case ValueType::int32: return block.values_as<std::int32_t>()[at];
        case ValueType::uint32: return block.values_as<std::uint32_t>()[at];
        case ValueType::int64: return static_cast<double>(block.values_as<std::int64_t>()[at]);
        case ValueType::uint64: return static_cast<double>(block.values_as<std::uint64_t>()[at]);
        case ValueType::int16: return block.values_as<std::int16_t>()[at];
        case ValueType::uint16: return block.values_as<std::uint16_t>()[at];
        case ValueType::int8: return block.values_as<std::int8_t>()[at];
        case ValueType::uint8: return block.values_as<std::uint8_t>()[at];
        case ValueType::boolean: return block.values_as<bool>()[at] ? 1 : 0;
    }
    return 0;
}

}  // namespace stroma::expression
