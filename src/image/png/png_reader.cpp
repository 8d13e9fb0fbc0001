#include "image/png/png_reader.h"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>

#include "image/png/space_ranger_pictures.h"

namespace stroma::image {
namespace {

constexpr png_alloc_size_t chunk_bytes_max = 8u << 20;

/// libpng's state, its place in the file, and what it complained of. Its errors jump: no function
/// that calls it may hold anything that wants to be destroyed.
struct Decoder {
    File file;
    std::uint64_t at = 0;
    char problem[200] = "";
    std::jmp_buf jump;
    png_structp png = nullptr;
    png_infop info = nullptr;

    ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }

    static void read(png_structp png, png_bytep to, std::size_t count) {
        auto& decoder = *static_cast<Decoder*>(png_get_io_ptr(png));
        if (!decoder.file.read_at(decoder.at, {reinterpret_cast<std::byte*>(to), count}))
            png_error(png, "the file ends too early");
        decoder.at += count;
    }
    [[noreturn]] static void complain(png_structp png, png_const_charp what) {
        auto& decoder = *static_cast<Decoder*>(png_get_error_ptr(png));
        std::strncpy(decoder.problem, what, sizeof decoder.problem - 1);
        std::longjmp(decoder.jump, 1);
    }
    static void overlook(png_structp, png_const_charp) {}
};

/// Reads up to the pixels and sets what they come out as.
bool begin_decoding(Decoder& decoder) {
    if (setjmp(decoder.jump) != 0) return false;
    png_structp png = decoder.png;
    png_set_read_fn(png, &decoder, Decoder::read);
    png_set_chunk_malloc_max(png, chunk_bytes_max);
    png_set_user_limits(png, 1u << 24, 1u << 24);
    png_read_info(png, decoder.info);
    png_set_expand(png);
    png_set_strip_alpha(png);
    if (png_get_bit_depth(png, decoder.info) == 16) png_set_swap(png);  // to the machine's order
    png_set_interlace_handling(png);
    png_read_update_info(png, decoder.info);
    return true;
}

bool decode_rows(Decoder& decoder, png_bytep row, std::size_t rows, std::size_t row_bytes) {
    if (setjmp(decoder.jump) != 0) return false;
    for (std::size_t i = 0; i < rows; ++i) png_read_row(decoder.png, row + i * row_bytes, nullptr);
    return true;
}

class PngSource final : public ImageSource {
public:
    PngSource(std::unique_ptr<Decoder> decoder, ImageInfo info, std::size_t samples)
        : decoder_(std::move(decoder)), info_(std::move(info)), samples_(samples) {}

    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {info_.channels.size()}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        const std::size_t size = size_of(info_.type), row_bytes = info_.width * samples_ * size;
        rows_.resize(rows * row_bytes);
        if (!decode_rows(*decoder_, reinterpret_cast<png_bytep>(rows_.data()), rows, row_bytes))
            return fail(ErrorCode::invalid_input,
                        fmt::format("near row {}: {}", first, decoder_->problem));
        for (std::size_t channel = 0; channel < out.size(); ++channel)
            for (std::size_t i = 0; i < rows * info_.width; ++i)
                std::memcpy(out[channel].data() + i * size,
                            rows_.data() + (i * samples_ + channel) * size, size);
        return {};
    }

private:
    std::unique_ptr<Decoder> decoder_;
    ImageInfo info_;
    std::size_t samples_;
    Bytes rows_;
};

Result<std::unique_ptr<ImageSource>> source_in(File file, const ImageOptions& options,
                                               std::vector<std::string>& notes) {
    auto decoder = std::make_unique<Decoder>();
    decoder->file = std::move(file);
    decoder->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoder.get(), Decoder::complain,
                                          Decoder::overlook);
    if (decoder->png != nullptr) decoder->info = png_create_info_struct(decoder->png);
    if (decoder->info == nullptr) return fail(ErrorCode::exhausted, "limit: memory");
    if (!begin_decoding(*decoder)) return fail(ErrorCode::invalid_input, decoder->problem);
    if (png_get_interlace_type(decoder->png, decoder->info) != PNG_INTERLACE_NONE)
        return fail(ErrorCode::unsupported, "it is interlaced; save it without");
    ImageInfo info;
    info.width = png_get_image_width(decoder->png, decoder->info);
    info.height = png_get_image_height(decoder->png, decoder->info);
    const bool is_deep = png_get_bit_depth(decoder->png, decoder->info) == 16;
    info.type = is_deep ? PixelType::uint16 : PixelType::uint8;
    const std::size_t samples = png_get_channels(decoder->png, decoder->info);
    if (samples >= 3 && !options.are_labels) {
        if (!is_deep) info.content = Content::rgb;
        info.channels = {{"red", "#ff0000"}, {"green", "#00ff00"}, {"blue", "#0000ff"}};
    } else {
        if (options.are_labels) info.content = Content::labels;
        if (options.are_labels && samples > 1)
            notes.emplace_back("its first channel is taken as labels");
        info.channels = {{.name = options.are_labels ? "labels" : "brightness", .color = ""}};
    }
    TRY(check(info));
    return std::make_unique<PngSource>(std::move(decoder), std::move(info), samples);
}

class PngReader final : public ImageReader {
public:
    std::string_view name() const override { return "png"; }

    bool recognises(expression::InputFiles& files) const override {
        if (files.is_folder()) return false;
        const auto file = files.open(files.name());
        png_byte head[8];
        return file && file->read_at(0, std::as_writable_bytes(std::span(head))) &&
               png_sig_cmp(head, 0, sizeof head) == 0;
    }

    Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files,
                                              const ImageOptions& options,
                                              std::vector<std::string>& notes) const override {
        File file = TRY(files.open(files.name()));
        auto made = source_in(std::move(file), options, notes);
        if (!made) return fail(std::move(made.error()).with(files.name()));
        return made;
    }

    Result<std::vector<FoundPicture>> beside(expression::InputFiles& files,
                                             std::vector<std::string>& notes) const override {
        return space_ranger_pictures(files, notes);
    }
};

}  // namespace

const ImageReader& png_reader() {
    static const PngReader reader;
    return reader;
}

}  // namespace stroma::image
