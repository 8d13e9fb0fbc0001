#include "redshift/load/staging.h"

#include <fmt/format.h>

#include "base/context.h"

namespace stroma::redshift {

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

Result<fs::path> Staging::take(const LoadFile& file) {
    const fs::path path = next_path();
    auto out = TRY(File::create(path));
    auto bytes = TRY(file.open());
    std::uint64_t at = 0;
    for (;;) {
        const auto block = TRY(bytes->next());
        if (block.empty()) return path;
        TRY(out.write_at(at, as_bytes(block)));
        at += block.size();
    }
}

}  // namespace stroma::redshift
