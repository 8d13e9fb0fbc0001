#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "catalog/principal.h"
#include "redshift/failure.h"

namespace stroma::redshift {

/// s3://bucket/key
struct Address {
    std::string bucket, key;
    std::string url() const { return "s3://" + bucket + "/" + key; }
};
/// errors  22023  not an address of that form
Answer<Address> parse_address(std::string_view url);

struct LakeObject {
    Address address;
    std::uint64_t size = 0;
    std::string etag;
    std::int64_t modified_ms = 0;
};

/// An object's bytes as they were when it was opened. Several threads may read.
class LakeReader {
public:
    virtual ~LakeReader() = default;
    virtual const LakeObject& object() const = 0;
    /// Up to that many bytes from the offset; fewer only at the end.
    Result<Bytes> read(std::uint64_t offset, std::size_t count);
    /// Fills `into` from the offset. errors  invalid_input  it passes the object's end
    Result<void> read_at(std::uint64_t offset, std::span<std::byte> into);

private:
    /// As read_at(), of what the object has.
    virtual Result<void> fill(std::uint64_t offset, std::span<std::byte> into) = 0;
};

/// An object being written: visible when committed, gone when dropped.
class LakeWriter {
public:
    virtual ~LakeWriter() = default;
    virtual Result<void> write(ByteSpan bytes) = 0;
    virtual Result<void> commit() = 0;
};

/// Objects by s3:// address, for COPY, UNLOAD and the loader. Whoever asks must be allowed to.
/// Any thread. errors  not_found, denied
class Lake {
public:
    virtual ~Lake() = default;
    /// Objects whose keys begin with the address's key, in byte order.
    virtual Result<std::vector<LakeObject>> list(const catalog::Principal& principal,
                                                 const Address& prefix) = 0;
    virtual Result<std::unique_ptr<LakeReader>> open(const catalog::Principal& principal,
                                                     const Address& address) = 0;
    virtual Result<std::unique_ptr<LakeWriter>> create(const catalog::Principal& principal,
                                                       const Address& address) = 0;
    virtual Result<void> remove(const catalog::Principal& principal, const Address& address) = 0;
};

}  // namespace stroma::redshift
