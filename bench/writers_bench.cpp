// Goals G5 to G11 and G25: how fast the writers are when their source costs next to nothing.
//
//   writers_bench <folder> [rounds] [name…]
//
// The source holds one block of cells like those of ../shared/bench/make_cells.py (7.7 % of 20,000
// genes, rates falling from gene to gene, 64 % of the counts are 1) and gives it again and again,
// so reading is one copy. Prints the median seconds of `rounds` (5) writes, the processor seconds,
// the bytes written and the highest resident memory.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "expression/csv/csv_writer.h"
#include "expression/h5ad/h5ad_writer.h"
#include "expression/loom/loom_writer.h"
#include "expression/mtx/mtx_writer.h"
#include "expression/zarr/zarr_writer.h"

using namespace stroma;
using namespace stroma::expression;

namespace {

constexpr std::uint64_t pattern_cells = 512;

class RepeatingMatrix final : public MatrixSource {
public:
    RepeatingMatrix(std::uint64_t cells, std::uint64_t genes) : cells_(cells), genes_(genes) {
        std::mt19937_64 random(7);
        std::uniform_real_distribution<double> uniform;
        starts_ = {0};
        for (std::uint64_t cell = 0; cell < pattern_cells; ++cell) {
            const double depth = 0.6 + 0.8 * uniform(random);
            for (std::uint64_t gene = 0; gene < genes; ++gene) {
                // Rates fall like a power law; the mean share of non-zeros is 7.7 %.
                const double rank = static_cast<double>(gene * 7919 % genes);
                const double share = std::min(0.98, depth * 1.78 / (1 + 0.0045 * rank));
                if (uniform(random) >= share) continue;
                float count = 1;
                while (uniform(random) < 0.36 && count < 200) count += 1;
                places_.push_back(static_cast<std::uint32_t>(gene));
                values_.push_back(count);
            }
            starts_.push_back(places_.size());
        }
    }

    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return ValueType::float32; }
    Order order() const override { return Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 64; }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        std::vector<std::uint32_t> lengths(cells_);
        for (std::uint64_t cell = 0; cell < cells_; ++cell) {
            const std::uint64_t line = cell % pattern_cells;
            lengths[cell] = static_cast<std::uint32_t>(starts_[line + 1] - starts_[line]);
        }
        return lengths;
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        out.first_line = first;
        out.starts.assign(1, 0);
        out.places.clear();
        out.values.clear();
        for (std::uint64_t cell = first; cell < first + count; ++cell) {
            const std::uint64_t line = cell % pattern_cells;
            const auto begin = static_cast<std::ptrdiff_t>(starts_[line]);
            const auto end = static_cast<std::ptrdiff_t>(starts_[line + 1]);
            out.places.insert(out.places.end(), places_.begin() + begin, places_.begin() + end);
            const auto* bytes = reinterpret_cast<const std::byte*>(values_.data());
            out.values.insert(out.values.end(), bytes + 4 * begin, bytes + 4 * end);
            out.starts.push_back(out.places.size());
        }
        return {};
    }

private:
    std::uint64_t cells_, genes_;
    std::vector<std::uint64_t> starts_;
    std::vector<std::uint32_t> places_;
    std::vector<float> values_;
};

AnnotatedData cells_of(std::uint64_t cells, std::uint64_t genes) {
    AnnotatedData data;
    for (std::uint64_t i = 0; i < cells; ++i)
        data.obs.index.push_back("AAACCCAAGAAACACT-" + std::to_string(i));
    for (std::uint64_t i = 0; i < genes; ++i)
        data.var.index.push_back("ENSG" + std::to_string(10'000'000 + i));
    for (const char* name : {"cell_type", "tissue", "donor", "assay", "sex"}) {
        Categorical values;
        values.categories = TextArray{"one", "two", "three", "four", "five", "six", "seven"};
        for (std::uint64_t i = 0; i < cells; ++i)
            values.codes.push_back(static_cast<std::int32_t>(i * 31 % 7));
        data.obs.columns.push_back({name, std::move(values), std::nullopt});
    }
    for (const char* name : {"total_umis", "genes_detected"}) {
        std::vector<std::int64_t> values(cells);
        for (std::uint64_t i = 0; i < cells; ++i) values[i] = static_cast<std::int64_t>(i % 9973);
        data.obs.columns.push_back({name, Array::of(values), std::nullopt});
    }
    data.matrices.push_back({"X", Unit::counts, std::make_unique<RepeatingMatrix>(cells, genes)});
    return data;
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}
double processor_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

struct Case {
    const char* name;
    std::uint64_t cells, genes;
    std::unique_ptr<FormatWriter> writer;
    WriteOptions options;
    double goal_seconds;
};

std::vector<Case> cases() {
    const auto h5ad = [] { return std::make_unique<H5adWriter>(); };
    const auto zarr = [] { return std::make_unique<ZarrWriter>(); };
    const auto csv = [] { return std::make_unique<CsvWriter>(); };
    const WriteOptions none, durable{"", true, "", ""}, gzip{"gzip", false, "", ""};
    const WriteOptions zip{"", false, "zip", ""}, hca{"", false, "hca-v1", ""};
    std::vector<Case> all;
    all.push_back({"G5-h5ad-25%", 24'700, 20'000, h5ad(), none, 0.25});
    all.push_back({"G5-h5ad-25%-durable", 24'700, 20'000, h5ad(), durable, 0.5});
    all.push_back({"G6-h5ad-3%", 2'800, 20'000, h5ad(), none, 0.035});
    all.push_back({"G6-h5ad-3%-durable", 2'800, 20'000, h5ad(), durable, 0.07});
    all.push_back({"G7-h5ad-all", 100'000, 20'000, h5ad(), none, 0.8});
    all.push_back({"h5ad-25%-gzip", 24'700, 20'000, h5ad(), gzip, 0});
    all.push_back({"G8-mtx-25%", 24'700, 20'000, std::make_unique<MtxWriter>(), none, 1.9});
    all.push_back({"G9-csv-10k-25%", 2'449, 20'001, csv(), none, 0.15});
    all.push_back({"G9-csv-10k-25%-zip", 2'449, 20'001, csv(), zip, 0.5});
    all.push_back({"G10-loom-10k-25%", 2'449, 20'000, std::make_unique<LoomWriter>(), none, 0.6});
    all.push_back({"G11-zarr-25%", 24'700, 20'000, zarr(), none, 0.35});
    all.push_back({"zarr-hca-v1-10k-25%", 2'449, 20'000, zarr(), hca, 0});
    return all;
}

void run(const Case& one, const fs::path& folder, int rounds) {
    const AnnotatedData data = cells_of(one.cells, one.genes);
    const fs::path path = folder / ("bench" + std::string(one.writer->extension()));
    std::vector<double> walls, processors;
    WrittenMatrix written;
    for (int round = 0; round < rounds; ++round) {
        fs::remove_all(path);
        const double processor = processor_seconds();
        const auto begin = std::chrono::steady_clock::now();
        const auto done = one.writer->write(data, path, one.options, {});
        const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
        if (!done) {
            std::fprintf(stderr, "%s: %s\n", one.name, done.error().message.c_str());
            std::exit(1);
        }
        written = *done;
        walls.push_back(wall.count());
        processors.push_back(processor_seconds() - processor);
    }
    fs::remove_all(path);
    std::sort(walls.begin(), walls.end());
    std::sort(processors.begin(), processors.end());
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto middle = static_cast<std::size_t>(rounds / 2);
    std::printf(
        "%-22s %7.3f s  (best %.3f)  %6.2f cpu-s  %6.1f M nnz/s  %7.1f MB  goal %.3f  "
        "peak %ld MiB\n",
        one.name, walls[middle], walls.front(), processors[middle],
        static_cast<double>(written.nonzeros) / walls[middle] / 1e6,
        static_cast<double>(written.bytes) / 1e6, one.goal_seconds, usage.ru_maxrss / 1024);
    std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::fprintf(stderr, "writers_bench <folder> [rounds] [name…]\n");
        return 2;
    }
    const int rounds = count > 2 ? std::atoi(arguments[2]) : 5;
    for (const Case& one : cases()) {
        bool wanted = count <= 3;
        for (int i = 3; i < count; ++i)
            wanted |= std::string_view(one.name).find(arguments[i]) != std::string_view::npos;
        if (wanted) run(one, arguments[1], std::max(1, rounds));
    }
    return 0;
}
