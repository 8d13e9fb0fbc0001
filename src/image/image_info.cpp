#include "image/image_info.h"

#include <fmt/format.h>

#include <array>

#include "base/json.h"

namespace stroma::image {
namespace {

struct NamedType {
    PixelType type;
    std::string_view name;
    std::size_t size;
};
constexpr std::array<NamedType, 7> pixel_types = {{{PixelType::uint8, "uint8", 1},
                                                   {PixelType::int8, "int8", 1},
                                                   {PixelType::uint16, "uint16", 2},
                                                   {PixelType::int16, "int16", 2},
                                                   {PixelType::uint32, "uint32", 4},
                                                   {PixelType::int32, "int32", 4},
                                                   {PixelType::float32, "float32", 4}}};

constexpr std::array<std::string_view, 3> contents = {"intensity", "rgb", "labels"};

tl::unexpected<Error> malformed_info(std::string_view member) {
    return fail(ErrorCode::invalid_input, fmt::format("the image says no sound '{}'", member));
}

Result<std::uint64_t> count_member(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number_unsigned()) return malformed_info(name);
    return found->get<std::uint64_t>();
}

Result<std::string> text_member(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) return malformed_info(name);
    return found->get<std::string>();
}

Result<double> number_member(const Json& json, const char* name) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_number()) return malformed_info(name);
    return found->get<double>();
}

Result<Channel> channel_of(const Json& json) {
    if (!json.is_object()) return malformed_info("channels");
    Channel channel;
    channel.name = TRY(text_member(json, "name"));
    channel.color = TRY(text_member(json, "color"));
    channel.min = TRY(number_member(json, "min"));
    channel.max = TRY(number_member(json, "max"));
    channel.low = TRY(number_member(json, "low"));
    channel.high = TRY(number_member(json, "high"));
    return channel;
}

}  // namespace

std::size_t size_of(PixelType type) { return pixel_types[static_cast<std::size_t>(type)].size; }
std::string_view name_of(PixelType type) {
    return pixel_types[static_cast<std::size_t>(type)].name;
}
std::optional<PixelType> pixel_type_named(std::string_view name) {
    for (const NamedType& known : pixel_types)
        if (known.name == name) return known.type;
    return std::nullopt;
}

std::string_view name_of(Content content) { return contents[static_cast<std::size_t>(content)]; }

Result<void> check(const ImageInfo& info) {
    if (info.width == 0 || info.height == 0 || info.channels.empty())
        return fail(ErrorCode::invalid_input, "the image has no pixels");
    if (info.width > image_side_max || info.height > image_side_max ||
        info.width * info.height > image_pixels_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("limit: pixels: {} x {} are too many", info.width, info.height));
    if (info.channels.size() > image_channels_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("limit: planes: {} are too many", info.channels.size()));
    if (info.content == Content::rgb &&
        (info.channels.size() != 3 || info.type != PixelType::uint8))
        return fail(ErrorCode::invalid_input, "a photograph has three channels of uint8");
    if (info.content == Content::labels &&
        (info.channels.size() != 1 || info.type == PixelType::float32))
        return fail(ErrorCode::invalid_input, "labels are one channel of whole numbers");
    return {};
}

Json to_json(const ImageInfo& info) {
    Json channels = Json::array();
    for (const Channel& channel : info.channels)
        channels.push_back({{"name", channel.name},
                            {"color", channel.color},
                            {"min", channel.min},
                            {"max", channel.max},
                            {"low", channel.low},
                            {"high", channel.high}});
    return {{"width", info.width},
            {"height", info.height},
            {"type", name_of(info.type)},
            {"content", name_of(info.content)},
            {"channels", channels},
            {"micrometres_x", info.micrometres_x ? Json(*info.micrometres_x) : Json(nullptr)},
            {"micrometres_y", info.micrometres_y ? Json(*info.micrometres_y) : Json(nullptr)}};
}

Result<ImageInfo> image_info_of(const Json& json) {
    if (!json.is_object()) return malformed_info("image");
    ImageInfo info;
    info.width = TRY(count_member(json, "width"));
    info.height = TRY(count_member(json, "height"));
    const auto type = pixel_type_named(TRY(text_member(json, "type")));
    if (!type) return malformed_info("type");
    info.type = *type;
    const std::string content = TRY(text_member(json, "content"));
    if (content != contents[0] && content != contents[1] && content != contents[2])
        return malformed_info("content");
    info.content = content == contents[0]   ? Content::intensity
                   : content == contents[1] ? Content::rgb
                                            : Content::labels;
    const auto channels = json.find("channels");
    if (channels == json.end() || !channels->is_array() || channels->size() > image_channels_max)
        return malformed_info("channels");
    for (const Json& channel : *channels) info.channels.push_back(TRY(channel_of(channel)));
    if (json.contains("micrometres_x") && !json["micrometres_x"].is_null())
        info.micrometres_x = TRY(number_member(json, "micrometres_x"));
    if (json.contains("micrometres_y") && !json["micrometres_y"].is_null())
        info.micrometres_y = TRY(number_member(json, "micrometres_y"));
    TRY(check(info));
    return info;
}

}  // namespace stroma::image
