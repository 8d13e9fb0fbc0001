#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog.h"
#include "portal/facets.h"

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

/// What a revision's content says of itself; the same for ever.
struct RevisionFacts {
    std::string revision, title;
    std::int64_t number = 0, created_ms = 0;
    std::uint64_t cells = 0, genes = 0, nonzeros = 0;
    std::vector<FacetValue> facets;
};

struct SearchEntry {
    catalog::Dataset dataset;
    Card card;
    std::string collection_title;
    std::shared_ptr<const RevisionFacts> facts;
};

struct SearchQuestion {
    std::string text;  ///< words; each must begin a word of what is said of a dataset
    std::map<std::string, std::vector<std::string>, std::less<>> chosen;  ///< facet → any of these
    std::optional<std::uint64_t> cells_min, cells_max;
    std::string collection;  ///< id; "" is all
    std::string owner;       ///< id; "" is all
    std::string order;       ///< "" or "newest", "cells", "title"
    std::size_t offset = 0, limit = 50;
};

struct FacetCount {
    std::string value;
    std::int64_t datasets = 0;
    bool chosen = false;
};
struct FacetCounts {
    std::string name, title;
    std::vector<FacetCount> values;  ///< most datasets first; chosen ones are always told
};

struct SearchAnswer {
    std::size_t total = 0;             ///< that match, before offset and limit
    std::size_t all = 0;               ///< before anything was asked
    std::vector<SearchEntry> entries;  ///< from offset, at most limit
    std::vector<FacetCounts> facets;   ///< each counted as if itself weren't chosen
};

/// Any of the values inside a facet, all facets together. Cost: each entry's words once.
SearchAnswer search(std::vector<SearchEntry> entries, const SearchQuestion& question);

}  // namespace stroma::portal
