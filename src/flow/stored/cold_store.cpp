#include "flow/stored/cold_store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "base/digest.h"

namespace stroma::flow {
namespace {

constexpr std::size_t piece_bytes = std::size_t{1} << 20;
/// Pictures are packed already: a part at the beginning tells whether it pays.
constexpr std::size_t tried_bytes = std::size_t{4} << 20;
constexpr double share_that_pays = 0.95;
constexpr int zstd_level = 6;
constexpr const char* contract_file = "outputs.json";

using Cancelled = std::function<bool()>;
using Sink = std::function<Result<void>(ByteSpan)>;

struct FreeStream {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

tl::unexpected<Error> bad_frame(const fs::path& path, std::size_t code) {
    return fail(ErrorCode::corrupt,
                fmt::format("{} can't be unpacked: {}", path.string(), ZSTD_getErrorName(code)));
}

/// The bytes of a file in order.
Result<void> each_piece(const fs::path& path, const Cancelled& cancelled, const Sink& sink) {
    const File file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    Bytes piece(piece_bytes);
    for (std::uint64_t at = 0; at < size;) {
        if (cancelled && cancelled()) return fail(ErrorCode::cancelled, "archiving was called off");
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, size - at));
        const std::span<std::byte> part(piece.data(), count);
        TRY(file.read_at(at, part));
        TRY(sink(part));
        at += count;
    }
    return {};
}

/// A new file that is written from its beginning to its end.
class Written {
public:
    static Result<Written> create(const fs::path& path) {
        Written made;
        made.file_ = TRY(File::create(path));
        return made;
    }
    Result<void> add(ByteSpan bytes) {
        TRY(file_.write_at(at_, bytes));
        at_ += bytes.size();
        return {};
    }
    Result<std::uint64_t> finish() {
        TRY(file_.sync());
        return at_;
    }
    int descriptor() const { return file_.descriptor(); }

private:
    File file_;
    std::uint64_t at_ = 0;
};

Result<bool> pays(const fs::path& path) {
    const File file = TRY(File::open_to_read(path));
    Bytes begin(static_cast<std::size_t>(std::min<std::uint64_t>(tried_bytes, TRY(file.size()))));
    if (begin.empty()) return false;
    TRY(file.read_at(0, begin));
    Bytes packed(ZSTD_compressBound(begin.size()));
    const std::size_t size =
        ZSTD_compress(packed.data(), packed.size(), begin.data(), begin.size(), 1);
    return ZSTD_isError(size) == 0 &&
           static_cast<double>(size) < share_that_pays * static_cast<double>(begin.size());
}

Result<std::uint64_t> pack(const fs::path& from, const fs::path& to, const Cancelled& cancelled) {
    const std::unique_ptr<ZSTD_CCtx, FreeStream> context(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, zstd_level);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    Written file = TRY(Written::create(to));
    Bytes room(ZSTD_CStreamOutSize());
    const auto feed = [&](ByteSpan bytes, ZSTD_EndDirective how) -> Result<void> {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        for (std::size_t left = 1; left != 0;) {
            ZSTD_outBuffer out{room.data(), room.size(), 0};
            left = ZSTD_compressStream2(context.get(), &out, &in, how);
            if (ZSTD_isError(left) != 0) return bad_frame(from, left);
            TRY(file.add(ByteSpan(room.data(), out.pos)));
            if (how == ZSTD_e_continue && in.pos == in.size) break;
        }
        return {};
    };
    TRY(each_piece(from, cancelled, [&](ByteSpan bytes) { return feed(bytes, ZSTD_e_continue); }));
    TRY(feed({}, ZSTD_e_end));
    return file.finish();
}

Result<std::uint64_t> copy_plain(const fs::path& from, const fs::path& to,
                                 const Cancelled& cancelled) {
    Written file = TRY(Written::create(to));
    TRY(each_piece(from, cancelled, [&](ByteSpan bytes) { return file.add(bytes); }));
    return file.finish();
}

/// What the frame holds, and no byte more than `bytes_max` of it.
Result<void> unpack(const fs::path& path, std::uint64_t bytes_max, const Cancelled& cancelled,
                    const Sink& sink) {
    const std::unique_ptr<ZSTD_DCtx, FreeStream> context(ZSTD_createDCtx());
    Bytes room(ZSTD_DStreamOutSize());
    std::uint64_t sum = 0;
    std::size_t left = 1;
    const auto unpack_piece = [&](ByteSpan bytes) -> Result<void> {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        while (in.pos < in.size) {
            ZSTD_outBuffer out{room.data(), room.size(), 0};
            left = ZSTD_decompressStream(context.get(), &out, &in);
            if (ZSTD_isError(left) != 0) return bad_frame(path, left);
            sum += out.pos;
            if (sum > bytes_max)
                return fail(ErrorCode::corrupt,
                            fmt::format("{} holds more than it should", path.string()));
            TRY(sink(ByteSpan(room.data(), out.pos)));
        }
        return {};
    };
    TRY(each_piece(path, cancelled, unpack_piece));
    if (left == 0) return {};
    return fail(ErrorCode::corrupt, path.string() + " ends before its end");
}

/// The bytes of the manifest's file as the archive has them, held against its hash.
Result<void> read_kept(const fs::path& folder, std::size_t number, const OutputFile& wanted,
                       const Cancelled& cancelled, const Sink& sink) {
    ContentHash hash;
    const auto take = [&](ByteSpan bytes) -> Result<void> {
        hash.update(bytes);
        return sink ? sink(bytes) : Result<void>{};
    };
    const fs::path plain = folder / std::to_string(number), packed = plain.string() + ".zst";
    std::error_code error;
    TRY(fs::exists(packed, error) ? unpack(packed, wanted.bytes, cancelled, take)
                                  : each_piece(plain, cancelled, take));
    if (hash.hex() == wanted.hash) return {};
    return fail(ErrorCode::corrupt,
                fmt::format("{} of the archive isn't what was put there", wanted.name));
}

void drop_folder(const fs::path& path) {
    std::error_code error;
    fs::remove_all(path, error);
}

}  // namespace

fs::path ColdStore::path_of(std::string_view key) const {
    return folder_ / std::string(key.substr(0, 2)) / std::string(key);
}

bool ColdStore::has(std::string_view key) const {
    std::error_code error;
    return fs::exists(path_of(key) / "manifest.json", error);
}

Result<std::uint64_t> ColdStore::put(std::string_view key, const Manifest& manifest,
                                     const fs::path& from, const Cancelled& cancelled) {
    const fs::path to = path_of(key), half = to.string() + ".new";
    drop_folder(half);
    TRY(make_folders(half));
    std::uint64_t bytes = 0;
    for (std::size_t at = 0; at < manifest.files.size(); ++at) {
        const fs::path source = from / manifest.files[at].name;
        const std::string name = std::to_string(at);
        bytes += TRY(pays(source)) ? TRY(pack(source, half / (name + ".zst"), cancelled))
                                   : TRY(copy_plain(source, half / name, cancelled));
    }
    bytes += TRY(copy_plain(from / contract_file, half / contract_file, cancelled));
    TRY(replace_file(half / "manifest.json", as_bytes(manifest.json())));
    for (std::size_t at = 0; at < manifest.files.size(); ++at)
        TRY(read_kept(half, at, manifest.files[at], cancelled, {}));
    TRY(sync_folder(half));
    drop_folder(to);
    TRY(rename_file(half, to));
    TRY(sync_folder(to.parent_path()));
    return bytes;
}

Result<void> ColdStore::take_out(std::string_view key, const Manifest& manifest, const fs::path& to,
                                 const Cancelled& cancelled) const {
    const fs::path folder = path_of(key);
    drop_folder(to);
    TRY(make_folders(to));
    for (std::size_t at = 0; at < manifest.files.size(); ++at) {
        const OutputFile& wanted = manifest.files[at];
        const fs::path path = to / wanted.name;
        TRY(make_folders(path.parent_path()));
        Written file = TRY(Written::create(path));
        TRY(read_kept(folder, at, wanted, cancelled,
                      [&](ByteSpan bytes) { return file.add(bytes); }));
        if (::fchmod(file.descriptor(), 0440) != 0)
            return fail(error_from_errno("protecting", path.string(), errno));
        TRY(file.finish());
    }
    TRY(copy_plain(folder / contract_file, to / contract_file, cancelled));
    for (const OutputFile& file : manifest.files) TRY(sync_folder((to / file.name).parent_path()));
    return sync_folder(to);
}

Result<void> ColdStore::verify(std::string_view key, const Manifest& manifest,
                               const Cancelled& cancelled) const {
    for (std::size_t at = 0; at < manifest.files.size(); ++at)
        TRY(read_kept(path_of(key), at, manifest.files[at], cancelled, {}));
    return {};
}

void ColdStore::remove(std::string_view key) {
    const fs::path at = path_of(key), gone = at.string() + ".gone";
    std::error_code error;
    fs::rename(at, gone, error);
    drop_folder(gone);
}

void ColdStore::sweep(const std::function<bool(const std::string&)>& is_known) {
    std::error_code error;
    for (const auto& first : fs::directory_iterator(folder_, error)) {
        std::error_code inner;
        for (const auto& entry : fs::directory_iterator(first.path(), inner))
            if (!is_known(entry.path().filename())) drop_folder(entry.path());
    }
}

}  // namespace stroma::flow
