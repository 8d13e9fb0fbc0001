#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "expression/text/table.h"
#include "tissue/statistics/samples.h"

namespace stroma::app {
namespace {

constexpr double occupied_square = 50;  ///< um; a square with a cell in it is taken for tissue

/// Counts of kinds in one sample, region or patient.
struct Counted {
    std::string name, group;
    std::vector<double> counts;
    double total = 0, tissue_mm2 = std::nan("");
};

double occupied_mm2(const tissue::Places& places, const std::vector<std::uint32_t>& cells) {
    std::set<std::pair<std::int64_t, std::int64_t>> squares;
    for (const std::uint32_t cell : cells)
        squares.emplace(std::llround(std::floor(places.x[cell] / occupied_square)),
                        std::llround(std::floor(places.y[cell] / occupied_square)));
    return static_cast<double>(squares.size()) * occupied_square * occupied_square / 1e6;
}

Result<std::vector<Counted>> count_by(const tissue::CellTable& table, const std::string& column,
                                      const Kinds& kinds) {
    const auto groups = TRY(cell_groups(table, column));
    const auto places = places_of(table);
    std::vector<Counted> out;
    for (const CellGroup& group : groups) {
        Counted one{group.name, "", std::vector<double>(kinds.names.size())};
        for (const std::uint32_t cell : group.cells)
            if (kinds.of_cells[cell] >= 0) {
                ++one.counts[static_cast<std::size_t>(kinds.of_cells[cell])];
                ++one.total;
            }
        if (places) one.tissue_mm2 = occupied_mm2(*places, group.cells);
        out.push_back(std::move(one));
    }
    return out;
}

void add_rows(const std::string& level, const std::vector<Counted>& counted, const Kinds& kinds,
              CsvText& csv) {
    for (const Counted& one : counted)
        for (std::size_t kind = 0; kind < kinds.names.size(); ++kind) {
            const double count = one.counts[kind];
            const tissue::Interval interval = tissue::wilson_interval(count, one.total);
            csv.row({level, one.name, kinds.names[kind], CsvText::number(count),
                     CsvText::number(one.total), CsvText::number(count / one.total),
                     CsvText::number(interval.low), CsvText::number(interval.high),
                     CsvText::number(count / one.tissue_mm2)});
        }
}

/// What "samples" says of each sample: its other columns by name.
using SampleColumns = std::map<std::string, std::map<std::string, std::string>>;

Result<SampleColumns> sample_columns(const StepRun& run) {
    SampleColumns columns;
    if (run.inputs("samples").empty()) return columns;
    const fs::path& path = run.inputs("samples").front();
    const auto files = TRY(expression::open_input(path));
    expression::TableOptions options;
    options.guess = true;
    const auto table = TRY(expression::read_table(*files, files->name(), options));
    for (std::size_t column = 1; column < table.columns.size(); ++column)
        for (std::size_t row = 0; row < table.row_count(); ++row)
            columns[table.header[column]][std::string(table.columns[0][row])] =
                std::string(table.columns[column][row]);
    return columns;
}

/// Puts the columns of samples beside the cells.
void join(const SampleColumns& columns, const std::string& by, tissue::CellTable& table) {
    const tissue::WordColumn* const samples = table.word(by);
    if (samples == nullptr) return;
    for (const auto& [name, of_samples] : columns) {
        std::vector<std::string> words;
        for (const std::int32_t code : samples->codes) {
            const auto at = code < 0
                                ? of_samples.end()
                                : of_samples.find(samples->levels[static_cast<std::size_t>(code)]);
            words.push_back(at == of_samples.end() ? "" : at->second);
        }
        table.set(tissue::WordColumn::of(name, words));
    }
}

/// The group of each sample, by its cells; "" where these are in several.
std::vector<std::string> groups_of_samples(const tissue::WordColumn& groups,
                                           const std::vector<CellGroup>& samples) {
    std::vector<std::string> out;
    for (const CellGroup& sample : samples) {
        std::string name;
        bool is_one = true;
        for (const std::uint32_t cell : sample.cells) {
            const std::int32_t code = groups.codes[cell];
            const std::string here = code < 0 ? "" : groups.levels[static_cast<std::size_t>(code)];
            if (name.empty()) name = here;
            is_one &= here == name;
        }
        out.push_back(is_one ? name : "");
    }
    return out;
}

/// Each kind's shares in the samples of each two groups: a sample is one observation.
void add_tests(const std::vector<Counted>& samples, const Kinds& kinds, std::uint64_t seed,
               CsvText& csv) {
    std::set<std::string> groups;
    for (const Counted& sample : samples)
        if (!sample.group.empty()) groups.insert(sample.group);
    std::vector<std::vector<std::string>> rows;
    std::vector<double> p_values;
    for (auto one = groups.begin(); one != groups.end(); ++one)
        for (auto other = std::next(one); other != groups.end(); ++other)
            for (std::size_t kind = 0; kind < kinds.names.size(); ++kind) {
                std::vector<double> shares[2];
                for (const Counted& sample : samples) {
                    if (sample.total == 0) continue;
                    const double share = sample.counts[kind] / sample.total;
                    if (sample.group == *one) shares[0].push_back(share);
                    if (sample.group == *other) shares[1].push_back(share);
                }
                const auto mean = [](const std::vector<double>& values) {
                    double sum = 0;
                    for (const double value : values) sum += value;
                    return sum / static_cast<double>(values.size());
                };
                const double p = tissue::rank_sum_p(shares[0], shares[1]);
                p_values.push_back(p);
                rows.push_back({kinds.names[kind], *one, *other, std::to_string(shares[0].size()),
                                std::to_string(shares[1].size()), CsvText::number(mean(shares[0])),
                                CsvText::number(mean(shares[1])), CsvText::number(p),
                                CsvText::number(tissue::exchange_p(shares[0], shares[1], seed))});
            }
    const std::vector<double> adjusted = tissue::adjusted_p(p_values);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        rows[i].push_back(CsvText::number(adjusted[i]));
        csv.row(rows[i]);
    }
}

Result<void> frequencies(StepRun& run) {
    tissue::CellTable table = TRY(open_all_cells(run));
    const std::string by = run.text("by");
    join(TRY(sample_columns(run)), by, table);
    const Kinds kinds = sorted_kinds(TRY(words_named(table, run.text("kind"))));
    CsvText csv({"level", "name", "kind", "count", "total", "share", "low", "high", "per_mm2"});
    std::vector<Counted> samples = TRY(count_by(table, by, kinds));
    add_rows(by.empty() ? "all" : by, samples, kinds, csv);
    std::vector<std::string> levels = run.texts("also_by");
    if (!run.text("group").empty()) levels.push_back(run.text("group"));
    for (const std::string& level : levels)
        add_rows(level, TRY(count_by(table, level, kinds)), kinds, csv);
    TRY(csv.write(run.output() / "frequencies.csv"));
    run.made("table", "frequencies.csv");
    if (!run.text("group").empty()) {
        const auto groups = TRY(words_named(table, run.text("group")));
        const auto names = groups_of_samples(groups, TRY(cell_groups(table, by)));
        for (std::size_t i = 0; i < samples.size(); ++i) samples[i].group = names[i];
        CsvText tests({"kind", "group", "other", "samples", "other_samples", "mean_share",
                       "other_mean_share", "p_rank_sum", "p_exchange", "p_adjusted"});
        add_tests(samples, kinds, static_cast<std::uint64_t>(run.integer("seed")), tests);
        TRY(tests.write(run.output() / "tests.csv"));
        run.made("tests", "tests.csv");
    }
    run.tell("cells", static_cast<double>(table.cell_count()));
    run.tell("samples", static_cast<double>(samples.size()));
    return {};
}

}  // namespace

Step frequencies_step() {
    using enum ParameterType;
    return {
        .name = "frequencies",
        .summary = "How many cells of each kind, by image, patient and group, with tests",
        .inputs = {{"cells", "cells", "a table of cells with kinds"},
                   {"samples", "table",
                    "CSV: the sample's name (as in the column 'by'), then what is "
                    "known of it",
                    false}},
        .outputs = {{"table", "table", "counts, shares with 95 % intervals, cells per mm2"},
                    {"tests", "table", "of each kind between groups of samples", false}},
        .parameters = {{"kind", text, "\"phenotype\"", "column with the cells' kinds"},
                       {"by", text, "\"image\"", "column that says the sample; \"\" for one"},
                       {"also_by", texts, "[]", "other columns, such as region or patient"},
                       {"group", text, "\"\"", "column of groups of samples that are tested"},
                       {"seed", integer, "0", "of exchanges too many to go through", 0, 1e9}},
        .run = frequencies,
    };
}

}  // namespace stroma::app
