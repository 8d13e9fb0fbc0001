#include "object/file_reader.h"

#include <cstring>

namespace stroma::object {
namespace {

class FileReader final : public ObjectReader {
public:
    FileReader(ObjectInfo info, File file, MappedFile bytes)
        : info_(std::move(info)), file_(std::move(file)), bytes_(std::move(bytes)) {}

    const ObjectInfo& info() const override { return info_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        if (offset > info_.size_bytes || into.size() > info_.size_bytes - offset)
            return fail(ErrorCode::invalid_input, info_.key + ": the range passes the end");
        std::memcpy(into.data(), bytes_.bytes().data() + offset, into.size());
        return {};
    }
    std::optional<ByteSpan> mapped() const override { return bytes_.bytes(); }
    int descriptor() const override { return file_.descriptor(); }

private:
    ObjectInfo info_;
    File file_;
    MappedFile bytes_;
};

}  // namespace

Result<std::unique_ptr<ObjectReader>> open_file_reader(const fs::path& path) {
    File file = TRY(File::open_to_read(path));
    ObjectInfo info;
    info.key = path.string();
    info.size_bytes = TRY(file.size());
    MappedFile bytes = TRY(MappedFile::map(file));
    return std::make_unique<FileReader>(std::move(info), std::move(file), std::move(bytes));
}

}  // namespace stroma::object
