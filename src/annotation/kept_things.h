#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/cell_bitmap.h"
#include "base/context.h"
#include "sql/connection_pool.h"

namespace stroma::annotation {

enum class KeptKind { selection, view };
std::string_view name_of(KeptKind kind);

/// A selection of cells or a view of a screen: immutable, with an id that can't be guessed.
struct KeptThing {
    std::string id;
    KeptKind kind = KeptKind::view;
    std::string revision, owner, name;
    bool by_link = false;  ///< whoever has the id (and may read the revision) may see it
    std::int64_t created_ms = 0;
    std::string body;  ///< JSON; not set in lists
};

/// The cells of a selection, from its body.
Result<CellRuns> cells_of(const KeptThing& selection);

/// Any thread.
class KeptThings {
public:
    KeptThings(sql::Database& control, const Clock& clock, IdSource& ids)
        : pool_(control), clock_(clock), ids_(ids) {}

    /// Gives it its id and time. exhausted  its owner keeps too many
    Result<KeptThing> put(KeptThing thing);
    Result<std::optional<KeptThing>> find(KeptKind kind, std::string_view id);
    /// Of one owner, the newest first; `revision` "" is any.
    Result<std::vector<KeptThing>> list(KeptKind kind, std::string_view owner,
                                        std::string_view revision);
    Result<void> remove(std::string_view id);

private:
    static constexpr std::int64_t kept_max = 10'000;
    sql::ConnectionPool pool_;
    const Clock& clock_;
    IdSource& ids_;
};

}  // namespace stroma::annotation
