// Comparisons of cells against the goals G12 to G17, a JSON line for each measure.
//
//   compare_bench --json DATA_FOLDER [TABLES [GOAL...]]
//
// Of DATA_FOLDER/100k and, where it is there, DATA_FOLDER/500k: each is sealed beside its h5ad
// first, which isn't timed, and once. A is one cell type (3 %), B all others or one other type.
// E5 is the engine's part of it: 5 of the 40 donors against the others. Each time is the median of
// 5 runs after one that fills what is kept of the whole. Into the folder TABLES (- for none) go the
// comparisons of 100k, a CSV each, for who checks them. With goals named, only those.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <string>

#include "expression/compare/compare.h"
#include "expression/h5ad/h5ad_reader.h"
#include "expression/input_files.h"
#include "object/mapped_reader.h"

namespace stroma::expression {
namespace {

double seconds_of(clockid_t clock) {
    timespec time{};
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

template <class T>
T must(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "{}\n", result.error().message);
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

void tell(std::string_view goal, std::string_view measure, double value, double cpu) {
    fmt::print(
        "{{\"goal\": \"{}\", \"measure\": \"{}\", \"value\": {:.6g}, \"cpu_s\": {:.4g}, "
        "\"runs\": 5}}\n",
        goal, measure, value, cpu);
    std::fflush(stdout);
}

void measure(std::string_view goal, const std::function<void()>& work) {
    const double first = seconds_of(CLOCK_MONOTONIC);
    work();
    fmt::print("{} for the first time: {:.3f} s\n", goal, seconds_of(CLOCK_MONOTONIC) - first);
    std::vector<double> walls, cpus;
    for (int i = 0; i < 5; ++i) {
        const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        work();
        walls.push_back(seconds_of(CLOCK_MONOTONIC) - wall);
        cpus.push_back(seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
    std::sort(walls.begin(), walls.end());
    std::sort(cpus.begin(), cpus.end());
    tell(goal, "wall_ms", walls[2] * 1e3, cpus[2]);
}

std::vector<std::uint32_t> cells_with(const Categorical& column, std::string_view value) {
    std::vector<std::uint32_t> cells;
    for (std::uint32_t cell = 0; cell < column.codes.size(); ++cell)
        if (column.codes[cell] >= 0 &&
            column.category_text(static_cast<std::size_t>(column.codes[cell])) == value)
            cells.push_back(cell);
    return cells;
}

void measure_genes(const SealedMatrix& matrix) {
    std::vector<double> times;
    std::vector<float> dense(matrix.cell_count());
    std::mt19937 random(2);
    for (int i = 0; i < 400; ++i) {
        const std::uint32_t gene = static_cast<std::uint32_t>(random()) % matrix.gene_count();
        const double start = seconds_of(CLOCK_MONOTONIC);
        must(matrix.read_gene_dense(gene, dense));
        times.push_back((seconds_of(CLOCK_MONOTONIC) - start) * 1e3);
    }
    std::sort(times.begin(), times.end());
    tell("G17", "large_p50_ms", times[200], 0);
    tell("G17", "large_p99_ms", times[396], 0);
}

/// The cells of whatever that column of obs holds for them.
struct Labels {
    Categorical column;
    std::vector<std::uint32_t> of(std::initializer_list<std::string_view> values) const {
        std::vector<std::uint32_t> cells;
        for (const std::string_view value : values) {
            const auto more = cells_with(column, value);
            cells.insert(cells.end(), more.begin(), more.end());
        }
        std::sort(cells.begin(), cells.end());
        return cells;
    }
};

Labels labels_of(const SealedDataset& dataset, std::string_view name) {
    return {std::get<Categorical>(must(dataset.obs_column(name)).values)};
}

std::shared_ptr<const SealedDataset> open_sealed(const fs::path& folder) {
    const fs::path path = folder / "cells.sealed";
    if (!fs::exists(path)) {
        auto files = must(open_input(folder / "cells.h5ad"));
        AnnotatedData data = must(H5adReader().read(*files, {}));
        File file = must(File::create(path));
        must(seal_dataset(data, file, {.durable = false}, {}));
    }
    const File file = must(File::open_to_read(path));
    return must(SealedDataset::open(
        std::make_unique<object::MappedReader>(must(MappedFile::map(file)), file.name())));
}

void write_table(const fs::path& path, const Comparison& comparison) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (file == nullptr) std::exit(1);
    fmt::print(file, "mean_a,mean_b,statistic,p\n");
    for (std::size_t gene = 0; gene < comparison.gene_count(); ++gene)
        fmt::print(file, "{},{},{},{}\n", comparison.mean_a[gene], comparison.mean_b[gene],
                   comparison.statistic[gene], comparison.p[gene]);
    std::fclose(file);
}

/// One comparison of the goals: measured, and written when it is to be checked.
struct Question {
    std::string_view goal;
    std::vector<std::uint32_t> a;
    std::optional<std::vector<std::uint32_t>> b;
    CompareOptions options;
};

std::vector<std::string_view> chosen;  // goals; none: all

void ask(const SealedMatrix& matrix, const Question& question, const fs::path& tables) {
    if (!chosen.empty() && std::find(chosen.begin(), chosen.end(), question.goal) == chosen.end())
        return;
    const auto work = [&] {
        return must(compare(matrix, question.a, question.b, question.options, {}));
    };
    measure(question.goal, [&] { work(); });
    if (!tables.empty()) write_table(tables / fmt::format("{}.csv", question.goal), work());
}

void run(const fs::path& folder, const fs::path& tables) {
    const CompareOptions t{.scale = Scale::log_cp10k};
    const CompareOptions ranks{.test = Test::rank_sum, .scale = Scale::log_cp10k};
    {
        const auto dataset = open_sealed(folder / "100k");
        const Labels types = labels_of(*dataset, "cell_type"),
                     tissues = labels_of(*dataset, "tissue");
        const auto matrix = must(dataset->matrix("X"));
        const auto a = types.of({"type 03"});
        ask(*matrix, {"G12", a, std::nullopt, t}, tables);
        ask(*matrix, {"G13", tissues.of({"blood", "lung"}), std::nullopt, t}, tables);
        ask(*matrix, {"G15", a, std::nullopt, ranks}, tables);
        ask(*matrix, {"G16", a, types.of({"type 07"}), ranks}, tables);
    }
    if (!fs::exists(folder / "500k")) return;
    const auto dataset = open_sealed(folder / "500k");
    const auto matrix = must(dataset->matrix("X"));
    ask(*matrix, {"G14", labels_of(*dataset, "cell_type").of({"type 03"}), std::nullopt, t}, {});
    ask(*matrix,
        {"E5", labels_of(*dataset, "donor_id").of({"D003", "D011", "D019", "D027", "D035"}),
         std::nullopt, ranks},
        {});
    if (chosen.empty() || std::find(chosen.begin(), chosen.end(), "G17") != chosen.end())
        measure_genes(*matrix);
}

}  // namespace
}  // namespace stroma::expression

int main(int count, char** arguments) {
    using stroma::fs::path;
    if (count < 3 || std::string_view(arguments[1]) != "--json") {
        fmt::print(stderr, "usage: compare_bench --json DATA_FOLDER [TABLES [GOAL...]]\n");
        return 2;
    }
    using stroma::expression::chosen;
    for (int i = 4; i < count; ++i) chosen.push_back(arguments[i]);
    const path tables = count > 3 && std::string_view(arguments[3]) != "-" ? arguments[3] : "";
    stroma::expression::run(arguments[2], tables);
    return 0;
}
