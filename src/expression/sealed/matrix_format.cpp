#include "expression/sealed/matrix_format.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>

namespace stroma::expression {
namespace {

constexpr int raw_compression_level = 1;

template <class T>
double as_number(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return static_cast<double>(value);
}

template <class T>
std::uint64_t as_bits(T value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    return bits;
}

template <class T>
bool add_as(std::byte* to, const std::byte* value) {
    T sum = load<T>(to);
    if constexpr (std::is_floating_point_v<T>)
        sum += load<T>(value);
    else if (__builtin_add_overflow(sum, load<T>(value), &sum))
        return false;
    store(to, sum);
    return true;
}

const Array* scalar_in(const Element& dict, std::string_view name, ValueType type) {
    const Element* found = dict.find(name);
    const Array* array = found == nullptr ? nullptr : std::get_if<Array>(&found->value);
    return array != nullptr && array->shape.empty() && array->type == type ? array : nullptr;
}

tl::unexpected<Error> lacking(std::string_view name) {
    return fail(ErrorCode::corrupt, fmt::format("the description lacks '{}'", name));
}

template <class T>
Element scalar_of(T value) {
    Array array = Array::of(std::vector<T>{value});
    array.shape.clear();
    return {std::move(array)};
}

}  // namespace

Element to_element(const MatrixRecord& record) {
    const MatrixSummary& summary = record.summary;
    return {Dict{{"name", scalar(summary.name)},
                 {"unit", scalar(static_cast<std::uint64_t>(summary.unit))},
                 {"type", scalar(name_of(summary.type))},
                 {"cells", scalar(record.cells)},
                 {"genes", scalar(summary.genes)},
                 {"nonzeros", scalar(summary.nonzeros)},
                 {"sum", scalar(summary.sum)},
                 {"min", scalar(summary.min)},
                 {"max", scalar(summary.max)},
                 {"largest", scalar(record.largest)},
                 {"whole_numbers", scalar(std::uint64_t{summary.whole_numbers})},
                 {"missing", scalar(summary.missing)},
                 {"was_dense", scalar(std::uint64_t{record.was_dense})},
                 {"coding", scalar(static_cast<std::uint64_t>(record.coding))},
                 {"sum_shift", scalar(static_cast<double>(record.fixed.sum_shift))},
                 {"square_shift", scalar(static_cast<double>(record.fixed.square_shift))}}};
}

Result<MatrixRecord> matrix_record(const Element& element) {
    MatrixRecord record;
    MatrixSummary& summary = record.summary;
    summary.name = TRY(text_in(element, "name"));
    const auto unit = TRY(integer_in(element, "unit"));
    if (unit > static_cast<std::uint64_t>(Unit::unknown)) return lacking("unit");
    summary.unit = static_cast<Unit>(unit);
    const std::string type = TRY(text_in(element, "type"));
    std::uint8_t number = 0;
    while (number <= static_cast<std::uint8_t>(ValueType::float64) &&
           name_of(static_cast<ValueType>(number)) != type)
        ++number;
    if (number > static_cast<std::uint8_t>(ValueType::float64)) return lacking("type");
    summary.type = static_cast<ValueType>(number);
    record.cells = TRY(integer_in(element, "cells"));
    summary.genes = TRY(integer_in(element, "genes"));
    if (record.cells > cells_max || summary.genes > genes_max) return lacking("cells");
    summary.nonzeros = TRY(integer_in(element, "nonzeros"));
    summary.sum = TRY(number_in(element, "sum"));
    summary.min = TRY(number_in(element, "min"));
    summary.max = TRY(number_in(element, "max"));
    record.largest = TRY(number_in(element, "largest"));
    summary.whole_numbers = TRY(integer_in(element, "whole_numbers")) != 0;
    if (scalar_in(element, "missing", ValueType::uint64) != nullptr)
        summary.missing = TRY(integer_in(element, "missing"));
    record.was_dense = TRY(integer_in(element, "was_dense")) != 0;
    record.coding = TRY(integer_in(element, "coding")) == 0 ? LineBlockView::Coding::codes
                                                            : LineBlockView::Coding::raw;
    const double sum_shift = TRY(number_in(element, "sum_shift"));
    const double square_shift = TRY(number_in(element, "square_shift"));
    if (!(std::abs(sum_shift) < 4096 && std::abs(square_shift) < 4096)) return lacking("sum_shift");
    record.fixed = {static_cast<int>(sum_shift), static_cast<int>(square_shift)};
    if (!record.fixed.is_known()) return lacking("square_shift");
    return record;
}

std::string matrix_section(std::size_t matrix, std::string_view piece) {
    return fmt::format("matrix/{}/{}", matrix, piece);
}

double number_of(std::uint64_t bits, ValueType type) {
    switch (type) {
        case ValueType::boolean: return as_number<std::uint8_t>(bits);
        case ValueType::int8: return as_number<std::int8_t>(bits);
        case ValueType::int16: return as_number<std::int16_t>(bits);
        case ValueType::int32: return as_number<std::int32_t>(bits);
        case ValueType::int64: return as_number<std::int64_t>(bits);
        case ValueType::uint8: return as_number<std::uint8_t>(bits);
        case ValueType::uint16: return as_number<std::uint16_t>(bits);
        case ValueType::uint32: return as_number<std::uint32_t>(bits);
        case ValueType::uint64: return as_number<std::uint64_t>(bits);
        case ValueType::float32: return as_number<float>(bits);
        case ValueType::float64: return as_number<double>(bits);
    }
    __builtin_unreachable();
}

bool add_value(ValueType type, std::byte* to, const std::byte* value) {
    switch (type) {
        case ValueType::boolean:
        case ValueType::uint8: return add_as<std::uint8_t>(to, value);
        case ValueType::int8: return add_as<std::int8_t>(to, value);
        case ValueType::int16: return add_as<std::int16_t>(to, value);
        case ValueType::int32: return add_as<std::int32_t>(to, value);
        case ValueType::int64: return add_as<std::int64_t>(to, value);
        case ValueType::uint16: return add_as<std::uint16_t>(to, value);
        case ValueType::uint32: return add_as<std::uint32_t>(to, value);
        case ValueType::uint64: return add_as<std::uint64_t>(to, value);
        case ValueType::float32: return add_as<float>(to, value);
        case ValueType::float64: return add_as<double>(to, value);
    }
    __builtin_unreachable();
}

std::uint64_t bits_of_code(std::uint32_t code, ValueType type) {
    if (type == ValueType::float32) return as_bits(static_cast<float>(code));
    if (type == ValueType::float64) return as_bits(static_cast<double>(code));
    return code;
}

Bytes shuffle_and_compress(ByteSpan values, std::size_t value_size) {
    const std::size_t count = values.size() / value_size;
    Bytes shuffled(values.size());
    for (std::size_t byte = 0; byte < value_size; ++byte)
        for (std::size_t i = 0; i < count; ++i)
            shuffled[byte * count + i] = values[i * value_size + byte];
    Bytes packed(ZSTD_compressBound(shuffled.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), shuffled.data(), shuffled.size(),
                                raw_compression_level));
    return packed;
}

Result<Bytes> decompress_and_unshuffle(ByteSpan packed, std::size_t value_size,
                                       std::uint64_t count) {
    const std::uint64_t declared = ZSTD_getFrameContentSize(packed.data(), packed.size());
    if (declared != count * value_size)
        return fail(ErrorCode::corrupt, "its values don't match its places");
    Bytes shuffled(declared);
    if (ZSTD_decompress(shuffled.data(), shuffled.size(), packed.data(), packed.size()) != declared)
        return fail(ErrorCode::corrupt, "its values can't be decompressed");
    Bytes values(declared);
    for (std::size_t byte = 0; byte < value_size; ++byte)
        for (std::size_t i = 0; i < count; ++i)
            values[i * value_size + byte] = shuffled[byte * count + i];
    return values;
}

Element scalar(std::uint64_t value) { return scalar_of(value); }
Element scalar(double value) { return scalar_of(value); }
Element scalar(std::string_view text) { return {TextGrid{{}, {text}}}; }

Result<std::uint64_t> integer_in(const Element& dict, std::string_view name) {
    const Array* array = scalar_in(dict, name, ValueType::uint64);
    if (array == nullptr) return lacking(name);
    return *array->data<std::uint64_t>();
}

Result<double> number_in(const Element& dict, std::string_view name) {
    const Array* array = scalar_in(dict, name, ValueType::float64);
    if (array == nullptr) return lacking(name);
    return *array->data<double>();
}

Result<std::string> text_in(const Element& dict, std::string_view name) {
    const Element* found = dict.find(name);
    const auto* grid = found == nullptr ? nullptr : std::get_if<TextGrid>(&found->value);
    if (grid == nullptr || !grid->shape.empty()) return lacking(name);
    return std::string(grid->texts[0]);
}

}  // namespace stroma::expression
