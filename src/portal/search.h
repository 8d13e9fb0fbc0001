#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "portal/facet_index.h"

namespace stroma::portal {

/// What people say of a dataset or a collection.
struct Card {
    std::string thing;  ///< id
    std::string description, doi, contact;
    std::string links = "[]";           ///< JSON: [{"kind", "url", "title"}]
    std::string publication = "{}";     ///< JSON: {"title", "authors", "journal", "year"}
    std::vector<std::string> datasets;  ///< of a collection: ids in the order shown
    std::string tombstone;              ///< why it was taken away; "" while it lives
    std::int64_t published_ms = 0, revised_ms = 0;
    std::int64_t version = 0;  ///< rises with each change
    std::int64_t changed_ms = 0;
};

struct SearchEntry {
    catalog::Dataset dataset;
    Card card;
    std::string collection_title;
    std::shared_ptr<const RevisionFacts> facts;
    std::shared_ptr<const IndexedRevision> indexed;  ///< set with `facts`
};

struct SearchQuestion {
    std::string text;  ///< words; each must begin a word of what is said of a dataset
    /// Facet → any of these, or of what is narrower: names, ids or synonyms of terms, or texts.
    std::map<std::string, std::vector<std::string>, std::less<>> chosen;
    std::optional<std::uint64_t> cells_min, cells_max;
    std::string collection;  ///< id; "" is all
    std::string owner;       ///< id; "" is all
    std::string order;       ///< "" or "newest", "cells", "title"
    std::size_t offset = 0, limit = 50;
};

struct FacetCount {
    std::string value, term;    ///< the term's id, where it is one
    std::int64_t datasets = 0;  ///< that have it or what is narrower
    bool chosen = false;
    bool is_broader = false;  ///< no dataset says it by itself
};
struct FacetCounts {
    std::string name, title;
    /// What datasets say, most datasets first, then the groups above it; chosen ones always.
    std::vector<FacetCount> values;
};

struct SearchAnswer {
    std::size_t total = 0;             ///< that match, before offset and limit
    std::size_t all = 0;               ///< before anything was asked
    std::vector<SearchEntry> entries;  ///< from offset, at most limit
    std::vector<FacetCounts> facets;   ///< each counted as if itself weren't chosen
};

/// Any of the values inside a facet, all facets together. Cost: each entry's words once.
SearchAnswer search(std::vector<SearchEntry> entries, const SearchQuestion& question,
                    const FacetIndex& index);

}  // namespace stroma::portal
