#include "image/visium.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stroma::image {
namespace {

using expression::Array;
using expression::Element;
using expression::ValueType;

/// An array of rows, columns and 1, 3 or 4 channels: bytes, or shares of 1.
class ArraySource final : public ImageSource {
public:
    ArraySource(const Array& array, ImageInfo info)
        : array_(array),
          info_(std::move(info)),
          stored_channels_(array.shape.size() == 3 ? array.shape[2] : 1) {
        if (array.type == ValueType::uint8) return;
        double largest = 0;
        for (std::uint64_t i = 0; i < array.value_count(); ++i)
            largest = std::max(largest, array.number(i));
        factor_ = largest <= 1 ? 255 : 1;
    }

    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {info_.channels.size()}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        const std::uint64_t pixels = rows * info_.width, begin = first * info_.width;
        for (std::size_t channel = 0; channel < out.size(); ++channel)
            for (std::uint64_t i = 0; i < pixels; ++i)
                out[channel][i] = value((begin + i) * stored_channels_ + channel);
        return {};
    }

private:
    std::byte value(std::uint64_t index) const {
        if (array_.type == ValueType::uint8) return array_.bytes[index];
        const double share = array_.number(index) * factor_;
        return static_cast<std::byte>(std::clamp(std::isnan(share) ? 0 : share + 0.5, 0.0, 255.0));
    }

    const Array& array_;
    ImageInfo info_;
    std::uint64_t stored_channels_;
    double factor_ = 1;
};

Result<ImageInfo> info_of(const Array& array) {
    ImageInfo info;
    const auto& shape = array.shape;
    const std::uint64_t channels = shape.size() == 3 ? shape[2] : 1;
    if ((shape.size() != 2 && shape.size() != 3) ||
        (channels != 1 && channels != 3 && channels != 4))
        return fail(ErrorCode::invalid_input, "it isn't rows, columns and 1, 3 or 4 channels");
    if (array.type != ValueType::uint8 && !is_floating(array.type))
        return fail(ErrorCode::unsupported, fmt::format("its values are {}", name_of(array.type)));
    info.height = shape[0];
    info.width = shape[1];
    if (channels == 1) {
        info.channels = {{.name = "brightness", .color = ""}};
    } else {
        info.content = Content::rgb;
        info.channels = {{"red", "#ff0000"}, {"green", "#00ff00"}, {"blue", "#0000ff"}};
    }
    TRY(check(info));
    return info;
}

/// A number in a Dict: an array of one value.
std::optional<double> number_in(const Element* dict, std::string_view name) {
    const Element* found = dict == nullptr ? nullptr : dict->find(name);
    const auto* array = found == nullptr ? nullptr : std::get_if<Array>(&found->value);
    if (array == nullptr || array->value_count() != 1) return std::nullopt;
    const double value = array->number(0);
    if (!std::isfinite(value) || value <= 0) return std::nullopt;
    return value;
}

Result<CarriedImage> carried(const std::string& name, const Element& pixels,
                             const Element* scale_factors, std::string_view which) {
    const auto* array = std::get_if<Array>(&pixels.value);
    if (array == nullptr) return fail(ErrorCode::invalid_input, "it isn't an array");
    const std::string factor = fmt::format("tissue_{}_scalef", which);
    const auto scale = number_in(scale_factors, factor);
    if (!scale) return fail(ErrorCode::invalid_input, "there is no scale factor " + factor);
    ImageInfo info = TRY(info_of(*array));
    auto micrometres = number_in(scale_factors, "microns_per_pixel");
    if (const auto spot = number_in(scale_factors, "spot_diameter_fullres"); !micrometres && spot)
        micrometres = visium_spot_micrometres / *spot;
    if (micrometres) info.micrometres_x = info.micrometres_y = *micrometres / *scale;
    return CarriedImage{name, std::make_unique<ArraySource>(*array, std::move(info)),
                        Transform{1 / *scale, 0, 0, 0, 1 / *scale, 0}};
}

}  // namespace

std::vector<CarriedImage> visium_images(const expression::Dict& uns,
                                        std::vector<std::string>& notes) {
    std::vector<CarriedImage> found;
    const auto spatial = std::find_if(uns.begin(), uns.end(),
                                      [](const auto& member) { return member.first == "spatial"; });
    if (spatial == uns.end() || spatial->second.dict() == nullptr) return found;
    for (const auto& [library, element] : *spatial->second.dict()) {
        const Element* images = element.dict() == nullptr ? nullptr : element.find("images");
        if (images == nullptr || images->dict() == nullptr) continue;
        for (const std::string_view which : {"hires", "lowres"}) {
            const Element* pixels = images->find(which);
            if (pixels == nullptr) continue;
            const std::string name = fmt::format("{} {}", library, which);
            auto image = carried(name, *pixels, element.find("scalefactors"), which);
            if (image) {
                found.push_back(*std::move(image));
                break;
            }
            notes.push_back(
                fmt::format("the image '{}' is left out: {}", name, image.error().message));
        }
    }
    return found;
}

}  // namespace stroma::image
