#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"

// Private to this folder: one alternative of what a pattern says of a field.

namespace stroma::event {

struct Literal {
    Json value;  ///< text, number, true, false or null
};
enum class TextTest { prefix, suffix, equals, wildcard };
/// Whether a text passes the test for one of the texts.
struct TextRule {
    TextTest test = TextTest::equals;
    std::vector<std::string> texts;  ///< in lower case when case doesn't matter
    bool ignores_case = false;
};
struct AnythingBut {
    std::vector<Json> values;  ///< all text or all numbers; or
    std::vector<TextRule> rules;
};
struct NumberRange {
    double least, most;
    bool with_least, with_most;
};
struct AddressRange {
    bool is_v6 = false;
    unsigned char bits[16] = {};
    int bits_count = 0;
};
struct Exists {
    bool there = true;
};
using FieldRule = std::variant<Literal, TextRule, AnythingBut, NumberRange, AddressRange, Exists>;

/// errors  invalid_input  the reason
Result<FieldRule> read_rule(const Json& json);
/// Whether a value that is there passes.
bool passes(const FieldRule& rule, const Json& value);

}  // namespace stroma::event
