#include "sql/duckdb/duckdb_value.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <vector>

namespace stroma::sql {

namespace {

struct OwnedType {
    explicit OwnedType(duckdb_logical_type type) : handle(type) {}
    OwnedType(const OwnedType&) = delete;
    OwnedType& operator=(const OwnedType&) = delete;
    ~OwnedType() { duckdb_destroy_logical_type(&handle); }
    duckdb_logical_type handle;
};

struct OwnedValues {
    OwnedValues() = default;
    OwnedValues(const OwnedValues&) = delete;
    OwnedValues& operator=(const OwnedValues&) = delete;
    ~OwnedValues() {
        for (auto& value : handles) duckdb_destroy_value(&value);
    }
    std::vector<duckdb_value> handles;
};

std::string taken(char* text) {
    std::string copy = text == nullptr ? "" : text;
    duckdb_free(text);
    return copy;
}

std::string_view string_at(const void* data, idx_t row) {
    auto* strings = const_cast<duckdb_string_t*>(static_cast<const duckdb_string_t*>(data));
    return {duckdb_string_t_data(&strings[row]), duckdb_string_t_length(strings[row])};
}

template <class T>
const T& at(const void* data, idx_t row) {
    return static_cast<const T*>(data)[row];
}

duckdb_value value_at(duckdb_logical_type type, duckdb_vector vector, idx_t row);

duckdb_value decimal_at(duckdb_logical_type type, const void* data, idx_t row) {
    duckdb_decimal decimal{duckdb_decimal_width(type), duckdb_decimal_scale(type), {0, 0}};
    std::int64_t small = 0;
    switch (duckdb_decimal_internal_type(type)) {
        case DUCKDB_TYPE_SMALLINT: small = at<std::int16_t>(data, row); break;
        case DUCKDB_TYPE_INTEGER: small = at<std::int32_t>(data, row); break;
        case DUCKDB_TYPE_BIGINT: small = at<std::int64_t>(data, row); break;
        default:
            decimal.value = at<duckdb_hugeint>(data, row);
            return duckdb_create_decimal(decimal);
    }
    decimal.value = {static_cast<std::uint64_t>(small), small < 0 ? -1 : 0};
    return duckdb_create_decimal(decimal);
}

duckdb_value enum_at(duckdb_logical_type type, const void* data, idx_t row) {
    idx_t code = 0;
    switch (duckdb_enum_internal_type(type)) {
        case DUCKDB_TYPE_UTINYINT: code = at<std::uint8_t>(data, row); break;
        case DUCKDB_TYPE_USMALLINT: code = at<std::uint16_t>(data, row); break;
        default: code = at<std::uint32_t>(data, row);
    }
    char* text = duckdb_enum_dictionary_value(type, code);
    duckdb_value value = duckdb_create_varchar(text);
    duckdb_free(text);
    return value;
}

duckdb_value list_at(duckdb_logical_type type, duckdb_vector vector, idx_t row, bool is_array) {
    const OwnedType child(is_array ? duckdb_array_type_child_type(type)
                                   : duckdb_list_type_child_type(type));
    duckdb_list_entry entry{};
    duckdb_vector values = nullptr;
    if (is_array) {
        entry.length = duckdb_array_type_array_size(type);
        entry.offset = row * entry.length;
        values = duckdb_array_vector_get_child(vector);
    } else {
        entry = at<duckdb_list_entry>(duckdb_vector_get_data(vector), row);
        values = duckdb_list_vector_get_child(vector);
    }
    OwnedValues items;
    for (idx_t item = 0; item < entry.length; ++item) {
        items.handles.push_back(value_at(child.handle, values, entry.offset + item));
    }
    // Of no values the engine wants an address too.
    if (items.handles.empty()) items.handles.push_back(duckdb_create_null_value());
    return is_array ? duckdb_create_array_value(child.handle, items.handles.data(), entry.length)
                    : duckdb_create_list_value(child.handle, items.handles.data(), entry.length);
}

duckdb_value struct_at(duckdb_logical_type type, duckdb_vector vector, idx_t row) {
    OwnedValues fields;
    const idx_t count = duckdb_struct_type_child_count(type);
    for (idx_t field = 0; field < count; ++field) {
        const OwnedType child(duckdb_struct_type_child_type(type, field));
        fields.handles.push_back(
            value_at(child.handle, duckdb_struct_vector_get_child(vector, field), row));
    }
    return duckdb_create_struct_value(type, fields.handles.data());
}

duckdb_value map_at(duckdb_logical_type type, duckdb_vector vector, idx_t row) {
    const auto entry = at<duckdb_list_entry>(duckdb_vector_get_data(vector), row);
    duckdb_vector pairs = duckdb_list_vector_get_child(vector);
    const OwnedType key(duckdb_map_type_key_type(type));
    const OwnedType value(duckdb_map_type_value_type(type));
    OwnedValues keys, values;
    for (idx_t item = entry.offset; item < entry.offset + entry.length; ++item) {
        keys.handles.push_back(
            value_at(key.handle, duckdb_struct_vector_get_child(pairs, 0), item));
        values.handles.push_back(
            value_at(value.handle, duckdb_struct_vector_get_child(pairs, 1), item));
    }
    return duckdb_create_map_value(type, keys.handles.data(), values.handles.data(), entry.length);
}

duckdb_value union_at(duckdb_logical_type type, duckdb_vector vector, idx_t row) {
    duckdb_vector tags = duckdb_struct_vector_get_child(vector, 0);
    const idx_t tag = at<std::uint8_t>(duckdb_vector_get_data(tags), row);
    const OwnedType member(duckdb_union_type_member_type(type, tag));
    OwnedValues held;
    held.handles.push_back(
        value_at(member.handle, duckdb_struct_vector_get_child(vector, tag + 1), row));
    return duckdb_create_union_value(type, tag, held.handles[0]);
}

duckdb_value bytes_at(duckdb_type id, const void* data, idx_t row) {
    const std::string_view text = string_at(data, row);
    auto* bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    if (id == DUCKDB_TYPE_BLOB) return duckdb_create_blob(bytes, text.size());
    if (id == DUCKDB_TYPE_BIT) return duckdb_create_bit({bytes, text.size()});
    return duckdb_create_varchar_length(text.data(), text.size());
}

duckdb_value time_at(duckdb_type id, const void* data, idx_t row) {
    switch (id) {
        case DUCKDB_TYPE_DATE: return duckdb_create_date(at<duckdb_date>(data, row));
        case DUCKDB_TYPE_TIME: return duckdb_create_time(at<duckdb_time>(data, row));
        case DUCKDB_TYPE_TIME_NS: return duckdb_create_time_ns(at<duckdb_time_ns>(data, row));
        case DUCKDB_TYPE_TIME_TZ: return duckdb_create_time_tz_value(at<duckdb_time_tz>(data, row));
        case DUCKDB_TYPE_TIMESTAMP: return duckdb_create_timestamp(at<duckdb_timestamp>(data, row));
        case DUCKDB_TYPE_TIMESTAMP_TZ:
            return duckdb_create_timestamp_tz(at<duckdb_timestamp>(data, row));
        case DUCKDB_TYPE_TIMESTAMP_S:
            return duckdb_create_timestamp_s(at<duckdb_timestamp_s>(data, row));
        case DUCKDB_TYPE_TIMESTAMP_MS:
            return duckdb_create_timestamp_ms(at<duckdb_timestamp_ms>(data, row));
        case DUCKDB_TYPE_TIMESTAMP_NS:
            return duckdb_create_timestamp_ns(at<duckdb_timestamp_ns>(data, row));
        case DUCKDB_TYPE_INTERVAL: return duckdb_create_interval(at<duckdb_interval>(data, row));
        default: return nullptr;
    }
}

duckdb_value number_at(duckdb_type id, const void* data, idx_t row) {
    switch (id) {
        case DUCKDB_TYPE_BOOLEAN: return duckdb_create_bool(at<bool>(data, row));
        case DUCKDB_TYPE_TINYINT: return duckdb_create_int8(at<std::int8_t>(data, row));
        case DUCKDB_TYPE_SMALLINT: return duckdb_create_int16(at<std::int16_t>(data, row));
        case DUCKDB_TYPE_INTEGER: return duckdb_create_int32(at<std::int32_t>(data, row));
        case DUCKDB_TYPE_BIGINT: return duckdb_create_int64(at<std::int64_t>(data, row));
        case DUCKDB_TYPE_UTINYINT: return duckdb_create_uint8(at<std::uint8_t>(data, row));
        case DUCKDB_TYPE_USMALLINT: return duckdb_create_uint16(at<std::uint16_t>(data, row));
        case DUCKDB_TYPE_UINTEGER: return duckdb_create_uint32(at<std::uint32_t>(data, row));
        case DUCKDB_TYPE_UBIGINT: return duckdb_create_uint64(at<std::uint64_t>(data, row));
        case DUCKDB_TYPE_HUGEINT: return duckdb_create_hugeint(at<duckdb_hugeint>(data, row));
        case DUCKDB_TYPE_UHUGEINT: return duckdb_create_uhugeint(at<duckdb_uhugeint>(data, row));
        case DUCKDB_TYPE_FLOAT: return duckdb_create_float(at<float>(data, row));
        case DUCKDB_TYPE_DOUBLE: return duckdb_create_double(at<double>(data, row));
        case DUCKDB_TYPE_UUID: {
            // Stored with the first bit turned over, so that it sorts as a signed number.
            auto stored = at<duckdb_hugeint>(data, row);
            return duckdb_create_uuid({stored.lower, static_cast<std::uint64_t>(stored.upper) ^
                                                         (std::uint64_t{1} << 63)});
        }
        default: return time_at(id, data, row);
    }
}

duckdb_value value_at(duckdb_logical_type type, duckdb_vector vector, idx_t row) {
    std::uint64_t* validity = duckdb_vector_get_validity(vector);
    if (validity != nullptr && !duckdb_validity_row_is_valid(validity, row)) {
        return duckdb_create_null_value();
    }
    const duckdb_type id = duckdb_get_type_id(type);
    const void* data = duckdb_vector_get_data(vector);
    switch (id) {
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_BLOB:
        case DUCKDB_TYPE_BIT: return bytes_at(id, data, row);
        case DUCKDB_TYPE_DECIMAL: return decimal_at(type, data, row);
        case DUCKDB_TYPE_ENUM: return enum_at(type, data, row);
        case DUCKDB_TYPE_LIST: return list_at(type, vector, row, false);
        case DUCKDB_TYPE_ARRAY: return list_at(type, vector, row, true);
        case DUCKDB_TYPE_STRUCT: return struct_at(type, vector, row);
        case DUCKDB_TYPE_MAP: return map_at(type, vector, row);
        case DUCKDB_TYPE_UNION: return union_at(type, vector, row);
        default: break;
    }
    duckdb_value value = number_at(id, data, row);
    return value != nullptr ? value : duckdb_create_varchar("(a type Stroma cannot show)");
}

std::string value_text(duckdb_logical_type type, duckdb_vector vector, idx_t row) {
    OwnedValues held;
    held.handles.push_back(value_at(type, vector, row));
    return taken(duckdb_get_varchar(held.handles[0]));
}

std::string type_text(duckdb_logical_type type) {
    const duckdb_type id = duckdb_get_type_id(type);
    const auto name_with = [](auto make_child, std::string_view form) {
        const OwnedType child(make_child());
        return fmt::format(fmt::runtime(form), type_text(child.handle));
    };
    switch (id) {
        case DUCKDB_TYPE_DECIMAL:
            return fmt::format("DECIMAL({},{})", duckdb_decimal_width(type),
                               duckdb_decimal_scale(type));
        case DUCKDB_TYPE_LIST:
            return name_with([&] { return duckdb_list_type_child_type(type); }, "{}[]");
        case DUCKDB_TYPE_ARRAY:
            return name_with([&] { return duckdb_array_type_child_type(type); },
                             "{}[" + std::to_string(duckdb_array_type_array_size(type)) + "]");
        case DUCKDB_TYPE_MAP: {
            const OwnedType key(duckdb_map_type_key_type(type));
            const OwnedType value(duckdb_map_type_value_type(type));
            return fmt::format("MAP({}, {})", type_text(key.handle), type_text(value.handle));
        }
        case DUCKDB_TYPE_STRUCT: {
            std::string text = "STRUCT(";
            for (idx_t field = 0; field < duckdb_struct_type_child_count(type); ++field) {
                const OwnedType child(duckdb_struct_type_child_type(type, field));
                std::string name = taken(duckdb_struct_type_child_name(type, field));
                for (std::size_t at = 0; (at = name.find('"', at)) != std::string::npos; at += 2) {
                    name.insert(at, 1, '"');
                }
                text += fmt::format("{}\"{}\" {}", field == 0 ? "" : ", ", name,
                                    type_text(child.handle));
            }
            return text + ")";
        }
        default: break;
    }
    // To the engine JSON is a text of another name.
    if (taken(duckdb_logical_type_get_alias(type)) == "JSON") return "JSON";
    static constexpr std::pair<duckdb_type, const char*> names[] = {
        {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
        {DUCKDB_TYPE_TINYINT, "TINYINT"},
        {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
        {DUCKDB_TYPE_INTEGER, "INTEGER"},
        {DUCKDB_TYPE_BIGINT, "BIGINT"},
        {DUCKDB_TYPE_UTINYINT, "UTINYINT"},
        {DUCKDB_TYPE_USMALLINT, "USMALLINT"},
        {DUCKDB_TYPE_UINTEGER, "UINTEGER"},
        {DUCKDB_TYPE_UBIGINT, "UBIGINT"},
        {DUCKDB_TYPE_FLOAT, "FLOAT"},
        {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
        {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
        {DUCKDB_TYPE_DATE, "DATE"},
        {DUCKDB_TYPE_TIME, "TIME"},
        {DUCKDB_TYPE_INTERVAL, "INTERVAL"},
        {DUCKDB_TYPE_HUGEINT, "HUGEINT"},
        {DUCKDB_TYPE_UHUGEINT, "UHUGEINT"},
        {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
        {DUCKDB_TYPE_BLOB, "BLOB"},
        {DUCKDB_TYPE_UUID, "UUID"},
        {DUCKDB_TYPE_BIT, "BIT"},
        {DUCKDB_TYPE_TIME_TZ, "TIMETZ"},
        {DUCKDB_TYPE_TIME_NS, "TIME_NS"},
        {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMPTZ"},
        {DUCKDB_TYPE_TIMESTAMP_S, "TIMESTAMP_S"},
        {DUCKDB_TYPE_TIMESTAMP_MS, "TIMESTAMP_MS"},
        {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"}};
    for (const auto& [known, name] : names) {
        if (known == id) return name;
    }
    return "VARCHAR";  // enums, unions and what later engines bring come as text
}

Value wide_integer(std::int64_t upper, std::uint64_t lower, duckdb_logical_type type,
                   duckdb_vector vector, idx_t row) {
    const bool fits = (upper == 0 && lower <= std::numeric_limits<std::int64_t>::max()) ||
                      (upper == -1 && lower > std::numeric_limits<std::int64_t>::max());
    if (fits) return static_cast<std::int64_t>(lower);
    return value_text(type, vector, row);
}

}  // namespace

ColumnReader::ColumnReader(duckdb_logical_type type)
    : logical_(type), id_(duckdb_get_type_id(type)) {}
ColumnReader::ColumnReader(ColumnReader&& other) noexcept
    : logical_(std::exchange(other.logical_, nullptr)),
      id_(other.id_),
      vector_(other.vector_),
      data_(other.data_),
      validity_(other.validity_) {}
ColumnReader::~ColumnReader() {
    if (logical_ != nullptr) duckdb_destroy_logical_type(&logical_);
}

std::string ColumnReader::engine_type() const { return type_text(logical_); }

Type ColumnReader::type() const {
    switch (id_) {
        case DUCKDB_TYPE_BOOLEAN: return Type::boolean;
        case DUCKDB_TYPE_TINYINT:
        case DUCKDB_TYPE_SMALLINT:
        case DUCKDB_TYPE_INTEGER:
        case DUCKDB_TYPE_BIGINT:
        case DUCKDB_TYPE_UTINYINT:
        case DUCKDB_TYPE_USMALLINT:
        case DUCKDB_TYPE_UINTEGER:
        case DUCKDB_TYPE_UBIGINT:
        case DUCKDB_TYPE_HUGEINT: return Type::integer;
        case DUCKDB_TYPE_FLOAT:
        case DUCKDB_TYPE_DOUBLE: return Type::real;
        case DUCKDB_TYPE_BLOB: return Type::blob;
        case DUCKDB_TYPE_SQLNULL: return Type::null;
        default: return Type::text;
    }
}

void ColumnReader::use(duckdb_vector vector) {
    vector_ = vector;
    data_ = duckdb_vector_get_data(vector);
    validity_ = duckdb_vector_get_validity(vector);
}

Value ColumnReader::value(idx_t row) const {
    if (validity_ != nullptr && !duckdb_validity_row_is_valid(validity_, row)) return {};
    switch (id_) {
        case DUCKDB_TYPE_BOOLEAN: return at<bool>(data_, row);
        case DUCKDB_TYPE_TINYINT: return std::int64_t{at<std::int8_t>(data_, row)};
        case DUCKDB_TYPE_SMALLINT: return std::int64_t{at<std::int16_t>(data_, row)};
        case DUCKDB_TYPE_INTEGER: return std::int64_t{at<std::int32_t>(data_, row)};
        case DUCKDB_TYPE_BIGINT: return at<std::int64_t>(data_, row);
        case DUCKDB_TYPE_UTINYINT: return std::int64_t{at<std::uint8_t>(data_, row)};
        case DUCKDB_TYPE_USMALLINT: return std::int64_t{at<std::uint16_t>(data_, row)};
        case DUCKDB_TYPE_UINTEGER: return std::int64_t{at<std::uint32_t>(data_, row)};
        case DUCKDB_TYPE_FLOAT: return double{at<float>(data_, row)};
        case DUCKDB_TYPE_DOUBLE: return at<double>(data_, row);
        case DUCKDB_TYPE_VARCHAR:
        case DUCKDB_TYPE_BLOB: return std::string(string_at(data_, row));
        case DUCKDB_TYPE_UBIGINT:
            return wide_integer(0, at<std::uint64_t>(data_, row), logical_, vector_, row);
        case DUCKDB_TYPE_HUGEINT: {
            const auto wide = at<duckdb_hugeint>(data_, row);
            return wide_integer(wide.upper, wide.lower, logical_, vector_, row);
        }
        case DUCKDB_TYPE_SQLNULL: return {};
        default: return value_text(logical_, vector_, row);
    }
}

duckdb_value value_for_duckdb(const Value& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return duckdb_create_bool(*flag);
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
        return duckdb_create_int64(*number);
    }
    if (const auto* number = std::get_if<double>(&value)) return duckdb_create_double(*number);
    if (const auto* text = std::get_if<std::string>(&value)) {
        return duckdb_create_varchar_length(text->data(), text->size());
    }
    return duckdb_create_null_value();
}

}  // namespace stroma::sql
