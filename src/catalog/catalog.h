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

/// What is to be changed of a collection; what isn't set stays.
struct CollectionChange {
    std::optional<std::string> title, description;
    std::optional<Visibility> visibility;
    std::optional<std::vector<std::string>> datasets;  ///< ids of all that are in it from now on
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

/// A picture that lies under the cells of a revision. Its pixels are an object of that id.
struct Image {
    std::string id, revision;
    std::string name;         ///< distinct within the revision
    std::string content_key;  ///< hash of source content and placing; a repeat is seen
    std::string embedding;    ///< key of the obsm that its plane is
    std::string transform;    ///< JSON: from pixels to that plane
    std::string source;       ///< JSON: what it was made from
    std::int64_t created_ms = 0;
};

/// Keeps a record of decisions. Any thread.
class Witness {
public:
    virtual ~Witness() = default;
    /// What was decided, before it is done; `link` is the capability link that allowed it, or "".
    /// An error refuses the action: nothing changes without its record.
    virtual Result<void> record(const Principal& principal, Action action, const Thing& thing,
                                bool allowed, std::string_view link) = 0;
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

    // Images, which come and go beside a revision
    /// Of a revision that isn't removed; takes the place of a former one of that name, whose id it
    /// gives, else "".
    Result<std::string> put_image(const Image& image);
    Result<std::vector<Image>> images(std::string_view revision);  ///< by name
    Result<std::vector<Image>> all_images();
    Result<std::optional<Image>> find_image(std::string_view id);
    /// Missing is no error.
    Result<void> remove_image(std::string_view id);

    // Collections
    Result<Collection> create_collection(std::string_view name, std::string_view title,
                                         std::string_view owner, Visibility visibility);
    Result<std::optional<Collection>> find_collection(std::string_view id_or_name);
    Result<std::vector<Collection>> collections();
    /// In one transaction. The datasets of a public collection become public with it.
    /// errors  not_found  the collection, or one of the datasets
    Result<Collection> change_collection(std::string_view id, const CollectionChange& change);

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
    /// One access for each principal and thing: a former one is replaced.
    Result<void> grant(const Grant& grant);
    /// Whatever its access is. not_found when there is none.
    Result<void> revoke(const Grant& grant);
    Result<std::vector<Grant>> grants_on(std::string_view thing);

    /// Whether the principal may do the action to the thing. A denied read of a private thing must
    /// be shown as not_found.
    Result<bool> may(const Principal& principal, Action action, const Thing& thing);
    /// The one decision, asked by every front and verb before it acts: may(), told to the witness
    /// when it denies, when it lets something change, and when a link allowed it.
    Result<bool> decide(const Principal& principal, Action action, const Thing& thing);
    /// Who is told, from now on; it outlives the catalog's use. Before the first decision.
    void set_witness(Witness& witness);
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
