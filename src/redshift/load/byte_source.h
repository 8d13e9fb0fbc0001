#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "redshift/lake.h"
#include "redshift/load/copy_grammar.h"

namespace stroma::redshift {

/// Bytes read forwards. Used by one thread.
class ByteSource {
public:
    virtual ~ByteSource() = default;
    /// The next bytes; "" at the end. Valid until the next call.
    virtual Result<std::string_view> next() = 0;
};

std::unique_ptr<ByteSource> bytes_of(std::shared_ptr<LakeReader> object);
/// What the compressed bytes hold. errors  corrupt  they are damaged or end too early
Result<std::unique_ptr<ByteSource>> decompressed(std::unique_ptr<ByteSource> from, Compression how);

/// The same text as UTF-8, without a mark of byte order at its front. UTF-16 without a word about
/// its order must have that mark. errors  corrupt  it isn't of that encoding
std::unique_ptr<ByteSource> as_utf8(std::unique_ptr<ByteSource> from, TextEncoding encoding);
/// Unpacked and as UTF-8, as the options say.
Result<std::unique_ptr<ByteSource>> plain_text(std::unique_ptr<ByteSource> from,
                                               const CopyOptions& options);

/// The bytes as one whole of that kind. errors  exhausted  memory
Result<std::string> compressed(std::string_view bytes, Compression how);

/// Bytes that one thread writes and another reads, a few at a time.
class Pipe final : public ByteSource {
public:
    Result<std::string_view> next() override;
    /// Waits while much is unread. False when nobody reads any more.
    bool write(std::string_view bytes);
    /// No more comes; with an error where the writer gave up.
    void close(std::string error = {});
    /// The reader has gone.
    void abandon();

private:
    static constexpr std::size_t unread_max = 4u << 20;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string unread_, reading_, error_;
    bool closed_ = false, abandoned_ = false;
};

}  // namespace stroma::redshift
