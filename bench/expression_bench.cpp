// How the sealed expression store stands against the goals of its design, on one dataset.
//
//   expression_bench --json DATA_FOLDER             figures of DATA_FOLDER/100k/cells.h5ad
//   expression_bench made CELLS GENES [FOLDER]      data made up here, like a 10x experiment
//   expression_bench raw FILE CELLS GENES INDPTR INDICES DATA [FOLDER]
//       a file that holds CSR arrays (int32, int32, float32) at those byte offsets, such as an
//       uncompressed, contiguous .h5ad; h5py tells them by dataset.id.get_offset()
//
// The sealed file is written to FOLDER (the temporary folder if not given) and removed.
// Each time is the median of 5 runs; "floor" is what the machine's limits allow.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <numeric>
#include <random>
#include <string>

#include "base/threads.h"
#include "expression/h5ad/h5ad_reader.h"
#include "expression/kernels/bit_packing.h"
#include "expression/sealed/sealed_matrix.h"
#include "object/mapped_reader.h"

namespace stroma::expression {
namespace {

using SteadyClock = std::chrono::steady_clock;

double cpu_seconds() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct Timing {
    double wall = 0, cpu = 0;
};

template <class T>
T must(Result<T> result) {
    if (!result) {
        fmt::print(stderr, "{}\n", result.error().message);
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

Timing median_of_runs(const std::function<void()>& work, int runs = 5) {
    std::vector<double> walls, cpus;
    for (int i = 0; i < runs; ++i) {
        const auto start = SteadyClock::now();
        const double cpu = cpu_seconds();
        work();
        cpus.push_back(cpu_seconds() - cpu);
        walls.push_back(std::chrono::duration<double>(SteadyClock::now() - start).count());
    }
    std::sort(walls.begin(), walls.end());
    std::sort(cpus.begin(), cpus.end());
    return {walls[walls.size() / 2], cpus[cpus.size() / 2]};
}

void print(std::string_view goal, std::string_view what, const Timing& time, double values,
           std::string_view wanted) {
    fmt::print("{:4} {:44} wall {:9.4f} s  cpu {:9.4f} s  {:8.1f} M/s wall  {:8.1f} M/s cpu  {}\n",
               goal, what, time.wall, time.cpu, values / time.wall / 1e6, values / time.cpu / 1e6,
               wanted);
}

/// CSR arrays that lie in memory or in a mapped file.
class CsrSource final : public MatrixSource {
public:
    CsrSource(std::uint64_t genes, std::span<const std::int32_t> indptr,
              const std::int32_t* indices, const float* data)
        : genes_(genes), indptr_(indptr), indices_(indices), data_(data) {}
    std::uint64_t cell_count() const override { return indptr_.size() - 1; }
    std::uint64_t gene_count() const override { return genes_; }
    ValueType value_type() const override { return ValueType::float32; }
    Order order() const override { return Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 256; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        const std::int64_t begin = indptr_[first], end = indptr_[first + count];
        out.first_line = first;
        out.starts.clear();
        for (std::uint64_t i = first; i <= first + count; ++i)
            out.starts.push_back(static_cast<std::uint64_t>(indptr_[i] - begin));
        out.places.assign(indices_ + begin, indices_ + end);
        const ByteSpan values = std::as_bytes(std::span(data_ + begin, data_ + end));
        out.values.assign(values.begin(), values.end());
        return {};
    }

private:
    std::uint64_t genes_;
    std::span<const std::int32_t> indptr_;
    const std::int32_t* indices_;
    const float* data_;
};

struct Csr {
    std::vector<std::int32_t> indptr{0}, indices;
    std::vector<float> data;
};

/// Log-normal gene means and library sizes, counts Poisson with a gamma of the gene: the model of
/// the larger sets, drawn gene by gene.
Csr make_cells(std::uint64_t cells, std::uint64_t genes) {
    std::mt19937_64 random(1);
    std::lognormal_distribution<> weights(0, 2.2), sizes(std::log(3900), 0.43);
    std::vector<double> weight(genes);
    for (double& one : weight) one = weights(random);
    const double all = std::accumulate(weight.begin(), weight.end(), 0.0);
    Csr csr;
    for (std::uint64_t cell = 0; cell < cells; ++cell) {
        const double size = sizes(random) / all;
        for (std::uint64_t gene = 0; gene < genes; ++gene) {
            const double mean = size * weight[gene];
            const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
            if (uniform < std::exp(-mean)) continue;
            const int more = mean < 0.05 ? 0 : std::poisson_distribution<>(mean)(random);
            csr.indices.push_back(static_cast<std::int32_t>(gene));
            csr.data.push_back(static_cast<float>(std::max(1, more)));
        }
        csr.indptr.push_back(static_cast<std::int32_t>(csr.indices.size()));
    }
    return csr;
}

AnnotatedData dataset_of(std::unique_ptr<MatrixSource> source) {
    AnnotatedData data;
    for (std::uint64_t i = 0; i < source->cell_count(); ++i)
        data.obs.index.push_back(fmt::format("cell{}", i));
    for (std::uint64_t i = 0; i < source->gene_count(); ++i)
        data.var.index.push_back(fmt::format("gene{}", i));
    data.matrices.push_back({"X", Unit::unknown, std::move(source)});
    return data;
}

void read_selection(const std::shared_ptr<const SealedMatrix>& matrix,
                    std::vector<std::uint32_t> cells, std::string_view goal, std::string_view what,
                    std::string_view wanted) {
    std::vector<SelectionPart> parts{{matrix, std::move(cells), {}}};
    const auto source = select_cells(std::move(parts), matrix->gene_count());
    const std::uint64_t lines = source->line_count(), step = source->lines_per_read();
    const double values = static_cast<double>(source->nonzero_count().value_or(0));
    const Timing time = median_of_runs([&] {
        must(parallel_for((lines + step - 1) / step, [&](std::size_t i) -> Result<void> {
            thread_local LineBlock block;
            return source->read_lines(i * step, std::min(step, lines - i * step), block);
        }));
    });
    print(goal, what, time, values, wanted);
}

struct GeneTimes {
    double p50_ms = 0, p99_ms = 0;
};

GeneTimes read_genes(const SealedMatrix& matrix) {
    std::vector<double> times;
    std::vector<float> dense(matrix.cell_count());
    std::mt19937 random(2);
    const int reads = 400;
    for (int i = 0; i < reads; ++i) {
        const std::uint32_t gene = static_cast<std::uint32_t>(random()) % matrix.gene_count();
        const auto start = SteadyClock::now();
        must(matrix.read_gene_dense(gene, dense));
        times.push_back(std::chrono::duration<double>(SteadyClock::now() - start).count());
    }
    std::sort(times.begin(), times.end());
    return {times[reads / 2] * 1e3, times[reads * 99 / 100] * 1e3};
}

/// The lines of bench/README.md, of the file as it is imported.
void print_figures(const fs::path& data_folder) {
    const fs::path path = data_folder / "100k" / "cells.h5ad";
    const auto files = must(open_input(path));
    AnnotatedData data = must(H5adReader().read(*files, {}));
    File file = must(File::temporary(data_folder));
    const DatasetSummary summary = must(seal_dataset(data, file, {}, {}));
    const MatrixSummary& x = summary.matrices[0];
    const auto nonzeros = static_cast<double>(x.nonzeros);
    const auto print_figure = [&](std::string_view goal, std::string_view measure, double value) {
        fmt::print("{{\"goal\": \"{}\", \"measure\": \"{}\", \"value\": {:.6g}}}\n", goal, measure,
                   value);
    };
    print_figure("G1", "by_cell_B", static_cast<double>(x.bytes_by_cell) / nonzeros);
    print_figure("G2", "by_gene_B", static_cast<double>(x.bytes_by_gene) / nonzeros);
    print_figure("G3", "both_B", static_cast<double>(summary.bytes) / nonzeros);
    const auto dataset = must(SealedDataset::open(
        std::make_unique<object::MappedReader>(must(MappedFile::map(file)), file.name())));
    const auto matrix = must(dataset->matrix("X"));
    const auto& stored = dynamic_cast<const StoredMatrix&>(*matrix);
    const Timing decode = median_of_runs([&] { must(stored.decode_cells()); });
    print_figure("G4", "decode_Gps", nonzeros / decode.wall / 1e9);
    const GeneTimes genes = read_genes(*matrix);
    print_figure("G17", "p50_ms", genes.p50_ms);
    print_figure("G17", "p99_ms", genes.p99_ms);
}

void measure(const std::function<std::unique_ptr<MatrixSource>()>& source, const fs::path& folder) {
    File file;
    DatasetSummary summary;
    const Timing sealing = median_of_runs(
        [&] {
            file = must(File::temporary(folder));
            AnnotatedData data = dataset_of(source());
            summary = must(seal_dataset(data, file, {}, {}));
        },
        3);
    const MatrixSummary& x = summary.matrices[0];
    const double nonzeros = static_cast<double>(x.nonzeros);
    fmt::print("{} cells, {} genes, {} nonzeros, {} threads, {}\n", summary.cells, x.genes,
               x.nonzeros, thread_count(), unpacking_path());
    fmt::print("G1   by cell {:.3f} B a nonzero (goal 1.15, floor 0.61)\n",
               static_cast<double>(x.bytes_by_cell) / nonzeros);
    fmt::print("G2   by gene {:.3f} B a nonzero (goal 1.05, floor 0.61)\n",
               static_cast<double>(x.bytes_by_gene) / nonzeros);
    fmt::print("G3   whole file {:.3f} B a nonzero (goal 2.2, floor 1.22)\n",
               static_cast<double>(summary.bytes) / nonzeros);
    print("G21", "seal, durable, without HDF5", sealing, nonzeros, "(goal 4 s, floor 1.4 s)");

    const auto dataset = must(SealedDataset::open(
        std::make_unique<object::MappedReader>(must(MappedFile::map(file)), file.name())));
    const auto matrix = must(dataset->matrix("X"));
    std::vector<std::uint32_t> all(summary.cells), some, few;
    std::iota(all.begin(), all.end(), 0);
    std::mt19937 random(3);
    for (const std::uint32_t cell : all) {
        const double draw = static_cast<double>(random()) / 0x1p32;
        if (draw < 0.03) few.push_back(cell);
        if (draw < 0.25) some.push_back(cell);
    }
    const auto& stored = dynamic_cast<const StoredMatrix&>(*matrix);
    print("G4", "gene numbers and counts, one core",
          median_of_runs([&] { must(stored.decode_cells()); }), nonzeros,
          "(goal 900 M/s, floor 1050)");
    read_selection(matrix, few, "G6", "gather 3 % of the cells", "(G6 goal 35 ms with h5ad)");
    read_selection(matrix, some, "G5", "gather 25 % of the cells", "(G5 goal 250 ms with h5ad)");
    read_selection(matrix, all, "G7", "gather all cells", "(G7 goal 800 ms with h5ad)");
    const GeneTimes genes = read_genes(*matrix);
    fmt::print(
        "G17  one gene, dense                              p50 {:.3f} ms  p99 {:.3f} ms  "
        "(goal 0.1 / 0.5, floor 0.04)\n",
        genes.p50_ms, genes.p99_ms);
    print("G12", "sums of 3 % of the cells", median_of_runs([&] { must(matrix->sums(few)); }),
          nonzeros * 0.03, "(goal 15 ms, floor 3 ms)");
    print("G13", "sums of 25 % of the cells", median_of_runs([&] { must(matrix->sums(some)); }),
          nonzeros * 0.25, "(goal 90 ms, floor 26 ms)");
    print("", "verify", median_of_runs([&] { must(dataset->verify({})); }, 1), nonzeros * 2, "");
}

}  // namespace
}  // namespace stroma::expression

int main(int count, char** arguments) {
    using namespace stroma;
    using namespace stroma::expression;
    const auto number = [&](int i) { return std::strtoull(arguments[i], nullptr, 10); };
    const auto folder = [&](int i) {
        return count > i ? fs::path(arguments[i]) : fs::temp_directory_path();
    };
    const std::string_view kind = count > 1 ? arguments[1] : "";
    if (kind == "--json" && count == 3) {
        print_figures(arguments[2]);
        return 0;
    }
    if (kind == "made" && count >= 4) {
        const Csr csr = make_cells(number(2), number(3));
        measure(
            [&] {
                return std::make_unique<CsrSource>(number(3), csr.indptr, csr.indices.data(),
                                                   csr.data.data());
            },
            folder(4));
        return 0;
    }
    if (kind == "raw" && count >= 8) {
        const File file = must(File::open_to_read(arguments[2]));
        const MappedFile map = must(MappedFile::map(file));
        const std::byte* bytes = map.bytes().data();
        const std::span indptr(reinterpret_cast<const std::int32_t*>(bytes + number(5)),
                               number(3) + 1);
        measure(
            [&] {
                return std::make_unique<CsrSource>(
                    number(4), indptr, reinterpret_cast<const std::int32_t*>(bytes + number(6)),
                    reinterpret_cast<const float*>(bytes + number(7)));
            },
            folder(8));
        return 0;
    }
    fmt::print(stderr,
               "usage: expression_bench --json DATA_FOLDER\n"
               "       expression_bench made CELLS GENES [FOLDER]\n"
               "       expression_bench raw FILE CELLS GENES INDPTR INDICES DATA [FOLDER]\n");
    return 2;
}
