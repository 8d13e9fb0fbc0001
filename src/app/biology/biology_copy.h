#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "app/site.h"
#include "app/verb.h"
#include "warehouse/warehouse.h"

namespace stroma::app {

struct BiologyOrder {
    std::string to;       ///< postgres://user@host/database
    std::string dataset;  ///< one alone, by its name; "" for all
    bool with_expression = false;
};

/// What was done for one dataset.
struct BiologyCopied {
    std::string dataset, revision;
    bool was_there = false;  ///< that revision, with what was asked for
    bool is_gone = false;    ///< the dataset isn't here any more, and its rows went there
    std::int64_t rows = 0;
};

/// Brings the current revisions' rows into the schema `biology` of a PostgreSQL database, each
/// revision once: a dataset's tables and its line in biology.load_commits are one transaction, and
/// the former revision's rows go in it. Rows of datasets that aren't here any more go too, unless
/// one dataset alone is asked for.
/// errors  invalid_input  `to` is no such address    not_found  the dataset
///         conflict       the dataset changed three times meanwhile
///         unavailable, denied  as the server says
Result<std::vector<BiologyCopied>> copy_biology(Site& site, const BiologyOrder& order,
                                                warehouse::QueryLimits limits);

/// The same for routes and verbs: of {"to", "dataset", "expression"}, as a JSON list.
Result<std::string> copy_biology_json(Site& site, const std::string& request);

Verb biology_verb();

}  // namespace stroma::app
