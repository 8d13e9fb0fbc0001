#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace stroma::front::s3 {

/// MD5 (RFC 1321) as ETags are made of it; never for secrecy. One stream of bytes is bound to one
/// core: each block waits for the one before it. Several streams can go side by side in the lanes
/// of one vector, which costs hardly more than one of them.
class Md5 {
public:
    void update(ByteSpan bytes);
    /// The 16 bytes; ends it.
    Bytes finish();

    static constexpr std::size_t block_bytes = 64, lanes_max = 4;
    /// One stream's next whole blocks. A stream stands in one lane only.
    struct Lane {
        Md5* md5 = nullptr;
        ByteSpan bytes;
    };
    /// Takes as many blocks of each as the shortest has, of one to `lanes_max` lanes whose streams
    /// are at the border of a block; gives how many bytes of each it was.
    static std::size_t update_together(const Lane* lanes, std::size_t count);
    /// How many bytes lead to the border of the next block; 0 at one.
    std::size_t bytes_to_border() const {
        return (block_bytes - size_ % block_bytes) % block_bytes;
    }

private:
    std::array<std::uint32_t, 4> state_ = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
    std::array<std::byte, block_bytes> kept_{};  ///< of a block that isn't whole yet
    std::uint64_t size_ = 0;
};

/// One stream's MD5, worked out beside the thread that feeds it by few threads that all streams
/// share, side by side with the others that wait at that moment. Used by one thread.
class Md5Beside {
public:
    /// Goes on behind what `before` was given.
    explicit Md5Beside(const Md5& before = {});
    ~Md5Beside();
    /// Waits while more than some MiB are still to be done.
    void feed(std::shared_ptr<const Bytes> bytes);
    /// The 16 bytes, when all has been fed. Once.
    Bytes finish();

private:
    friend class Md5Threads;
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::front::s3
