#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/author.h"
#include "annotation/label_state.h"
#include "base/context.h"
#include "sql/connection_pool.h"

namespace stroma::annotation {

/// Where a column lies: the unit of labels is (revision, space, column).
struct LabelPlace {
    std::string space, revision;
};

struct LabelColumn {
    std::string id;
    LabelPlace place;
    std::string name;
    std::uint32_t cells = 0;   ///< of the revision
    std::int64_t version = 0;  ///< of the last change; the first is 1
    std::int64_t changed_ms = 0;
    std::string etag() const { return id + "." + std::to_string(version); }
};

/// One change to be made, and what the history says of it.
struct LabelStep {
    std::string kind;
    /// The change, worked out from the state it is meant for.
    std::function<Result<LabelChange>(const LabelState&)> change;
    std::int64_t undoes = 0;  ///< the version it takes back
};

/// What the writer knew.
struct LabelBase {
    std::int64_t version = 0;
    bool merge = false;  ///< on top of what changed since; else that is a conflict
};

struct LabelOutcome {
    LabelColumn column;
    HistoryEntry entry;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> conflicts;  ///< cells left to others
};

/// Columns of labels over the cells of revisions. Each change is a row that is durable before it
/// is acknowledged, and nothing but rows is ever added. Columns in use stay in memory. Any thread.
class Labels {
public:
    Labels(sql::Database& control, const Clock& clock, IdSource& ids)
        : pool_(control), clock_(clock), ids_(ids) {}

    /// errors  already_exists  the place has a column of that name     exhausted  too many
    Result<LabelOutcome> create(const LabelPlace& place, std::string_view name, std::uint32_t cells,
                                const Author& author, const LabelStep& first);
    Result<std::vector<LabelColumn>> columns(const LabelPlace& place);
    /// Not removed ones.
    Result<std::optional<LabelColumn>> find(std::string_view id);

    /// errors  conflict  the column isn't at the base's version, and merging wasn't asked for or
    ///                   isn't possible; else those of the step
    Result<LabelOutcome> append(const LabelColumn& column, const LabelBase& base,
                                const Author& author, const LabelStep& step);
    /// Takes back the change that made `version`.
    Result<LabelOutcome> undo(const LabelColumn& column, const LabelBase& base,
                              const Author& author, std::int64_t version);
    Result<LabelOutcome> rename(const LabelColumn& column, const LabelBase& base,
                                const Author& author, std::string_view name);
    /// Its history stays in the tables.
    Result<void> remove(const LabelColumn& column, const LabelBase& base, const Author& author);

    Result<std::shared_ptr<const LabelState>> state(const LabelColumn& column);
    /// As it was. not_found  no such version
    Result<std::shared_ptr<const LabelState>> state_at(const LabelColumn& column,
                                                       std::int64_t version);
    /// Newest first, those after `since`.
    Result<std::vector<HistoryEntry>> history(const LabelColumn& column, std::int64_t since,
                                              std::int64_t most);

private:
    struct Kept {
        std::string column;
        std::shared_ptr<const LabelState> state;
    };
    struct Written {
        std::string kind, detail, bytes;
        bool removes = false;
    };
    Result<std::shared_ptr<const LabelState>> state_locked(const LabelColumn& column);
    Result<std::shared_ptr<const LabelState>> read_state(const LabelColumn& column);
    Result<LabelState> read_snapshot(sql::Connection& connection, const LabelColumn& column);
    Result<std::shared_ptr<const LabelState>> older_locked(const LabelColumn& column,
                                                           std::int64_t version);
    Result<LabelChange> change_at(const LabelColumn& column, std::int64_t version);
    Result<LabelColumn> current(const LabelColumn& column);
    Result<LabelChange> change_for(const LabelColumn& now, const LabelBase& base,
                                   const LabelStep& step);
    Result<HistoryEntry> write(LabelColumn& column, const Author& author, const Written& written);
    void keep(const std::string& column, std::shared_ptr<const LabelState> state);

    static constexpr std::size_t kept_cells_max = 64u << 20;
    static constexpr std::int64_t replay_max = 64;  ///< changes read before a snapshot is worth it
    static constexpr std::int64_t columns_max = 500;
    sql::ConnectionPool pool_;
    const Clock& clock_;
    IdSource& ids_;
    std::mutex mutex_;  ///< one writer; also of what is kept
    std::list<Kept> newest_first_;
};

}  // namespace stroma::annotation
