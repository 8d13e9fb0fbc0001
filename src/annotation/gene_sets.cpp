#include "annotation/gene_sets.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace stroma::annotation {
namespace {

GeneSetDocument empty_document() { return {}; }

std::vector<std::string> names_that_differ(const std::vector<GeneSet>& a,
                                           const std::vector<GeneSet>& b) {
    std::vector<std::string> names;
    const auto add_missing = [&](const std::vector<GeneSet>& of, const std::vector<GeneSet>& in) {
        for (const GeneSet& set : of)
            if (std::find(in.begin(), in.end(), set) == in.end() &&
                std::find(names.begin(), names.end(), set.name) == names.end())
                names.push_back(set.name);
    };
    add_missing(a, b);
    add_missing(b, a);
    return names;
}

const GeneSet* find_in(const std::vector<GeneSet>& sets, std::string_view name) {
    const auto found = std::find_if(sets.begin(), sets.end(),
                                    [&](const GeneSet& set) { return set.name == name; });
    return found == sets.end() ? nullptr : &*found;
}

bool same(const GeneSet* a, const GeneSet* b) {
    return a == nullptr || b == nullptr ? a == b : *a == *b;
}

/// Brings one set of `to` to what it is in `from`.
void copy_set(std::vector<GeneSet>& to, const std::vector<GeneSet>& from, const std::string& name) {
    if (const GeneSet* set = find_in(from, name))
        put_set(to, *set);
    else
        std::erase_if(to, [&](const GeneSet& one) { return one.name == name; });
}

Result<GeneSetDocument> document_in(const sql::Rows& rows) {
    auto sets = gene_sets_from_json(rows.text(1));
    if (!sets) return fail(ErrorCode::corrupt, "stored gene sets are damaged");
    return GeneSetDocument{rows.integer(0), *std::move(sets)};
}

Result<GeneSetDocument> document_at(sql::Connection& connection, const LabelPlace& place,
                                    std::int64_t version) {
    if (version == 0) return empty_document();
    const auto rows = TRY(connection.execute(
        "SELECT version, document FROM gene_set_changes WHERE space = ? AND revision = ? AND "
        "version = ?",
        {place.space, place.revision, version}));
    if (!TRY(rows->next()))
        return fail(ErrorCode::not_found,
                    fmt::format("these gene sets have no version {}", version));
    return document_in(*rows);
}

Result<GeneSetDocument> latest(sql::Connection& connection, const LabelPlace& place) {
    const auto rows = TRY(connection.execute(
        "SELECT version, document FROM gene_set_changes WHERE space = ? AND revision = ? ORDER BY "
        "version DESC LIMIT 1",
        {place.space, place.revision}));
    if (!TRY(rows->next())) return empty_document();
    return document_in(*rows);
}

/// What mine did to base, on top of now.
Result<std::vector<GeneSet>> merged_sets(const std::vector<GeneSet>& now,
                                         const std::vector<GeneSet>& base,
                                         const std::vector<GeneSet>& mine) {
    std::vector<GeneSet> result = now;
    for (const std::string& name : names_that_differ(base, mine)) {
        if (!same(find_in(now, name), find_in(base, name)) &&
            !same(find_in(now, name), find_in(mine, name)))
            return fail(ErrorCode::conflict,
                        "the gene set '" + name + "' was changed by another at the same time");
        copy_set(result, mine, name);
    }
    return result;
}

std::string detail_of(const std::vector<GeneSet>& before, const std::vector<GeneSet>& after) {
    Json sets = Json::array();
    for (const std::string& name : names_that_differ(before, after)) {
        const GeneSet* from = find_in(before, name);
        const GeneSet* to = find_in(after, name);
        sets.push_back({{"name", name},
                        {"genes_before", from ? Json(from->genes.size()) : Json(nullptr)},
                        {"genes_after", to ? Json(to->genes.size()) : Json(nullptr)}});
    }
    return Json{{"sets", sets}}.dump();
}

}  // namespace

const GeneSet* GeneSetDocument::find(std::string_view name) const { return find_in(sets, name); }

void put_set(std::vector<GeneSet>& sets, GeneSet set) {
    for (GeneSet& one : sets) {
        if (one.name != set.name) continue;
        one = std::move(set);
        return;
    }
    sets.push_back(std::move(set));
}

Result<GeneSetDocument> GeneSets::read(const LabelPlace& place) {
    const auto connection = TRY(pool_.take());
    return latest(*connection, place);
}

Result<GeneSetDocument> GeneSets::read_at(const LabelPlace& place, std::int64_t version) {
    const auto connection = TRY(pool_.take());
    return document_at(*connection, place, version);
}

Result<GeneSetOutcome> GeneSets::change(const LabelPlace& place, const LabelBase& base,
                                        const Author& author, std::string_view kind,
                                        const Change& change) {
    const std::lock_guard lock(writing_);
    const auto connection = TRY(pool_.take());
    const GeneSetDocument now = TRY(latest(*connection, place));
    GeneSetDocument next = now;
    if (base.version == now.version) {
        TRY(change(next.sets));
    } else if (!base.merge) {
        return fail(ErrorCode::conflict,
                    fmt::format("the gene sets are at version {}, not {}: another changed them",
                                now.version, base.version));
    } else {
        const GeneSetDocument old = TRY(document_at(*connection, place, base.version));
        std::vector<GeneSet> mine = old.sets;
        TRY(change(mine));
        next.sets = TRY(merged_sets(now.sets, old.sets, mine));
    }
    TRY(check(next.sets));
    ++next.version;
    GeneSetOutcome outcome{next,
                           {next.version, author, clock_.unix_ms(), std::string(kind),
                            detail_of(now.sets, next.sets)}};
    TRY(connection->change(
        "INSERT INTO gene_set_changes VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {place.space, place.revision, next.version, author.id, author.name, outcome.entry.at_ms,
         outcome.entry.kind, outcome.entry.detail, gene_sets_to_json(next.sets)}));
    return outcome;
}

Result<GeneSetOutcome> GeneSets::undo(const LabelPlace& place, const LabelBase& base,
                                      const Author& author, std::int64_t version) {
    if (version < 1) return fail(ErrorCode::not_found, "there is no such version");
    const auto before = TRY(read_at(place, version - 1)), after = TRY(read_at(place, version));
    return change(place, base, author, "undo", [&](std::vector<GeneSet>& sets) -> Result<void> {
        for (const std::string& name : names_that_differ(before.sets, after.sets))
            if (same(find_in(sets, name), find_in(after.sets, name)))
                copy_set(sets, before.sets, name);
        return {};
    });
}

Result<std::vector<HistoryEntry>> GeneSets::history(const LabelPlace& place, std::int64_t most) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT version, author, author_name, at_ms, kind, detail FROM gene_set_changes WHERE "
        "space = ? AND revision = ? ORDER BY version DESC LIMIT ?",
        {place.space, place.revision, most}));
    return history_in(*rows);
}

}  // namespace stroma::annotation
