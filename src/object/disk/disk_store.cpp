#include "object/disk/disk_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "object/disk/disk_files.h"
#include "object/disk/key_path.h"
#include "object/disk/trailer.h"
#include "object/list_page_builder.h"

namespace stroma::object {
namespace {

constexpr std::string_view format_line = "stroma objects 1\n";
#ifdef STROMA_TINY
constexpr std::size_t buffer_bytes = 7;
#else
constexpr std::size_t buffer_bytes = 256 * 1024;
#endif

Error no_object(std::string_view key) {
    return {ErrorCode::not_found, fmt::format("there is no object '{}'", key)};
}

Result<void> check_format(const fs::path& folder) {
    const fs::path path = folder / "format";
    if (!fs::exists(path)) return replace_file(path, as_bytes(format_line));
    if (TRY(read_file(path)) == format_line) return {};
    return fail(ErrorCode::unsupported,
                fmt::format("{} names a format that this program doesn't know; use the newer "
                            "stroma that wrote it",
                            path.string()));
}

Result<std::string> hash_of(const File& file, std::uint64_t size_bytes) {
    ContentHash hash;
    Bytes buffer(std::max<std::size_t>(buffer_bytes, 1024));
    for (std::uint64_t offset = 0; offset < size_bytes;) {
        const auto part = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_bytes - offset)));
        TRY(file.read_at(offset, part));
        hash.update(part);
        offset += part.size();
    }
    return hash.hex();
}

}  // namespace

struct DiskStore::State {
    fs::path folder;
    const Clock& clock;
    std::unique_ptr<KeyLocks> locks;
    std::unique_ptr<TemporaryFiles> temporary;
    FolderNames names;

    fs::path path_of(std::string_view key) const { return folder / "keys" / path_of_key(key); }

    /// The object's open file and what its trailer says; nothing when there is none.
    Result<std::optional<std::pair<File, ObjectInfo>>> open(std::string_view key) const {
        auto file = File::open_to_read(path_of(key));
        if (!file && file.error().code == ErrorCode::not_found) return std::nullopt;
        if (!file) return fail(std::move(file.error()));
        ObjectInfo info = TRY(read_trailer(*file, key));
        return std::pair(*std::move(file), std::move(info));
    }

    /// Whether the condition holds for what is there now; the key's lock is held.
    Result<void> check(std::string_view key, const PutCondition& condition) const {
        if (!condition.if_absent && !condition.if_etag) return {};
        const auto current = TRY(open(key));
        return check_condition(key, condition, current ? &current->second.etag : nullptr);
    }

    /// Renames a finished, synced file to the key's place.
    Result<void> put_in_place(const fs::path& from, std::string_view key,
                              const PutCondition& condition) {
        const fs::path to = path_of(key);
        const auto held = TRY(locks->hold(key));
        TRY(check(key, condition));
        TRY(make_folders(to.parent_path()));
        TRY(rename_file(from, to));
        return sync_folder(to.parent_path());
    }
};

namespace {

class DiskWriter final : public ObjectWriter {
public:
    DiskWriter(std::shared_ptr<DiskStore::State> state, std::string_view key, PutOptions options,
               fs::path path, File file)
        : state_(std::move(state)), options_(std::move(options)), path_(std::move(path)),
          file_(std::move(file)) {
        info_.key = key;
        info_.content_type = options_.content_type;
        info_.metadata = options_.metadata;
    }
    ~DiskWriter() override {
        if (!done_) (void)remove_file(path_);
    }

    Result<void> write(ByteSpan bytes) override {
        if (failed_) return fail(*failed_);
        hash_.update(bytes);
        info_.size_bytes += bytes.size();
        if (buffer_.size() + bytes.size() > buffer_bytes) TRY(flush());
        if (bytes.size() >= buffer_bytes) return write_through(bytes);
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        return {};
    }

    Result<ObjectInfo> commit() override {
        TRY(flush());
        info_.etag = hash_.hex();
        if (!options_.known_etag.empty() && options_.known_etag != info_.etag)
            return fail(ErrorCode::corrupt,
                        fmt::format("object '{}': the bytes written differ from their checksum",
                                    info_.key));
        info_.modified_ms = state_->clock.unix_ms();
        TRY(write_through(encode_trailer(info_)));
        if (auto synced = file_.sync(); !synced) return fail(keep(std::move(synced.error())));
        TRY(state_->put_in_place(path_, info_.key, options_.condition));
        done_ = true;
        return info_;
    }

private:
    /// After a failure the file must not be trusted: all that follows fails alike.
    Error keep(Error error) {
        failed_ = error;
        return error;
    }
    Result<void> flush() {
        if (failed_) return fail(*failed_);
        if (buffer_.empty()) return {};
        TRY(write_through(buffer_));
        buffer_.clear();
        return {};
    }
    Result<void> write_through(ByteSpan bytes) {
        if (auto written = file_.write_at(offset_, bytes); !written)
            return fail(keep(std::move(written.error()).with("object '" + info_.key + "'")));
        offset_ += bytes.size();
        return {};
    }

    std::shared_ptr<DiskStore::State> state_;
    const PutOptions options_;
    const fs::path path_;
    File file_;
    ObjectInfo info_;
    ContentHash hash_;
    Bytes buffer_;
    std::uint64_t offset_ = 0;
    std::optional<Error> failed_;
    bool done_ = false;
};

class DiskReader final : public ObjectReader {
public:
    static Result<std::unique_ptr<ObjectReader>> make(File file, ObjectInfo info) {
        MappedFile map = TRY(MappedFile::map(file));
        return std::make_unique<DiskReader>(std::move(file), std::move(info), std::move(map));
    }
    DiskReader(File file, ObjectInfo info, MappedFile map)
        : file_(std::move(file)), info_(std::move(info)), map_(std::move(map)) {}

    const ObjectInfo& info() const override { return info_; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        if (offset > info_.size_bytes || into.size() > info_.size_bytes - offset)
            return fail(ErrorCode::invalid_input,
                        fmt::format("bytes {} to {} pass the end of object '{}' of {} bytes",
                                    offset, offset + into.size(), info_.key, info_.size_bytes));
        return file_.read_at(offset, into);
    }
    std::optional<ByteSpan> mapped() const override {
        return map_.bytes().first(static_cast<std::size_t>(info_.size_bytes));
    }
    int descriptor() const override { return file_.descriptor(); }

private:
    File file_;
    ObjectInfo info_;
    MappedFile map_;
};

}  // namespace

DiskStore::DiskStore(std::shared_ptr<State> state) : state_(std::move(state)) {}
DiskStore::~DiskStore() = default;

Result<std::unique_ptr<DiskStore>> DiskStore::open(const fs::path& folder, const Clock& clock) {
    TRY(make_folders(folder / "keys"));
    TRY(make_folders(folder / "temp"));
    TRY(check_format(folder));
    auto lock_file = TRY(File::open_to_write(folder / "lock"));
    auto temporary = TRY(TemporaryFiles::claim(folder / "temp"));
    auto state = std::shared_ptr<State>(
        new State{.folder = folder, .clock = clock,
                  .locks = std::make_unique<KeyLocks>(std::move(lock_file)),
                  .temporary = std::move(temporary), .names = {}});
    return std::unique_ptr<DiskStore>(new DiskStore(std::move(state)));
}

fs::path DiskStore::file_of(std::string_view key) const { return state_->path_of(key); }

Result<std::unique_ptr<ObjectWriter>> DiskStore::begin_put(std::string_view key,
                                                           const PutOptions& options) {
    TRY(check_key(key));
    TRY(check_put_options(options));
    fs::path path = state_->temporary->next();
    File file = TRY(File::create(path));
    return std::make_unique<DiskWriter>(state_, key, options, std::move(path), std::move(file));
}

Result<std::unique_ptr<ObjectReader>> DiskStore::open(std::string_view key) {
    TRY(check_key(key));
    auto found = TRY(state_->open(key));
    if (!found) return fail(no_object(key));
    return DiskReader::make(std::move(found->first), std::move(found->second));
}

Result<std::optional<ObjectInfo>> DiskStore::head(std::string_view key) {
    TRY(check_key(key));
    auto found = TRY(state_->open(key));
    if (!found) return std::nullopt;
    return std::move(found->second);
}

Result<bool> DiskStore::remove(std::string_view key, const std::optional<std::string>& if_etag) {
    TRY(check_key(key));
    const auto held = TRY(state_->locks->hold(key));
    if (if_etag) TRY(state_->check(key, {.if_absent = false, .if_etag = if_etag}));
    const fs::path path = state_->path_of(key);
    if (!TRY(remove_file(path))) return false;
    TRY(sync_folder(path.parent_path()));
    return true;
}

Result<void> DiskStore::verify(std::string_view key) {
    TRY(check_key(key));
    const auto found = TRY(state_->open(key));
    if (!found) return fail(no_object(key));
    const auto& [file, info] = *found;
    if (TRY(hash_of(file, info.size_bytes)) == info.etag) return {};
    return fail(ErrorCode::corrupt, fmt::format("object '{}' in {} differs from its checksum; "
                                                "restore it from a backup or its source",
                                                key, file.name()));
}

namespace {

/// Copies `from` into the writer; for a file of another file system.
Result<ObjectInfo> copy_in(ObjectStore& store, std::string_view key, const File& from,
                           const PutOptions& options) {
    const std::uint64_t size = TRY(from.size());
    const auto writer = TRY(store.begin_put(key, options));
    Bytes buffer(std::max<std::size_t>(buffer_bytes, 1024));
    for (std::uint64_t offset = 0; offset < size;) {
        const auto part = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - offset)));
        TRY(from.read_at(offset, part));
        TRY(writer->write(part));
        offset += part.size();
    }
    return writer->commit();
}

/// Whether the file can become the object's by a rename: of that file system, with one name, ours.
bool can_be_taken(const fs::path& path, const fs::path& store_folder) {
    struct stat file {}, folder {};
    if (::lstat(path.c_str(), &file) != 0 || ::stat(store_folder.c_str(), &folder) != 0)
        return false;
    return S_ISREG(file.st_mode) && file.st_dev == folder.st_dev && file.st_nlink == 1 &&
           file.st_uid == ::geteuid() && ::chmod(path.c_str(), 0600) == 0;
}

}  // namespace

Result<ObjectInfo> DiskStore::put_file(std::string_view key, const fs::path& path,
                                       const PutOptions& options) {
    TRY(check_key(key));
    TRY(check_put_options(options));
    if (!can_be_taken(path, state_->folder)) {
        const File from = TRY(File::open_to_read(path));
        ObjectInfo info = TRY(copy_in(*this, key, from, options));
        TRY(remove_file(path));
        return info;
    }
    File file = TRY(File::open_to_write(path));
    ObjectInfo info;
    info.key = key;
    info.size_bytes = TRY(file.size());
    info.etag = options.known_etag;
    if (info.etag.empty()) info.etag = TRY(hash_of(file, info.size_bytes));
    info.modified_ms = state_->clock.unix_ms();
    info.content_type = options.content_type;
    info.metadata = options.metadata;
    const auto finish = [&]() -> Result<void> {
        TRY(file.write_at(info.size_bytes, encode_trailer(info)));
        TRY(file.sync());
        return state_->put_in_place(path, key, options.condition);
    };
    if (auto done = finish(); !done) {
        // Where the file still has its own name, it gets its own bytes back.
        if (fs::exists(path)) (void)file.truncate(info.size_bytes);
        return fail(std::move(done.error()));
    }
    return info;
}

namespace {

/// Walks keys/ in byte order of the keys, only where the page may need it.
class Walk {
public:
    Walk(DiskStore::State& state, ListPageBuilder& page) : state_(state), page_(page) {}

    /// False when the page is done.
    Result<bool> folder(const fs::path& path, const std::string& prefix) {
        const auto pieces = TRY(state_.names.read(path));
        for (auto at = first_that_matters(*pieces, prefix); at != pieces->end(); ++at) {
            const KeyPiece& piece = *at;
            const std::string key = prefix + piece.bytes;
            const bool is_object = piece.kind == KeyPiece::Kind::object;
            if (!is_object && !page_.may_hold(key)) continue;
            if (!TRY(is_object ? object(key) : folder(path / piece.name, key))) return false;
        }
        return true;
    }

private:
    using Pieces = std::vector<KeyPiece>;
    Pieces::const_iterator first_that_matters(const Pieces& pieces, const std::string& prefix) {
        const std::string_view from = page_.from();
        if (from.substr(0, prefix.size()) != prefix) return pieces.begin();
        const auto at = std::lower_bound(
            pieces.begin(), pieces.end(), from.substr(prefix.size()),
            [](const KeyPiece& piece, std::string_view rest) { return piece.bytes < rest; });
        // The one before may be a folder whose keys pass `from`; none further back can be.
        return at == pieces.begin() ? at : at - 1;
    }

    Result<bool> object(const std::string& key) {
        if (key <= page_.from()) return true;
        switch (page_.offer(key)) {
            case ListPageBuilder::Answer::stop: return false;
            case ListPageBuilder::Answer::skip: return true;
            case ListPageBuilder::Answer::take: break;
        }
        // One that was removed since its name was read is simply not there.
        if (auto found = TRY(state_.open(key))) page_.add(std::move(found->second));
        return true;
    }

    DiskStore::State& state_;
    ListPageBuilder& page_;
};

}  // namespace

Result<ListPage> DiskStore::list(const ListOptions& options) {
    ListPageBuilder page(options);
    Walk walk(*state_, page);
    TRY(walk.folder(state_->folder / "keys", ""));
    return page.finish();
}

}  // namespace stroma::object
