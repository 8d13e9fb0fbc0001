// Comparisons of cells against the goals G12 to G17, a JSON line for each measure.
//
//   compare_bench FILE.h5ad COLUMN VALUE OTHER [FOLDER]
//
// A is the cells with that value in that categorical column of obs, B all others or those with the
// other value. The file is sealed to FOLDER (the temporary folder if not given) first, which isn't
// timed. Each time is the median of 5 runs after one that fills what is kept of the whole.

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

void tell(std::string_view goal, std::string_view measure, double value, std::string_view what) {
    fmt::print("{{\"goal\":\"{}\",\"measure\":\"{}\",\"value\":{:.6f},\"what\":\"{}\"}}\n", goal,
               measure, value, what);
}

void measure(std::string_view goal, std::string_view what, const std::function<void()>& work) {
    const double first = seconds_of(CLOCK_MONOTONIC);
    work();
    tell(goal, "first_wall_s", seconds_of(CLOCK_MONOTONIC) - first, what);
    std::vector<double> walls, cpus;
    for (int i = 0; i < 5; ++i) {
        const double wall = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        work();
        walls.push_back(seconds_of(CLOCK_MONOTONIC) - wall);
        cpus.push_back(seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    }
    std::sort(walls.begin(), walls.end());
    std::sort(cpus.begin(), cpus.end());
    tell(goal, "wall_s", walls[2], what);
    tell(goal, "cpu_s", cpus[2], what);
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
        times.push_back(seconds_of(CLOCK_MONOTONIC) - start);
    }
    std::sort(times.begin(), times.end());
    tell("G17", "p50_s", times[200], "one gene, dense");
    tell("G17", "p99_s", times[396], "one gene, dense");
}

void run(char** words, const fs::path& folder) {
    auto files = must(open_input(words[1]));
    AnnotatedData data = must(H5adReader().read(*files, {}));
    File file = must(File::temporary(folder));
    must(seal_dataset(data, file, {.durable = false}, {}));
    const auto dataset = must(SealedDataset::open(
        std::make_unique<object::MappedReader>(must(MappedFile::map(file)), file.name())));
    const Column column = must(dataset->obs_column(words[2]));
    const auto& kinds = std::get<Categorical>(column.values);
    const auto matrix = must(dataset->matrix("X"));
    const std::vector<std::uint32_t> a = cells_with(kinds, words[3]),
                                     b = cells_with(kinds, words[4]);
    std::vector<std::uint32_t> quarter;
    std::mt19937 random(3);
    for (std::uint32_t cell = 0; cell < matrix->cell_count(); ++cell)
        if (random() % 4 == 0) quarter.push_back(cell);
    const CompareOptions t{.scale = Scale::log_cp10k};
    const CompareOptions ranks{.test = Test::rank_sum, .scale = Scale::log_cp10k};
    const std::string share = fmt::format("{} of {} cells", a.size(), matrix->cell_count());
    const std::string_view small_goal = matrix->cell_count() > 300'000 ? "G14" : "G12";
    measure(small_goal, "t-test, log CP10k, against the rest, " + share,
            [&] { must(compare(*matrix, a, std::nullopt, t, {})); });
    measure("G13", "t-test, log CP10k, a quarter against the rest",
            [&] { must(compare(*matrix, quarter, std::nullopt, t, {})); });
    measure("G15", "rank test, log CP10k, against the rest, " + share,
            [&] { must(compare(*matrix, a, std::nullopt, ranks, {})); });
    measure("G16", "rank test, log CP10k, against " + std::to_string(b.size()),
            [&] { must(compare(*matrix, a, b, ranks, {})); });
    measure_genes(*matrix);
}

}  // namespace
}  // namespace stroma::expression

int main(int count, char** arguments) {
    if (count < 5) {
        fmt::print(stderr, "usage: compare_bench FILE.h5ad COLUMN VALUE OTHER [FOLDER]\n");
        return 2;
    }
    stroma::expression::run(
        arguments, count > 5 ? stroma::fs::path(arguments[5]) : stroma::fs::temp_directory_path());
    return 0;
}
