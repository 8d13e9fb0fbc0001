#include "ontology/terms.h"

#include <algorithm>

#include "base/ascii.h"

namespace stroma::ontology {
namespace {

bool is_one_of(std::string_view prefix, std::span<const std::string_view> prefixes) {
    return prefixes.empty() ||
           std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end();
}

bool joins_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) > 127;
}

/// Whether each word begins a word of the (lowered) name.
bool begins_words(std::string_view name, const std::vector<std::string>& words) {
    return std::all_of(words.begin(), words.end(), [&](const std::string& word) {
        for (auto at = name.find(word); at != name.npos; at = name.find(word, at + 1))
            if (at == 0 || !joins_word(name[at - 1])) return true;
        return false;
    });
}

std::vector<std::string> words_in(std::string_view question) {
    std::vector<std::string> words(1);
    for (const char c : ascii_lower(question)) {
        if (c != ' ')
            words.back() += c;
        else if (!words.back().empty())
            words.emplace_back();
    }
    if (words.back().empty()) words.pop_back();
    return words;
}

}  // namespace

Terms::Terms(std::vector<Term> terms, std::map<std::string, std::string, std::less<>> whole)
    : whole_(std::move(whole)) {
    std::unordered_map<std::string, std::size_t> seen;
    for (Term& term : terms) {
        const auto [found, is_new] = seen.try_emplace(term.id, terms_.size());
        if (is_new)
            terms_.push_back(std::move(term));
        else
            terms_[found->second].is_group |= term.is_group;
    }
    parents_.resize(terms_.size());
    for (TermNumber at = 0; at < terms_.size(); ++at) {
        const Term& term = terms_[at];
        by_id_.emplace(term.id, at);
        if (term.is_deprecated) continue;
        add_name(term.name, at, 0);
        for (const std::string& name : term.exact) add_name(name, at, 1);
        for (const std::string& name : term.related) add_name(name, at, 2);
    }
    for (TermNumber at = 0; at < terms_.size(); ++at)
        for (const std::string& parent : terms_[at].parents)
            if (const auto found = by_id(parent);
                found && prefix_of(parent) == prefix_of(terms_[at].id))
                parents_[at].push_back(*found);
}

void Terms::add_name(const std::string& name, TermNumber term, int rank) {
    by_name_[ascii_lower(name)].push_back({term, rank});
}

std::optional<TermNumber> Terms::by_id(std::string_view id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<TermNumber> Terms::meant_by(std::string_view text,
                                          std::span<const std::string_view> prefixes) const {
    if (const auto found = by_id(text); found && is_one_of(prefix_of(text), prefixes)) return found;
    const auto found = by_name_.find(ascii_lower(text));
    if (found == by_name_.end()) return std::nullopt;
    std::optional<Named> best;
    for (const Named& one : found->second)
        if (is_one_of(prefix_of(terms_[one.term].id), prefixes) && (!best || one.rank < best->rank))
            best = one;
    return best ? std::optional(best->term) : std::nullopt;
}

std::vector<TermNumber> Terms::broader(TermNumber term) const {
    std::vector<TermNumber> all = parents_[term];
    // Cycles exist in what comes from outside: each is followed once.
    for (std::size_t at = 0; at < all.size(); ++at)
        for (const TermNumber parent : parents_[all[at]])
            if (parent != term && std::find(all.begin(), all.end(), parent) == all.end())
                all.push_back(parent);
    std::vector<TermNumber> once;
    for (const TermNumber one : all)
        if (one != term && std::find(once.begin(), once.end(), one) == once.end())
            once.push_back(one);
    return once;
}

bool Terms::is_below(TermNumber term, std::string_view ancestor) const {
    if (terms_[term].id == ancestor) return true;
    const auto all = broader(term);
    return std::any_of(all.begin(), all.end(),
                       [&](TermNumber one) { return terms_[one].id == ancestor; });
}

Standing Terms::standing_of(std::string_view id) const {
    if (const auto found = by_id(id))
        return terms_[*found].is_deprecated ? Standing::deprecated : Standing::known;
    return whole_.contains(prefix_of(id)) ? Standing::unknown : Standing::not_checked;
}

std::vector<FoundTerm> Terms::search(std::string_view question,
                                     std::span<const std::string_view> prefixes,
                                     std::size_t limit) const {
    const std::vector<std::string> words = words_in(question);
    if (words.empty()) return {};
    const std::string whole = ascii_lower(question);
    struct Candidate {
        FoundTerm found;
        int rank;
    };
    std::vector<Candidate> candidates;
    for (TermNumber at = 0; at < terms_.size(); ++at) {
        const Term& term = terms_[at];
        if (term.is_deprecated || !is_one_of(prefix_of(term.id), prefixes)) continue;
        std::optional<Candidate> best;
        const auto look_at = [&](const std::string& name, int rank) {
            const std::string low = ascii_lower(name);
            if ((best && best->rank <= rank) || !begins_words(low, words)) return;
            best = Candidate{{at, name}, low == whole ? -1 : rank};
        };
        look_at(term.name, 0);
        for (const std::string& name : term.exact) look_at(name, 1);
        for (const std::string& name : term.related) look_at(name, 2);
        if (!best && ascii_lower(term.id).starts_with(whole)) best = Candidate{{at, term.id}, 0};
        if (best) candidates.push_back(*best);
    }
    const auto is_before = [&](const Candidate& one, const Candidate& other) {
        if (one.rank != other.rank) return one.rank < other.rank;
        if (one.found.by.size() != other.found.by.size())
            return one.found.by.size() < other.found.by.size();
        return terms_[one.found.term].id < terms_[other.found.term].id;
    };
    const std::size_t kept = std::min(limit, candidates.size());
    std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(kept),
                      candidates.end(), is_before);
    std::vector<FoundTerm> found;
    for (std::size_t at = 0; at < kept; ++at) found.push_back(candidates[at].found);
    return found;
}

}  // namespace stroma::ontology
