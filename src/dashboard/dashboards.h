#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "dashboard/definition.h"
#include "sql/connection_pool.h"

namespace stroma::dashboard {

/// Who sees it beside its owner and those whom it was granted to.
enum class Visibility {
    private_,
    link,    ///< whoever has its address
    public_  ///< everybody; it stands in everybody's list
};
std::string_view name_of(Visibility visibility);  ///< "private", "link", "public"
/// errors  invalid_input
Result<Visibility> visibility_named(std::string_view name);

struct Dashboard {
    std::string id;  ///< "dashboard-…", hard to guess
    std::string owner, title;
    Visibility visibility = Visibility::private_;
    std::int64_t version = 0;  ///< of its definition, counted from 1
    std::int64_t created_ms = 0, changed_ms = 0;
};

struct Author {
    std::string id, name;
};

/// A definition as somebody saved it.
struct Version {
    std::int64_t number = 0;
    Author author;
    std::int64_t saved_ms = 0;
    std::string definition;  ///< JSON; "" in lists
};

/// Dashboards in the control database, with their last hundred versions. Any thread.
class Dashboards {
public:
    static Result<std::unique_ptr<Dashboards>> open(sql::Database& control, const Clock& clock,
                                                    IdSource& ids);
    Dashboards(sql::Database& control, const Clock& clock, IdSource& ids)
        : pool_(control), clock_(clock), ids_(ids) {}

    /// errors  exhausted  the author has a thousand
    Result<Dashboard> create(const Author& author, const Definition& definition);
    Result<std::optional<Dashboard>> find(std::string_view id);
    Result<std::vector<Dashboard>> all();  ///< by title
    /// The next version. `known` is the version that was changed; 0 doesn't care.
    /// errors  conflict   somebody saved another one since
    ///         not_found  it was removed
    Result<Dashboard> save(std::string_view id, std::int64_t known, const Author& author,
                           const Definition& definition);
    Result<void> show_to(std::string_view id, Visibility visibility);
    /// With all its versions.
    Result<void> remove(std::string_view id);
    /// Newest first, without definitions.
    Result<std::vector<Version>> versions(std::string_view id);
    /// errors  not_found  no such version, or it is too long ago
    Result<Version> version(std::string_view id, std::int64_t number);

private:
    sql::ConnectionPool pool_;
    const Clock& clock_;
    IdSource& ids_;
};

}  // namespace stroma::dashboard
