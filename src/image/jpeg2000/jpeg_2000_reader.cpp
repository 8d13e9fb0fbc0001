#include "image/jpeg2000/jpeg_2000_reader.h"

#include <fmt/format.h>

#include <cstring>

#include "image/jpeg2000/jpeg_2000.h"

namespace stroma::image {
namespace {

constexpr std::size_t head_bytes = 12;

class Jpeg2000Source final : public ImageSource {
public:
    Jpeg2000Source(Jpeg2000Picture picture, ImageInfo info)
        : picture_(std::move(picture)), info_(std::move(info)) {}
    const ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {info_.channels.size()}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        const std::size_t line = info_.width * size_of(info_.type);
        for (std::size_t i = 0; i < out.size(); ++i)
            std::memcpy(out[i].data(), picture_.planes[i].data() + first * line, rows * line);
        return {};
    }

private:
    Jpeg2000Picture picture_;
    ImageInfo info_;
};

Result<std::unique_ptr<ImageSource>> source_in(const File& file, const ImageOptions& options,
                                               std::vector<std::string>& notes) {
    const std::uint64_t size = TRY(file.size());
    if (size > options.memory_bytes / 4)
        return fail(ErrorCode::exhausted,
                    "limit: memory: the picture is too large; save it as a tiled TIFF");
    Bytes bytes(size);
    TRY(file.read_at(0, bytes));
    Jpeg2000Picture picture =
        TRY(decode_jpeg_2000(bytes, Jpeg2000Colors::as_said, options.memory_bytes));
    ImageInfo info;
    info.width = picture.width;
    info.height = picture.height;
    info.type = picture.type;
    const std::size_t planes = picture.planes.size();
    if (options.are_labels) {
        if (planes > 1) notes.emplace_back("its first channel is taken as labels");
        info.content = Content::labels;
        info.channels = {{.name = "labels", .color = ""}};
    } else if ((planes == 3 || planes == 4) && info.type == PixelType::uint8) {
        info.content = Content::rgb;
        info.channels = {{"red", "#ff0000"}, {"green", "#00ff00"}, {"blue", "#0000ff"}};
    } else {
        for (std::size_t i = 0; i < planes; ++i)
            info.channels.push_back(
                {.name = planes == 1 ? "brightness" : fmt::format("channel {}", i + 1),
                 .color = ""});
    }
    TRY(check(info));
    return std::make_unique<Jpeg2000Source>(std::move(picture), std::move(info));
}

class Jpeg2000Reader final : public ImageReader {
public:
    std::string_view name() const override { return "jpeg2000"; }
    bool recognises(expression::InputFiles& files) const override {
        if (files.is_folder()) return false;
        const auto file = files.open(files.name());
        std::byte head[head_bytes];
        return file && file->read_at(0, head) && jpeg_2000_kind(head).has_value();
    }
    Result<std::unique_ptr<ImageSource>> open(expression::InputFiles& files,
                                              const ImageOptions& options,
                                              std::vector<std::string>& notes) const override {
        const File file = TRY(files.open(files.name()));
        auto made = source_in(file, options, notes);
        if (!made) return fail(std::move(made.error()).with(files.name()));
        return made;
    }
};

}  // namespace

const ImageReader& jpeg_2000_reader() {
    static const Jpeg2000Reader reader;
    return reader;
}

}  // namespace stroma::image
