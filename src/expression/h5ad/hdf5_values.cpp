#include "expression/h5ad/hdf5_values.h"

#include <fmt/format.h>

namespace stroma::expression {
namespace {

Result<TextArray> decode_texts(const Hdf5File& file, const Hdf5Type& type, const Hdf5Values& values,
                               std::uint64_t bytes_max) {
    TextArray texts;
    if (type.kind == Hdf5Type::Kind::variable_text) {
        texts = TRY(file.heap_texts(values, bytes_max));
    } else {
        if (type.size > loose_text_bytes_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("texts of {} bytes; the limit is {}", type.size, bytes_max));
        texts.reserve(values.count, values.count * 8);
        for (std::size_t i = 0; i < values.count; ++i) {
            const std::string_view text = without_padding(type, values.at(i));
            if (text.size() > bytes_max)
                return fail(ErrorCode::exhausted,
                            fmt::format("row {}: a text of {} bytes; the limit is {}", i,
                                        text.size(), bytes_max));
            texts.push_back(text);
        }
    }
    if (!is_utf8(texts.text_bytes()))
        for (std::size_t i = 0; i < texts.size(); ++i)
            if (!is_utf8(texts[i]))
                return fail(ErrorCode::invalid_input, fmt::format("row {}: isn't UTF-8", i));
    return texts;
}

Result<Column> decode_field(const Hdf5File& file, const Hdf5Field& field, Hdf5Values values,
                            std::uint64_t text_bytes_max) {
    values.bytes = values.bytes.subspan(std::min(field.offset, values.bytes.size()));
    const Hdf5Type& type = field.type;
    Column column{field.name, {}, {}};
    if (type.is_text()) {
        column.values = TRY(decode_texts(file, type, values, text_bytes_max));
    } else if (type.is_number()) {
        Array array{type.value_type(), {values.count}, {}};
        array.bytes.resize(values.count * size_of(array.type));
        decode_numbers(type, values, array.bytes.data());
        column.values = std::move(array);
    } else if (type.kind == Hdf5Type::Kind::array && type.base[0].is_number()) {
        const Hdf5Type& base = type.base[0];
        Array array{base.value_type(), {values.count}, {}};
        std::uint64_t inner = 1;
        for (const std::uint64_t axis : type.dims) inner *= axis;
        array.shape.insert(array.shape.end(), type.dims.begin(), type.dims.end());
        array.bytes.resize(values.count * inner * size_of(array.type));
        for (std::size_t i = 0; i < values.count; ++i)
            decode_numbers(base, {{values.at(i), inner * base.size}, base.size, inner},
                           array.bytes.data() + i * inner * size_of(array.type));
        column.values = std::move(array);
    } else {
        return fail(ErrorCode::unsupported,
                    fmt::format("field '{}' holds {}, which isn't read", field.name, type.name));
    }
    return column;
}

}  // namespace

Result<Array> read_numbers(const Hdf5Dataset& dataset) {
    const Hdf5Type& type = dataset.type();
    if (!type.is_number() || dataset.is_null())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: must hold numbers, not {}", dataset.place(), type.name));
    Array array{type.value_type(), dataset.shape(), TRY(dataset.read_all())};
    const std::uint64_t count = dataset.value_count();
    if (type.is_native() && type.kind != Hdf5Type::Kind::boolean) return array;
    Bytes decoded(count * size_of(array.type));
    decode_numbers(type, {array.bytes, type.size, count}, decoded.data());
    array.bytes = std::move(decoded);
    return array;
}

Result<Array> read_numbers(const Hdf5File& file, const std::string& path) {
    const auto dataset = TRY(file.dataset(path));
    return read_numbers(*dataset);
}

Result<std::vector<std::int64_t>> read_integers(const Hdf5File& file, const std::string& path) {
    const Array array = TRY(read_numbers(file, path));
    return integers_of(array, file.place(path));
}

Result<TextArray> read_texts(const Hdf5File& file, const std::string& path,
                             std::uint64_t bytes_max) {
    const auto dataset = TRY(file.dataset(path));
    return read_texts(file, *dataset, bytes_max);
}

Result<Element> read_element(const Hdf5File& file, const std::string& path,
                             std::uint64_t text_bytes_max) {
    const auto dataset = TRY(file.dataset(path));
    return read_element(file, *dataset, text_bytes_max);
}

Result<TextArray> read_texts(const Hdf5File& file, const Hdf5Dataset& dataset,
                             std::uint64_t bytes_max) {
    const Hdf5Type& type = dataset.type();
    if (!type.is_text() || dataset.is_null())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: must hold texts, not {}", dataset.place(), type.name));
    const Bytes raw = TRY(dataset.read_all());
    return TRY_WITH(decode_texts(file, type, {raw, type.size, dataset.value_count()}, bytes_max),
                    dataset.place());
}

Result<Records> read_records(const Hdf5File& file, const Hdf5Dataset& dataset,
                             std::uint64_t text_bytes_max) {
    const Bytes raw = TRY(dataset.read_all());
    const Hdf5Values values{raw, dataset.type().size, dataset.value_count()};
    Records records;
    for (const Hdf5Field& field : dataset.type().fields)
        records.fields.push_back(
            TRY_WITH(decode_field(file, field, values, text_bytes_max), dataset.place()));
    return records;
}

Result<Element> read_element(const Hdf5File& file, const Hdf5Dataset& dataset,
                             std::uint64_t text_bytes_max) {
    if (dataset.is_null()) return Element{};
    const Hdf5Type& type = dataset.type();
    if (type.is_number()) return Element{TRY(read_numbers(dataset))};
    if (type.is_text())
        return Element{TextGrid{dataset.shape(), TRY(read_texts(file, dataset, text_bytes_max))}};
    const bool one_axis = dataset.rank() <= 1;
    if (type.kind == Hdf5Type::Kind::compound && one_axis)
        return Element{TRY(read_records(file, dataset, text_bytes_max))};
    return fail(ErrorCode::unsupported,
                fmt::format("{}: holds {}, which isn't read", dataset.place(), type.name));
}

Result<std::vector<std::int64_t>> integers_of(const Array& array, const std::string& place) {
    if (is_floating(array.type))
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: must hold integers, not {}", place, name_of(array.type)));
    std::vector<std::int64_t> values(array.value_count());
    if (array.type == ValueType::int64 && !values.empty())
        std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
    else
        for (std::size_t i = 0; i < values.size(); ++i) values[i] = array.integer(i);
    return values;
}

TextArray texts_of(const Column& column) {
    if (const auto* texts = std::get_if<TextArray>(&column.values)) return *texts;
    TextArray texts;
    for (std::size_t i = 0; i < column.size(); ++i) texts.push_back(column.text(i));
    return texts;
}

}  // namespace stroma::expression
