#include "ontology/ontologies.h"

#include <cassert>
#include <unordered_set>

#include "sql/migrations.h"

namespace stroma::ontology {

std::span<const sql::Migration> migrations();

namespace {

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

Result<void> put(sql::Connection& connection, const TermFile& file, std::int64_t now_ms) {
    TRY(connection.change("DELETE FROM ontology_term WHERE prefix = ?", {file.prefix}));
    TRY(connection.change("DELETE FROM ontology WHERE prefix = ?", {file.prefix}));
    TRY(connection.change(
        "INSERT INTO ontology VALUES(?, ?, ?, ?)",
        {file.prefix, file.version, static_cast<std::int64_t>(file.terms.size()), now_ms}));
    const auto appender = TRY(connection.append_to("ontology_term"));
    for (const Term& term : file.terms) {
        const std::vector<sql::Value> row{file.prefix,
                                          term.id,
                                          term.name,
                                          joined(term.exact),
                                          joined(term.related),
                                          joined(term.parents),
                                          std::int64_t{term.is_deprecated},
                                          term.replaced_by};
        TRY(appender->append(row));
    }
    return appender->finish();
}

}  // namespace

Result<std::unique_ptr<Ontologies>> Ontologies::open(sql::Database& control, const Clock& clock) {
    TRY(sql::migrate(control, "ontology", migrations()));
    return std::unique_ptr<Ontologies>(new Ontologies(control, clock));
}

Result<ImportedOntology> Ontologies::import(std::string_view text) {
    const TermFile file = TRY(read_terms(text));
    if (file.terms.empty())
        return fail(ErrorCode::invalid_input, "the file has no terms of " + file.prefix);
    const auto connection = TRY(control_.connect());
    const std::int64_t now_ms = clock_.unix_ms();
    TRY(connection->in_transaction([&] { return put(*connection, file, now_ms); }));
    {
        const std::lock_guard lock(mutex_);
        terms_ = nullptr;
    }
    return ImportedOntology{file.prefix, file.version, static_cast<std::int64_t>(file.terms.size()),
                            now_ms};
}

Result<void> Ontologies::remove(std::string_view prefix) {
    const auto connection = TRY(control_.connect());
    std::int64_t removed = 0;
    const auto drop = [&]() -> Result<void> {
        TRY(connection->change("DELETE FROM ontology_term WHERE prefix = ?",
                               {std::string(prefix)}));
        removed =
            TRY(connection->change("DELETE FROM ontology WHERE prefix = ?", {std::string(prefix)}));
        return {};
    };
    TRY(connection->in_transaction(drop));
    const std::lock_guard lock(mutex_);
    terms_ = nullptr;
    if (removed > 0) return {};
    return fail(ErrorCode::not_found, "no ontology '" + std::string(prefix) + "' was read in");
}

Result<std::vector<ImportedOntology>> Ontologies::list() {
    const auto connection = TRY(control_.connect());
    const auto rows = TRY(connection->execute(
        "SELECT prefix, version, terms, imported_ms FROM ontology ORDER BY prefix"));
    std::vector<ImportedOntology> all;
    while (TRY(rows->next()))
        all.push_back({rows->text(0), rows->text(1), rows->integer(2), rows->integer(3)});
    return all;
}

Result<std::shared_ptr<const Terms>> Ontologies::read() {
    std::map<std::string, std::string, std::less<>> whole;
    for (const ImportedOntology& one : TRY(list())) whole[one.prefix] = one.version;
    std::vector<Term> terms;
    const auto connection = TRY(control_.connect());
    const auto rows = TRY(connection->execute(
        "SELECT id, name, exact, related, parents, deprecated, replaced_by FROM ontology_term"));
    while (TRY(rows->next()))
        terms.push_back({rows->text(0), rows->text(1), lines_of(rows->text(2)),
                         lines_of(rows->text(3)), lines_of(rows->text(4)), rows->integer(5) != 0,
                         rows->text(6), false});
    auto starter = read_obo_terms(starter_text());
    assert(starter && "the starter table is part of the program");
    std::unordered_set<std::string> imported;
    for (const Term& term : terms) imported.insert(term.id);
    // Of an ontology that is here in whole, the starter table only says what its groups are.
    for (Term& term : *starter)
        if (imported.contains(term.id) || !whole.contains(prefix_of(term.id)))
            terms.push_back(std::move(term));
    return std::make_shared<const Terms>(std::move(terms), std::move(whole));
}

Result<std::shared_ptr<const Terms>> Ontologies::terms() {
    const std::lock_guard lock(mutex_);
    if (!terms_) terms_ = TRY(read());
    return terms_;
}

}  // namespace stroma::ontology
