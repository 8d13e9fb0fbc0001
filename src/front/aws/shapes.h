#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/aws/call.h"

// What an operation's parameters must look like, and AWS's own words when they don't: clients'
// tests compare them letter by letter.

namespace stroma::front::aws {

enum class Type { boolean, integer, number, text, blob, timestamp, list, map, structure };

struct Member;
using Members = std::vector<Member>;

/// A constraint that isn't given isn't checked. Lengths are of UTF-16 units, bytes of a blob, or
/// entries.
struct Shape {
    Type type = Type::text;
    bool needed = false;
    std::optional<double> at_least = {}, at_most = {};
    std::optional<std::size_t> length_min = {}, length_max = {};
    std::string_view pattern = {};                ///< as AWS writes it
    bool (*matches)(std::string_view) = nullptr;  ///< what the pattern says
    std::vector<std::string_view> values = {};    ///< of an enumeration
    /// Of each text of a list, of each key or value of a map: shortest, longest.
    std::optional<std::pair<std::size_t, std::size_t>> child_lengths = {}, key_lengths = {},
                                                       value_lengths = {};
    std::string_view shown_as = {};  ///< how a list's member is written in messages
    Members members;                 ///< of a structure, or of a list's structures
    std::optional<Type> child = {};  ///< of a list or map that has no structures
};
struct Member {
    std::string_view name;
    Shape shape;
};

/// The parameters that the shapes name, without nulls.
/// errors  SerializationException  a value of another type
///         ValidationException     at most ten broken constraints, in one message
Outcome<Json> check_shape(const Json& parameters, const Members& members);

/// Of UTF-16, which is what AWS counts in.
std::size_t utf16_length(std::string_view utf8);

}  // namespace stroma::front::aws
