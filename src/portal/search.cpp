#include "portal/search.h"

#include <algorithm>
#include <set>
#include <unordered_map>

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
    std::string said = entry.dataset.name + " " + entry.dataset.title + " " +
                       entry.collection_title + " " + entry.card.description + " " +
                       entry.card.doi + " " + entry.card.publication;
    if (entry.facts) {
        said += " " + entry.facts->title;
        for (const FacetValue& value : entry.facts->facets) said += " " + value.value;
    }
    return lowered(said);
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
    return std::all_of(words.begin(), words.end(),
                       [&](const std::string& word) { return begins_a_word(said, word); });
}

/// Which of the chosen facets the entry doesn't have, by name.
std::vector<std::string> missed_facets(const SearchEntry& entry, const SearchQuestion& question) {
    std::vector<std::string> missed;
    for (const auto& [facet, values] : question.chosen) {
        const bool has =
            entry.facts &&
            std::any_of(entry.facts->facets.begin(), entry.facts->facets.end(),
                        [&, name = &facet, wanted = &values](const FacetValue& value) {
                            return value.facet == *name && std::find(wanted->begin(), wanted->end(),
                                                                     value.value) != wanted->end();
                        });
        if (!has) missed.push_back(facet);
    }
    return missed;
}

class Counter {
public:
    explicit Counter(const SearchQuestion& question) : question_(question) {}

    /// Counts an entry in the facet that it missed alone, or in all when it missed none.
    void count(const SearchEntry& entry, const std::vector<std::string>& missed) {
        if (!entry.facts || missed.size() > 1) return;
        for (const FacetValue& value : entry.facts->facets)
            if (missed.empty() || missed.front() == value.facet)
                ++counts_[value.facet][value.value];
    }
    std::vector<FacetCounts> counts() {
        std::vector<FacetCounts> all;
        for (const Facet& facet : all_facets()) {
            FacetCounts one{std::string(facet.name), std::string(facet.title), {}};
            auto& values = counts_[facet.name];
            std::set<std::string_view> wanted;
            if (const auto chosen = question_.chosen.find(facet.name);
                chosen != question_.chosen.end())
                wanted.insert(chosen->second.begin(), chosen->second.end());
            for (const std::string_view value : wanted) values.try_emplace(value, 0);
            for (const auto& [value, datasets] : values)
                one.values.push_back({std::string(value), datasets, wanted.contains(value)});
            std::sort(one.values.begin(), one.values.end(),
                      [](const FacetCount& left, const FacetCount& right) {
                          return left.datasets != right.datasets ? left.datasets > right.datasets
                                                                 : left.value < right.value;
                      });
            if (!one.values.empty()) all.push_back(std::move(one));
        }
        return all;
    }

private:
    const SearchQuestion& question_;
    // Views of the entries' own texts, which outlive the counting.
    std::map<std::string_view, std::unordered_map<std::string_view, std::int64_t>> counts_;
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

SearchAnswer search(std::vector<SearchEntry> entries, const SearchQuestion& question) {
    SearchAnswer answer;
    answer.all = entries.size();
    const std::vector<std::string> words = words_of(question.text);
    Counter counter(question);
    std::vector<SearchEntry> fit;
    for (SearchEntry& entry : entries) {
        if (!fits_besides_facets(entry, question, words)) continue;
        const auto missed = missed_facets(entry, question);
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
