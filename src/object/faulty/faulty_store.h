#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string_view>

#include "object/object_store.h"

namespace stroma::object {

/// Which call of a FaultyStore (and of its writers and readers) fails, and how.
struct StoreFault {
    enum class Kind {
        fail_before,  ///< the call does nothing and fails
        fail_after,   ///< the call is done, its answer is lost: fails as if it were not
        torn_write,   ///< a write takes half of its bytes, then it and the commit fail
    };
    std::uint64_t at = 0;  ///< counts calls from 1; 0 is never
    bool ever_after = false;
    Kind kind = Kind::fail_before;
    ErrorCode code = ErrorCode::unavailable;
};

/// A store that does as another does, but for the faults that a test plans. Any thread.
class FaultyStore final : public ObjectStore {
public:
    /// The store must outlive this one.
    explicit FaultyStore(ObjectStore& store);
    ~FaultyStore() override;

    void plan(const StoreFault& fault);
    /// Called before each call with its name ("commit", "read_at" …): to be slow, or to act
    /// between two calls. Not called from inside itself.
    void before_each_call(std::function<void(std::string_view)> hook);
    std::uint64_t calls_made() const;

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

    class Plan;

private:
    ObjectStore& store_;
    std::shared_ptr<Plan> plan_;
};

}  // namespace stroma::object
