#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "explorer/gene_expression.h"
#include "ontology/terms.h"

namespace stroma::portal {

/// One gene in one group of cells, over datasets.
struct ExpressionDot {
    std::uint64_t cells = 0, expressing = 0;
    double sum = 0;
    std::set<std::uint32_t> datasets;  ///< by their numbers
};

/// A group: a term of the facet, or a label that is none.
struct ExpressionGroup {
    std::string label, term;
    bool is_broader = false;           ///< it adds up what is narrower
    std::vector<ExpressionDot> genes;  ///< in the order of the question
};

/// Adds up how genes are expressed in many datasets, by what a facet calls their cells: the same
/// term under whichever name. Only values of the same scale are added: those of counts.
class ExpressionSum {
public:
    ExpressionSum(std::shared_ptr<const ontology::Terms> terms, std::size_t facet,
                  std::size_t genes)
        : terms_(std::move(terms)), facet_(facet), genes_(genes) {}

    /// `whole`: what the whole dataset is called where no column tells its cells apart.
    void add(std::uint32_t dataset, std::size_t gene, const explorer::GeneExpression& told,
             std::string_view whole);
    /// Most cells first. With `roll_up` also the groups that are offered above them
    /// (Term::is_group), each with all the cells below it.
    std::vector<ExpressionGroup> groups(bool roll_up) const;

private:
    struct Group {
        std::string label, term;
        std::vector<ExpressionDot> genes;
    };
    Group& group_of(std::string_view label);

    const std::shared_ptr<const ontology::Terms> terms_;
    const std::size_t facet_, genes_;
    std::map<std::string, Group, std::less<>> groups_;
};

}  // namespace stroma::portal
