#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/matching.h"
#include "tissue/statistics/enrichment.h"
#include "tissue/statistics/samples.h"

// What was found beside what is known to be true: of made-up slides, or of ones that people marked.

namespace stroma::app {
namespace {

constexpr double overlap_least = 0.5, usual_z = 1.96;

/// One number that is known, and the interval in which the pipeline says that it is.
struct Scored {
    std::string what, image, kind, other;
    double truth = 0, found = 0, low = 0, high = 0;
    bool is_inside() const { return truth >= low && truth <= high; }
};

Result<std::vector<std::uint32_t>> all_labels(const StepRun& run, const fs::path& path) {
    const Picture picture = TRY(open_picture(run, path, true));
    std::vector<std::uint32_t> labels;
    const auto& info = picture->info();
    TRY(tissue::PixelReader(*picture, 0)
            .read_labels({0, 0, static_cast<std::int64_t>(info.width),
                          static_cast<std::int64_t>(info.height)},
                         labels));
    return labels;
}

/// Kinds and neighbours of one image.
struct Tissue {
    std::vector<std::string> kinds;
    tissue::Places places;
};

/// A table's cells by image; "a.corrected" is the image "a".
Result<std::map<std::string, Tissue>> tissues_of(const tissue::CellTable& table,
                                                 const std::string& kind) {
    std::map<std::string, Tissue> images;
    const auto words = TRY(words_named(table, kind));
    const auto names = TRY(words_named(table, "image"));
    const auto places = TRY(places_of(table));
    for (std::size_t cell = 0; cell < table.cell_count(); ++cell) {
        if (names.codes[cell] < 0) continue;
        const std::string& name = names.levels[static_cast<std::size_t>(names.codes[cell])];
        Tissue& image = images[name.substr(0, name.find('.'))];
        const std::int32_t code = words.codes[cell];
        image.kinds.push_back(code < 0 ? "" : words.levels[static_cast<std::size_t>(code)]);
        image.places.x.push_back(places.x[cell]);
        image.places.y.push_back(places.y[cell]);
    }
    return images;
}

std::vector<std::int32_t> codes_of(const Tissue& image, const std::vector<std::string>& kinds) {
    std::vector<std::int32_t> codes;
    for (const std::string& kind : image.kinds) {
        const auto at = std::ranges::find(kinds, kind);
        codes.push_back(at == kinds.end() ? -1 : static_cast<std::int32_t>(at - kinds.begin()));
    }
    return codes;
}

void add_shares(const std::string& name, const Tissue& truth, const Tissue& found,
                const std::vector<std::string>& kinds, std::vector<Scored>& rows) {
    for (const std::string& kind : kinds) {
        const auto share = [&](const Tissue& image) {
            return static_cast<double>(std::ranges::count(image.kinds, kind));
        };
        const auto total = static_cast<double>(found.kinds.size());
        const auto interval = tissue::wilson_interval(share(found), total);
        rows.push_back({"frequency", name, kind, "",
                        share(truth) / static_cast<double>(truth.kinds.size()),
                        share(found) / total, interval.low, interval.high});
    }
}

Result<void> add_interactions(const StepRun& run, const std::string& name, const Tissue& truth,
                              const Tissue& found, const std::vector<std::string>& kinds,
                              std::vector<Scored>& rows) {
    const auto enrichment = [&](const Tissue& image) -> Result<tissue::Enrichment> {
        const auto graph = TRY(graph_asked(run, image.places));
        return tissue::exact_enrichment(graph, codes_of(image, kinds), kinds.size());
    };
    const auto true_one = TRY(enrichment(truth)), found_one = TRY(enrichment(found));
    for (std::size_t a = 0; a < kinds.size(); ++a)
        for (std::size_t b = a; b < kinds.size(); ++b) {
            const std::size_t at = a * kinds.size() + b;
            if (std::isnan(true_one.z[at]) || std::isnan(found_one.z[at])) continue;
            rows.push_back({"interaction", name, kinds[a], kinds[b], true_one.z[at],
                            found_one.z[at], found_one.z[at] - usual_z, found_one.z[at] + usual_z});
        }
    return {};
}

/// Numbers of the interval against the truth: on the line they are equal.
std::string drawing_of(const std::vector<Scored>& rows, std::string_view what) {
    double low = 0, high = 0;
    for (const Scored& row : rows)
        if (row.what == what) {
            low = std::min({low, row.low, row.truth});
            high = std::max({high, row.high, row.truth});
        }
    constexpr double side = 320, left = 48, top = 16;
    const double scale = side / std::max(1e-9, high - low);
    const auto x = [&](double value) { return left + (value - low) * scale; };
    const auto y = [&](double value) { return top + side - (value - low) * scale; };
    std::string text = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" font-family=\""
        "sans-serif\" font-size=\"12\"><rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>"
        "<path d=\"M{2:.1f} {3:.1f}L{4:.1f} {5:.1f}\" stroke=\"#99a\"/>",
        left + side + 24, top + side + 40, x(low), y(low), x(high), y(high));
    for (const Scored& row : rows)
        if (row.what == what)
            text += fmt::format(
                "<path d=\"M{0:.1f} {1:.1f}V{2:.1f}\" stroke=\"{4}\"/><circle cx=\"{0:.1f}\" "
                "cy=\"{3:.1f}\" r=\"2.5\" fill=\"{4}\"/>",
                x(row.truth), y(row.low), y(row.high), y(row.found),
                row.is_inside() ? "#0b63a5" : "#b3261e");
    text += fmt::format(
        "<text x=\"{0}\" y=\"{1}\" text-anchor=\"middle\">truth: {2:.3g} to {3:.3g}</text><text "
        "transform=\"translate(20 {4}) rotate(-90)\" text-anchor=\"middle\">found, with 95 % "
        "interval</text></svg>\n",
        left + side / 2, top + side + 26, low, high, top + side / 2);
    return text;
}

void tell_score(StepRun& run, const tissue::Agreement& nuclei, const std::vector<Scored>& rows) {
    run.tell("nuclei: true", static_cast<double>(nuclei.matched + nuclei.missed));
    run.tell("nuclei: found", static_cast<double>(nuclei.matched + nuclei.invented));
    run.tell("nuclei: F1 at overlap 0.5", nuclei.f1());
    for (const std::string_view what : {"frequency", "interaction"}) {
        const auto is_it = [&](const Scored& row) { return row.what == what; };
        const auto is_good = [&](const Scored& row) { return is_it(row) && row.is_inside(); };
        run.tell(fmt::format("{}: compared", what),
                 static_cast<double>(std::ranges::count_if(rows, is_it)));
        run.tell(fmt::format("{}: inside their interval", what),
                 static_cast<double>(std::ranges::count_if(rows, is_good)));
    }
}

Result<tissue::Agreement> nuclei_agreement(const StepRun& run) {
    const auto& found = run.inputs("labels");
    const auto& truth = run.inputs("true_labels");
    if (found.size() != truth.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} files of labels, but {} of true_labels; each has its own",
                                found.size(), truth.size()));
    tissue::Agreement all;
    for (std::size_t at = 0; at < found.size(); ++at) {
        const auto one = TRY(all_labels(run, found[at])), other = TRY(all_labels(run, truth[at]));
        if (one.size() != other.size())
            return fail(ErrorCode::invalid_input,
                        found[at].filename().string() + ": its true labels are of another size");
        all += tissue::agreement(other, one, overlap_least);
    }
    return all;
}

Result<void> score(StepRun& run) {
    const tissue::Agreement nuclei = TRY(nuclei_agreement(run));
    const auto table = TRY(open_all_cells(run));
    const auto found = TRY(tissues_of(table, run.text("kind")));
    std::map<std::string, Tissue> truth;
    for (const fs::path& path : run.inputs("true_cells")) {
        auto cells = TRY(open_cells(run, path));
        if (cells.word("image") == nullptr)
            cells.set(tissue::WordColumn::of(
                "image", std::vector<std::string>(cells.cell_count(), stem_of(path))));
        truth.merge(TRY(tissues_of(cells, run.text("true_kind"))));
    }
    std::vector<std::string> kinds;
    for (const auto& [name, image] : truth)
        for (const std::string& kind : image.kinds)
            if (std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
    std::ranges::sort(kinds);
    std::vector<Scored> rows;
    for (const auto& [name, image] : truth) {
        const auto here = found.find(name);
        if (here == found.end())
            return fail(ErrorCode::invalid_input, "no cell was found of the image " + name);
        add_shares(name, image, here->second, kinds, rows);
        TRY(add_interactions(run, name, image, here->second, kinds, rows));
    }
    CsvText csv({"what", "image", "kind", "other", "truth", "found", "low", "high", "inside"});
    csv.row({"nuclei", "", "count", "",
             CsvText::number(static_cast<double>(nuclei.matched + nuclei.missed)),
             CsvText::number(static_cast<double>(nuclei.matched + nuclei.invented)), "", "", ""});
    csv.row({"nuclei", "", "F1", "", "1", CsvText::number(nuclei.f1()), "", "", ""});
    for (const Scored& row : rows)
        csv.row({row.what, row.image, row.kind, row.other, CsvText::number(row.truth),
                 CsvText::number(row.found), CsvText::number(row.low), CsvText::number(row.high),
                 row.is_inside() ? "1" : "0"});
    TRY(csv.write(run.output() / "score.csv"));
    run.made("table", "score.csv");
    for (const char* what : {"frequency", "interaction"}) {
        const std::string file = fmt::format("{}.svg", what);
        TRY(replace_file(run.output() / file, as_bytes(drawing_of(rows, what))));
        run.picture(file);
    }
    tell_score(run, nuclei, rows);
    return {};
}

}  // namespace

Step score_step() {
    using enum ParameterType;
    Step step{
        .name = "score",
        .summary = "What was found beside what is true: nuclei, shares of kinds, interactions",
        .inputs = {{"labels", "labels", "nuclei that were found"},
                   {"true_labels", "labels", "true nuclei, one file for each"},
                   {"cells", "cells", "cells that were found, with kinds"},
                   {"true_cells", "cells", "true cells with kinds and places in um"}},
        .outputs = {{"table", "table", "truth, what was found, and its 95 % interval"}},
        .parameters = {{"kind", text, "\"phenotype\"", "column with the kinds that were found"},
                       {"true_kind", text, "\"kind\"", "column with the true kinds"}},
        .run = score,
    };
    for (StepParameter& parameter : graph_parameters()) step.parameters.push_back(parameter);
    return step;
}

}  // namespace stroma::app
