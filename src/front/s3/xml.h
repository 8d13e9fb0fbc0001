#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace stroma::front::s3 {

/// A small document that a client sent, as elements with their text. Names without their prefix.
struct Element {
    std::string name, text;
    std::vector<Element> children;

    const Element* child(std::string_view name) const;
    /// Its text; "" when it isn't there.
    std::string text_of(std::string_view name) const;
    std::vector<const Element*> all(std::string_view name) const;
};
/// errors  invalid_input  not XML, a document type, nested deeper than 32, more than 100,000
///                        elements
Result<Element> read_xml(std::string_view text);

/// Writes elements one behind the other.
class XmlWriter {
public:
    XmlWriter& open(std::string_view name);
    XmlWriter& close(std::string_view name);
    XmlWriter& put(std::string_view name, std::string_view text);
    XmlWriter& put(std::string_view name, std::uint64_t number) {
        return put(name, std::to_string(number));
    }
    std::string document() &&;

private:
    std::string text_;
};

inline constexpr std::string_view s3_namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

}  // namespace stroma::front::s3
