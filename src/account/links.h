#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "sql/database.h"

namespace stroma::account {

/// Lets whoever has its secret read one thing (and comment on it) until it expires or is revoked.
struct Link {
    std::string id;
    catalog::ThingKind kind = catalog::ThingKind::dataset;  ///< dataset, collection, result or view
    std::string thing, label;
    std::string creator;  ///< principal
    std::int64_t created_ms = 0, expires_ms = 0, used_ms = 0;
    std::int64_t uses = 0;  ///< how often it was opened
    bool revoked = false;
    bool comments = false;  ///< not of a result
};

struct NewLink {
    Link link;
    std::string secret;  ///< shown once
};

/// The datasets that a result ("<hash>.loom") holds cells of; empty when there is no such result.
using SourcesOfResult = std::function<Result<std::vector<std::string>>(std::string_view result)>;

/// The owner of a view and the dataset that it shows, whoever may see it; nothing when it is gone.
struct ViewOfLink {
    std::string owner, dataset;
    bool by_link = false;
};
using FindView = std::function<Result<std::optional<ViewOfLink>>(std::string_view view)>;

/// Capability links. A link is worth what its creator may give: when they may no more share the
/// thing, it gives nothing. Any thread.
class Links {
public:
    /// The tables are those of Accounts::open, which comes first. All outlive the links.
    Links(sql::Database& database, catalog::Catalog& catalog, const Clock& clock, IdSource& ids,
          SourcesOfResult sources, FindView find_view);
    ~Links();

    struct Order {
        catalog::ThingKind kind = catalog::ThingKind::dataset;
        std::string thing, label;
        Milliseconds length{0};
        bool comments = false;
    };
    /// errors  not_found  there is no such thing, or the creator may not read it
    ///         denied     the creator may not share it (of a result: every dataset in it; of a
    ///                    view: the dataset that it shows)
    Result<NewLink> create(const catalog::Principal& creator, const Order& order);
    Result<std::optional<Link>> find(std::string_view id);
    Result<std::vector<Link>> links_of(std::string_view creator);
    Result<std::vector<Link>> links_on(std::string_view thing);
    Result<void> revoke(std::string_view id);
    /// Counts an opening. Nothing when the secret is unknown; the link, perhaps over, else.
    Result<std::optional<Link>> open(std::string_view secret);
    /// What the secret lets its holder read; nothing when it is unknown, over, or its creator may
    /// no more share the thing.
    Result<std::optional<catalog::LinkRight>> right_of(std::string_view secret);
    /// Whether it could be used now.
    Result<bool> holds(const Link& link);

private:
    struct State;
    Result<std::string> id_of(const catalog::Principal& creator, const Order& order);
    Result<bool> may_share(const catalog::Principal& creator, catalog::ThingKind kind,
                           std::string_view thing, bool is_asked_for);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::account
