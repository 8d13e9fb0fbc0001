#include "redshift/load/byte_source.h"

#include <bzlib.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

namespace stroma::redshift {
namespace {

constexpr std::size_t source_block_bytes = 1u << 20;

class ObjectBytes final : public ByteSource {
public:
    explicit ObjectBytes(std::shared_ptr<LakeReader> object) : object_(std::move(object)) {}
    Result<std::string_view> next() override {
        block_ = TRY(object_->read(at_, source_block_bytes));
        at_ += block_.size();
        return as_text(block_);
    }

private:
    std::shared_ptr<LakeReader> object_;
    std::uint64_t at_ = 0;
    Bytes block_;
};

tl::unexpected<Error> damaged(std::string_view what) {
    return fail(ErrorCode::corrupt, std::string(what) + " data is damaged or ends too early");
}

class Gunzipped final : public ByteSource {
public:
    explicit Gunzipped(std::unique_ptr<ByteSource> from)
        : from_(std::move(from)), out_(source_block_bytes) {
        inflateInit2(&stream_, 15 + 32);
    }
    ~Gunzipped() override { inflateEnd(&stream_); }
    Result<std::string_view> next() override {
        for (;;) {
            if (stream_.avail_in == 0) {
                const auto block = TRY(from_->next());
                if (block.empty()) {
                    if (is_amid_) return damaged("GZIP");
                    return std::string_view();
                }
                stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
                stream_.avail_in = static_cast<uInt>(block.size());
            }
            // Members may follow each other.
            if (!is_amid_) inflateReset(&stream_);
            is_amid_ = true;
            stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
            stream_.avail_out = static_cast<uInt>(out_.size());
            const int state = inflate(&stream_, Z_NO_FLUSH);
            if (state == Z_STREAM_END) is_amid_ = false;
            if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR)
                return damaged("GZIP");
            const std::size_t made = out_.size() - stream_.avail_out;
            if (made > 0) return std::string_view(out_.data(), made);
        }
    }

private:
    std::unique_ptr<ByteSource> from_;
    std::vector<char> out_;
    z_stream stream_ = {};
    bool is_amid_ = false;
};

class Unzstd final : public ByteSource {
public:
    explicit Unzstd(std::unique_ptr<ByteSource> from)
        : from_(std::move(from)), out_(source_block_bytes), stream_(ZSTD_createDStream()) {}
    ~Unzstd() override { ZSTD_freeDStream(stream_); }
    Result<std::string_view> next() override {
        for (;;) {
            if (in_.pos == in_.size) {
                const auto block = TRY(from_->next());
                if (block.empty() && is_amid_) return damaged("ZSTD");
                if (block.empty()) return std::string_view();
                in_ = {block.data(), block.size(), 0};
            }
            ZSTD_outBuffer made = {out_.data(), out_.size(), 0};
            const std::size_t left = ZSTD_decompressStream(stream_, &made, &in_);
            if (ZSTD_isError(left) != 0) return damaged("ZSTD");
            is_amid_ = left != 0;
            if (made.pos > 0) return std::string_view(out_.data(), made.pos);
        }
    }

private:
    std::unique_ptr<ByteSource> from_;
    std::vector<char> out_;
    ZSTD_DStream* stream_;
    ZSTD_inBuffer in_ = {};
    bool is_amid_ = false;
};

class Bunzipped final : public ByteSource {
public:
    explicit Bunzipped(std::unique_ptr<ByteSource> from)
        : from_(std::move(from)), out_(source_block_bytes) {
        BZ2_bzDecompressInit(&stream_, 0, 0);
    }
    ~Bunzipped() override { BZ2_bzDecompressEnd(&stream_); }
    Result<std::string_view> next() override {
        for (;;) {
            if (stream_.avail_in == 0) {
                const auto block = TRY(from_->next());
                if (block.empty() && is_amid_) return damaged("BZIP2");
                if (block.empty()) return std::string_view();
                stream_.next_in = const_cast<char*>(block.data());
                stream_.avail_in = static_cast<unsigned>(block.size());
            }
            if (is_over_) {
                char* const in = stream_.next_in;
                const unsigned left = stream_.avail_in;
                BZ2_bzDecompressEnd(&stream_);
                stream_ = {};
                BZ2_bzDecompressInit(&stream_, 0, 0);
                stream_.next_in = in;
                stream_.avail_in = left;
                is_over_ = false;
            }
            is_amid_ = true;
            stream_.next_out = out_.data();
            stream_.avail_out = static_cast<unsigned>(out_.size());
            const int state = BZ2_bzDecompress(&stream_);
            if (state != BZ_OK && state != BZ_STREAM_END) return damaged("BZIP2");
            if (state == BZ_STREAM_END) {
                is_over_ = true;
                is_amid_ = false;
            }
            const std::size_t made = out_.size() - stream_.avail_out;
            if (made > 0) return std::string_view(out_.data(), made);
        }
    }

private:
    std::unique_ptr<ByteSource> from_;
    std::vector<char> out_;
    bz_stream stream_ = {};
    bool is_amid_ = false, is_over_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> bytes_of(std::shared_ptr<LakeReader> object) {
    return std::make_unique<ObjectBytes>(std::move(object));
}

Result<std::unique_ptr<ByteSource>> decompressed(std::unique_ptr<ByteSource> from,
                                                 Compression how) {
    switch (how) {
        case Compression::gzip: return std::make_unique<Gunzipped>(std::move(from));
        case Compression::zstd: return std::make_unique<Unzstd>(std::move(from));
        case Compression::bzip2: return std::make_unique<Bunzipped>(std::move(from));
        case Compression::none: break;
    }
    return from;
}

Result<std::string> compressed(std::string_view bytes, Compression how) {
    const auto failed = [] { return fail(ErrorCode::exhausted, "bytes could not be compressed"); };
    std::string made;
    if (how == Compression::none) return std::string(bytes);
    if (how == Compression::zstd) {
        made.resize(ZSTD_compressBound(bytes.size()));
        const std::size_t size =
            ZSTD_compress(made.data(), made.size(), bytes.data(), bytes.size(), 3);
        if (ZSTD_isError(size) != 0) return failed();
        made.resize(size);
        return made;
    }
    if (how == Compression::bzip2) {
        made.resize(bytes.size() + bytes.size() / 100 + 601);  // the most that bzip2 says it needs
        auto size = static_cast<unsigned>(made.size());
        if (BZ2_bzBuffToBuffCompress(made.data(), &size, const_cast<char*>(bytes.data()),
                                     static_cast<unsigned>(bytes.size()), 9, 0, 0) != BZ_OK)
            return failed();
        made.resize(size);
        return made;
    }
    z_stream stream{};
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return failed();
    made.resize(deflateBound(&stream, static_cast<uLong>(bytes.size())));
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(made.data());
    stream.avail_out = static_cast<uInt>(made.size());
    const int state = deflate(&stream, Z_FINISH);
    made.resize(made.size() - stream.avail_out);
    deflateEnd(&stream);
    if (state != Z_STREAM_END) return failed();
    return made;
}

Result<std::string_view> Pipe::next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !unread_.empty(); });
    if (!error_.empty()) return fail(ErrorCode::cancelled, error_);
    reading_.clear();
    std::swap(reading_, unread_);
    changed_.notify_all();
    return std::string_view(reading_);
}

bool Pipe::write(std::string_view bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return abandoned_ || unread_.size() < unread_max; });
    if (abandoned_) return false;
    unread_ += bytes;
    changed_.notify_all();
    return true;
}

void Pipe::close(std::string error) {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    error_ = std::move(error);
    changed_.notify_all();
}

void Pipe::abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    changed_.notify_all();
}

}  // namespace stroma::redshift
