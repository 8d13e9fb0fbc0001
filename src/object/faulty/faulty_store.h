#pragma once

#include <memory>
#include <string_view>

#include "base/call_faults.h"
#include "object/object_store.h"

namespace stroma::object {

/// A store that does as another does, but for the faults that a test plans for its calls and those
/// of its writers and readers. A torn write takes half of its bytes; then it and the commit fail.
/// Any thread.
class FaultyStore final : public ObjectStore {
public:
    /// The store must outlive this one.
    explicit FaultyStore(ObjectStore& store)
        : store_(store), faults_(std::make_shared<CallFaults>()) {}

    CallFaults& faults() { return *faults_; }

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

private:
    ObjectStore& store_;
    std::shared_ptr<CallFaults> faults_;
};

}  // namespace stroma::object
