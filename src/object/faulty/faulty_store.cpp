#include "object/faulty/faulty_store.h"

#include <fmt/format.h>

namespace stroma::object {

class FaultyStore::Plan {
public:
    void set(const StoreFault& fault) {
        const std::lock_guard lock(mutex_);
        fault_ = fault;
        calls_ = 0;
    }
    void set_hook(std::function<void(std::string_view)> hook) {
        const std::lock_guard lock(mutex_);
        hook_ = std::move(hook);
    }
    std::uint64_t calls() const {
        const std::lock_guard lock(mutex_);
        return calls_;
    }

    /// Counts the call; the fault it meets, if any.
    std::optional<StoreFault> meet(std::string_view name) {
        std::function<void(std::string_view)> hook;
        std::optional<StoreFault> met;
        {
            const std::lock_guard lock(mutex_);
            ++calls_;
            hook = hook_;
            const bool now = calls_ == fault_.at || (fault_.ever_after && calls_ > fault_.at);
            if (fault_.at != 0 && now) met = fault_;
        }
        if (hook) hook(name);
        return met;
    }

    template <class T>
    Result<T> run(std::string_view name, const std::function<Result<T>()>& call) {
        const auto fault = meet(name);
        if (!fault) return call();
        if (fault->kind == StoreFault::Kind::fail_after) (void)call();
        return fail(fault->code, fmt::format("planned fault in {}", name));
    }

private:
    mutable std::mutex mutex_;
    StoreFault fault_;
    std::uint64_t calls_ = 0;
    std::function<void(std::string_view)> hook_;
};

namespace {

class FaultyWriter final : public ObjectWriter {
public:
    FaultyWriter(std::shared_ptr<FaultyStore::Plan> plan, std::unique_ptr<ObjectWriter> writer)
        : plan_(std::move(plan)), writer_(std::move(writer)) {}

    Result<void> write(ByteSpan bytes) override {
        const auto fault = plan_->meet("write");
        if (!fault) return writer_->write(bytes);
        if (fault->kind == StoreFault::Kind::torn_write)
            (void)writer_->write(bytes.first(bytes.size() / 2));
        broken_ = true;
        return fail(fault->code, "planned fault in write");
    }
    Result<ObjectInfo> commit() override {
        // As a real store: a write that failed cannot be followed by a whole object.
        if (broken_) return fail(ErrorCode::unavailable, "a write of this object had failed");
        return plan_->run<ObjectInfo>("commit", [&] { return writer_->commit(); });
    }

private:
    std::shared_ptr<FaultyStore::Plan> plan_;
    std::unique_ptr<ObjectWriter> writer_;
    bool broken_ = false;
};

class FaultyReader final : public ObjectReader {
public:
    FaultyReader(std::shared_ptr<FaultyStore::Plan> plan, std::unique_ptr<ObjectReader> reader)
        : plan_(std::move(plan)), reader_(std::move(reader)) {}

    const ObjectInfo& info() const override { return reader_->info(); }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        return plan_->run<void>("read_at", [&] { return reader_->read_at(offset, into); });
    }
    // Never mapped, so that no read goes past the plan.

private:
    std::shared_ptr<FaultyStore::Plan> plan_;
    std::unique_ptr<ObjectReader> reader_;
};

}  // namespace

FaultyStore::FaultyStore(ObjectStore& store) : store_(store), plan_(std::make_shared<Plan>()) {}
FaultyStore::~FaultyStore() = default;

void FaultyStore::plan(const StoreFault& fault) { plan_->set(fault); }
void FaultyStore::before_each_call(std::function<void(std::string_view)> hook) {
    plan_->set_hook(std::move(hook));
}
std::uint64_t FaultyStore::calls_made() const { return plan_->calls(); }

Result<std::unique_ptr<ObjectWriter>> FaultyStore::begin_put(std::string_view key,
                                                             const PutOptions& options) {
    using Writer = std::unique_ptr<ObjectWriter>;
    auto writer =
        TRY(plan_->run<Writer>("begin_put", [&] { return store_.begin_put(key, options); }));
    return std::make_unique<FaultyWriter>(plan_, std::move(writer));
}

Result<ObjectInfo> FaultyStore::put_file(std::string_view key, const fs::path& path,
                                         const PutOptions& options) {
    return plan_->run<ObjectInfo>("put_file", [&] { return store_.put_file(key, path, options); });
}

Result<std::unique_ptr<ObjectReader>> FaultyStore::open(std::string_view key) {
    using Reader = std::unique_ptr<ObjectReader>;
    auto reader = TRY(plan_->run<Reader>("open", [&] { return store_.open(key); }));
    return std::make_unique<FaultyReader>(plan_, std::move(reader));
}

Result<std::optional<ObjectInfo>> FaultyStore::head(std::string_view key) {
    return plan_->run<std::optional<ObjectInfo>>("head", [&] { return store_.head(key); });
}

Result<ListPage> FaultyStore::list(const ListOptions& options) {
    return plan_->run<ListPage>("list", [&] { return store_.list(options); });
}

Result<bool> FaultyStore::remove(std::string_view key, const std::optional<std::string>& if_etag) {
    return plan_->run<bool>("remove", [&] { return store_.remove(key, if_etag); });
}

Result<void> FaultyStore::verify(std::string_view key) {
    return plan_->run<void>("verify", [&] { return store_.verify(key); });
}

}  // namespace stroma::object
