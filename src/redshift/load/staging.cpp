#include "redshift/load/staging.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/context.h"
#include "base/threads.h"

namespace stroma::redshift {
namespace {

// A block stays in a processor's cache between its reading, its check and its writing.
constexpr std::uint64_t copied_block_bytes = 1u << 20;

Result<void> copy_block(LakeReader& object, std::uint64_t number, std::span<std::byte> buffer,
                        File& out) {
    const std::uint64_t from = number * copied_block_bytes;
    const auto block = buffer.first(
        static_cast<std::size_t>(std::min(copied_block_bytes, object.object().size - from)));
    TRY(object.read_at(from, block));
    return out.write_at(from, block);
}

}  // namespace

Staging::Staging(const fs::path& folder) {
    // No statement of a user's can guess the name.
    IdSource ids;
    folder_ = folder / ids.secret(16);
    std::error_code ignored;
    fs::create_directory(folder_, ignored);
}

Staging::~Staging() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path Staging::next_path() { return folder_ / fmt::format("{:05}.parquet", count_++); }

Result<fs::path> Staging::take(LakeReader& object) {
    const fs::path path = next_path();
    auto out = TRY(File::create(path));
    const std::uint64_t size = object.object().size;
    if (size == 0) return path;
    const std::uint64_t last = (size - 1) / copied_block_bytes;
    std::atomic<std::uint64_t> next = 0;
    const auto threads = std::max<std::size_t>(1, std::min<std::uint64_t>(thread_count(), last));
    Bytes buffers(threads * copied_block_bytes);
    const std::span buffer(buffers);
    const auto copy_blocks = [&](std::size_t thread) -> Result<void> {
        const auto own = buffer.subspan(thread * copied_block_bytes, copied_block_bytes);
        for (auto number = next++; number < last; number = next++)
            TRY(copy_block(object, number, own, out));
        return {};
    };
    TRY(parallel_for(threads, copy_blocks));
    // A reader that gave its last bytes may close what it read.
    TRY(copy_block(object, last, buffer.first(copied_block_bytes), out));
    return path;
}

}  // namespace stroma::redshift
