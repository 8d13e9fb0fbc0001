#include "object/memory/memory_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "object/list_page_builder.h"

namespace stroma::object {
namespace {

Error no_object(std::string_view key) {
    return {ErrorCode::not_found, fmt::format("there is no object '{}'", key)};
}

std::string etag_of(ByteSpan bytes) {
    ContentHash hash;
    hash.update(bytes);
    return hash.hex();
}

class MemoryWriter final : public ObjectWriter {
public:
    MemoryWriter(MemoryStore& store, std::string_view key, PutOptions options)
        : store_(store), options_(std::move(options)) {
        object_.info.key = key;
        object_.info.content_type = options_.content_type;
        object_.info.metadata = options_.metadata;
    }
    Result<void> write(ByteSpan bytes) override {
        object_.bytes.insert(object_.bytes.end(), bytes.begin(), bytes.end());
        return {};
    }
    Result<ObjectInfo> commit() override {
        object_.info.etag = etag_of(object_.bytes);
        object_.info.size_bytes = object_.bytes.size();
        if (!options_.known_etag.empty() && options_.known_etag != object_.info.etag)
            return fail(ErrorCode::corrupt,
                        fmt::format("object '{}': the bytes written differ from their checksum",
                                    object_.info.key));
        return store_.take(std::move(object_), options_.condition);
    }

private:
    MemoryStore& store_;
    const PutOptions options_;
    MemoryStore::Stored object_;
};

class MemoryReader final : public ObjectReader {
public:
    explicit MemoryReader(std::shared_ptr<const MemoryStore::Stored> object)
        : object_(std::move(object)) {}
    const ObjectInfo& info() const override { return object_->info; }
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const override {
        const Bytes& bytes = object_->bytes;
        if (offset > bytes.size() || into.size() > bytes.size() - offset)
            return fail(ErrorCode::invalid_input,
                        fmt::format("bytes {} to {} pass the end of object '{}' of {} bytes",
                                    offset, offset + into.size(), info().key, bytes.size()));
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
        return {};
    }
    std::optional<ByteSpan> mapped() const override { return ByteSpan(object_->bytes); }

private:
    std::shared_ptr<const MemoryStore::Stored> object_;
};

}  // namespace

std::shared_ptr<const MemoryStore::Stored> MemoryStore::find(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
}

Result<ObjectInfo> MemoryStore::take(Stored object, const PutCondition& condition) {
    const std::lock_guard lock(mutex_);
    auto& place = objects_[object.info.key];
    if (auto holds =
            check_condition(object.info.key, condition, place ? &place->info.etag : nullptr);
        !holds) {
        if (!place) objects_.erase(object.info.key);
        return fail(std::move(holds.error()));
    }
    object.info.modified_ms = clock_.unix_ms();
    place = std::make_shared<const Stored>(std::move(object));
    return place->info;
}

Result<std::unique_ptr<ObjectWriter>> MemoryStore::begin_put(std::string_view key,
                                                             const PutOptions& options) {
    TRY(check_key(key));
    TRY(check_put_options(options));
    return std::make_unique<MemoryWriter>(*this, key, options);
}

Result<ObjectInfo> MemoryStore::put_file(std::string_view key, const fs::path& path,
                                         const PutOptions& options) {
    TRY(check_key(key));
    TRY(check_put_options(options));
    const std::string bytes = TRY(read_file(path, ~std::uint64_t{0}));
    ObjectInfo info = TRY(put(key, as_bytes(bytes), options));
    TRY(remove_file(path));
    return info;
}

Result<std::unique_ptr<ObjectReader>> MemoryStore::open(std::string_view key) {
    TRY(check_key(key));
    auto object = find(key);
    if (!object) return fail(no_object(key));
    return std::make_unique<MemoryReader>(std::move(object));
}

Result<std::optional<ObjectInfo>> MemoryStore::head(std::string_view key) {
    TRY(check_key(key));
    const auto object = find(key);
    if (!object) return std::nullopt;
    return object->info;
}

Result<ListPage> MemoryStore::list(const ListOptions& options) {
    ListPageBuilder page(options);
    const std::lock_guard lock(mutex_);
    for (auto at = objects_.lower_bound(std::max(page.from(), options.prefix));
         at != objects_.end();) {
        const auto answer = page.offer(at->first);
        if (answer == ListPageBuilder::Answer::stop) break;
        if (answer == ListPageBuilder::Answer::take) page.add(at->second->info);
        at = objects_.upper_bound(std::max(page.from(), at->first));
    }
    return page.finish();
}

Result<bool> MemoryStore::remove(std::string_view key, const std::optional<std::string>& if_etag) {
    TRY(check_key(key));
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    const std::string* current = found == objects_.end() ? nullptr : &found->second->info.etag;
    TRY(check_condition(key, {.if_absent = false, .if_etag = if_etag}, current));
    if (current == nullptr) return false;
    objects_.erase(found);
    return true;
}

Result<void> MemoryStore::verify(std::string_view key) {
    TRY(check_key(key));
    const auto object = find(key);
    if (!object) return fail(no_object(key));
    if (etag_of(object->bytes) == object->info.etag) return {};
    return fail(ErrorCode::corrupt, fmt::format("object '{}' differs from its checksum", key));
}

bool MemoryStore::damage(std::string_view key) {
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end() || found->second->bytes.empty()) return false;
    Stored damaged = *found->second;
    damaged.bytes.front() ^= std::byte{1};
    found->second = std::make_shared<const Stored>(std::move(damaged));
    return true;
}

}  // namespace stroma::object
