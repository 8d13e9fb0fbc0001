#include "front/s3/policy_condition.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/json.h"
#include "front/http/url.h"

// Conditions of bucket policies.

namespace stroma::front::s3 {
namespace {

std::optional<double> number_of(const std::string& text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<double> date_of(const std::string& text) {
    if (const auto seconds = number_of(text)) return seconds;
    std::tm time{};
    if (strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time) == nullptr &&
        strptime(text.c_str(), "%Y-%m-%d", &time) == nullptr)
        return std::nullopt;
    return static_cast<double>(timegm(&time));
}

/// "10.0.0.0/8", "2001:db8::/32" or one address; of IPv4 within IPv6 the former.
bool is_within(const std::string& range, std::string address) {
    if (address.starts_with("::ffff:")) address.erase(0, 7);
    const std::size_t slash = range.find('/');
    const std::string network = range.substr(0, slash);
    for (const int family : {AF_INET, AF_INET6}) {
        unsigned char of_range[16] = {}, of_address[16] = {};
        if (inet_pton(family, network.c_str(), of_range) != 1 ||
            inet_pton(family, address.c_str(), of_address) != 1)
            continue;
        const int width = family == AF_INET ? 32 : 128;
        const auto asked = slash == range.npos ? width : number_of(range.substr(slash + 1));
        if (!asked || *asked < 0 || *asked > width) return false;
        const int bits = static_cast<int>(*asked);
        for (int bit = 0; bit < bits; ++bit) {
            const unsigned mask = 0x80u >> (bit % 8);
            if ((of_range[bit / 8] & mask) != (of_address[bit / 8] & mask)) return false;
        }
        return true;
    }
    return false;
}

using Compare = std::function<bool(const std::string& wanted, const std::string& is)>;

template <class Read>
Compare by_order(Read read, const std::string& relation) {
    return [read, relation](const std::string& wanted, const std::string& is) {
        const auto a = read(is), b = read(wanted);
        if (!a || !b) return false;
        if (relation == "Equals") return *a == *b;
        if (relation == "LessThan") return *a < *b;
        if (relation == "LessThanEquals") return *a <= *b;
        if (relation == "GreaterThan") return *a > *b;
        return *a >= *b;
    };
}

/// One operator: how a value is compared, and whether no value may fit.
struct Operator {
    Compare fits;
    bool is_negated = false;
};

std::optional<Operator> operator_named(std::string name) {
    constexpr std::string_view relations[] = {"Equals", "LessThan", "LessThanEquals", "GreaterThan",
                                              "GreaterThanEquals"};
    for (const std::string_view relation : relations) {
        if (name == "Numeric" + std::string(relation))
            return Operator{by_order(number_of, std::string(relation))};
        if (name == "Date" + std::string(relation))
            return Operator{by_order(date_of, std::string(relation))};
    }
    Operator made;
    if (const std::size_t at = name.find("Not"); at != name.npos) {
        made.is_negated = true;
        name.erase(at, 3);
    }
    if (name == "StringEquals" || name == "BinaryEquals") {
        made.fits = [](const auto& wanted, const auto& is) { return wanted == is; };
    } else if (name == "StringEqualsIgnoreCase" || name == "Bool") {
        made.fits = [](const auto& wanted, const auto& is) {
            return http::equal_ignoring_case(wanted, is);
        };
    } else if (name == "StringLike" || name == "ArnLike" || name == "ArnEquals") {
        made.fits = [](const auto& wanted, const auto& is) { return matches(wanted, is); };
    } else if (name == "IpAddress") {
        made.fits = [](const auto& wanted, const auto& is) { return is_within(wanted, is); };
    } else if (name == "NumericEquals") {
        made.fits = by_order(number_of, "Equals");
    } else if (name == "DateEquals") {
        made.fits = by_order(date_of, "Equals");
    } else {
        return std::nullopt;
    }
    return made;
}

std::optional<std::vector<std::string>> texts_in(const Json& values) {
    std::vector<std::string> texts;
    const auto add = [&](const Json& value) {
        if (value.is_string())
            texts.push_back(value.get<std::string>());
        else if (value.is_boolean() || value.is_number())
            texts.push_back(value.dump());
        else
            return false;
        return true;
    };
    if (!values.is_array()) return add(values) ? std::optional(texts) : std::nullopt;
    for (const Json& value : values)
        if (!add(value)) return std::nullopt;
    return texts;
}

/// How several values of one key count: "ForAllValues:", "ForAnyValue:" or neither.
bool holds_of(const Operator& op, bool for_all, const std::vector<std::string>& wanted,
              const std::vector<std::string>& is) {
    const auto fits_one = [&](const std::string& value) {
        return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
                   return op.fits(one, value);
               }) != op.is_negated;
    };
    return for_all || op.is_negated ? std::all_of(is.begin(), is.end(), fits_one)
                                    : std::any_of(is.begin(), is.end(), fits_one);
}

std::optional<bool> holds(std::string name, const std::string& key, const Json& values,
                          const FactOf& fact_of) {
    bool for_all = false, if_exists = false;
    if (name.starts_with("ForAllValues:")) {
        for_all = true;
        name.erase(0, 13);
    } else if (name.starts_with("ForAnyValue:")) {
        name.erase(0, 12);
    }
    if (name.ends_with("IfExists")) {
        if_exists = true;
        name.resize(name.size() - 8);
    }
    const auto wanted = texts_in(values);
    const Fact fact = fact_of(key);
    if (!wanted || !fact) return std::nullopt;
    if (name == "Null")
        return wanted->size() == 1 &&
               http::equal_ignoring_case((*wanted)[0], "true") == fact->empty();
    const auto op = operator_named(name);
    if (!op) return std::nullopt;
    if (fact->empty()) return if_exists || for_all || op->is_negated;
    return holds_of(*op, for_all, *wanted, *fact);
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) &&
            pattern[p] != '*') {
            ++p;
            ++t;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::optional<bool> conditions_hold(const Json& conditions, const FactOf& fact_of) {
    if (!conditions.is_object()) return std::nullopt;
    bool all = true, is_known = true;
    for (const auto& [name, keys] : conditions.items()) {
        if (!keys.is_object()) return std::nullopt;
        for (const auto& [key, values] : keys.items()) {
            const auto one = holds(name, key, values, fact_of);
            if (!one)
                is_known = false;
            else
                all = all && *one;
        }
    }
    if (!all) return false;
    return is_known ? std::optional(true) : std::nullopt;
}

}  // namespace stroma::front::s3
