#pragma once

#include <string>

#include "base/file.h"
#include "object/object_store.h"

namespace stroma::object {

/// A file of this machine as if it were an object, read piece by piece: for who goes once through
/// more bytes than memory holds. Of a mapped file every page that was touched counts as this
/// process's memory; of this one only what a read asked for.
class FileReader final : public ObjectReader {
public:
    static Result<std::unique_ptr<FileReader>> open(const fs::path& path) {
        File file = TRY(File::open_to_read(path));
        const std::uint64_t size = TRY(file.size());
        return std::unique_ptr<FileReader>(
            new FileReader(std::move(file), size, path.filename().string()));
    }
    const ObjectInfo& info() const override { return info_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        return file_.read_at(offset, into);
    }
    int descriptor() const override { return file_.descriptor(); }

private:
    FileReader(File file, std::uint64_t size, std::string name) : file_(std::move(file)) {
        info_.key = std::move(name);
        info_.size_bytes = size;
    }

    File file_;
    ObjectInfo info_;
};

}  // namespace stroma::object
