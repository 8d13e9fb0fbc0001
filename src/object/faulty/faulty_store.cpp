#include "object/faulty/faulty_store.h"

namespace stroma::object {

namespace {

class FaultyWriter final : public ObjectWriter {
public:
    FaultyWriter(std::shared_ptr<CallFaults> faults, std::unique_ptr<ObjectWriter> writer)
        : faults_(std::move(faults)), writer_(std::move(writer)) {}

    Result<void> write(ByteSpan bytes) override {
        const auto fault = faults_->meet("write");
        if (!fault) return writer_->write(bytes);
        if (fault->kind == CallFault::Kind::torn)
            (void)writer_->write(bytes.first(bytes.size() / 2));
        broken_ = true;
        return fail(CallFaults::error_of(*fault, "write"));
    }
    Result<ObjectInfo> commit() override {
        // As a real store: a write that failed cannot be followed by a whole object.
        if (broken_) return fail(ErrorCode::unavailable, "a write of this object had failed");
        return faults_->run<ObjectInfo>("commit", [&] { return writer_->commit(); });
    }

private:
    std::shared_ptr<CallFaults> faults_;
    std::unique_ptr<ObjectWriter> writer_;
    bool broken_ = false;
};

class FaultyReader final : public ObjectReader {
public:
    FaultyReader(std::shared_ptr<CallFaults> faults, std::unique_ptr<ObjectReader> reader)
        : faults_(std::move(faults)), reader_(std::move(reader)) {}

    const ObjectInfo& info() const override { return reader_->info(); }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        return faults_->run<void>("read_at", [&] { return reader_->read_at(offset, into); });
    }
    // Never mapped, so that no read goes past the plan.

private:
    std::shared_ptr<CallFaults> faults_;
    std::unique_ptr<ObjectReader> reader_;
};

}  // namespace

Result<std::unique_ptr<ObjectWriter>> FaultyStore::begin_put(std::string_view key,
                                                             const PutOptions& options) {
    using Writer = std::unique_ptr<ObjectWriter>;
    auto writer =
        TRY(faults_->run<Writer>("begin_put", [&] { return store_.begin_put(key, options); }));
    return std::make_unique<FaultyWriter>(faults_, std::move(writer));
}

Result<ObjectInfo> FaultyStore::put_file(std::string_view key, const fs::path& path,
                                         const PutOptions& options) {
    return faults_->run<ObjectInfo>("put_file",
                                    [&] { return store_.put_file(key, path, options); });
}

Result<std::unique_ptr<ObjectReader>> FaultyStore::open(std::string_view key) {
    using Reader = std::unique_ptr<ObjectReader>;
    auto reader = TRY(faults_->run<Reader>("open", [&] { return store_.open(key); }));
    return std::make_unique<FaultyReader>(faults_, std::move(reader));
}

Result<std::optional<ObjectInfo>> FaultyStore::head(std::string_view key) {
    return faults_->run<std::optional<ObjectInfo>>("head", [&] { return store_.head(key); });
}

Result<ListPage> FaultyStore::list(const ListOptions& options) {
    return faults_->run<ListPage>("list", [&] { return store_.list(options); });
}

Result<bool> FaultyStore::remove(std::string_view key, const std::optional<std::string>& if_etag) {
    return faults_->run<bool>("remove", [&] { return store_.remove(key, if_etag); });
}

Result<void> FaultyStore::verify(std::string_view key) {
    return faults_->run<void>("verify", [&] { return store_.verify(key); });
}

}  // namespace stroma::object
