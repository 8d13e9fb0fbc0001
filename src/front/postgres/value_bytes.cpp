#include "front/postgres/value_bytes.h"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/utf8.h"
#include "front/postgres/binary_numbers.h"
#include "redshift/byte_types.h"
#include "redshift/types.h"
#include "redshift/value_text.h"

namespace stroma::front::postgres {
namespace {

using redshift::bytes_in;
using redshift::element_of;
using redshift::elements_in;
using redshift::engine_bytes;
using redshift::engine_list;
using redshift::interval_in;
using redshift::interval_text;

bool is_bytes(std::uint32_t type) { return redshift::is_byte_type(type); }

std::size_t integer_size(std::uint32_t type) {
    return type == oid::int2 ? 2 : type == oid::int8 ? 8 : 4;
}
bool is_integer(std::uint32_t type) {
    return type == oid::int2 || type == oid::int4 || type == oid::int8 || type == oid::object ||
           type == oid::xid;
}
/// Of a vector's values; 0 for other types. It is an array whose text has no braces and whose first
/// element is the zeroth.
std::uint32_t element_of_vector(std::uint32_t type) {
    return type == oid::int2vector ? oid::int2 : type == oid::oidvector ? oid::object : 0;
}
bool is_moment(std::uint32_t type) {
    return type == oid::date || type == oid::timestamp || type == oid::timestamptz;
}
bool is_real(std::uint32_t type) { return type == oid::float4 || type == oid::float8; }
bool is_textual(std::uint32_t type) {
    return type == oid::text || type == oid::varchar || type == oid::bpchar || type == oid::name ||
           type == oid::character || type == oid::json || type == oid::jsonb || type == 705 ||
           type == 4000 || type == 0;
}

tl::unexpected<Error> no_value(std::string_view type, std::string_view text) {
    return fail(ErrorCode::invalid_input,
                fmt::format("invalid input syntax for type {}: \"{}\"", type, text.substr(0, 200)));
}
tl::unexpected<Error> no_utf8() {
    return fail(ErrorCode::corrupt, "invalid byte sequence for encoding \"UTF8\"");
}
tl::unexpected<Error> no_binary(std::uint32_t type) {
    return fail(ErrorCode::unsupported,
                fmt::format("type {} has no binary format here; ask for text", type));
}

void append_real(std::string& out, double value, bool is_single) {
    if (std::isnan(value))
        out += "NaN";
    else if (std::isinf(value))
        out += value < 0 ? "-Infinity" : "Infinity";
    else if (is_single)
        fmt::format_to(std::back_inserter(out), "{}", static_cast<float>(value));
    else
        fmt::format_to(std::back_inserter(out), "{}", value);
}

std::optional<std::int64_t> integer_in(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<double> real_in(std::string_view text) {
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<bool> boolean_in(std::string_view text) {
    for (const std::string_view yes : {"t", "true", "TRUE", "True", "1", "y", "yes", "on"})
        if (text == yes) return true;
    for (const std::string_view no : {"f", "false", "FALSE", "False", "0", "n", "no", "off"})
        if (text == no) return false;
    return std::nullopt;
}

Result<void> append_array(std::string& out, std::string_view text, std::uint32_t element,
                          std::uint32_t first_place = 1) {
    const auto elements = elements_in(text);
    if (!elements || !has_binary(element)) return no_value("array", text);
    bool has_null = false;
    for (const auto& one : *elements) has_null = has_null || !one;
    append_big_endian(out, elements->empty() ? 0 : 1, 4);
    append_big_endian(out, has_null ? 1 : 0, 4);
    append_big_endian(out, element, 4);
    if (elements->empty()) return {};
    append_big_endian(out, elements->size(), 4);
    append_big_endian(out, first_place, 4);
    for (const auto& one : *elements) {
        if (!one) {
            append_big_endian(out, 0xffff'ffff, 4);
            continue;
        }
        std::string bytes;
        const sql::Value value =
            is_bytes(element) ? sql::Value(bytes_in(*one)) : TRY(value_from_text(element, *one));
        TRY(append_binary(bytes, value, element));
        append_big_endian(out, bytes.size(), 4);
        out += bytes;
    }
    return {};
}

Result<sql::Value> array_from_binary(std::string_view bytes) {
    const auto take = [&](std::size_t size) {
        const std::string_view front = bytes.substr(0, std::min(size, bytes.size()));
        bytes.remove_prefix(front.size());
        return front;
    };
    if (bytes.size() < 12) return no_value("array", "");
    const auto dimensions = big_endian(take(4));
    take(4);
    const auto element = static_cast<std::uint32_t>(big_endian(take(4)));
    if (dimensions == 0) return sql::Value("[]");
    if (dimensions != 1 || bytes.size() < 8 || element_of(element) != 0)
        return no_value("array", "of several dimensions");
    const auto count = big_endian(take(4));
    take(4);
    std::vector<std::optional<std::string>> elements;
    if (count > bytes.size() / 4) return no_value("array", "");
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto size = static_cast<std::int32_t>(big_endian(take(4)));
        if (size < 0) {
            elements.push_back(std::nullopt);
            continue;
        }
        if (static_cast<std::size_t>(size) > bytes.size()) return no_value("array", "");
        const auto value = TRY(value_from_binary(element, take(static_cast<std::size_t>(size))));
        std::string text;
        if (is_bytes(element))
            text = std::get<std::string>(value);  // already as the engine reads them
        else
            append_text(text, value, element);
        elements.push_back(std::move(text));
    }
    return sql::Value(engine_list(elements));
}

/// "{1,2}" as "1 2".
void append_vector(std::string& out, std::string_view text) {
    if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
    for (const char c : text) out += c == ',' ? ' ' : c;
}

Result<void> append_time(std::string& out, const std::string& text, std::uint32_t type) {
    std::optional<std::int64_t> value;
    std::size_t size = 8;
    if (type == oid::date) {
        value = days_in(text);
        size = 4;
        if (text == "infinity") value = std::numeric_limits<std::int32_t>::max();
        if (text == "-infinity") value = std::numeric_limits<std::int32_t>::min();
    } else if (type == oid::time) {
        value = microseconds_of_day_in(text);
    } else if (type == oid::timetz) {
        const std::size_t sign = std::min(text.find_first_of("+-"), text.size());
        const auto of_day = microseconds_of_day_in(text.substr(0, sign));
        const auto east = offset_in(text.substr(sign));
        if (!of_day || !east) return no_value("time", text);
        append_big_endian(out, static_cast<std::uint64_t>(*of_day), 8);
        append_big_endian(out, static_cast<std::uint32_t>(-*east), 4);
        return {};
    } else {
        value = microseconds_in(text);
    }
    if (!value) return no_value("timestamp", text);
    append_big_endian(out, static_cast<std::uint64_t>(*value), size);
    return {};
}

Result<void> append_uuid(std::string& out, std::string_view text) {
    std::string hex = "\\x";
    for (const char c : text)
        if (c != '-') hex += c;
    const std::string bytes = bytes_in(hex);
    if (bytes.size() != 16) return no_value("uuid", text);
    out += bytes;
    return {};
}

std::string uuid_text(std::string_view bytes) {
    const std::string hex = to_hex(as_bytes(bytes));
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
           hex.substr(16, 4) + "-" + hex.substr(20);
}

Result<void> append_number(std::string& out, const sql::Value& value, std::uint32_t type,
                           const std::string& text) {
    if (type == oid::boolean) {
        const auto* as_boolean = std::get_if<bool>(&value);
        const auto truth = as_boolean ? std::optional(*as_boolean) : boolean_in(text);
        if (!truth) return no_value("boolean", text);
        out += static_cast<char>(*truth ? 1 : 0);
        return {};
    }
    if (is_integer(type)) {
        const auto* as_integer = std::get_if<std::int64_t>(&value);
        const auto number = as_integer ? std::optional(*as_integer) : integer_in(text);
        if (!number) return no_value("integer", text);
        append_big_endian(out, static_cast<std::uint64_t>(*number), integer_size(type));
        return {};
    }
    const auto* as_real = std::get_if<double>(&value);
    const auto number = as_real ? std::optional(*as_real) : real_in(text);
    if (!number) return no_value("double precision", text);
    if (type == oid::float4)
        append_big_endian(out, std::bit_cast<std::uint32_t>(static_cast<float>(*number)), 4);
    else
        append_big_endian(out, std::bit_cast<std::uint64_t>(*number), 8);
    return {};
}

Result<void> append_interval(std::string& out, std::string_view text) {
    const auto interval = interval_in(text);
    if (!interval) return no_value("interval", text);
    append_big_endian(out, static_cast<std::uint64_t>(interval->microseconds), 8);
    append_big_endian(out, static_cast<std::uint32_t>(interval->days), 4);
    append_big_endian(out, static_cast<std::uint32_t>(interval->months), 4);
    return {};
}

std::string interval_from_binary(std::string_view bytes) {
    const redshift::Interval interval{static_cast<std::int64_t>(big_endian(bytes.substr(0, 8))),
                                      static_cast<std::int32_t>(big_endian(bytes.substr(8, 4))),
                                      static_cast<std::int32_t>(big_endian(bytes.substr(12, 4)))};
    std::string text = interval_text(interval);
    // The engine reads no plus.
    return text.find('+') == text.npos ? text : redshift::engine_interval(interval);
}

}  // namespace

bool has_binary(std::uint32_t type) {
    if (const std::uint32_t element = element_of(type); element != 0) return has_binary(element);
    return type == oid::boolean || element_of_vector(type) != 0 || is_bytes(type) ||
           is_integer(type) || is_real(type) || is_textual(type) || type == oid::date ||
           type == oid::time || type == oid::timestamp || type == oid::timestamptz ||
           type == oid::timetz || type == oid::numeric || type == oid::uuid ||
           type == oid::interval;
}

bool is_text(std::uint32_t type) { return is_textual(type); }

void append_text(std::string& out, const sql::Value& value, std::uint32_t type) {
    if (const auto* truth = std::get_if<bool>(&value))
        out += *truth ? 't' : 'f';
    else if (const auto* integer = std::get_if<std::int64_t>(&value))
        fmt::format_to(std::back_inserter(out), "{}", *integer);
    else if (const auto* real = std::get_if<double>(&value))
        append_real(out, *real, type == oid::float4);
    else if (const auto* text = std::get_if<std::string>(&value)) {
        if (is_bytes(type))
            // Redshift's own are told in hex alone.
            out += (type == oid::bytea ? "\\x" : "") + to_hex(as_bytes(*text));
        else if (element_of_vector(type) != 0)
            append_vector(out, *text);
        else if (const auto interval = type == oid::interval ? interval_in(*text) : std::nullopt)
            out += interval_text(*interval);
        else if (const std::size_t before = is_moment(type) ? text->find(" (BC)") : text->npos;
                 before != text->npos)
            out += text->substr(0, before) + text->substr(before + 5) + " BC";
        else
            out += *text;
    }
}

Result<void> append_binary(std::string& out, const sql::Value& value, std::uint32_t type) {
    if (!has_binary(type)) return no_binary(type);
    const auto* given = std::get_if<std::string>(&value);
    if (is_bytes(type) && given != nullptr) {
        out += *given;
        return {};
    }
    if (const std::uint32_t element = element_of_vector(type); element != 0 && given != nullptr)
        return append_array(out, *given, element, 0);
    std::string text;
    append_text(text, value, type);
    if (type == oid::character && text.empty()) text = std::string(1, '\0');  // one byte always
    if (const std::uint32_t element = element_of(type); element != 0)
        return append_array(out, text, element);
    if (type == oid::boolean || is_integer(type) || is_real(type))
        return append_number(out, value, type, text);
    if (type == oid::numeric) {
        if (!append_decimal(out, text)) return no_value("numeric", text);
        return {};
    }
    if (type == oid::uuid) return append_uuid(out, text);
    if (type == oid::interval) return append_interval(out, text);
    if (is_moment(type) || type == oid::time || type == oid::timetz)
        return append_time(out, text, type);
    if (type == oid::jsonb) out += '\1';
    out += text;
    return {};
}

Result<sql::Value> value_from_text(std::uint32_t type, std::string_view text) {
    if (!is_utf8(text)) return no_utf8();
    if (type == oid::boolean) {
        const auto truth = boolean_in(text);
        if (!truth) return no_value("boolean", text);
        return sql::Value(*truth);
    }
    if (is_integer(type)) {
        const auto number = integer_in(text);
        if (!number) return no_value("integer", text);
        return sql::Value(*number);
    }
    if (is_real(type)) {
        const auto number = real_in(text);
        if (!number) return no_value("double precision", text);
        return sql::Value(*number);
    }
    if (is_bytes(type)) return sql::Value(engine_bytes(bytes_in(text)));
    if (auto told = redshift::engine_text(type, text)) return sql::Value(*std::move(told));
    return sql::Value(std::string(text));
}

Result<sql::Value> value_from_binary(std::uint32_t type, std::string_view bytes) {
    if (element_of(type) != 0) return array_from_binary(bytes);
    if (type == oid::jsonb && bytes.starts_with('\1')) bytes.remove_prefix(1);
    if (is_textual(type)) {
        if (!is_utf8(bytes)) return no_utf8();
        return sql::Value(std::string(bytes));
    }
    if (is_bytes(type)) return sql::Value(engine_bytes(bytes));
    if (type == oid::numeric) {
        if (auto text = decimal_text(bytes)) return sql::Value(*std::move(text));
        return no_value("numeric", "");
    }
    const auto size_is = [&](std::size_t size) { return bytes.size() == size; };
    const std::uint64_t raw = big_endian(bytes.substr(0, 8));
    const auto number = static_cast<std::int64_t>(raw);
    if (type == oid::boolean && size_is(1)) return sql::Value(raw != 0);
    if (type == oid::int2 && size_is(2))
        return sql::Value(std::int64_t{static_cast<std::int16_t>(raw)});
    if (type == oid::int4 && size_is(4))
        return sql::Value(std::int64_t{static_cast<std::int32_t>(raw)});
    if ((type == oid::object || type == oid::xid) && size_is(4)) return sql::Value(number);
    if (type == oid::int8 && size_is(8)) return sql::Value(number);
    if (type == oid::float4 && size_is(4))
        return sql::Value(double{std::bit_cast<float>(static_cast<std::uint32_t>(raw))});
    if (type == oid::float8 && size_is(8)) return sql::Value(std::bit_cast<double>(raw));
    if (type == oid::date && size_is(4))
        return sql::Value(date_text(static_cast<std::int32_t>(raw)));
    if (type == oid::time && size_is(8) && number >= 0 && number <= 86'400'000'000)
        return sql::Value(time_text(number));
    if (type == oid::timetz && size_is(12) && number >= 0 && number <= 86'400'000'000)
        return sql::Value(time_text(number) +
                          offset_text(-static_cast<std::int32_t>(big_endian(bytes.substr(8, 4)))));
    if (type == oid::timestamp && size_is(8)) return sql::Value(timestamp_text(number));
    if (type == oid::timestamptz && size_is(8)) {
        std::string text = timestamp_text(number);
        if (!text.ends_with("infinity")) text += "+00";
        return sql::Value(std::move(text));
    }
    if (type == oid::uuid && size_is(16)) return sql::Value(uuid_text(bytes));
    if (type == oid::interval && size_is(16)) return sql::Value(interval_from_binary(bytes));
    if (!has_binary(type)) return no_binary(type);
    return fail(ErrorCode::invalid_input,
                fmt::format("{} bytes are no binary value of type {}", bytes.size(), type));
}

}  // namespace stroma::front::postgres
