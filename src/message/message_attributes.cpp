#include <algorithm>

#include "message/message.h"

namespace stroma::message {
namespace {

void put_length(std::string& to, std::size_t length) {
    for (int shift = 24; shift >= 0; shift -= 8)
        to.push_back(static_cast<char>((length >> shift) & 0xff));
}

void put_text(std::string& to, std::string_view text) {
    put_length(to, text.size());
    to += text;
}

bool take_text(std::string_view& from, std::string& text) {
    if (from.size() < 4) return false;
    std::size_t length = 0;
    for (int b = 0; b < 4; ++b)
        length = length << 8 | static_cast<unsigned char>(from[static_cast<std::size_t>(b)]);
    from.remove_prefix(4);
    if (from.size() < length) return false;
    text = from.substr(0, length);
    from.remove_prefix(length);
    return true;
}

}  // namespace

std::string laid_out(std::vector<MessageAttribute> attributes) {
    std::sort(attributes.begin(), attributes.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    std::string text;
    for (const MessageAttribute& attribute : attributes) {
        put_text(text, attribute.name);
        put_text(text, attribute.type);
        text.push_back(attribute.is_binary() ? '\2' : '\1');
        put_text(text, attribute.value);
    }
    return text;
}

std::vector<MessageAttribute> attributes_of(std::string_view laid_out) {
    std::vector<MessageAttribute> attributes;
    while (!laid_out.empty()) {
        MessageAttribute attribute;
        if (!take_text(laid_out, attribute.name) || !take_text(laid_out, attribute.type)) break;
        if (laid_out.empty()) break;
        laid_out.remove_prefix(1);
        if (!take_text(laid_out, attribute.value)) break;
        attributes.push_back(std::move(attribute));
    }
    return attributes;
}

}  // namespace stroma::message
