// compare_cells FILE COMMAND…: seals a matrix that a test wrote, compares cells of it and prints
// the table as CSV, or "code: message" and exit 1. A warning is a line that begins with "# ".
//
//   FILE: u64 cells, genes, non-zeros, type (0 float32, 1 float64), unit; u64 starts (cells + 1);
//   u32 genes; values. Sets are files of u32 cell numbers, "rest" is all others.
//   COMMAND: welch_t|rank_sum|rank_sum_plain SCALE A B   SCALE: as_stored, log1p, log_cp10k
//            cellxgene COUNT normal|count|automatic A B
//            donors paired|unpaired|any DONORS-MIN CELLS-MIN DONOR-OF-CELL(i32) A B

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "expression/compare/cellxgene_compare.h"
#include "expression/compare/compare.h"
#include "expression/compare/pseudobulk.h"
#include "object/mapped_reader.h"

namespace stroma::expression {
namespace {

template <class T>
T must(Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "%s: %s\n", std::string(name_of(result.error().code)).c_str(),
                     result.error().message.c_str());
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class T>
std::vector<T> numbers_in(const char* path) {
    const std::string text = must(read_file(path, std::uint64_t{1} << 32));
    std::vector<T> numbers(text.size() / sizeof(T));
    std::memcpy(numbers.data(), text.data(), numbers.size() * sizeof(T));
    return numbers;
}

class FileSource final : public MatrixSource {
public:
    explicit FileSource(const char* path) : text_(must(read_file(path, std::uint64_t{1} << 32))) {
        for (std::size_t i = 0; i < 5; ++i) head_[i] = load<std::uint64_t>(bytes() + 8 * i);
        starts_.resize(head_[0] + 1);
        std::memcpy(starts_.data(), bytes() + 40, starts_.size() * 8);
    }
    Unit unit() const { return static_cast<Unit>(head_[4]); }
    std::uint64_t cell_count() const override { return head_[0]; }
    std::uint64_t gene_count() const override { return head_[1]; }
    ValueType value_type() const override {
        return head_[3] == 0 ? ValueType::float32 : ValueType::float64;
    }
    Order order() const override { return Order::by_cell; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 256; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        const std::uint64_t begin = starts_[first], values = starts_[first + count] - begin;
        const std::size_t size = size_of(value_type());
        const std::byte* places = bytes() + 40 + starts_.size() * 8;
        const std::byte* from = places + head_[2] * 4;
        out.first_line = first;
        out.starts.clear();
        for (std::uint64_t i = first; i <= first + count; ++i)
            out.starts.push_back(starts_[i] - begin);
        out.places.resize(values);
        out.values.resize(values * size);
        if (values == 0) return {};
        std::memcpy(out.places.data(), places + begin * 4, values * 4);
        std::memcpy(out.values.data(), from + begin * size, values * size);
        return {};
    }

private:
    const std::byte* bytes() const { return reinterpret_cast<const std::byte*>(text_.data()); }
    std::string text_;
    std::uint64_t head_[5] = {};
    std::vector<std::uint64_t> starts_;
};

std::shared_ptr<const SealedMatrix> sealed(const char* path) {
    auto source = std::make_unique<FileSource>(path);
    AnnotatedData data;
    for (std::uint64_t i = 0; i < source->cell_count(); ++i)
        data.obs.index.push_back("c" + std::to_string(i));
    for (std::uint64_t i = 0; i < source->gene_count(); ++i)
        data.var.index.push_back("g" + std::to_string(i));
    const Unit unit = source->unit();
    data.matrices.push_back({"X", unit, std::move(source)});
    File file = must(File::temporary(fs::temp_directory_path()));
    must(seal_dataset(data, file, {.durable = false}, {}));
    return must(must(SealedDataset::open(std::make_unique<object::MappedReader>(
                         must(MappedFile::map(file)), file.name())))
                    ->matrix("X"));
}

Scale scale_named(const std::string& name) {
    if (name == "log1p") return Scale::log1p;
    return name == "log_cp10k" ? Scale::log_cp10k : Scale::as_stored;
}

void print(const Comparison& table) {
    for (const std::string& warning : table.warnings) std::printf("# %s\n", warning.c_str());
    const auto columns = table.columns();
    for (std::size_t i = 0; i < columns.size(); ++i)
        std::printf("%s%s", i > 0 ? "," : "", std::string(columns[i].name).c_str());
    std::printf("\n");
    for (std::size_t gene = 0; gene < table.gene_count(); ++gene)
        for (std::size_t i = 0; i < columns.size(); ++i)
            std::printf("%.17g%c", columns[i].values[gene], i + 1 < columns.size() ? ',' : '\n');
}

void print(const char* side, const std::vector<CellxgeneRow>& rows) {
    for (const CellxgeneRow& row : rows)
        std::printf("%s,%u,%.17g,%.17g,%.17g\n", side, row.gene, row.log_fold_change, row.p,
                    row.p_adjusted);
}

struct Sets {
    std::vector<std::uint32_t> a, b;
    bool rest = false;
    Sets(const char* of_a, const char* of_b) : a(numbers_in<std::uint32_t>(of_a)) {
        rest = std::string_view(of_b) == "rest";
        if (!rest) b = numbers_in<std::uint32_t>(of_b);
    }
    std::optional<std::span<const std::uint32_t>> other() const {
        if (rest) return std::nullopt;
        return std::span<const std::uint32_t>(b);
    }
};

int run(int count, char** arguments) {
    if (count < 6) return 2;
    const auto matrix = sealed(arguments[1]);
    const std::string command = arguments[2];
    char** words = arguments + 3;
    if (command == "cellxgene" && count == 7) {
        CellxgeneOptions options;
        options.count = static_cast<std::uint32_t>(std::atoi(words[0]));
        const std::string kind = words[1];
        if (kind == "normal") options.distribution = CellxgeneOptions::Distribution::normal;
        if (kind == "count") options.distribution = CellxgeneOptions::Distribution::count;
        const Sets sets(words[2], words[3]);
        const auto result = must(compare_as_cellxgene(*matrix, sets.a, sets.b, options, {}));
        print("positive", result.positive);
        print("negative", result.negative);
    } else if (command == "donors" && count == 9) {
        PseudobulkOptions options;
        const std::string kind = words[0];
        if (kind != "any") options.paired = kind == "paired";
        options.donors_min = static_cast<std::uint64_t>(std::atoi(words[1]));
        options.cells_per_donor_min = static_cast<std::uint64_t>(std::atoi(words[2]));
        const Sets sets(words[4], words[5]);
        print(must(compare_donors(*matrix, sets.a, sets.other(), numbers_in<std::int32_t>(words[3]),
                                  options, {}))
                  .table);
    } else {
        CompareOptions options;
        options.test = command == "welch_t" ? Test::welch_t : Test::rank_sum;
        options.continuity = command != "rank_sum_plain";
        options.scale = scale_named(words[0]);
        const Sets sets(words[1], words[2]);
        print(must(compare(*matrix, sets.a, sets.other(), options, {})));
    }
    return 0;
}

}  // namespace
}  // namespace stroma::expression

int main(int count, char** arguments) { return stroma::expression::run(count, arguments); }
