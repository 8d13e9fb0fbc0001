#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"
#include "catalog/catalog.h"
#include "expression/sealed_dataset.h"
#include "ontology/ontologies.h"
#include "portal/search.h"
#include "portal/validation.h"
#include "sql/database.h"

namespace stroma::portal {

/// The open revision of a published collection, seen by those who may change it.
struct Draft {
    std::string collection, title, description;
    std::vector<std::string> datasets;  ///< ids, in the order shown
    std::string started_by;
    std::int64_t started_ms = 0;
};

struct DownloadLink {
    std::string id, result, dataset, revision, principal;
    std::int64_t created_ms = 0, expires_ms = 0;
};

/// What somebody said of a dataset, or of a view of it.
struct Comment {
    std::string id, dataset;
    std::string view;         ///< "" of the dataset as a whole
    std::string author;       ///< a principal's id, or "link:" and that of a link
    std::string author_name;  ///< as it was then; "" of a stranger who gave none
    std::string text;
    std::int64_t created_ms = 0;
};

/// Rows about datasets and collections in the control database. Who may do what is asked of the
/// catalog by whoever calls. Any thread.
class Portal {
public:
    using OpenRevision =
        std::function<Result<std::shared_ptr<const expression::SealedDataset>>(std::string_view)>;
    static Result<std::unique_ptr<Portal>> open(sql::Database& control, catalog::Catalog& catalog,
                                                ontology::Ontologies& ontologies,
                                                std::vector<Profile> profiles,
                                                OpenRevision open_revision, const Clock& clock,
                                                IdSource& ids);
    ~Portal();

    /// What a principal may read, counted and searched. Cost: a few milliseconds per thousand
    /// datasets; a revision that was never looked at is read once and then kept as a row.
    Result<SearchAnswer> search(const catalog::Principal& principal,
                                const SearchQuestion& question);
    /// What is known of a revision without opening it. errors  not_found
    Result<std::shared_ptr<const RevisionFacts>> facts(std::string_view revision);

    /// The thing's card; an empty one, version 0, when nothing was said.
    Result<Card> card(std::string_view thing);
    /// Puts it in the place of version `card.version`. errors  conflict  that was changed meanwhile
    Result<Card> put_card(Card card);

    /// The open revision, if there is one.
    Result<std::optional<Draft>> draft(std::string_view collection);
    /// errors  already_exists  one is open
    Result<Draft> begin_draft(const catalog::Collection& collection, std::string_view who);
    Result<void> put_draft(const Draft& draft);
    Result<void> drop_draft(std::string_view collection);
    /// Ids of a collection's datasets, in the order they were put.
    Result<std::vector<std::string>> datasets_in(std::string_view collection);
    /// Title and datasets of a collection that isn't published.
    Result<void> change_private(std::string_view collection,
                                const std::optional<std::string>& title,
                                const std::optional<std::vector<std::string>>& datasets);
    /// Makes the collection public with its datasets, or an open revision its content.
    /// errors  conflict  no datasets, or one without data: says which
    Result<catalog::Collection> publish(const catalog::Collection& collection);

    /// What a dataset can be checked against.
    const std::vector<Profile>& profiles() const;
    /// The report of content that has no revision yet. JSON: validate(). errors  not_found
    Result<std::string> inspect(const expression::SealedDataset& dataset, std::string_view profile,
                                const expression::Watch& watch);
    /// The report of a revision against a profile: kept, or made now, also where the rules or the
    /// ontologies have changed since. JSON.
    /// errors  not_found  no such profile, no such revision
    Result<std::string> report(std::string_view revision, std::string_view profile);
    /// The one that was put under an id and a profile, if any.
    Result<std::optional<std::string>> kept_report(std::string_view id, std::string_view profile);
    Result<void> put_report(std::string_view revision, std::string_view profile,
                            std::string_view report);

    struct NewLink {
        DownloadLink link;
        std::string secret;  ///< shown once
    };
    Result<NewLink> create_link(DownloadLink link);
    /// Nothing for an unknown secret; an expired one is given.
    Result<std::optional<DownloadLink>> find_link(std::string_view secret);

    /// Of one dataset, or of that view of it; the oldest first.
    Result<std::vector<Comment>> comments(std::string_view dataset, std::string_view view);
    Result<std::optional<Comment>> find_comment(std::string_view id);
    /// Gives it its id and time. errors  invalid_input  too long     exhausted  too many
    Result<Comment> add_comment(Comment comment);
    Result<void> remove_comment(std::string_view id);
    /// Takes away what was said of datasets that are gone.
    Result<void> forget_removed();

    struct State;

private:
    explicit Portal(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::portal
