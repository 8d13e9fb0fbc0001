#include "redshift/load/staging.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/context.h"
#include "base/threads.h"

namespace stroma::redshift {
namespace {

constexpr std::uint64_t copied_block_bytes = 1u << 20;

Result<void> copy_block(LakeReader& object, std::uint64_t number, File& out) {
    const std::uint64_t from = number * copied_block_bytes;
    const std::uint64_t count = std::min(copied_block_bytes, object.object().size - from);
    const Bytes block = TRY(object.read(from, static_cast<std::size_t>(count)));
    if (block.size() != count)
        return fail(ErrorCode::corrupt,
                    object.object().address.url() + " ends before its size says");
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
    TRY(parallel_for(static_cast<std::size_t>(last),
                     [&](std::size_t number) { return copy_block(object, number, out); }));
    // A reader that gave its last bytes may close what it read.
    TRY(copy_block(object, last, out));
    return path;
}

}  // namespace stroma::redshift
