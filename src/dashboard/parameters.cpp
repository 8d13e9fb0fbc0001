#include "dashboard/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "base/json.h"

namespace stroma::dashboard {
namespace {

constexpr std::size_t text_bytes_max = 4096;

tl::unexpected<Error> wrong_value(const Parameter& parameter, std::string_view why) {
    return fail(ErrorCode::invalid_input,
                fmt::format("at /parameters/{}: {}", parameter.name, why));
}

/// "2026-11-22", or with a time of day behind a blank or T; the day must be one of its month.
bool is_date(std::string_view text) {
    constexpr std::string_view day_form = "dddd-dd-dd", time_form = "dd:dd:dd";
    const auto has_form = [](std::string_view part, std::string_view form) {
        return part.size() == form.size() &&
               std::ranges::equal(part, form, [](char one, char wanted) {
                   return wanted == 'd' ? one >= '0' && one <= '9' : one == wanted;
               });
    };
    if (!has_form(text.substr(0, day_form.size()), day_form)) return false;
    const auto number = [&](std::size_t at, std::size_t size) {
        int value = 0;
        std::from_chars(text.data() + at, text.data() + at + size, value);
        return value;
    };
    const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                          std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                          std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    if (!day.ok()) return false;
    if (text.size() == day_form.size()) return true;
    const char between = text[day_form.size()];
    return (between == ' ' || between == 'T') &&
           has_form(text.substr(day_form.size() + 1), time_form) && number(11, 2) < 24 &&
           number(14, 2) < 60 && number(17, 2) < 60;
}

Result<sql::Value> number_in(const Parameter& parameter, const std::string& text) {
    std::int64_t whole = 0;
    const char* const end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, whole);
        read.ec == std::errc() && read.ptr == end)
        return sql::Value(whole);
    char* stopped = nullptr;
    const double real = std::strtod(text.c_str(), &stopped);
    if (text.empty() || stopped != end || !std::isfinite(real))
        return wrong_value(parameter, fmt::format("'{}' is no number", text.substr(0, 40)));
    return sql::Value(real);
}

}  // namespace

Result<sql::Value> value_of(const Parameter& parameter, const Json& json) {
    if (json.is_null()) return sql::Value();
    if (parameter.kind == ParameterKind::number && json.is_number())
        return number_in(parameter, json.dump());
    if (!json.is_string())
        return wrong_value(parameter, parameter.kind == ParameterKind::number
                                          ? "it must be a number"
                                          : "it must be a text");
    auto text = json.get<std::string>();
    if (text.size() > text_bytes_max) return wrong_value(parameter, "it has more than 4096 bytes");
    // An empty field of a form says nothing.
    const bool says_nothing = text.empty() && parameter.kind != ParameterKind::text;
    if (says_nothing) return sql::Value();
    if (parameter.kind == ParameterKind::number) return number_in(parameter, text);
    if (parameter.kind == ParameterKind::date && !is_date(text))
        return wrong_value(parameter, "a date is written 2026-11-22, or 2026-11-22 08:50:55");
    if (!parameter.choices.empty() &&
        std::ranges::find(parameter.choices, text) == parameter.choices.end())
        return wrong_value(parameter, fmt::format("'{}' isn't among its choices", text));
    return sql::Value(std::move(text));
}

Result<ParameterValues> values_of(const Definition& definition, const Json& given) {
    if (!given.is_object())
        return fail(ErrorCode::invalid_input,
                    "at /parameters: 'parameters' must be an object of names and values");
    for (const auto& [name, value] : given.items())
        if (definition.parameter(name) == nullptr)
            return fail(ErrorCode::invalid_input,
                        fmt::format("at /parameters: the dashboard has no parameter '{}'", name));
    ParameterValues values;
    for (const Parameter& parameter : definition.parameters)
        values.emplace_back(parameter.name, given.contains(parameter.name)
                                                ? TRY(value_of(parameter, given[parameter.name]))
                                                : parameter.usual);
    return values;
}

}  // namespace stroma::dashboard
