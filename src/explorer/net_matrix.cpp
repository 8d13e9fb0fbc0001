#include "explorer/net_matrix.h"

#include <fmt/format.h>
#include <net_encoding_generated.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/json.h"

namespace stroma::explorer {
namespace {

namespace net = net_encoding;
using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::TextArray;
using expression::ValueType;
using flatbuffers::Offset;

constexpr std::uint64_t bytes_max = std::uint64_t{2047} << 20;

std::string json_text(std::string_view text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string joined(std::uint64_t count, const auto& value_at) {
    std::string json = "[";
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i > 0) json += ',';
        json += value_at(i);
    }
    return json + "]";
}

bool is_whole(ValueType type) { return !is_floating(type) && type != ValueType::boolean; }

/// Whether all fit int32, so that the peer's schema says int32.
bool fits_int32(const Array& numbers) {
    if (!is_whole(numbers.type)) return false;
    if (size_of(numbers.type) < 4 || numbers.type == ValueType::int32) return true;
    for (std::uint64_t i = 0; i < numbers.value_count(); ++i) {
        const double value = numbers.number(i);
        if (value < std::numeric_limits<std::int32_t>::min() ||
            value > std::numeric_limits<std::int32_t>::max())
            return false;
    }
    return true;
}

const Array* numbers_of(const Column& column) {
    if (const auto* numbers = std::get_if<Array>(&column.values)) return numbers;
    if (const auto* categorical = std::get_if<Categorical>(&column.values))
        return std::get_if<Array>(&categorical->categories);
    return nullptr;
}

/// The number's place in numbers_of(column); nothing when it is missing.
std::optional<std::uint64_t> place_of(const Column& column, std::uint64_t row) {
    if (column.missing && (*column.missing)[row]) return std::nullopt;
    const auto* categorical = std::get_if<Categorical>(&column.values);
    if (categorical == nullptr) return row;
    if (categorical->codes[row] < 0) return std::nullopt;
    return static_cast<std::uint64_t>(categorical->codes[row]);
}

bool has_missing(const Column& column) {
    if (const auto* categorical = std::get_if<Categorical>(&column.values))
        return std::any_of(categorical->codes.begin(), categorical->codes.end(),
                           [](std::int32_t code) { return code < 0; });
    return column.missing &&
           std::find(column.missing->begin(), column.missing->end(), true) != column.missing->end();
}

enum class Form { float32, float64, int32, boolean, text, category };

Form form_of(const Column& column) {
    const Array* numbers = numbers_of(column);
    if (numbers == nullptr) return column.is_categorical() ? Form::category : Form::text;
    if (numbers->type == ValueType::boolean) return Form::boolean;
    if (is_floating(numbers->type)) return Form::float32;
    const bool fits = fits_int32(*numbers);
    if (has_missing(column)) return fits ? Form::float32 : Form::float64;
    return fits ? Form::int32 : Form::float64;
}

}  // namespace

struct NetMatrix::State {
    std::uint64_t rows;
    flatbuffers::FlatBufferBuilder builder{1u << 20};
    std::vector<Offset<net::Column>> columns;
    bool too_large = false;

    /// Room for so many bytes more; else the matrix is given up at its end.
    bool has_room(std::uint64_t bytes) {
        if (builder.GetSize() + bytes > bytes_max) too_large = true;
        return !too_large;
    }
    template <class Table>
    void add_column(net::TypedArray type, Offset<Table> table) {
        columns.push_back(net::CreateColumn(builder, type, table.Union()));
    }
    void add_json(const std::string& json) {
        if (!has_room(json.size())) return;
        add_column(net::TypedArray_JSONEncodedArray,
                   net::CreateJSONEncodedArray(builder, json_vector(json)));
    }
    Offset<flatbuffers::Vector<std::uint8_t>> json_vector(const std::string& json) {
        return builder.CreateVector(reinterpret_cast<const std::uint8_t*>(json.data()),
                                    json.size());
    }
    template <class T>
    Offset<flatbuffers::Vector<T>> codes_vector(const std::vector<std::int32_t>& codes) {
        std::vector<T> narrow(codes.begin(), codes.end());
        return builder.CreateVector(narrow);
    }
    void add_dictionary(const Categorical& categorical);
    template <class T>
    void add_numbers(const Column& column);
    Result<std::string> finish(net::TypedArray type, Offset<void> index);
};

void NetMatrix::State::add_dictionary(const Categorical& categorical) {
    const std::size_t count = categorical.category_count();
    std::string json = "{";
    for (std::size_t i = 0; i < count; ++i)
        json += fmt::format("{}\"{}\":{}", i > 0 ? "," : "", i,
                            json_text(categorical.category_text(i)));
    if (std::find(categorical.codes.begin(), categorical.codes.end(), -1) !=
        categorical.codes.end())
        json += count > 0 ? ",\"-1\":null" : "\"-1\":null";
    json += '}';
    if (!has_room(json.size() + rows * sizeof(std::int32_t))) return;
    const auto dictionary = json_vector(json);
    const auto& codes = categorical.codes;
    if (count <= 128)
        add_column(net::TypedArray_DictEncoded8,
                   net::CreateDictEncoded8(builder, codes_vector<std::int8_t>(codes), dictionary));
    else if (count <= 32768)
        add_column(
            net::TypedArray_DictEncoded16,
            net::CreateDictEncoded16(builder, codes_vector<std::int16_t>(codes), dictionary));
    else
        add_column(
            net::TypedArray_DictEncoded32,
            net::CreateDictEncoded32(builder, codes_vector<std::int32_t>(codes), dictionary));
}

template <class T>
void NetMatrix::State::add_numbers(const Column& column) {
    const Array& numbers = *numbers_of(column);
    std::vector<T> values(rows);
    for (std::uint64_t row = 0; row < rows; ++row) {
        const auto place = place_of(column, row);
        if (!place)
            values[row] = std::numeric_limits<T>::quiet_NaN();
        else
            values[row] = static_cast<T>(numbers.number(*place));
    }
    if (!has_room(rows * sizeof(T))) return;
    const auto vector = builder.CreateVector(values);
    if constexpr (std::is_same_v<T, float>)
        add_column(net::TypedArray_Float32Array, net::CreateFloat32Array(builder, vector));
    else if constexpr (std::is_same_v<T, double>)
        add_column(net::TypedArray_Float64Array, net::CreateFloat64Array(builder, vector));
    else
        add_column(net::TypedArray_Int32Array, net::CreateInt32Array(builder, vector));
}

Result<std::string> NetMatrix::State::finish(net::TypedArray type, Offset<void> index) {
    if (too_large)
        return fail(ErrorCode::exhausted,
                    "the answer is larger than 2 GiB; ask for fewer columns at once");
    const auto vector = builder.CreateVector(columns);
    builder.Finish(net::CreateMatrix(builder, static_cast<std::uint32_t>(rows),
                                     static_cast<std::uint32_t>(columns.size()), vector, type,
                                     index));
    return std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                       builder.GetSize());
}

NetMatrix::NetMatrix(std::uint64_t rows) : state_(std::make_unique<State>()) {
    state_->rows = rows;
}
NetMatrix::~NetMatrix() = default;

void NetMatrix::add(std::span<const float> values) {
    assert(values.size() == state_->rows);
    if (!state_->has_room(values.size_bytes())) return;
    const auto vector = state_->builder.CreateVector(values.data(), values.size());
    state_->add_column(net::TypedArray_Float32Array,
                       net::CreateFloat32Array(state_->builder, vector));
}

void NetMatrix::add_quantised(std::span<const float> values, int bins) {
    const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
    const bool is_finite =
        std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
    if (values.empty() || !is_finite || *least == *greatest) return add(values);
    const double low = *least, range = static_cast<double>(*greatest) - low;
    std::vector<std::int16_t> codes(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        codes[i] = static_cast<std::int16_t>(std::lround((values[i] - low) / range * bins));
    if (!state_->has_room(codes.size() * sizeof(std::int16_t))) return;
    const auto vector = state_->builder.CreateVector(codes);
    state_->add_column(net::TypedArray_Int16Encoded,
                       net::CreateInt16Encoded(state_->builder, vector, *greatest, *least, bins));
}

void NetMatrix::add(const Column& column, bool with_dictionaries) {
    assert(column.size() == state_->rows);
    switch (form_of(column)) {
        case Form::float32: return state_->add_numbers<float>(column);
        case Form::float64: return state_->add_numbers<double>(column);
        case Form::int32: return state_->add_numbers<std::int32_t>(column);
        case Form::boolean:
            return state_->add_json(joined(state_->rows, [&](std::uint64_t row) {
                const auto place = place_of(column, row);
                if (!place) return "null";
                return numbers_of(column)->integer(*place) != 0 ? "true" : "false";
            }));
        case Form::text:
            return state_->add_json(joined(state_->rows, [&](std::uint64_t row) {
                return place_of(column, row) ? json_text(std::get<TextArray>(column.values)[row])
                                             : std::string("null");
            }));
        case Form::category: break;
    }
    const auto& categorical = std::get<Categorical>(column.values);
    if (with_dictionaries) return state_->add_dictionary(categorical);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < categorical.category_count(); ++i)
        texts.push_back(json_text(categorical.category_text(i)));
    state_->add_json(joined(state_->rows, [&](std::uint64_t row) -> std::string_view {
        const std::int32_t code = categorical.codes[row];
        return code < 0 ? std::string_view("null") : std::string_view(texts[code]);
    }));
}

void NetMatrix::add(const TextArray& texts) {
    assert(texts.size() == state_->rows);
    state_->add_json(joined(texts.size(), [&](std::uint64_t i) { return json_text(texts[i]); }));
}

Result<std::string> NetMatrix::named(const std::vector<std::string>& names) {
    const std::string json =
        joined(names.size(), [&](std::uint64_t i) { return json_text(names[i]); });
    const auto vector = state_->json_vector(json);
    const auto index = net::CreateJSONEncodedArray(state_->builder, vector);
    return state_->finish(net::TypedArray_JSONEncodedArray, index.Union());
}

Result<std::string> NetMatrix::numbered(const std::vector<std::uint32_t>& numbers) {
    const std::vector<std::int32_t> plain(numbers.begin(), numbers.end());
    const auto vector = state_->builder.CreateVector(plain);
    const auto index = net::CreateInt32Array(state_->builder, vector);
    return state_->finish(net::TypedArray_Int32Array, index.Union());
}

std::string_view net_type(const Column& column) {
    switch (form_of(column)) {
        case Form::float32:
        case Form::float64: return "float32";
        case Form::int32: return "int32";
        case Form::boolean: return "boolean";
        case Form::text: return "string";
        case Form::category: return "categorical";
    }
    return "string";
}

}  // namespace stroma::explorer
