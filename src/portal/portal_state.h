#pragma once

#include <list>
#include <mutex>

#include "portal/portal.h"
#include "sql/connection_pool.h"

// Private to this folder.

namespace stroma::portal {

struct Portal::State {
    State(sql::Database& database, catalog::Catalog& the_catalog, OpenRevision open,
          const Clock& the_clock, IdSource& the_ids)
        : pool(database),
          catalog(the_catalog),
          open_revision(std::move(open)),
          clock(the_clock),
          ids(the_ids) {}

    sql::ConnectionPool pool;
    catalog::Catalog& catalog;
    const OpenRevision open_revision;
    const Clock& clock;
    IdSource& ids;

    std::mutex mutex;
    std::map<std::string, std::shared_ptr<const RevisionFacts>, std::less<>> facts;
};

}  // namespace stroma::portal
