#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "base/context.h"
#include "object/object_store.h"

namespace stroma::object {

/// Objects in memory, for tests and throwaway work. Any thread. The clock must outlive it.
class MemoryStore final : public ObjectStore {
public:
    explicit MemoryStore(const Clock& clock = system_clock()) : clock_(clock) {}

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

    /// Flips one bit of the stored object, for tests of damage. False if it isn't there or empty.
    bool damage(std::string_view key);

    struct Stored {
        ObjectInfo info;
        Bytes bytes;
    };
    /// Takes the object in under its key if the condition holds.
    Result<ObjectInfo> take(Stored object, const PutCondition& condition);

private:
    std::shared_ptr<const Stored> find(std::string_view key);
    const Clock& clock_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const Stored>, std::less<>> objects_;
};

}  // namespace stroma::object
