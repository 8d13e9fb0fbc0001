#include "front/s3/xml.h"

#include <fmt/format.h>

#include <pugixml.hpp>

#include "base/utf8.h"
#include "front/aws/call.h"

namespace stroma::front::s3 {
namespace {

constexpr int xml_depth_max = 32;
constexpr std::size_t xml_elements_max = 100'000;

std::string_view without_prefix(std::string_view name) {
    const std::size_t colon = name.find(':');
    return colon == name.npos ? name : name.substr(colon + 1);
}

bool convert(const pugi::xml_node& node, Element& into, int depth, std::size_t& count) {
    if (depth > xml_depth_max || ++count > xml_elements_max) return false;
    into.name = without_prefix(node.name());
    for (const pugi::xml_node& child : node.children()) {
        if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata) {
            into.text += child.value();
        } else if (child.type() == pugi::node_element) {
            into.children.emplace_back();
            if (!convert(child, into.children.back(), depth + 1, count)) return false;
        }
    }
    return true;
}

}  // namespace

const Element* Element::child(std::string_view wanted) const {
    for (const Element& one : children)
        if (one.name == wanted) return &one;
    return nullptr;
}

std::string Element::text_of(std::string_view wanted) const {
    const Element* const found = child(wanted);
    return found == nullptr ? std::string() : found->text;
}

std::vector<const Element*> Element::all(std::string_view wanted) const {
    std::vector<const Element*> found;
    for (const Element& one : children)
        if (one.name == wanted) found.push_back(&one);
    return found;
}

Result<Element> read_xml(std::string_view text) {
    if (!is_utf8(text)) return fail(ErrorCode::invalid_input, "the document isn't UTF-8");
    pugi::xml_document document;
    const auto parsed = document.load_buffer(text.data(), text.size(),
                                             pugi::parse_default | pugi::parse_ws_pcdata_single,
                                             pugi::encoding_utf8);
    Element root;
    std::size_t count = 0;
    if (!parsed || !document.document_element() ||
        !convert(document.document_element(), root, 0, count))
        return fail(ErrorCode::invalid_input, "the body is no XML that can be read");
    return root;
}

XmlWriter& XmlWriter::open(std::string_view name) {
    text_ += fmt::format("<{}>", name);
    return *this;
}

XmlWriter& XmlWriter::close(std::string_view name) {
    text_ += fmt::format("</{}>", name);
    return *this;
}

XmlWriter& XmlWriter::put(std::string_view name, std::string_view text) {
    text_ += fmt::format("<{0}>{1}</{0}>", name, aws::xml_escape(text));
    return *this;
}

std::string XmlWriter::document() && {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + std::move(text_);
}

}  // namespace stroma::front::s3
