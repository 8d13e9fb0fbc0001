#pragma once

#include <fstream>

#include "base/digest.h"
#include "redshift/lake.h"

namespace stroma::redshift {

/// Objects as files of a folder, buckets as its folders: for tests and the dialect's console.
class FolderLake final : public Lake {
public:
    explicit FolderLake(fs::path folder) : folder_(std::move(folder)) {}

    Result<std::vector<LakeObject>> list(const catalog::Principal&,
                                         const Address& prefix) override {
        std::vector<LakeObject> found;
        const fs::path bucket = folder_ / prefix.bucket;
        if (!fs::exists(bucket)) return fail(ErrorCode::not_found, "no bucket " + prefix.bucket);
        for (const auto& entry : fs::recursive_directory_iterator(bucket)) {
            const std::string key = entry.path().lexically_relative(bucket).string();
            if (entry.is_regular_file() && key.starts_with(prefix.key))
                found.push_back(TRY(object_at({prefix.bucket, key})));
        }
        std::sort(found.begin(), found.end(), [](const LakeObject& a, const LakeObject& b) {
            return a.address.key < b.address.key;
        });
        return found;
    }
    Result<std::unique_ptr<LakeReader>> open(const catalog::Principal&,
                                             const Address& address) override {
        class Reader final : public LakeReader {
        public:
            Reader(LakeObject object, File file)
                : object_(std::move(object)), file_(std::move(file)) {}
            const LakeObject& object() const override { return object_; }

        private:
            Result<void> fill(std::uint64_t offset, std::span<std::byte> into) override {
                return file_.read_at(offset, into);
            }
            LakeObject object_;
            File file_;
        };
        const fs::path path = folder_ / address.bucket / address.key;
        if (!fs::is_regular_file(path))
            return fail(ErrorCode::not_found, "no object " + address.url());
        auto object = TRY(object_at(address));
        return std::make_unique<Reader>(std::move(object), TRY(File::open_to_read(path)));
    }
    Result<std::unique_ptr<LakeWriter>> create(const catalog::Principal&,
                                               const Address& address) override {
        class Writer final : public LakeWriter {
        public:
            explicit Writer(fs::path path) : path_(std::move(path)) {}
            Result<void> write(ByteSpan bytes) override {
                text_ += as_text(bytes);
                return {};
            }
            Result<void> commit() override {
                fs::create_directories(path_.parent_path());
                std::ofstream(path_, std::ios::binary) << text_;
                return {};
            }

        private:
            fs::path path_;
            std::string text_;
        };
        return std::make_unique<Writer>(folder_ / address.bucket / address.key);
    }
    Result<void> remove(const catalog::Principal&, const Address& address) override {
        fs::remove(folder_ / address.bucket / address.key);
        return {};
    }

private:
    Result<LakeObject> object_at(const Address& address) const {
        const fs::path path = folder_ / address.bucket / address.key;
        return LakeObject{address, fs::file_size(path), md5_hex(path.string()), 0};
    }
    fs::path folder_;
};

}  // namespace stroma::redshift
