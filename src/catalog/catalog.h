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
#include "catalog/principal.h"
#include "sql/database.h"

namespace stroma::catalog {

enum class Visibility { private_, public_ };

struct Collection {
    std::string id, name, title, description, owner;
    Visibility visibility = Visibility::private_;
    std::int64_t created_ms = 0, changed_ms = 0;
};

/// A named thing with a history of immutable revisions; the current one is what readers see.
struct Dataset {
    std::string id;
    std::string name;  ///< distinct among the living; letters, digits, . _ - ; at most 200 bytes
    std::string title, collection, owner;
    Visibility visibility = Visibility::private_;
    std::string current_revision;  ///< "" until the first is ready
    bool withdrawn = false;        ///< tombstone: the id stays, the content is gone
    std::int64_t created_ms = 0, changed_ms = 0;
};

enum class RevisionState { pending, ready, removed };

/// Sealed content. `pending` while it is being loaded: the warehouse's ledger decides whether a
/// crash made it ready.
struct Revision {
    std::string id, dataset;
    std::int64_t number = 0;  ///< 1, 2, … within the dataset
    RevisionState state = RevisionState::pending;
    std::string object_key;  ///< the sealed file
    std::string object_etag;
    std::string source;       ///< JSON: what it was made from (paths, sizes, hashes, bundle)
    std::string content_key;  ///< hash of source content and import options; a repeat is seen
    std::uint64_t cells = 0, genes = 0, nonzeros = 0;
    std::int64_t created_ms = 0;
};

/// An HCA bundle version that was ever heard of; deleted ones stay as tombstones.
struct Bundle {
    std::string uuid, version;  ///< fqid is uuid + "." + version
    std::string dataset, revision;
    std::string state;   ///< "loaded", "replaced", "deleted", "lost" to damage: may come again
    std::string report;  ///< JSON: files that match, differ, are absent
    std::int64_t changed_ms = 0;
};

/// What exists, who owns it, who may do what. In the control database. Any thread.
class Catalog {
public:
    static Result<std::unique_ptr<Catalog>> open(sql::Database& database, const Clock& clock,
                                                 IdSource& ids);
    ~Catalog();

    // Datasets and revisions
    Result<Dataset> create_dataset(std::string_view name, std::string_view title,
                                   std::string_view owner, Visibility visibility);
    /// By id or name. Withdrawn ones only by id.
    Result<std::optional<Dataset>> find_dataset(std::string_view id_or_name);
    Result<std::vector<Dataset>> datasets();
    /// Changes name, title, collection and visibility.
    Result<Dataset> update_dataset(const Dataset& dataset);
    /// The dataset's next number, pending. A pending one of the same content is given again, so
    /// that a repeated import goes on with it.
    Result<Revision> begin_revision(std::string_view dataset, std::string_view content_key,
                                    std::string_view source);
    /// pending → ready and, unless a newer one is, the dataset's current one, in one transaction.
    /// Repeating it is harmless. errors  conflict  it was removed, or published with other bytes
    Result<void> publish_revision(const Revision& revision);
    /// Marks it removed. When it was the current one the dataset has none until the next publish;
    /// when it was the last one the dataset is withdrawn.
    Result<void> remove_revision(std::string_view revision);
    Result<void> withdraw_dataset(std::string_view dataset);
    Result<std::optional<Revision>> find_revision(std::string_view id);
    Result<std::vector<Revision>> revisions(std::string_view dataset);
    Result<std::vector<Revision>> pending_revisions();

    // Collections
    Result<Collection> create_collection(std::string_view name, std::string_view title,
                                         std::string_view owner, Visibility visibility);
    Result<std::optional<Collection>> find_collection(std::string_view id_or_name);
    Result<std::vector<Collection>> collections();

    // Bundles
    Result<void> put_bundle(const Bundle& bundle);
    Result<std::vector<Bundle>> bundles(std::string_view uuid);  ///< all versions, oldest first
    Result<std::vector<Bundle>> all_bundles();

    // Principals, tokens, grants
    Result<Principal> create_principal(std::string_view name, Role role);
    Result<std::optional<Principal>> find_principal(std::string_view id_or_name);
    Result<std::vector<Principal>> principals();
    /// A disabled principal, named by id, may nothing and its tokens are refused.
    Result<void> set_disabled(std::string_view principal, bool disabled);
    /// The secret is returned once and kept as a hash. expires_ms 0 is never.
    Result<NewToken> create_token(std::string_view principal, std::string_view label,
                                  std::vector<std::string> scopes, std::int64_t expires_ms);
    /// The token's principal, narrowed to its scopes; denied when unknown, expired or revoked.
    Result<Principal> principal_of_token(std::string_view secret);
    Result<std::vector<Token>> tokens(std::string_view principal);
    Result<void> revoke_token(std::string_view token_id);
    Result<void> grant(const Grant& grant);
    Result<void> revoke(const Grant& grant);
    Result<std::vector<Grant>> grants_on(std::string_view thing);

    /// The one decision: whether the principal may do the action to the thing. Every front and
    /// verb asks here. A denied read of a private thing must be shown as not_found.
    Result<bool> may(const Principal& principal, Action action, const Thing& thing);
    /// Ids of the datasets with a current revision that the principal may read.
    Result<std::vector<std::string>> readable_datasets(const Principal& principal);

    /// Number that rises with each visible change of data: publish, remove, withdraw.
    Result<std::int64_t> data_version();
    /// Raises it for a change outside the catalog: an annotation that names features anew.
    Result<void> note_annotation();
    /// Tells the annotation that is loaded from former ones; "" before the first.
    Result<std::string> annotation();

    struct State;

private:
    explicit Catalog(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::catalog
