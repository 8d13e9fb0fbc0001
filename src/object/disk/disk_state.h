#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/context.h"
#include "object/disk/disk_files.h"
#include "object/disk/disk_store.h"
#include "object/disk/trailer.h"

// Private to this driver: what a store, its writers and its readers share.

namespace stroma::object {

/// An object's open file and what its trailer says.
struct OpenObject {
    File file;
    Trailer trailer;
    const ObjectInfo& info() const { return trailer.info; }
};

struct DiskStore::State {
    fs::path folder;
    const Clock& clock;
    std::unique_ptr<KeyLocks> locks;
    std::unique_ptr<TemporaryFiles> temporary;
    FolderNames names;

    fs::path path_of(std::string_view key) const { return folder / "keys" / path_of_key(key); }
    /// Nothing when there is no such object.
    Result<std::optional<OpenObject>> open(std::string_view key) const;
    /// Whether the condition holds for what is there now; the key's lock is held.
    Result<void> check(std::string_view key, const PutCondition& condition) const;
    /// Renames a finished, synced file to the key's place.
    Result<void> put_in_place(const fs::path& from, std::string_view key,
                              const PutCondition& condition);
};

/// Hands the file's blocks of block_bytes to `take` in order.
Result<void> for_each_block(const File& file, std::uint64_t size_bytes,
                            const std::function<Result<void>(ByteSpan)>& take);

Result<std::unique_ptr<ObjectWriter>> make_disk_writer(std::shared_ptr<DiskStore::State> state,
                                                       std::string_view key,
                                                       const PutOptions& options);
Result<std::unique_ptr<ObjectReader>> make_disk_reader(OpenObject object);

}  // namespace stroma::object
