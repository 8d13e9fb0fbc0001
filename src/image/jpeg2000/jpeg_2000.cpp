#include "image/jpeg2000/jpeg_2000.h"

#include <fmt/format.h>
#include <openjpeg.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

namespace stroma::image {
namespace {

constexpr std::uint32_t planes_max = 16;
constexpr std::uint32_t bits_max = 16;

/// The bytes as openjpeg's callbacks see them.
struct Jpeg2000Input {
    ByteSpan bytes;
    std::uint64_t at = 0;

    static OPJ_SIZE_T read(void* to, OPJ_SIZE_T wanted, void* data) {
        auto& input = *static_cast<Jpeg2000Input*>(data);
        const std::uint64_t count = std::min<std::uint64_t>(wanted, input.bytes.size() - input.at);
        if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
        std::memcpy(to, input.bytes.data() + input.at, count);
        input.at += count;
        return count;
    }
    static OPJ_OFF_T skip(OPJ_OFF_T count, void* data) {
        auto& input = *static_cast<Jpeg2000Input*>(data);
        if (count < 0) return -1;
        const std::uint64_t left = input.bytes.size() - input.at;
        const auto step = std::min<std::uint64_t>(static_cast<std::uint64_t>(count), left);
        input.at += step;
        return step == static_cast<std::uint64_t>(count) ? count : -1;
    }
    static OPJ_BOOL seek(OPJ_OFF_T to, void* data) {
        auto& input = *static_cast<Jpeg2000Input*>(data);
        if (to < 0 || static_cast<std::uint64_t>(to) > input.bytes.size()) return OPJ_FALSE;
        input.at = static_cast<std::uint64_t>(to);
        return OPJ_TRUE;
    }
};

using Codec = std::unique_ptr<opj_codec_t, void (*)(opj_codec_t*)>;
using Stream = std::unique_ptr<opj_stream_t, void (*)(opj_stream_t*)>;
using Decoded = std::unique_ptr<opj_image_t, void (*)(opj_image_t*)>;

Stream stream_over(Jpeg2000Input& input) {
    Stream stream(opj_stream_default_create(OPJ_TRUE), opj_stream_destroy);
    opj_stream_set_user_data(stream.get(), &input, nullptr);
    opj_stream_set_user_data_length(stream.get(), input.bytes.size());
    opj_stream_set_read_function(stream.get(), Jpeg2000Input::read);
    opj_stream_set_skip_function(stream.get(), Jpeg2000Input::skip);
    opj_stream_set_seek_function(stream.get(), Jpeg2000Input::seek);
    return stream;
}

/// What the header declares, before anything of that size is made.
Result<void> check_header(const opj_image_t& image, std::uint64_t memory_bytes) {
    if (image.numcomps == 0 || image.numcomps > planes_max || image.x1 <= image.x0 ||
        image.y1 <= image.y0)
        return fail(ErrorCode::invalid_input, "it has no pixels, or more than 16 channels");
    const std::uint64_t pixels =
        std::uint64_t{image.x1 - image.x0} * std::uint64_t{image.y1 - image.y0};
    // openjpeg holds each value as 32 bits, twice while it unpacks them.
    if (pixels > memory_bytes / (8 * image.numcomps))
        return fail(ErrorCode::exhausted,
                    fmt::format("limit: memory: {} x {} JPEG 2000 pixels are too many at once",
                                image.x1 - image.x0, image.y1 - image.y0));
    for (OPJ_UINT32 i = 0; i < image.numcomps; ++i) {
        const opj_image_comp_t& plane = image.comps[i];
        if (plane.prec == 0 || plane.prec > bits_max)
            return fail(ErrorCode::unsupported,
                        fmt::format("JPEG 2000 of {} bits a value is not read", plane.prec));
        if (plane.dx == 0 || plane.dy == 0 || plane.dx > 16 || plane.dy > 16)
            return fail(ErrorCode::invalid_input, "its channels are spread impossibly");
    }
    return {};
}

/// The value of a plane at a place of the whole picture.
std::int32_t value_at(const opj_image_comp_t& plane, std::uint32_t x, std::uint32_t y) {
    const std::uint32_t column = std::min(x / plane.dx, plane.w - 1);
    const std::uint32_t row = std::min(y / plane.dy, plane.h - 1);
    return plane.data[std::uint64_t{row} * plane.w + column];
}

template <class T>
void put_plane(const opj_image_comp_t& plane, Jpeg2000Picture& picture) {
    Bytes values(std::uint64_t{picture.width} * picture.height * sizeof(T));
    std::byte* to = values.data();
    const bool is_whole =
        plane.dx == 1 && plane.dy == 1 && plane.w == picture.width && plane.h == picture.height;
    for (std::uint32_t y = 0; y < picture.height; ++y)
        for (std::uint32_t x = 0; x < picture.width; ++x, to += sizeof(T)) {
            const std::int32_t value =
                is_whole ? plane.data[std::uint64_t{y} * plane.w + x] : value_at(plane, x, y);
            store(to, static_cast<T>(value));
        }
    picture.planes.push_back(std::move(values));
}

/// ITU-R BT.601 over the full range, as JPEG has it.
void make_rgb(Jpeg2000Picture& picture) {
    Bytes &red = picture.planes[0], &green = picture.planes[1], &blue = picture.planes[2];
    const auto byte_of = [](double value) {
        return static_cast<std::byte>(std::clamp(std::lround(value), 0L, 255L));
    };
    for (std::size_t i = 0; i < red.size(); ++i) {
        const auto y = static_cast<double>(red[i]);
        const double cb = static_cast<double>(green[i]) - 128;
        const double cr = static_cast<double>(blue[i]) - 128;
        red[i] = byte_of(y + 1.402 * cr);
        green[i] = byte_of(y - 0.344136 * cb - 0.714136 * cr);
        blue[i] = byte_of(y + 1.772 * cb);
    }
}

Result<Jpeg2000Picture> picture_of(const opj_image_t& image, Jpeg2000Colors colors) {
    Jpeg2000Picture picture;
    picture.width = image.x1 - image.x0;
    picture.height = image.y1 - image.y0;
    const opj_image_comp_t& first = image.comps[0];
    const bool is_signed = first.sgnd != 0, is_deep = first.prec > 8;
    picture.type = is_deep ? (is_signed ? PixelType::int16 : PixelType::uint16)
                           : (is_signed ? PixelType::int8 : PixelType::uint8);
    for (OPJ_UINT32 i = 0; i < image.numcomps; ++i) {
        const opj_image_comp_t& plane = image.comps[i];
        if (plane.data == nullptr || plane.w == 0 || plane.h == 0)
            return fail(ErrorCode::invalid_input, "one of its channels has no pixels");
        // Differences of colour may be signed around 0 where brightness is not.
        if ((plane.prec > 8) != is_deep || (plane.sgnd != 0) != is_signed)
            return fail(ErrorCode::unsupported, "its channels differ in type");
        if (is_deep)
            put_plane<std::uint16_t>(plane, picture);
        else
            put_plane<std::uint8_t>(plane, picture);
    }
    const bool is_ycc =
        colors == Jpeg2000Colors::luma_and_chroma || image.color_space == OPJ_CLRSPC_SYCC;
    if (is_ycc && picture.planes.size() >= 3 && picture.type == PixelType::uint8) make_rgb(picture);
    return picture;
}

void keep_problem(const char* message, void* data) {
    std::string& problem = *static_cast<std::string*>(data);
    problem = message;
    while (!problem.empty() && (problem.back() == '\n' || problem.back() == '\r'))
        problem.pop_back();
}

}  // namespace

std::optional<Jpeg2000Kind> jpeg_2000_kind(ByteSpan head) {
    using namespace std::string_view_literals;
    const std::string_view text = as_text(head);
    if (text.starts_with("\0\0\0\x0cjP  \r\n\x87\n"sv)) return Jpeg2000Kind::boxes;
    if (text.starts_with("\xff\x4f\xff\x51"sv)) return Jpeg2000Kind::codestream;
    return std::nullopt;
}

Result<Jpeg2000Picture> decode_jpeg_2000(ByteSpan bytes, Jpeg2000Colors colors,
                                         std::uint64_t memory_bytes) {
    const auto kind = jpeg_2000_kind(bytes);
    if (!kind) return fail(ErrorCode::invalid_input, "it isn't JPEG 2000");
    std::string problem;
    const Codec codec(
        opj_create_decompress(*kind == Jpeg2000Kind::boxes ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K),
        opj_destroy_codec);
    opj_set_error_handler(codec.get(), keep_problem, &problem);
    const auto damaged = [&](std::string_view what) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}{}{}", what, problem.empty() ? "" : ": ", problem));
    };
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (opj_setup_decoder(codec.get(), &parameters) == 0) return damaged("it can't be read");
    opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE);  // what is cut off is damaged
    Jpeg2000Input input{bytes};
    const Stream stream = stream_over(input);
    opj_image_t* made = nullptr;
    const bool is_headed = opj_read_header(stream.get(), codec.get(), &made) != 0;
    const Decoded image(made, opj_image_destroy);
    if (!is_headed || !image) return damaged("its JPEG 2000 header is damaged");
    TRY(check_header(*image, memory_bytes));
    if (opj_decode(codec.get(), stream.get(), image.get()) == 0)
        return damaged("its JPEG 2000 can't be unpacked");
    return picture_of(*image, colors);
}

}  // namespace stroma::image
