#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/author.h"
#include "base/context.h"
#include "sql/connection_pool.h"

namespace stroma::annotation {

/// Where somebody's labels and gene sets lie. Who may read or change what is in it is asked of the
/// catalog: its owner, and whom it was granted to.
struct Space {
    std::string id, owner, title;
    std::int64_t created_ms = 0;
};

/// Any thread.
class Spaces {
public:
    Spaces(sql::Database& control, const Clock& clock, IdSource& ids)
        : pool_(control), clock_(clock), ids_(ids) {}

    Result<Space> create(std::string_view owner, std::string_view title);
    Result<std::optional<Space>> find(std::string_view id);
    Result<std::vector<Space>> all();
    /// With all that lies in it, also its history.
    Result<void> remove(std::string_view id);
    /// Drops labels, gene sets, selections and views of revisions that aren't there any more.
    Result<void> forget_removed(
        const std::function<Result<bool>(const std::string& revision)>& is_there);

private:
    sql::ConnectionPool pool_;
    const Clock& clock_;
    IdSource& ids_;
};

}  // namespace stroma::annotation
