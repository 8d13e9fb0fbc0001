#include "portal/search.h"

#include <algorithm>

namespace stroma::portal {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_word_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) > 127;
}

std::string lowered(std::string_view text) {
    std::string low(text);
    std::transform(low.begin(), low.end(), low.begin(), lower);
    return low;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::string word;
    for (const char c : lowered(text) + " ") {
        if (c != ' ' && c != '\t' && c != '\n') {
            word += c;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    return words;
}

std::string words_said(const SearchEntry& entry) {
    return lowered(entry.dataset.name + " " + entry.dataset.title + " " + entry.collection_title +
                   " " + entry.card.description + " " + entry.card.doi + " " +
                   entry.card.publication);
}

/// Whether some word of `said` begins with `word`.
bool begins_a_word(std::string_view said, std::string_view word) {
    for (std::size_t at = said.find(word); at != said.npos; at = said.find(word, at + 1))
        if (at == 0 || !is_word_byte(said[at - 1]) || !is_word_byte(word.front())) return true;
    return false;
}

bool fits_besides_facets(const SearchEntry& entry, const SearchQuestion& question,
                         const std::vector<std::string>& words) {
    if (!question.collection.empty() && entry.dataset.collection != question.collection)
        return false;
    if (!question.owner.empty() && entry.dataset.owner != question.owner) return false;
    const std::uint64_t cells = entry.facts ? entry.facts->cells : 0;
    if (question.cells_min && cells < *question.cells_min) return false;
    if (question.cells_max && cells > *question.cells_max) return false;
    if (words.empty()) return true;
    const std::string said = words_said(entry);
    return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
        return begins_a_word(said, word) ||
               (entry.indexed && begins_a_word(entry.indexed->said, word));
    });
}

/// What is chosen of one facet.
struct Chosen {
    std::size_t facet = 0;
    std::vector<NodeNumber> nodes;  ///< any of these
    std::vector<FacetNode> absent;  ///< no dataset has these
};

std::vector<Chosen> chosen_of(const SearchQuestion& question, const FacetIndex& index) {
    std::vector<Chosen> all;
    for (const auto& [name, values] : question.chosen) {
        const auto facet = facet_place(name);
        if (!facet) continue;
        Chosen one{*facet, {}, {}};
        for (const std::string& value : values) {
            if (const auto node = index.find(*facet, value))
                one.nodes.push_back(*node);
            else
                one.absent.push_back(index.told(*facet, value));
        }
        all.push_back(std::move(one));
    }
    return all;
}

/// Places of the facets of which the entry has nothing that is chosen.
std::vector<std::size_t> missed_facets(const SearchEntry& entry, const std::vector<Chosen>& all) {
    std::vector<std::size_t> missed;
    for (const Chosen& chosen : all) {
        const auto is_there = [&](NodeNumber node) {
            return std::binary_search(entry.indexed->all.begin(), entry.indexed->all.end(), node);
        };
        if (!entry.indexed || std::none_of(chosen.nodes.begin(), chosen.nodes.end(), is_there))
            missed.push_back(chosen.facet);
    }
    return missed;
}

class Counter {
public:
    Counter(const FacetIndex& index, const std::vector<Chosen>& chosen)
        : index_(index),
          chosen_(chosen),
          datasets_(index.nodes().size(), 0),
          is_own_(index.nodes().size(), false) {}

    /// Counts an entry in the facet that it missed alone, or in all when it missed none.
    void count(const SearchEntry& entry, const std::vector<std::size_t>& missed) {
        if (!entry.indexed || missed.size() > 1) return;
        const auto counts = [&](NodeNumber node) {
            return missed.empty() || missed.front() == index_.nodes()[node].facet;
        };
        for (const NodeNumber node : entry.indexed->all)
            if (counts(node)) ++datasets_[node];
        for (const NodeNumber node : entry.indexed->own)
            if (counts(node)) is_own_[node] = true;
    }
    std::vector<FacetCounts> counts() const {
        std::vector<FacetCounts> all;
        for (const Facet& facet : all_facets())
            all.push_back({std::string(facet.name), std::string(facet.title), {}});
        std::vector<bool> is_chosen(datasets_.size(), false);
        for (const Chosen& one : chosen_) {
            for (const NodeNumber node : one.nodes) is_chosen[node] = true;
            for (const FacetNode& node : one.absent)
                all[one.facet].values.push_back({node.value, node.term, 0, true, false});
        }
        for (NodeNumber at = 0; at < datasets_.size(); ++at) {
            const FacetNode& node = index_.nodes()[at];
            const bool is_told = is_own_[at] || (node.is_group && datasets_[at] > 0);
            if (is_told || is_chosen[at])
                all[node.facet].values.push_back(
                    {node.value, node.term, datasets_[at], is_chosen[at], !is_own_[at]});
        }
        std::erase_if(all, [](const FacetCounts& facet) { return facet.values.empty(); });
        for (FacetCounts& facet : all)
            std::sort(facet.values.begin(), facet.values.end(), is_before);
        return all;
    }

private:
    static bool is_before(const FacetCount& left, const FacetCount& right) {
        if (left.is_broader != right.is_broader) return right.is_broader;
        if (left.datasets != right.datasets) return left.datasets > right.datasets;
        return left.value < right.value;
    }

    const FacetIndex& index_;
    const std::vector<Chosen>& chosen_;
    std::vector<std::int64_t> datasets_;
    std::vector<bool> is_own_;
};

void put_in_order(std::vector<SearchEntry>& entries, std::string_view order) {
    const auto cells = [](const SearchEntry& entry) {
        return entry.facts ? entry.facts->cells : 0;
    };
    const auto title = [](const SearchEntry& entry) {
        return lowered(entry.dataset.title.empty() ? entry.dataset.name : entry.dataset.title);
    };
    std::stable_sort(entries.begin(), entries.end(), [&](const auto& one, const auto& other) {
        if (order == "cells") return cells(one) > cells(other);
        if (order == "title") return title(one) < title(other);
        return one.dataset.created_ms > other.dataset.created_ms;
    });
}

}  // namespace

SearchAnswer search(std::vector<SearchEntry> entries, const SearchQuestion& question,
                    const FacetIndex& index) {
    SearchAnswer answer;
    answer.all = entries.size();
    const std::vector<std::string> words = words_of(question.text);
    const std::vector<Chosen> chosen = chosen_of(question, index);
    Counter counter(index, chosen);
    std::vector<SearchEntry> fit;
    for (SearchEntry& entry : entries) {
        if (!fits_besides_facets(entry, question, words)) continue;
        const auto missed = missed_facets(entry, chosen);
        counter.count(entry, missed);
        if (missed.empty()) fit.push_back(std::move(entry));
    }
    answer.total = fit.size();
    answer.facets = counter.counts();
    put_in_order(fit, question.order);
    const std::size_t first = std::min(question.offset, fit.size());
    const std::size_t last = std::min(fit.size(), first + question.limit);
    for (std::size_t at = first; at < last; ++at) answer.entries.push_back(std::move(fit[at]));
    return answer;
}

}  // namespace stroma::portal
