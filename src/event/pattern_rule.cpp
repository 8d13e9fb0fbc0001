#include "event/pattern_rule.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <limits>
#include <map>

#include "base/ascii.h"

namespace stroma::event {
namespace {

constexpr double number_max = 5e9;
constexpr int wildcards_before_one_character_max = 4;

tl::unexpected<Error> bad(std::string reason) {
    return fail(ErrorCode::invalid_input, std::move(reason));
}

/// `*` stands for any text; `\*` and `\\` for themselves.
bool fits(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
            continue;
        }
        const std::size_t literal = p < pattern.size() && pattern[p] == '\\' ? p + 1 : p;
        if (literal < pattern.size() && pattern[literal] == text[t]) {
            p = literal + 1;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

Result<void> check_wildcard(std::string_view text) {
    std::map<char, int> followed_by;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            if (at + 1 == text.size() || (text[at + 1] != '*' && text[at + 1] != '\\'))
                return bad(fmt::format("Invalid escape character at pos {}", at));
            ++at;
            continue;
        }
        if (text[at] != '*' || at + 1 == text.size()) continue;
        if (text[at + 1] == '*')
            return bad(fmt::format("Consecutive wildcard characters at pos {}", at + 1));
        if (++followed_by[text[at + 1]] > wildcards_before_one_character_max)
            return bad(
                "Rule is too complex - try using fewer wildcard characters or fewer "
                "repeating character sequences after a wildcard character");
    }
    return {};
}

bool passes_text(const TextRule& rule, const Json& value) {
    if (!value.is_string()) return false;
    const auto& given = value.get_ref<const std::string&>();
    const std::string text = rule.ignores_case ? ascii_lower(given) : given;
    return std::any_of(rule.texts.begin(), rule.texts.end(), [&](const std::string& wanted) {
        switch (rule.test) {
            case TextTest::prefix: return text.starts_with(wanted);
            case TextTest::suffix: return text.ends_with(wanted);
            case TextTest::equals: return text == wanted;
            case TextTest::wildcard: break;
        }
        return fits(wanted, text);
    });
}

/// prefix and suffix: a text, or a text whose case doesn't matter.
Result<FieldRule> read_edge(const Json& json, TextTest test, std::string_view name) {
    if (json.is_string()) return TextRule{test, {json.get<std::string>()}, false};
    if (json.is_object() && json.size() == 1 && json.contains("equals-ignore-case") &&
        json["equals-ignore-case"].is_string())
        return TextRule{test, {ascii_lower(json["equals-ignore-case"].get<std::string>())}, true};
    return bad(fmt::format("{} match pattern must be a string", name));
}

/// The texts of one of anything-but's forms.
Result<FieldRule> read_anything_but_texts(const std::string& name, const Json& json) {
    static const std::map<std::string, TextTest> tests = {{"prefix", TextTest::prefix},
                                                          {"suffix", TextTest::suffix},
                                                          {"equals-ignore-case", TextTest::equals},
                                                          {"wildcard", TextTest::wildcard}};
    const auto test = tests.find(name);
    if (test == tests.end()) return bad(fmt::format("Unsupported anything-but pattern: {}", name));
    const bool is_edge = name == "prefix" || name == "suffix";
    TextRule rule{test->second, {}, name == "equals-ignore-case"};
    const Json list = json.is_array() ? json : Json::array({json});
    if (list.empty()) return bad("Empty arrays are not allowed");
    for (const Json& text : list) {
        if (!text.is_string()) {
            if (name == "wildcard") return bad("wildcard match pattern must be a string");
            if (is_edge && text.is_object())
                return bad("Value of anything-but must be an array or single string/number value.");
            if (is_edge) return bad("prefix/suffix match pattern must be a string");
            return bad(
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is "
                "not supported.");
        }
        const std::string wanted = text.get<std::string>();
        if (is_edge && wanted.empty()) return bad("Null prefix/suffix not allowed");
        if (name == "wildcard") TRY(check_wildcard(wanted));
        rule.texts.push_back(rule.ignores_case ? ascii_lower(wanted) : wanted);
    }
    return AnythingBut{{}, {std::move(rule)}};
}

Result<FieldRule> read_anything_but(const Json& json) {
    if (json.is_object()) {
        if (json.size() != 1) return bad("Only one key allowed in match expression");
        return read_anything_but_texts(json.begin().key(), json.begin().value());
    }
    if (json.is_string() || json.is_number()) return AnythingBut{{json}, {}};
    if (!json.is_array())
        return bad("Value of anything-but must be an array or single string/number value.");
    if (json.empty()) return bad("Empty arrays are not allowed");
    AnythingBut rule;
    for (const Json& value : json) {
        if (!value.is_string() && !value.is_number())
            return bad("Inside anything but list, start|null|boolean is not supported.");
        if (value.is_string() != json[0].is_string())
            return bad(
                "Inside anything but list, either all values are number or string, mixed "
                "type is not supported");
        rule.values.push_back(value);
    }
    return rule;
}

Result<double> read_bound(const Json& json, std::size_t at) {
    const auto name = json[at].get<std::string>();
    if (at + 1 >= json.size() || !json[at + 1].is_number())
        return bad(fmt::format("Value of {} must be numeric", name));
    const double value = json[at + 1].get<double>();
    if (value < -number_max || value > number_max)
        return bad("Value must be between -5.0E9 and 5.0E9, inclusive");
    return value;
}

Result<FieldRule> read_numeric(const Json& json) {
    if (!json.is_array()) return bad("Value of numeric must be an array.");
    if (json.empty() || !json[0].is_string()) return bad("Invalid member in numeric match: ");
    NumberRange range{-number_max, number_max, true, true};
    const std::string first = json[0].get<std::string>();
    const double value = TRY(read_bound(json, 0));
    if (first == "=") {
        range.least = range.most = value;
    } else if (first == "<" || first == "<=") {
        range.most = value;
        range.with_most = first == "<=";
    } else if (first == ">" || first == ">=") {
        range.least = value;
        range.with_least = first == ">=";
    } else {
        return bad(fmt::format("Unrecognized numeric range operator: {}", first));
    }
    if (json.size() == 2) return range;
    if (first[0] != '>' || !json[2].is_string())
        return bad("Too many elements in numeric expression");
    const std::string second = json[2].get<std::string>();
    if (second != "<" && second != "<=")
        return bad(fmt::format("Bad numeric range operator: {}", second));
    range.most = TRY(read_bound(json, 2));
    range.with_most = second == "<=";
    if (json.size() > 4) return bad("Too many terms in numeric range expression");
    if (range.least >= range.most) return bad("Bottom must be less than top");
    return range;
}

Result<FieldRule> read_cidr(const Json& json) {
    if (!json.is_string()) return bad("prefix match pattern must be a string");
    const std::string text = json.get<std::string>();
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos || text.find('/', slash + 1) != std::string::npos)
        return bad("Malformed CIDR, one '/' required");
    AddressRange range;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, range.bits_count);
    if (error != std::errc() || stop != end)
        return bad("Malformed CIDR, mask bits must be an integer");
    const std::string address = text.substr(0, slash);
    range.is_v6 = address.find(':') != std::string::npos;
    if (::inet_pton(range.is_v6 ? AF_INET6 : AF_INET, address.c_str(), range.bits) != 1)
        return bad(fmt::format("Nonstandard IP address: {}", address));
    if (range.bits_count < 0 || range.bits_count > (range.is_v6 ? 128 : 32))
        return bad("Malformed CIDR, mask bits out of range");
    return range;
}

bool passes_address(const AddressRange& range, const Json& value) {
    if (!value.is_string()) return false;
    unsigned char bits[16] = {};
    const auto& text = value.get_ref<const std::string&>();
    if (::inet_pton(range.is_v6 ? AF_INET6 : AF_INET, text.c_str(), bits) != 1) return false;
    const int whole = range.bits_count / 8, rest = range.bits_count % 8;
    if (std::memcmp(bits, range.bits, static_cast<std::size_t>(whole)) != 0) return false;
    const int mask = 0xff00 >> rest & 0xff;
    return rest == 0 || ((bits[whole] ^ range.bits[whole]) & mask) == 0;
}

bool equal(const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) return a.get<double>() == b.get<double>();
    return a.type() == b.type() && a == b;
}

bool passes_anything_but(const AnythingBut& rule, const Json& value) {
    const bool is_named =
        std::any_of(rule.values.begin(), rule.values.end(),
                    [&](const Json& other) { return equal(other, value); }) ||
        std::any_of(rule.rules.begin(), rule.rules.end(),
                    [&](const TextRule& text) { return passes_text(text, value); });
    return !is_named;
}

}  // namespace

Result<FieldRule> read_rule(const Json& json) {
    if (json.is_array()) return bad("Match value must be String, number, true, false, or null");
    if (!json.is_object()) return Literal{json};
    if (json.size() != 1) return bad("Only one key allowed in match expression");
    const std::string& name = json.begin().key();
    const Json& value = json.begin().value();
    if (name == "prefix") return read_edge(value, TextTest::prefix, name);
    if (name == "suffix") return read_edge(value, TextTest::suffix, name);
    if (name == "anything-but") return read_anything_but(value);
    if (name == "numeric") return read_numeric(value);
    if (name == "cidr") return read_cidr(value);
    if (name == "exists") {
        if (!value.is_boolean()) return bad("exists match pattern must be either true or false.");
        return Exists{value.get<bool>()};
    }
    if (name == "equals-ignore-case" || name == "wildcard") {
        if (!value.is_string()) return bad(fmt::format("{} match pattern must be a string", name));
        const std::string text = value.get<std::string>();
        if (name == "equals-ignore-case")
            return TextRule{TextTest::equals, {ascii_lower(text)}, true};
        TRY(check_wildcard(text));
        return TextRule{TextTest::wildcard, {text}, false};
    }
    return bad(fmt::format("Unrecognized match type {}", name));
}

bool passes(const FieldRule& rule, const Json& value) {
    if (const auto* literal = std::get_if<Literal>(&rule)) return equal(literal->value, value);
    if (const auto* text = std::get_if<TextRule>(&rule)) return passes_text(*text, value);
    if (const auto* but = std::get_if<AnythingBut>(&rule)) return passes_anything_but(*but, value);
    if (const auto* range = std::get_if<AddressRange>(&rule)) return passes_address(*range, value);
    if (const auto* exists = std::get_if<Exists>(&rule)) return exists->there;
    const auto& range = std::get<NumberRange>(rule);
    if (!value.is_number()) return false;
    const double number = value.get<double>();
    return (range.with_least ? number >= range.least : number > range.least) &&
           (range.with_most ? number <= range.most : number < range.most);
}

}  // namespace stroma::event
