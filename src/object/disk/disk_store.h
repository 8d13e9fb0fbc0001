#pragma once

#include <memory>

#include "base/context.h"
#include "object/object_store.h"

namespace stroma::object {

/// Objects in a folder of the local file system, any number of processes at once.
///
/// An object is one file: its bytes, then a trailer with key, checksum and metadata (see
/// disk/trailer.h). It is written under temp/, synced, and renamed to its place under keys/, so
/// a crash leaves the old object or the new one. The place is the key, every unusual byte
/// escaped, so listing is walking folders in order. Commits of one key take turns by a lock that
/// also holds between processes. What dead processes left in temp/ is removed by the next open.
///
/// Costs: put one fsync of the file and one of its folder; head one open and one read of 512
/// bytes; list one such read an object, and the folders' names, kept while they don't change.
/// Empty folders stay.
class DiskStore final : public ObjectStore {
public:
    /// Makes the folder when it is absent. The clock must outlive the store.
    /// errors  unsupported  the folder was written in a format that this program doesn't know
    static Result<std::unique_ptr<DiskStore>> open(const fs::path& folder,
                                                   const Clock& clock = system_clock());
    ~DiskStore() override;

    Result<std::unique_ptr<ObjectWriter>> begin_put(std::string_view key,
                                                    const PutOptions& options) override;
    Result<ObjectInfo> put_file(std::string_view key, const fs::path& path,
                                const PutOptions& options) override;
    Result<std::unique_ptr<ObjectReader>> open(std::string_view key) override;
    Result<std::optional<ObjectInfo>> head(std::string_view key) override;
    Result<ListPage> list(const ListOptions& options) override;
    Result<bool> remove(std::string_view key,
                        const std::optional<std::string>& if_etag = {}) override;
    Result<void> verify(std::string_view key) override;

    /// Where the object's file is or would be; for tests that damage it.
    fs::path file_of(std::string_view key) const;

    struct State;

private:
    explicit DiskStore(std::shared_ptr<State> state);
    std::shared_ptr<State> state_;
};

}  // namespace stroma::object
