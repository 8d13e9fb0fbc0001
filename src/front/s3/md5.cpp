#include "front/s3/md5.h"

#include <emmintrin.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace stroma::front::s3 {
namespace {

/// A word of each of four streams.
using FourWords = std::uint32_t __attribute__((vector_size(16)));

constexpr std::array<std::uint32_t, 64> md5_sines = {
    0xd76aa478u, 0xe8c7b756u, 0x242070dbu, 0xc1bdceeeu, 0xf57c0fafu, 0x4787c62au, 0xa8304613u,
    0xfd469501u, 0x698098d8u, 0x8b44f7afu, 0xffff5bb1u, 0x895cd7beu, 0x6b901122u, 0xfd987193u,
    0xa679438eu, 0x49b40821u, 0xf61e2562u, 0xc040b340u, 0x265e5a51u, 0xe9b6c7aau, 0xd62f105du,
    0x02441453u, 0xd8a1e681u, 0xe7d3fbc8u, 0x21e1cde6u, 0xc33707d6u, 0xf4d50d87u, 0x455a14edu,
    0xa9e3e905u, 0xfcefa3f8u, 0x676f02d9u, 0x8d2a4c8au, 0xfffa3942u, 0x8771f681u, 0x6d9d6122u,
    0xfde5380cu, 0xa4beea44u, 0x4bdecfa9u, 0xf6bb4b60u, 0xbebfbc70u, 0x289b7ec6u, 0xeaa127fau,
    0xd4ef3085u, 0x04881d05u, 0xd9d4d039u, 0xe6db99e5u, 0x1fa27cf8u, 0xc4ac5665u, 0xf4292244u,
    0x432aff97u, 0xab9423a7u, 0xfc93a039u, 0x655b59c3u, 0x8f0ccc92u, 0xffeff47du, 0x85845dd1u,
    0x6fa87e4fu, 0xfe2ce6e0u, 0xa3014314u, 0x4e0811a1u, 0xf7537e82u, 0xbd3af235u, 0x2ad7d2bbu,
    0xeb86d391u,
};
constexpr std::array<int, 16> md5_turns = {7, 12, 17, 22, 5, 9,  14, 20,
                                           4, 11, 16, 23, 6, 10, 15, 21};

/// The sum of a step. `b` is what the step before gave: everything else is added up without it, so
/// that the next step waits as shortly as it can.
template <std::size_t round, class Word>
inline Word md5_sum(Word early, Word b, Word c, Word d) {
    if constexpr (round == 0) return early + (d ^ (b & (c ^ d)));
    if constexpr (round == 1) return (early + (c & ~d)) + (b & d);  // no bit is in both
    if constexpr (round == 2) return early + ((c ^ d) ^ b);
    if constexpr (round == 3) return early + (c ^ (b | ~d));
}

template <std::size_t step, class Word>
inline void md5_step(Word* v, const Word* block) {
    constexpr std::size_t round = step / 16;
    constexpr std::size_t word = round == 0   ? step
                                 : round == 1 ? (5 * step + 1) % 16
                                 : round == 2 ? (3 * step + 5) % 16
                                              : 7 * step % 16;
    constexpr int turn = md5_turns[4 * round + step % 4];
    Word& a = v[(64 - step) % 4];
    const Word b = v[(65 - step) % 4], c = v[(66 - step) % 4], d = v[(67 - step) % 4];
    const Word sum = md5_sum<round>(a + (block[word] + md5_sines[step]), b, c, d);
    a = b + (sum << turn | sum >> (32 - turn));
}

template <class Word, std::size_t... steps>
inline void md5_block(Word* state, const Word* block, std::index_sequence<steps...>) {
    Word v[4] = {state[0], state[1], state[2], state[3]};
    (md5_step<steps>(v, block), ...);
    for (std::size_t i = 0; i < 4; ++i) state[i] += v[i];
}
constexpr std::make_index_sequence<64> md5_steps;

void take_blocks(std::uint32_t* state, const std::byte* at, std::size_t blocks) {
    std::uint32_t block[16];
    for (; blocks > 0; --blocks, at += Md5::block_bytes) {
        std::memcpy(block, at, sizeof block);
        md5_block(state, block, md5_steps);
    }
}

/// Four words of each lane become a word of four lanes, four times.
inline void load_four(const std::byte* const* at, std::size_t offset, FourWords* block) {
    const auto row = [&](std::size_t lane) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[lane] + offset));
    };
    const __m128i a = row(0), b = row(1), c = row(2), d = row(3);
    const __m128i ab = _mm_unpacklo_epi32(a, b), cd = _mm_unpacklo_epi32(c, d);
    const __m128i ab_high = _mm_unpackhi_epi32(a, b), cd_high = _mm_unpackhi_epi32(c, d);
    block[0] = reinterpret_cast<FourWords>(_mm_unpacklo_epi64(ab, cd));
    block[1] = reinterpret_cast<FourWords>(_mm_unpackhi_epi64(ab, cd));
    block[2] = reinterpret_cast<FourWords>(_mm_unpacklo_epi64(ab_high, cd_high));
    block[3] = reinterpret_cast<FourWords>(_mm_unpackhi_epi64(ab_high, cd_high));
}

}  // namespace

void Md5::update(ByteSpan bytes) {
    const std::size_t border = bytes_to_border(), held = (block_bytes - border) % block_bytes;
    const std::size_t first = std::min(border, bytes.size());
    if (first > 0) std::memcpy(kept_.data() + held, bytes.data(), first);
    size_ += first;
    if (first > 0 && first == border) take_blocks(state_.data(), kept_.data(), 1);
    bytes = bytes.subspan(first);
    if (bytes.empty()) return;
    const std::size_t blocks = bytes.size() / block_bytes;
    take_blocks(state_.data(), bytes.data(), blocks);
    const ByteSpan rest = bytes.subspan(blocks * block_bytes);
    if (!rest.empty()) std::memcpy(kept_.data(), rest.data(), rest.size());
    size_ += bytes.size();
}

std::size_t Md5::update_together(const Lane* lanes, std::size_t count) {
    std::size_t blocks = lanes[0].bytes.size() / block_bytes;
    for (std::size_t l = 1; l < count; ++l)
        blocks = std::min(blocks, lanes[l].bytes.size() / block_bytes);
    const std::size_t taken = blocks * block_bytes;
    if (count == 1) {
        lanes[0].md5->update(lanes[0].bytes.first(taken));
        return taken;
    }
    FourWords state[4], block[16];
    const std::byte* at[lanes_max];
    for (std::size_t l = 0; l < lanes_max; ++l) {
        // A lane that nobody has does the first one's work again.
        const Lane& lane = lanes[l < count ? l : 0];
        at[l] = lane.bytes.data();
        for (std::size_t w = 0; w < 4; ++w) state[w][l] = lane.md5->state_[w];
    }
    for (std::size_t b = 0; b < blocks; ++b) {
        for (std::size_t w = 0; w < 16; w += 4) load_four(at, b * block_bytes + 4 * w, block + w);
        md5_block(state, block, md5_steps);
    }
    for (std::size_t l = 0; l < count; ++l) {
        for (std::size_t w = 0; w < 4; ++w) lanes[l].md5->state_[w] = state[w][l];
        lanes[l].md5->size_ += taken;
    }
    return taken;
}

Bytes Md5::finish() {
    const std::uint64_t bits = size_ * 8;
    std::array<std::byte, block_bytes> end{std::byte{0x80}};
    // The length stands at the end of a block.
    const std::size_t held = size_ % block_bytes;
    update(ByteSpan(end).first(held < 56 ? 56 - held : 120 - held));
    std::memcpy(end.data(), &bits, sizeof bits);
    update(ByteSpan(end).first(sizeof bits));
    Bytes digest(16);
    std::memcpy(digest.data(), state_.data(), 16);
    return digest;
}

struct Md5Beside::State {
    Md5 md5;
    std::deque<std::shared_ptr<const Bytes>> waiting;
    std::size_t at = 0;             ///< so far the first of them is done
    std::size_t waiting_bytes = 0;  ///< of those that aren't done to their end
    bool is_queued = false;         ///< or in a thread's hands
    bool is_awaited = false;        ///< nothing more comes, and somebody waits for the rest
    std::condition_variable changed;
};

/// The threads that work, and the streams that wait for them.
class Md5Threads {
public:
    using Stream = Md5Beside::State;

    static Md5Threads& of_all() {
        static Md5Threads threads;
        return threads;
    }
    ~Md5Threads() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
        }
        ready_changed_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }

    void enter() {
        const std::lock_guard lock(mutex_);
        ++streams_;
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        --streams_;
        if (may_begin()) ready_changed_.notify_one();
    }

    void feed(Stream& stream, std::shared_ptr<const Bytes> bytes) {
        if (bytes->empty()) return;
        std::unique_lock lock(mutex_);
        stream.changed.wait(lock, [&] { return stream.waiting_bytes < waiting_bytes_max; });
        stream.waiting_bytes += bytes->size();
        stream.waiting.push_back(std::move(bytes));
        if (!std::exchange(stream.is_queued, true)) ready_.push_back(&stream);
        if (may_begin()) ready_changed_.notify_one();
    }
    void wait_for(Stream& stream) {
        std::unique_lock lock(mutex_);
        stream.is_awaited = true;
        if (may_begin()) ready_changed_.notify_one();
        stream.changed.wait(lock, [&] { return !stream.is_queued; });
    }

private:
    static constexpr std::size_t waiting_bytes_max = 4u << 20;
    /// So much of one stream isn't kept waiting for others to go beside it.
    static constexpr std::size_t alone_from_bytes = 1u << 20;

    /// Lanes are worth filling: it is begun when all streams that could go have something, or one
    /// has much or is at its end. Under the lock.
    bool may_begin() const {
        if (ready_.empty()) return false;
        if (ready_.size() >= std::min(streams_ - in_hands_, Md5::lanes_max)) return true;
        return std::any_of(ready_.begin(), ready_.end(), [](const Stream* stream) {
            return stream->is_awaited || stream->waiting_bytes >= alone_from_bytes;
        });
    }

    /// Fewer than there are cores: who reads and writes needs some too, and lanes fill better.
    Md5Threads() {
        for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency() / 2); ++t)
            threads_.emplace_back([this] { run(); });
    }

    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            ready_changed_.wait(lock, [&] { return is_over_ || may_begin(); });
            if (is_over_) return;
            Stream* streams[Md5::lanes_max];
            Md5::Lane lanes[Md5::lanes_max];
            std::size_t count = 0;
            for (; count < Md5::lanes_max && !ready_.empty(); ++count) {
                streams[count] = ready_.front();
                ready_.pop_front();
                lanes[count] = {
                    &streams[count]->md5,
                    ByteSpan(*streams[count]->waiting.front()).subspan(streams[count]->at)};
            }
            in_hands_ += count;
            lock.unlock();
            std::size_t done[Md5::lanes_max];
            advance(lanes, count, done);
            lock.lock();
            in_hands_ -= count;
            for (std::size_t l = 0; l < count; ++l) settle(*streams[l], done[l]);
        }
    }

    /// The blocks that all have go side by side; what doesn't fill a block, by itself.
    static void advance(const Md5::Lane* given, std::size_t count, std::size_t* done) {
        Md5::Lane lanes[Md5::lanes_max];
        std::size_t of[Md5::lanes_max], together = 0;
        for (std::size_t l = 0; l < count; ++l) {
            const auto [md5, bytes] = given[l];
            done[l] = std::min(md5->bytes_to_border(), bytes.size());
            md5->update(bytes.first(done[l]));
            const ByteSpan rest = bytes.subspan(done[l]);
            if (rest.size() >= Md5::block_bytes) {
                of[together] = l;
                lanes[together++] = {md5, rest};
            }
        }
        if (together > 0) {
            const std::size_t taken = Md5::update_together(lanes, together);
            for (std::size_t t = 0; t < together; ++t) done[of[t]] += taken;
        }
        for (std::size_t l = 0; l < count; ++l) {
            const ByteSpan rest = given[l].bytes.subspan(done[l]);
            if (rest.size() >= Md5::block_bytes) continue;
            given[l].md5->update(rest);
            done[l] += rest.size();
        }
    }

    void settle(Stream& stream, std::size_t done) {
        stream.at += done;
        if (stream.at == stream.waiting.front()->size()) {
            stream.waiting_bytes -= stream.at;
            stream.at = 0;
            stream.waiting.pop_front();
        }
        stream.is_queued = !stream.waiting.empty();
        if (stream.is_queued) ready_.push_back(&stream);
        stream.changed.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable ready_changed_;
    std::deque<Stream*> ready_;
    std::size_t streams_ = 0, in_hands_ = 0;
    bool is_over_ = false;
    std::vector<std::thread> threads_;
};

Md5Beside::Md5Beside(const Md5& before) : state_(new State) {
    state_->md5 = before;
    Md5Threads::of_all().enter();
}
Md5Beside::~Md5Beside() {
    Md5Threads::of_all().wait_for(*state_);
    Md5Threads::of_all().leave();
}

void Md5Beside::feed(std::shared_ptr<const Bytes> bytes) {
    Md5Threads::of_all().feed(*state_, std::move(bytes));
}

Bytes Md5Beside::finish() {
    Md5Threads::of_all().wait_for(*state_);
    return state_->md5.finish();
}

}  // namespace stroma::front::s3
