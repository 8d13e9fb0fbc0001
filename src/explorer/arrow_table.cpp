#include "explorer/arrow_table.h"

#include <algorithm>
#include <limits>

#include "base/usual_or_tiny.h"

namespace stroma::explorer {
namespace {

using expression::Categorical;
using expression::TextArray;
using expression::ValueType;

/// Large enough that a browser has most datasets' columns as one piece of memory.
constexpr std::uint64_t rows_per_batch = usual_or_tiny(1u << 20, 5u);

arrow::Type arrow_type(ValueType type) {
    switch (type) {
        case ValueType::boolean: return arrow::Type::boolean;
        case ValueType::int8: return arrow::Type::int8;
        case ValueType::int16: return arrow::Type::int16;
        case ValueType::int32: return arrow::Type::int32;
        case ValueType::int64: return arrow::Type::int64;
        case ValueType::uint8: return arrow::Type::uint8;
        case ValueType::uint16: return arrow::Type::uint16;
        case ValueType::uint32: return arrow::Type::uint32;
        case ValueType::uint64: return arrow::Type::uint64;
        case ValueType::float32: return arrow::Type::float32;
        case ValueType::float64: return arrow::Type::float64;
    }
    return arrow::Type::float64;
}

arrow::Type arrow_type(const TextArray& texts) {
    return texts.text_bytes().size() > std::numeric_limits<std::int32_t>::max()
               ? arrow::Type::large_utf8
               : arrow::Type::utf8;
}

arrow::Type code_type(std::size_t categories) {
    if (categories <= 128) return arrow::Type::int8;
    return categories <= 32768 ? arrow::Type::int16 : arrow::Type::int32;
}

template <class T>
Bytes narrowed(const std::vector<std::int32_t>& codes, std::uint64_t first, std::uint64_t count) {
    Bytes bytes(count * sizeof(T));
    for (std::uint64_t i = 0; i < count; ++i)
        store(bytes.data() + i * sizeof(T), static_cast<T>(std::max(codes[first + i], 0)));
    return bytes;
}

Bytes packed_bits(std::uint64_t count, const auto& is_set) {
    Bytes bits((count + 7) / 8);
    for (std::uint64_t i = 0; i < count; ++i)
        if (is_set(i)) bits[i / 8] |= std::byte{1} << (i % 8);
    return bits;
}

}  // namespace

/// What one array points into.
struct ArrowTable::Buffers {
    Bytes validity, offsets, own_values;
    arrow::Array array;

    void set_validity(std::uint64_t count, const auto& is_missing) {
        array.nulls = 0;
        for (std::uint64_t i = 0; i < count; ++i) array.nulls += is_missing(i) ? 1 : 0;
        if (array.nulls == 0) return;
        validity = packed_bits(count, [&](std::uint64_t i) { return !is_missing(i); });
        array.validity = validity;
    }
    void set_own(Bytes values) {
        own_values = std::move(values);
        array.values = own_values;
    }
    void set_texts(const TextArray& texts, std::uint64_t first, std::uint64_t count) {
        const auto& ends = texts.ends();
        const std::uint64_t begin = first == 0 ? 0 : ends[first - 1];
        const bool is_large = arrow_type(texts) == arrow::Type::large_utf8;
        const std::size_t width = is_large ? sizeof(std::int64_t) : sizeof(std::int32_t);
        offsets.resize((count + 1) * width);
        for (std::uint64_t i = 0; i < count; ++i) {
            const std::uint64_t end = ends[first + i] - begin;
            if (is_large)
                store(offsets.data() + (i + 1) * width, static_cast<std::int64_t>(end));
            else
                store(offsets.data() + (i + 1) * width, static_cast<std::int32_t>(end));
        }
        array.offsets = offsets;
        const std::uint64_t end = count == 0 ? begin : ends[first + count - 1];
        array.values = as_bytes(std::string_view(texts.text_bytes()).substr(begin, end - begin));
    }
    void set_numbers(ValueType type, ByteSpan values, std::uint64_t first, std::uint64_t count) {
        const std::size_t width = size_of(type);
        const ByteSpan slice = values.subspan(first * width, count * width);
        if (type == ValueType::boolean)
            set_own(packed_bits(count, [&](std::uint64_t i) { return slice[i] != std::byte{0}; }));
        else
            array.values = slice;
    }
};

void ArrowTable::add(const expression::Column& column) {
    Part part;
    part.field.name = column.name;
    part.column = &column;
    part.field.nullable = column.missing.has_value();
    if (const auto* numbers = std::get_if<expression::Array>(&column.values)) {
        part.field.type = arrow_type(numbers->type);
    } else if (const auto* texts = std::get_if<TextArray>(&column.values)) {
        part.field.type = arrow_type(*texts);
    } else {
        const auto& categorical = std::get<Categorical>(column.values);
        const auto* names = std::get_if<TextArray>(&categorical.categories);
        part.field.type =
            names != nullptr ? arrow_type(*names)
                             : arrow_type(std::get<expression::Array>(categorical.categories).type);
        part.field.codes = code_type(categorical.category_count());
        part.field.ordered = categorical.ordered;
        part.field.nullable = true;
    }
    parts_.push_back(std::move(part));
}

void ArrowTable::add(std::string name, const TextArray& texts) {
    Part part;
    part.field = {std::move(name), arrow_type(texts), false, {}, false, {}};
    part.texts = &texts;
    parts_.push_back(std::move(part));
}

void ArrowTable::add(std::string name, ValueType type, Bytes values, Metadata metadata) {
    Part part;
    part.field = {std::move(name), arrow_type(type), false, {}, false, std::move(metadata)};
    part.type = type;
    part.own = std::move(values);
    parts_.push_back(std::move(part));
}

ArrowTable::Buffers ArrowTable::buffers_of(const Part& part, std::uint64_t first,
                                           std::uint64_t count) const {
    Buffers buffers;
    buffers.array.length = count;
    if (part.texts != nullptr) {
        buffers.set_texts(*part.texts, first, count);
    } else if (part.column == nullptr) {
        buffers.set_numbers(part.type, part.own, first, count);
    } else if (const auto* numbers = std::get_if<expression::Array>(&part.column->values)) {
        buffers.set_numbers(numbers->type, numbers->bytes, first, count);
    } else if (const auto* texts = std::get_if<TextArray>(&part.column->values)) {
        buffers.set_texts(*texts, first, count);
    } else {
        const auto& codes = std::get<Categorical>(part.column->values).codes;
        buffers.set_validity(count, [&](std::uint64_t i) { return codes[first + i] < 0; });
        switch (*part.field.codes) {
            case arrow::Type::int8:
                buffers.set_own(narrowed<std::int8_t>(codes, first, count));
                break;
            case arrow::Type::int16:
                buffers.set_own(narrowed<std::int16_t>(codes, first, count));
                break;
            default: buffers.set_own(narrowed<std::int32_t>(codes, first, count));
        }
        return buffers;
    }
    if (part.column != nullptr && part.column->missing) {
        const auto& missing = *part.column->missing;
        buffers.set_validity(count, [&](std::uint64_t i) { return missing[first + i]; });
    }
    return buffers;
}

Result<std::string> ArrowTable::write(arrow::BodyCompression compression, Metadata metadata) const {
    std::vector<arrow::Field> fields;
    for (const Part& part : parts_) fields.push_back(part.field);
    std::string bytes;
    arrow::IpcWriter writer(std::move(fields),
                            {arrow::Container::stream, compression, std::move(metadata)},
                            [&](ByteSpan piece) -> Result<void> {
                                bytes += as_text(piece);
                                return {};
                            });
    TRY(writer.begin());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (!parts_[i].field.codes) continue;
        const auto& categorical = std::get<Categorical>(parts_[i].column->values);
        Buffers buffers;
        buffers.array.length = categorical.category_count();
        if (const auto* names = std::get_if<TextArray>(&categorical.categories))
            buffers.set_texts(*names, 0, names->size());
        else if (const auto& numbers = std::get<expression::Array>(categorical.categories); true)
            buffers.set_numbers(numbers.type, numbers.bytes, 0, categorical.category_count());
        TRY(writer.write_dictionary(i, buffers.array));
    }
    std::uint64_t first = 0;
    do {
        const std::uint64_t count = std::min(rows_per_batch, rows_ - first);
        std::vector<Buffers> buffers;
        std::vector<arrow::Array> arrays;
        for (const Part& part : parts_) buffers.push_back(buffers_of(part, first, count));
        for (const Buffers& one : buffers) arrays.push_back(one.array);
        TRY(writer.write_batch(count, arrays));
        first += count;
    } while (first < rows_);
    TRY(writer.finish());
    return bytes;
}

}  // namespace stroma::explorer
