#pragma once

#include <mutex>
#include <shared_mutex>

#include "portal/portal.h"
#include "sql/connection_pool.h"

// Private to this folder.

namespace stroma::portal {

struct Portal::State {
    State(sql::Database& database, catalog::Catalog& the_catalog,
          ontology::Ontologies& the_ontologies, std::vector<Profile> the_profiles,
          OpenRevision open, const Clock& the_clock, IdSource& the_ids)
        : pool(database),
          catalog(the_catalog),
          ontologies(the_ontologies),
          profiles(std::move(the_profiles)),
          open_revision(std::move(open)),
          clock(the_clock),
          ids(the_ids) {}

    sql::ConnectionPool pool;
    catalog::Catalog& catalog;
    ontology::Ontologies& ontologies;
    const std::vector<Profile> profiles;
    const OpenRevision open_revision;
    const Clock& clock;
    IdSource& ids;

    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const RevisionFacts>, std::less<>> facts;

    /// Held while facts are read from rows and sealed files, so that nobody reads one twice.
    std::mutex reading;
    bool has_loaded_facts = false;

    std::shared_mutex index_mutex;
    std::unique_ptr<FacetIndex> index;
    std::map<std::string, std::shared_ptr<const IndexedRevision>, std::less<>> indexed;
};

}  // namespace stroma::portal
