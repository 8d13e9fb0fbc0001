#include "tissue/gate/gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "tissue/measure/normalise.h"

namespace stroma::tissue {
namespace {

constexpr float gate_at = 0.5f;
constexpr float all_bonus = 0.01f;  ///< of rules on all markers, over one on a single marker
constexpr std::string_view gated_layer = "gated";

std::optional<std::size_t> marker_place(const CellTable& table, const std::string& name) {
    const auto at = std::find(table.markers.begin(), table.markers.end(), name);
    if (at == table.markers.end()) return std::nullopt;
    return static_cast<std::size_t>(at - table.markers.begin());
}

tl::unexpected<Error> no_marker(const CellTable& table, const std::string& name) {
    return fail(ErrorCode::invalid_input, fmt::format("there is no marker '{}'; there are {}", name,
                                                      fmt::join(table.markers, ", ")));
}

/// Three normal distributions, by expectation and maximisation over a histogram of the values.
struct Mixture {
    std::array<double, 3> mean{}, variance{}, weight{};
    void improve(const std::vector<double>& places, const std::vector<double>& counts);
};

void Mixture::improve(const std::vector<double>& places, const std::vector<double>& counts) {
    std::array<double, 3> share{}, sum{}, squares{};
    double all = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (counts[i] == 0) continue;
        std::array<double, 3> chance{};
        double total = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            const double away = places[i] - mean[k];
            chance[k] = weight[k] * std::exp(-away * away / (2 * variance[k])) /
                        std::sqrt(2 * std::numbers::pi * variance[k]);
            total += chance[k];
        }
        if (total < 1e-300) continue;
        for (std::size_t k = 0; k < 3; ++k) {
            const double part = counts[i] * chance[k] / total;
            share[k] += part;
            sum[k] += part * places[i];
            squares[k] += part * places[i] * places[i];
        }
        all += counts[i];
    }
    for (std::size_t k = 0; k < 3; ++k) {
        if (share[k] < 1e-9 * all) continue;
        weight[k] = share[k] / all;
        mean[k] = sum[k] / share[k];
        variance[k] = std::max(squares[k] / share[k] - mean[k] * mean[k], 1e-6);
    }
}

/// From values to 0 … 0.5 (the one nearest the gate) … 1.
struct Scaling {
    float nearest = 0, low_factor = 0, low_shift = 0, high_factor = 0, high_shift = 0.5f;

    float scaled(float value) const {
        return value <= nearest ? value * low_factor + low_shift : value * high_factor + high_shift;
    }
};

Scaling scaling_of(const std::vector<double>& values, double gate) {
    Scaling scaling;
    auto low = static_cast<float>(values[0]), high = low;
    scaling.nearest = low;
    for (const double one : values) {
        const auto value = static_cast<float>(one);
        if (std::abs(static_cast<double>(value) - gate) <
            std::abs(static_cast<double>(scaling.nearest) - gate))
            scaling.nearest = value;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    if (scaling.nearest > low) {
        scaling.low_factor = 0.5f / (scaling.nearest - low);
        scaling.low_shift = 0 - low * scaling.low_factor;
    } else {
        scaling.low_shift = 0.5f;  // all values are at the gate or over it
    }
    if (high > scaling.nearest) {
        scaling.high_factor = 0.5f / (high - scaling.nearest);
        scaling.high_shift = 0.5f - scaling.nearest * scaling.high_factor;
    }
    return scaling;
}

struct Scores {
    std::vector<float> values;
    std::vector<bool> has_failed;
};

/// Of one phenotype in the chosen cells.
Result<Scores> scores_of(const CellTable& table, const Phenotype& phenotype,
                         const std::vector<std::size_t>& cells) {
    std::array<std::vector<std::size_t>, 6> by_rule;
    for (const auto& [marker, rule] : phenotype.markers) {
        const auto place = marker_place(table, marker);
        if (!place) return no_marker(table, marker);
        by_rule[static_cast<std::size_t>(rule)].push_back(*place);
    }
    const auto used = std::count_if(by_rule.begin(), by_rule.end(),
                                    [](const auto& markers) { return !markers.empty(); });
    if (used == 0)
        return fail(ErrorCode::invalid_input,
                    fmt::format("phenotype '{}' names no marker", phenotype.name));
    const std::vector<float>& gated = table.layer(gated_layer)->values;
    Scores scores{std::vector<float>(cells.size()), std::vector<bool>(cells.size())};
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const float* const cell = gated.data() + cells[i] * table.markers.size();
        double total = 0;
        for (std::size_t r = 0; r < by_rule.size(); ++r) {
            const auto& markers = by_rule[r];
            if (markers.empty()) continue;
            const auto rule = static_cast<Rule>(r);
            const bool is_negative =
                rule == Rule::neg || rule == Rule::anyneg || rule == Rule::allneg;
            double sum = 0, most = -1;
            bool one_fails = false;
            for (const std::size_t marker : markers) {
                const double value = is_negative ? 1.0 - static_cast<double>(cell[marker])
                                                 : static_cast<double>(cell[marker]);
                sum += value;
                most = std::max(most, value);
                one_fails |= value < static_cast<double>(gate_at);
            }
            const bool is_all = rule == Rule::allpos || rule == Rule::allneg;
            if (is_all)
                total += (one_fails ? 0 : most) + static_cast<double>(all_bonus);
            else if (rule == Rule::pos || rule == Rule::neg)
                total += sum / static_cast<double>(markers.size());
            else
                total += most;
            if ((rule == Rule::pos || rule == Rule::neg) && markers.size() > 1 && one_fails)
                scores.has_failed[i] = true;
        }
        scores.values[i] = static_cast<float>(total / static_cast<double>(used));
    }
    return scores;
}

/// Names the cells of one group; "" for what is none of its phenotypes.
Result<std::vector<std::string>> names_in(const CellTable& table,
                                          const std::vector<const Phenotype*>& rules,
                                          const std::vector<std::size_t>& cells) {
    std::vector<std::string> names(cells.size());
    std::vector<float> best(cells.size(), -1);
    std::vector<bool> reaches(cells.size());
    for (const Phenotype* const rule : rules) {
        const Scores scores = TRY(scores_of(table, *rule, cells));
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (scores.values[i] >= gate_at) reaches[i] = true;
            if (scores.values[i] <= best[i]) continue;
            best[i] = scores.values[i];
            names[i] = (scores.has_failed[i] ? "likely-" : "") + rule->name;
        }
    }
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (!reaches[i]) names[i].clear();
    return names;
}

}  // namespace

std::optional<Rule> rule_named(std::string_view name) {
    constexpr std::array<std::string_view, 6> names = {"pos",    "neg",    "anypos",
                                                       "anyneg", "allpos", "allneg"};
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end()) return std::nullopt;
    return static_cast<Rule>(at - names.begin());
}

std::optional<double> automatic_gate(std::vector<double> values) {
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    std::sort(values.begin(), values.end());
    if (values.size() < 10) return std::nullopt;
    const double low = quantile_at(values, 0.0001), high = quantile_at(values, 0.9999);
    if (!(high > low)) return std::nullopt;
    constexpr std::size_t bins = 2048;
    std::vector<double> places(bins), counts(bins);
    for (std::size_t i = 0; i < bins; ++i)
        places[i] = low + (high - low) * (static_cast<double>(i) + 0.5) / bins;
    for (const double value : values) {
        const double share = (std::clamp(value, low, high) - low) / (high - low);
        ++counts[std::min(static_cast<std::size_t>(share * bins), bins - 1)];
    }
    Mixture mixture;
    for (std::size_t k = 0; k < 3; ++k) {
        mixture.mean[k] = quantile_at(values, std::array{0.15, 0.5, 0.95}[k]);
        mixture.variance[k] = std::pow((high - low) / 6, 2);
        mixture.weight[k] = 1.0 / 3;
    }
    for (int round = 0; round < 200; ++round) mixture.improve(places, counts);
    std::sort(mixture.mean.begin(), mixture.mean.end());
    return (mixture.mean[1] + mixture.mean[2]) / 2;
}

Result<std::vector<Gate>> rescale(CellTable& table, const std::string& layer,
                                  const std::vector<std::string>& markers,
                                  const std::vector<Gate>& gates) {
    const MarkerLayer* const from = table.layer(layer);
    if (from == nullptr)
        return fail(ErrorCode::invalid_input, fmt::format("the cells have no layer '{}'", layer));
    const std::size_t cells = table.cell_count(), width = table.markers.size();
    MarkerLayer gated{std::string(gated_layer), std::vector<float>(cells * width, std::nanf(""))};
    std::vector<Gate> used;
    for (const std::string& marker : markers) {
        const auto place = marker_place(table, marker);
        if (!place) return no_marker(table, marker);
        std::vector<double> values(cells);
        for (std::size_t i = 0; i < cells; ++i)
            values[i] = std::log1p(static_cast<double>(from->values[i * width + *place]));
        const auto said = std::find_if(gates.begin(), gates.end(),
                                       [&](const Gate& gate) { return gate.marker == marker; });
        const auto found = said == gates.end() ? automatic_gate(values) : said->value;
        if (!found) continue;
        // In 32 bits and with the cell at the gate counted to the lower side, as scimap reckons: on
        // which side of 0.5 rounding leaves that one cell is then the same, too.
        const Scaling scaling = scaling_of(values, *found);
        for (std::size_t i = 0; i < cells; ++i)
            gated.values[i * width + *place] = scaling.scaled(static_cast<float>(values[i]));
        used.push_back({marker, *found});
    }
    table.set(std::move(gated));
    return used;
}

Result<void> phenotype(CellTable& table, const std::vector<Phenotype>& rules,
                       const std::string& column) {
    if (table.layer(gated_layer) == nullptr)
        return fail(ErrorCode::invalid_input, "the cells have no layer 'gated': gate them first");
    std::vector<std::string> groups;
    for (const Phenotype& rule : rules)
        if (std::find(groups.begin(), groups.end(), rule.group) == groups.end())
            groups.push_back(rule.group);
    // A cell has a name in each group it was in; the last one counts.
    std::vector<std::vector<std::string>> names(table.cell_count());
    std::vector<std::string> last(table.cell_count());
    for (std::size_t g = 0; g < groups.size(); ++g) {
        std::vector<std::size_t> cells;
        for (std::size_t i = 0; i < table.cell_count(); ++i)
            if (g == 0 || std::find(names[i].begin(), names[i].end(), groups[g]) != names[i].end())
                cells.push_back(i);
        std::vector<const Phenotype*> here;
        for (const Phenotype& rule : rules)
            if (rule.group == groups[g]) here.push_back(&rule);
        const auto found = TRY(names_in(table, here, cells));
        for (std::size_t i = 0; i < cells.size(); ++i) {
            if (found[i].empty()) continue;
            names[cells[i]].push_back(found[i]);
            last[cells[i]] = found[i];
        }
    }
    for (std::string& name : last)
        if (name.empty()) name = "Unknown";
    table.set(WordColumn::of(column, last));
    return {};
}

}  // namespace stroma::tissue
