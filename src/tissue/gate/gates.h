#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tissue/measure/cell_table.h"

// Which markers a cell has, and what cell it is by that.

namespace stroma::tissue {

/// From where on log1p of a marker's value counts as positive.
struct Gate {
    std::string marker;
    double value = 0;
};

/// The middle between the two highest means of three normal distributions fitted to the values,
/// which are cut at their 0.01 % and 99.99 % quantiles before. Deterministic: the distributions
/// begin at the values' quantiles. nullopt: fewer than 10 different values.
std::optional<double> automatic_gate(std::vector<double> values);

/// Scales log1p of `layer` so that a marker's gate is 0.5, its least value 0 and its largest 1:
/// values from the one nearest the gate on are spread over [0.5, 1], those below over [0, 0.5].
/// Markers without a gate get automatic_gate(). Adds the layer "gated", and gives the gates used.
/// Source: scimap's rescale.
/// errors  invalid_input  no such marker or layer, a gate beyond all values
Result<std::vector<Gate>> rescale(CellTable& table, const std::string& layer,
                                  const std::vector<std::string>& markers,
                                  const std::vector<Gate>& gates);

enum class Rule : std::uint8_t { pos, neg, anypos, anyneg, allpos, allneg };
std::optional<Rule> rule_named(std::string_view name);

/// What makes a cell of `group` ("all" at the top) be called `name`.
struct Phenotype {
    std::string group, name;
    std::vector<std::pair<std::string, Rule>> markers;
};

/// Gives each cell a name by the layer "gated", group after group in the order of their first rule:
/// the phenotype with the best score, unless all are under 0.5; "likely-" it where one of several
/// pos or neg markers fails; "Unknown" without any. Adds the column `column`.
/// Source: scimap's phenotype_cells.
/// errors  invalid_input  no layer "gated", an unknown marker, a phenotype without markers
Result<void> phenotype(CellTable& table, const std::vector<Phenotype>& rules,
                       const std::string& column);

}  // namespace stroma::tissue
