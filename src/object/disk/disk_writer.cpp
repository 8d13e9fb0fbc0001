#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "object/disk/disk_state.h"

namespace stroma::object {
namespace {

class DiskWriter final : public ObjectWriter {
public:
    DiskWriter(std::shared_ptr<DiskStore::State> state, std::string_view key, PutOptions options,
               fs::path path, File file)
        : state_(std::move(state)),
          options_(std::move(options)),
          path_(std::move(path)),
          file_(std::move(file)) {
        info_.key = key;
        info_.content_type = options_.content_type;
        info_.metadata = options_.metadata;
    }
    ~DiskWriter() override {
        if (!done_) (void)remove_file(path_);
    }

    Result<void> write(ByteSpan bytes) override {
        while (!bytes.empty()) {
            if (failed_) return fail(*failed_);
            if (buffer_.empty() && bytes.size() >= block_bytes) {
                TRY(write_block(bytes.first(block_bytes)));
                bytes = bytes.subspan(block_bytes);
                continue;
            }
            const std::size_t part = std::min(bytes.size(), block_bytes - buffer_.size());
            buffer_.insert(buffer_.end(), bytes.begin(),
                           bytes.begin() + static_cast<std::ptrdiff_t>(part));
            bytes = bytes.subspan(part);
            if (buffer_.size() == block_bytes) TRY(flush());
        }
        return {};
    }

    Result<ObjectInfo> commit() override {
        if (failed_) return fail(*failed_);
        TRY(flush());
        info_.etag = hash_.hex();
        if (!options_.known_etag.empty() && options_.known_etag != info_.etag)
            return fail(ErrorCode::corrupt,
                        fmt::format("object '{}': the bytes written differ from their checksum",
                                    info_.key));
        info_.modified_ms = state_->clock.unix_ms();
        TRY(write_through(info_.size_bytes, encode_trailer(info_, &blocks_)));
        if (auto synced = file_.sync(); !synced) return fail(keep(std::move(synced.error())));
        TRY(state_->put_in_place(path_, info_.key, options_.condition));
        done_ = true;
        return info_;
    }

private:
    /// After a failure the file must not be trusted: all that follows fails alike.
    Error keep(Error error) {
        failed_ = std::move(error).with("object '" + info_.key + "'");
        return *failed_;
    }
    Result<void> flush() {
        if (buffer_.empty()) return {};
        TRY(write_block(buffer_));
        buffer_.clear();
        return {};
    }
    Result<void> write_block(ByteSpan block) {
        hash_.update(block);
        blocks_.add(block);
        TRY(write_through(info_.size_bytes, block));
        info_.size_bytes += block.size();
        return {};
    }
    Result<void> write_through(std::uint64_t offset, ByteSpan bytes) {
        if (auto written = file_.write_at(offset, bytes); !written)
            return fail(keep(std::move(written.error())));
        return {};
    }

    std::shared_ptr<DiskStore::State> state_;
    const PutOptions options_;
    const fs::path path_;
    File file_;
    ObjectInfo info_;
    ContentHash hash_;
    BlockChecksums blocks_;
    Bytes buffer_;
    std::optional<Error> failed_;
    bool done_ = false;
};

}  // namespace

Result<std::unique_ptr<ObjectWriter>> make_disk_writer(std::shared_ptr<DiskStore::State> state,
                                                       std::string_view key,
                                                       const PutOptions& options) {
    fs::path path = state->temporary->next();
    File file = TRY(File::create(path));
    return std::make_unique<DiskWriter>(std::move(state), key, options, std::move(path),
                                        std::move(file));
}

}  // namespace stroma::object
