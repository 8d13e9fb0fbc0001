#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"

namespace stroma::object {

/// What is known of a stored object without reading it.
struct ObjectInfo {
    std::string key;
    std::uint64_t size_bytes = 0;
    std::string etag;  ///< ContentHash of the bytes: 32 hexadecimal digits
    std::int64_t modified_ms = 0;
    std::string content_type;
    std::map<std::string, std::string> metadata;  ///< the user's own; at most 2 KiB in all
};

/// When a put may happen. Both unset: always (the newest put wins).
struct PutCondition {
    bool if_absent = false;              ///< only when no object has the key (If-None-Match: *)
    std::optional<std::string> if_etag;  ///< only when the object has this etag (If-Match)
};

struct PutOptions {
    PutCondition condition;
    std::string content_type = "application/octet-stream";
    std::map<std::string, std::string> metadata;
    /// The bytes' ContentHash where the caller has computed it already; "" else. Believed by
    /// put_file, which then needn't read the file; elsewhere the put fails when it differs.
    std::string known_etag;
};

/// Limits that every driver holds.
constexpr std::size_t key_bytes_max = 1024;
constexpr std::size_t metadata_bytes_max = 2048;

/// invalid_input unless the key is 1 to key_bytes_max bytes of UTF-8 without NUL.
Result<void> check_key(std::string_view key);
/// exhausted when the metadata's names and values pass metadata_bytes_max, or the content type 255.
Result<void> check_put_options(const PutOptions& options);
/// Whether a put (or a remove) under this condition may replace `current`, null for no object.
/// errors  conflict
Result<void> check_condition(std::string_view key, const PutCondition& condition,
                             const std::string* current_etag);

/// An object being written. Nothing is visible, and nothing stays, until commit() has returned.
/// Used by one thread at a time.
class ObjectWriter {
public:
    virtual ~ObjectWriter() = default;
    virtual Result<void> write(ByteSpan bytes) = 0;
    /// Makes the object visible and durable at once: after a kill or power loss the key holds
    /// either its old object or this one, whole.
    /// errors  conflict  the put's condition doesn't hold; the old object stays
    virtual Result<ObjectInfo> commit() = 0;
};

/// An object open for reading; keeps giving the bytes it was opened on, whatever replaces or
/// removes the key meanwhile. Any thread.
class ObjectReader {
public:
    virtual ~ObjectReader() = default;
    virtual const ObjectInfo& info() const = 0;
    /// Fills `into` from `offset`. errors  invalid_input  the range passes the end
    virtual Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;
    /// The whole object in memory where the driver can map it (a local file), else nothing:
    /// then use read_at. Valid while the reader lives.
    virtual std::optional<ByteSpan> mapped() const { return std::nullopt; }
    /// The descriptor of the local file that holds the bytes, from byte 0, or -1. For sendfile.
    virtual int descriptor() const { return -1; }
};

struct ListOptions {
    std::string prefix;
    std::string delimiter;  ///< keys are cut after its first occurrence past the prefix
    /// Only keys greater than this; a common prefix equal to it is not listed either, so that a
    /// page's next_after goes on behind the page.
    std::string after;
    std::size_t limit = 1000;
};

struct ListPage {
    std::vector<ObjectInfo> objects;           ///< by key in byte order; a damaged one: key alone
    std::vector<std::string> common_prefixes;  ///< what the delimiter cut, each once, in order
    std::optional<std::string> next_after;     ///< set when there is more
};

/// Immutable bytes under keys. Keys are 1 to 1024 bytes of UTF-8 without NUL; "a/../b" is a name
/// like any other and never a path. Any thread.
class ObjectStore {
public:
    virtual ~ObjectStore() = default;

    virtual Result<std::unique_ptr<ObjectWriter>> begin_put(std::string_view key,
                                                            const PutOptions& options) = 0;
    /// Takes a finished local file in as the object without copying where the driver can; the
    /// file's name is gone afterwards. The file must not be written any more.
    virtual Result<ObjectInfo> put_file(std::string_view key, const fs::path& path,
                                        const PutOptions& options) = 0;
    /// errors  not_found
    virtual Result<std::unique_ptr<ObjectReader>> open(std::string_view key) = 0;
    /// Missing is an answer.
    virtual Result<std::optional<ObjectInfo>> head(std::string_view key) = 0;
    virtual Result<ListPage> list(const ListOptions& options) = 0;
    /// Durable. True if there was an object. With if_etag, conflict when another one is there.
    virtual Result<bool> remove(std::string_view key,
                                const std::optional<std::string>& if_etag = {}) = 0;
    /// Reads the object and compares it with its checksum. errors  corrupt  names the key
    virtual Result<void> verify(std::string_view key) = 0;

    /// begin_put, write, commit.
    Result<ObjectInfo> put(std::string_view key, ByteSpan bytes, const PutOptions& options = {});
    /// open, read all and compare with the checksum. errors  corrupt  names the key
    ///         exhausted  larger than bytes_max
    Result<Bytes> get(std::string_view key, std::uint64_t bytes_max = 64u << 20);
};

}  // namespace stroma::object
