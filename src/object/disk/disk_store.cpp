#include "object/disk/disk_store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "object/disk/disk_state.h"
#include "object/list_page_builder.h"

namespace stroma::object {
namespace {

constexpr std::string_view format_line = "stroma objects 1\n";

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

}  // namespace

Result<void> for_each_block(const File& file, std::uint64_t size_bytes,
                            const std::function<Result<void>(ByteSpan)>& take) {
    Bytes buffer(block_bytes);
    for (std::uint64_t offset = 0; offset < size_bytes;) {
        const auto part = std::span(buffer).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_bytes - offset)));
        TRY(file.read_at(offset, part));
        TRY(take(part));
        offset += part.size();
    }
    return {};
}

Result<std::optional<OpenObject>> DiskStore::State::open(std::string_view key) const {
    auto file = File::open_to_read(path_of(key));
    if (!file && file.error().code == ErrorCode::not_found) return std::nullopt;
    if (!file) return fail(std::move(file.error()));
    Trailer trailer = TRY(read_trailer(*file, key));
    return OpenObject{*std::move(file), std::move(trailer)};
}

Result<void> DiskStore::State::check(std::string_view key, const PutCondition& condition) const {
    if (!condition.if_absent && !condition.if_etag) return {};
    const auto current = TRY(open(key));
    return check_condition(key, condition, current ? &current->info().etag : nullptr);
}

Result<void> DiskStore::State::put_in_place(const fs::path& from, std::string_view key,
                                            const PutCondition& condition) {
    const fs::path to = path_of(key);
    const auto held = TRY(locks->hold(key));
    TRY(check(key, condition));
    TRY(make_folders(to.parent_path()));
    TRY(rename_file(from, to));
    return sync_folder(to.parent_path());
}

DiskStore::DiskStore(std::shared_ptr<State> state) : state_(std::move(state)) {}
DiskStore::~DiskStore() = default;

Result<std::unique_ptr<DiskStore>> DiskStore::open(const fs::path& folder, const Clock& clock) {
    TRY(make_folders(folder / "keys"));
    TRY(make_folders(folder / "temp"));
    TRY(check_format(folder));
    auto lock_file = TRY(File::open_to_write(folder / "lock"));
    auto temporary = TRY(TemporaryFiles::claim(folder / "temp"));
    auto state =
        std::shared_ptr<State>(new State{.folder = folder,
                                         .clock = clock,
                                         .locks = std::make_unique<KeyLocks>(std::move(lock_file)),
                                         .temporary = std::move(temporary),
                                         .names = {}});
    return std::unique_ptr<DiskStore>(new DiskStore(std::move(state)));
}

fs::path DiskStore::file_of(std::string_view key) const { return state_->path_of(key); }

Result<std::unique_ptr<ObjectWriter>> DiskStore::begin_put(std::string_view key,
                                                           const PutOptions& options) {
    TRY(check_key(key));
    TRY(check_put_options(options));
    return make_disk_writer(state_, key, options);
}

Result<std::unique_ptr<ObjectReader>> DiskStore::open(std::string_view key) {
    TRY(check_key(key));
    auto found = TRY(state_->open(key));
    if (!found) return fail(no_object(key));
    return make_disk_reader(*std::move(found));
}

Result<std::optional<ObjectInfo>> DiskStore::head(std::string_view key) {
    TRY(check_key(key));
    auto found = TRY(state_->open(key));
    if (!found) return std::nullopt;
    return std::move(found->trailer.info);
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
    TRY(read_blocks(found->file, found->trailer));
    ContentHash hash;
    const auto take = [&](ByteSpan block) -> Result<void> {
        hash.update(block);
        return {};
    };
    TRY(for_each_block(found->file, found->info().size_bytes, take));
    if (hash.hex() == found->info().etag) return {};
    return fail(ErrorCode::corrupt, fmt::format("object '{}' in {} differs from its checksum; "
                                                "restore it from a backup or its source",
                                                key, found->file.name()));
}

namespace {

/// Copies `from` into the writer; for a file of another file system.
Result<ObjectInfo> copy_in(ObjectStore& store, std::string_view key, const File& from,
                           const PutOptions& options) {
    const std::uint64_t size = TRY(from.size());
    const auto writer = TRY(store.begin_put(key, options));
    TRY(for_each_block(from, size, [&](ByteSpan block) { return writer->write(block); }));
    return writer->commit();
}

/// Whether the file can become the object's by a rename: of that file system, with one name, ours.
bool can_be_taken(const fs::path& path, const fs::path& store_folder) {
    struct stat file {
    }, folder{};
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
    ContentHash hash;
    BlockChecksums blocks;
    const bool unread = !info.etag.empty();
    const auto take = [&](ByteSpan block) -> Result<void> {
        hash.update(block);
        blocks.add(block);
        return {};
    };
    if (!unread) {
        TRY(for_each_block(file, info.size_bytes, take));
        info.etag = hash.hex();
    }
    info.modified_ms = state_->clock.unix_ms();
    info.content_type = options.content_type;
    info.metadata = options.metadata;
    const auto finish = [&]() -> Result<void> {
        TRY(file.write_at(info.size_bytes, encode_trailer(info, unread ? nullptr : &blocks)));
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
        auto found = state_.open(key);
        if (!found && found.error().code == ErrorCode::corrupt) {
            ObjectInfo damaged;
            damaged.key = key;
            page_.add(std::move(damaged));
            return true;
        }
        // One that was removed since its name was read is simply not there.
        if (auto open = TRY(std::move(found))) page_.add(std::move(open->trailer.info));
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
