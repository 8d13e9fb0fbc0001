#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "annotation/author.h"
#include "annotation/labels.h"

namespace stroma::annotation {

struct SetGene {
    std::string symbol, description;
    bool operator==(const SetGene&) const = default;
};

struct GeneSet {
    std::string name, description;
    std::vector<SetGene> genes;  ///< distinct
    bool operator==(const GeneSet&) const = default;
};

/// All gene sets of one space over one revision. Version 0: nobody ever wrote one.
struct GeneSetDocument {
    std::int64_t version = 0;
    std::vector<GeneSet> sets;  ///< names are distinct
    const GeneSet* find(std::string_view name) const;
    std::string etag() const { return "genesets." + std::to_string(version); }
};

struct GeneSetOutcome {
    GeneSetDocument document;
    HistoryEntry entry;
};

/// Gene sets with their history. A change keeps the document as it was after it. Any thread.
class GeneSets {
public:
    /// What makes the next document of the one it is given.
    using Change = std::function<Result<void>(std::vector<GeneSet>&)>;

    GeneSets(sql::Database& control, const Clock& clock) : pool_(control), clock_(clock) {}

    Result<GeneSetDocument> read(const LabelPlace& place);
    /// not_found  no such version
    Result<GeneSetDocument> read_at(const LabelPlace& place, std::int64_t version);
    /// `kind` is for the history. With base.merge and a stale version it is done on top of what
    /// changed since, unless a set was changed by both.
    /// errors  conflict  as said; else those of the change and of check()
    Result<GeneSetOutcome> change(const LabelPlace& place, const LabelBase& base,
                                  const Author& author, std::string_view kind,
                                  const Change& change);
    /// Takes back what `version` changed, for sets that nobody changed since.
    Result<GeneSetOutcome> undo(const LabelPlace& place, const LabelBase& base,
                                const Author& author, std::int64_t version);
    /// Newest first.
    Result<std::vector<HistoryEntry>> history(const LabelPlace& place, std::int64_t most);

private:
    sql::ConnectionPool pool_;
    const Clock& clock_;
    std::mutex writing_;
};

/// Puts the set in the place of the one of its name, or at the end.
void put_set(std::vector<GeneSet>& sets, GeneSet set);

/// Names are distinct, 1 to 200 printable ASCII characters without blanks at an end or two in a
/// row, as cellxgene has them; genes are distinct within a set. Limits on numbers of both.
/// errors  invalid_input  exhausted
Result<void> check(const std::vector<GeneSet>& sets);

/// cellxgene's table: gene_set_name, gene_set_description, gene_symbol, gene_description; a row
/// for each gene, a set's description on its first row; lines with '#' are comments. A set without
/// genes is a row without a symbol.
std::string gene_sets_to_csv(const std::vector<GeneSet>& sets);
/// Reads it. A gene that comes twice in a set counts once; `repeated` says how many did.
struct ReadGeneSets {
    std::vector<GeneSet> sets;
    std::uint64_t repeated = 0;
};
Result<ReadGeneSets> gene_sets_from_csv(std::string_view text);

/// [{"geneset_name", "geneset_description", "genes": [{"gene_symbol", "gene_description"}]}]
std::string gene_sets_to_json(const std::vector<GeneSet>& sets);
/// errors  invalid_input
Result<std::vector<GeneSet>> gene_sets_from_json(std::string_view json);

}  // namespace stroma::annotation
