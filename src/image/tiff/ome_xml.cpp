#include "image/tiff/ome_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <pugixml.hpp>

namespace stroma::image {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 9> units = {{{"µm", 1},
                                                                       {"um", 1},
                                                                       {"micron", 1},
                                                                       {"nm", 1e-3},
                                                                       {"mm", 1e3},
                                                                       {"cm", 1e4},
                                                                       {"m", 1e6},
                                                                       {"Å", 1e-4},
                                                                       {"pm", 1e-6}}};

tl::unexpected<Error> wrong(std::string what) {
    return fail(ErrorCode::invalid_input, "OME-XML: " + std::move(what));
}

/// The child by its name without a prefix: files write <OME:Pixels> too.
pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
    for (const pugi::xml_node& one : node.children()) {
        const std::string_view full = one.name();
        if (full.substr(full.find(':') + 1) == name || full == name) return one;
    }
    return {};
}

Result<std::uint64_t> size_in(const pugi::xml_node& node, const char* name) {
    const pugi::xml_attribute attribute = node.attribute(name);
    const unsigned long long value = attribute.as_ullong();
    if (!attribute || value == 0 || value > image_side_max)
        return wrong(fmt::format("{}=\"{}\" is no size", name, attribute.value()));
    return value;
}

std::optional<double> micrometres(const pugi::xml_node& pixels, const char* name) {
    const double value = pixels.attribute(name).as_double();
    if (!std::isfinite(value) || value <= 0) return std::nullopt;
    const std::string unit = pixels.attribute((std::string(name) + "Unit").c_str()).as_string("µm");
    for (const auto& [known, factor] : units)
        if (known == unit) return value * factor;
    return std::nullopt;
}

/// Colours are signed numbers of red, green, blue and alpha bytes.
std::string color_of(const pugi::xml_node& channel) {
    const pugi::xml_attribute color = channel.attribute("Color");
    if (!color) return "";
    const auto rgba = static_cast<std::uint32_t>(color.as_llong());
    return fmt::format("#{:06x}", rgba >> 8);
}

Result<void> read_channels(const pugi::xml_node& pixels, OmeImage& image) {
    for (const pugi::xml_node& node : pixels.children()) {
        const std::string_view name = node.name();
        if (name.substr(name.find(':') + 1) != "Channel") continue;
        if (image.channels.size() >= image_channels_max)
            return fail(ErrorCode::exhausted, "limit: planes: OME-XML names too many channels");
        image.samples =
            std::max<std::uint64_t>(image.samples, node.attribute("SamplesPerPixel").as_ullong(1));
        const std::string given = node.attribute("Name").as_string();
        image.channels.push_back(
            {given.empty() ? fmt::format("channel {}", image.channels.size() + 1) : given,
             color_of(node)});
    }
    const std::uint64_t wanted = image.sizes[1] / image.samples;
    if (image.samples > 4 || image.sizes[1] % image.samples != 0 ||
        (!image.channels.empty() && image.channels.size() != wanted))
        return wrong(fmt::format("SizeC=\"{}\" doesn't fit {} channels of {} samples",
                                 image.sizes[1], image.channels.size(), image.samples));
    while (image.channels.size() < wanted)
        image.channels.push_back({fmt::format("channel {}", image.channels.size() + 1)});
    // White for each is what writers put where they know nothing.
    bool all_white = image.channels.size() > 1;
    for (const Channel& channel : image.channels) all_white &= channel.color == "#ffffff";
    for (Channel& channel : image.channels)
        if (all_white) channel.color.clear();
    return {};
}

/// Planes are numbered by z, channel and t in the order that DimensionOrder says.
class PlaneNumbers {
public:
    PlaneNumbers(const OmeImage& image, std::uint64_t channels)
        : order_(image.order.substr(2)), sizes_{image.sizes[0], channels, image.sizes[2]} {}
    std::uint64_t count() const { return sizes_[0] * sizes_[1] * sizes_[2]; }
    std::uint64_t number(std::uint64_t z, std::uint64_t c, std::uint64_t t) const {
        const std::uint64_t at[3] = {z, c, t};
        std::uint64_t number = 0, step = 1;
        for (const char axis : order_) {
            const std::size_t which = axis == 'Z' ? 0 : axis == 'C' ? 1 : 2;
            number += at[which] * step;
            step *= sizes_[which];
        }
        return number;
    }
    bool holds(std::uint64_t z, std::uint64_t c, std::uint64_t t) const {
        return z < sizes_[0] && c < sizes_[1] && t < sizes_[2];
    }

private:
    std::string order_;
    std::array<std::uint64_t, 3> sizes_;
};

/// One TiffData element, asked for one plane.
std::optional<OmeImage::Plane> plane_in(const pugi::xml_node& data, const PlaneNumbers& numbers,
                                        std::uint64_t wanted) {
    const std::uint64_t z = data.attribute("FirstZ").as_ullong(),
                        c = data.attribute("FirstC").as_ullong(),
                        t = data.attribute("FirstT").as_ullong();
    if (!numbers.holds(z, c, t)) return std::nullopt;
    const bool names_ifd = static_cast<bool>(data.attribute("IFD"));
    const std::uint64_t first = numbers.number(z, c, t);
    const std::uint64_t count =
        data.attribute("PlaneCount").as_ullong(names_ifd ? 1 : numbers.count());
    if (wanted < first || wanted - first >= count) return std::nullopt;
    return OmeImage::Plane{data.attribute("IFD").as_ullong() + wanted - first,
                           child(data, "UUID").attribute("FileName").as_string()};
}

Result<void> find_planes(const pugi::xml_node& pixels, OmeImage& image) {
    const PlaneNumbers numbers(image, image.channels.size());
    std::vector<pugi::xml_node> listed;
    for (const pugi::xml_node& node : pixels.children()) {
        const std::string_view name = node.name();
        if (name.substr(name.find(':') + 1) == "TiffData") listed.push_back(node);
    }
    for (std::uint64_t c = 0; c < image.channels.size(); ++c) {
        const std::uint64_t wanted = numbers.number(0, c, 0);
        std::optional<OmeImage::Plane> found;
        if (listed.empty()) found = OmeImage::Plane{wanted, ""};
        // The c-th element is the likely one; many files list each plane.
        for (std::size_t i = 0; i < listed.size() && !found; ++i)
            found = plane_in(listed[(i + wanted) % listed.size()], numbers, wanted);
        if (!found) return wrong(fmt::format("no TiffData has channel {}", c));
        image.planes.push_back(*std::move(found));
    }
    return {};
}

}  // namespace

bool is_ome_xml(std::string_view text) {
    const std::string_view head = text.substr(0, 4096);
    return head.find("<OME") != head.npos || head.find(":OME") != head.npos;
}

Result<OmeImage> ome_image_of(std::string_view text) {
    if (text.size() > ome_xml_bytes_max)
        return fail(ErrorCode::exhausted, "limit: OME-XML of more than 64 MiB");
    pugi::xml_document document;
    const pugi::xml_parse_result parsed =
        document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype);
    if (!parsed) return wrong(fmt::format("at byte {}: {}", parsed.offset, parsed.description()));
    for (const pugi::xml_node& node : document.children())
        if (node.type() == pugi::node_doctype)
            return wrong("it has a document type, which is never read; take it out");
    const pugi::xml_node pixels = child(child(child(document, "OME"), "Image"), "Pixels");
    if (!pixels) return wrong("it names no Pixels");
    OmeImage image;
    image.width = TRY(size_in(pixels, "SizeX"));
    image.height = TRY(size_in(pixels, "SizeY"));
    image.sizes[0] = TRY(size_in(pixels, "SizeZ"));
    image.sizes[1] = TRY(size_in(pixels, "SizeC"));
    image.sizes[2] = TRY(size_in(pixels, "SizeT"));
    if (image.sizes[0] * image.sizes[1] > image_channels_max ||
        image.sizes[0] * image.sizes[1] * image.sizes[2] > image_channels_max)
        return fail(ErrorCode::exhausted, "limit: planes: OME-XML tells of too many");
    image.order = pixels.attribute("DimensionOrder").as_string("XYZCT");
    constexpr std::string_view orders[] = {"XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"};
    if (std::find(std::begin(orders), std::end(orders), image.order) == std::end(orders))
        return wrong("DimensionOrder=\"" + image.order + "\" is none");
    image.micrometres_x = micrometres(pixels, "PhysicalSizeX");
    image.micrometres_y = micrometres(pixels, "PhysicalSizeY");
    TRY(read_channels(pixels, image));
    TRY(find_planes(pixels, image));
    return image;
}

}  // namespace stroma::image
