#include "expression/sealed_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "expression/sealed/matrix_format.h"
#include "object/bytes_reader.h"

namespace stroma::expression::samples {
namespace {

std::uint64_t bits_of(double value, ValueType type) {
    std::uint64_t bits = 0;
    switch (type) {
        case ValueType::float32: {
            const auto narrow = static_cast<float>(value);
            std::memcpy(&bits, &narrow, 4);
            return bits;
        }
        case ValueType::float64: std::memcpy(&bits, &value, 8); return bits;
        default: {
            const auto whole = static_cast<std::int64_t>(value);
            std::memcpy(&bits, &whole, size_of(type));
            return bits;
        }
    }
}

class MemorySource final : public MatrixSource {
public:
    MemorySource(Matrix matrix, Order order, bool random_access)
        : matrix_(std::move(matrix)), order_(order), random_access_(random_access) {
        if (order == Order::by_cell) return;
        std::vector<std::vector<std::pair<std::uint32_t, std::uint64_t>>> turned(matrix_.genes);
        for (std::uint32_t cell = 0; cell < matrix_.lines.size(); ++cell)
            for (const auto& [gene, bits] : matrix_.lines[cell])
                turned[gene].emplace_back(cell, bits);
        matrix_.lines = std::move(turned);
    }
    std::uint64_t cell_count() const override { return matrix_.cells; }
    std::uint64_t gene_count() const override { return matrix_.genes; }
    ValueType value_type() const override { return matrix_.type; }
    Order order() const override { return order_; }
    bool is_random_access() const override { return random_access_; }
    std::uint64_t lines_per_read() const override { return 7; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        if (!random_access_) {
            EXPECT_EQ(first, next_);
            next_ = first + count;
        }
        out = {};
        out.first_line = first;
        out.starts.assign(1, 0);
        const std::size_t size = size_of(matrix_.type);
        for (std::uint64_t line = first; line < first + count; ++line) {
            for (const auto& [place, bits] : matrix_.lines[line]) {
                out.places.push_back(place);
                const auto* from = reinterpret_cast<const std::byte*>(&bits);
                out.values.insert(out.values.end(), from, from + size);
            }
            out.starts.push_back(out.places.size());
        }
        return {};
    }

private:
    Matrix matrix_;
    Order order_;
    bool random_access_;
    std::uint64_t next_ = 0;
};

double random_value(std::mt19937_64& random, const Shape& shape, double cell_scale) {
    const double uniform = std::uniform_real_distribution<>(0, 1)(random);
    const double count = std::floor(1 / (uniform + 0.01));
    const double signs = random() % 2 == 0 ? 1 : -1;
    switch (shape.values) {
        case Values::counts: return std::min(count, 127.0);
        case Values::large_counts:
            return shape.type == ValueType::float64 || shape.type == ValueType::int64 ||
                           shape.type == ValueType::uint64
                       ? std::floor(std::ldexp(uniform, static_cast<int>(random() % 54)))
                       : std::floor(std::ldexp(uniform, static_cast<int>(random() % 24)));
        case Values::log_normalised: return std::log1p(count * cell_scale);
        case Values::scaled: return signs * std::sqrt(-2 * std::log(uniform + 1e-9));
        case Values::odd: {
            const double odd[] = {0.0,   -0.0, NAN,  INFINITY,    -INFINITY,
                                  1e-40, 3.0,  -7.5, 4294967296.0};
            return odd[random() % std::size(odd)];
        }
    }
    return 0;
}

}  // namespace

std::uint64_t Matrix::nonzeros() const {
    std::uint64_t count = 0;
    for (const auto& line : lines) count += line.size();
    return count;
}

Matrix random_matrix(const Shape& shape, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Matrix matrix{shape.cells, shape.genes, shape.type, {}};
    std::vector<double> rates(shape.genes);
    for (double& rate : rates)
        rate = shape.density >= 1
                   ? 1
                   : shape.density * -std::log(std::uniform_real_distribution<>(1e-6, 1)(random));
    for (std::uint64_t cell = 0; cell < shape.cells; ++cell) {
        auto& line = matrix.lines.emplace_back();
        const double scale = 0.2 + std::uniform_real_distribution<>(0, 3)(random);
        for (std::uint32_t gene = 0; gene < shape.genes; ++gene)
            if (std::uniform_real_distribution<>(0, 1)(random) < rates[gene])
                line.emplace_back(gene, bits_of(random_value(random, shape, scale), shape.type));
        if (shape.shuffled) std::shuffle(line.begin(), line.end(), random);
    }
    return matrix;
}

std::unique_ptr<MatrixSource> source_of(Matrix matrix, Order order, bool random_access) {
    return std::make_unique<MemorySource>(std::move(matrix), order, random_access);
}

AnnotatedData dataset_of(std::unique_ptr<MatrixSource> source, Unit unit) {
    AnnotatedData data;
    for (std::uint64_t i = 0; i < source->cell_count(); ++i)
        data.obs.index.push_back("cell" + std::to_string(i));
    for (std::uint64_t i = 0; i < source->gene_count(); ++i)
        data.var.index.push_back("gene" + std::to_string(i));
    data.matrices.push_back({"X", unit, std::move(source)});
    return data;
}

AnnotatedData dataset_of(const Matrix& matrix, Unit unit) {
    return dataset_of(source_of(matrix, Order::by_cell, true), unit);
}

std::unique_ptr<object::ObjectReader> reader_of(Bytes bytes, bool mapped) {
    return std::make_unique<object::BytesReader>(std::move(bytes), mapped);
}

Result<Bytes> try_seal(AnnotatedData& data, const SealOptions& options) {
    File file = TRY(File::temporary(fs::temp_directory_path()));
    TRY(seal_dataset(data, file, options, {}));
    Bytes bytes(TRY(file.size()));
    TRY(file.read_at(0, bytes));
    return bytes;
}

Bytes seal(AnnotatedData& data, const SealOptions& options) {
    auto bytes = try_seal(data, options);
    EXPECT_TRUE(bytes) << bytes.error().message;
    return bytes ? *std::move(bytes) : Bytes{};
}

namespace {

using Line = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

Line sorted(Line line) {
    std::sort(line.begin(), line.end());
    return line;
}

void expect_cells_equal(const SealedMatrix& stored, const Matrix& matrix) {
    std::vector<std::uint32_t> cells(matrix.cells);
    std::iota(cells.begin(), cells.end(), 0);
    std::mt19937 random(1);
    std::shuffle(cells.begin(), cells.end(), random);
    LineBlock block;
    const auto read = stored.read_cells(cells, block);
    ASSERT_TRUE(read) << read.error().message;
    const auto lengths = stored.cell_lengths().value();
    const auto totals = stored.cell_totals().value();
    const std::size_t size = size_of(matrix.type);
    for (std::size_t i = 0; i < cells.size(); ++i) {
        Line line;
        for (std::uint64_t at = block.starts[i]; at < block.starts[i + 1]; ++at) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, block.values.data() + at * size, size);
            line.emplace_back(block.places[at], bits);
        }
        const Line& expected = matrix.lines[cells[i]];
        ASSERT_EQ(line, sorted(expected)) << "cell " << cells[i];
        ASSERT_EQ(lengths[cells[i]], expected.size());
        double total = 0;
        for (const auto& [gene, bits] : expected) total += number_of(bits, matrix.type);
        if (std::isfinite(total)) {
            ASSERT_NEAR(totals[cells[i]], total, 1e-9 * (1 + std::abs(total)))
                << "cell " << cells[i];
        }
    }
}

void expect_genes_equal(const SealedMatrix& stored, const Matrix& matrix) {
    std::vector<std::map<std::uint32_t, double>> genes(matrix.genes);
    for (std::uint32_t cell = 0; cell < matrix.cells; ++cell)
        for (const auto& [gene, bits] : matrix.lines[cell])
            genes[gene][cell] = number_of(bits, matrix.type);
    const GeneSums sums = stored.totals().value();
    for (std::uint32_t gene = 0; gene < matrix.genes; ++gene) {
        GeneColumn column;
        const auto read = stored.read_gene(gene, column);
        ASSERT_TRUE(read) << read.error().message;
        ASSERT_EQ(column.cells.size(), genes[gene].size());
        std::vector<float> dense(matrix.cells, 7);
        ASSERT_TRUE(stored.read_gene_dense(gene, dense));
        std::size_t at = 0;
        long double sum = 0, squares = 0;
        for (const auto& [cell, value] : genes[gene]) {
            ASSERT_EQ(column.cells[at], cell);
            if (std::isnan(value)) {
                ASSERT_TRUE(std::isnan(column.values[at]));
            } else {
                ASSERT_EQ(column.values[at], value);
                ASSERT_EQ(dense[cell], static_cast<float>(value));
                dense[cell] = 0;
            }
            ++at;
            sum += value;
            squares += static_cast<long double>(value) * value;
        }
        for (const float rest : dense) ASSERT_TRUE(rest == 0 || std::isnan(rest));
        ASSERT_EQ(sums.nonzeros[gene], at);
        if (!std::isfinite(static_cast<double>(sum))) {
            ASSERT_TRUE(std::isnan(sums.sum[gene]));
            continue;
        }
        const double scale = stored.summary().max - stored.summary().min + 1;
        ASSERT_NEAR(sums.sum[gene], static_cast<double>(sum), 1e-12 * scale * double(at + 1));
        ASSERT_NEAR(sums.sum_of_squares[gene], static_cast<double>(squares),
                    1e-12 * scale * scale * double(at + 1));
    }
}

}  // namespace

void expect_equal(const SealedMatrix& stored, const Matrix& matrix) {
    ASSERT_EQ(stored.cell_count(), matrix.cells);
    ASSERT_EQ(stored.gene_count(), matrix.genes);
    ASSERT_EQ(stored.summary().type, matrix.type);
    ASSERT_EQ(stored.summary().nonzeros, matrix.nonzeros());
    expect_cells_equal(stored, matrix);
    expect_genes_equal(stored, matrix);
}

AnnotatedData rich_dataset() {
    AnnotatedData data = dataset_of(random_matrix({.cells = 4, .genes = 3, .density = 0.7}, 3));
    data.obs.index_name = "barcode";
    data.obs.columns = {
        {"n", Array::of<std::int64_t>({1, -2, 3, 4}), std::vector<bool>{0, 1, 0, 0}},
        {"score", Array::of<float>({0.5f, NAN, -0.0f, 2}), {}},
        {"name", TextArray{"a", "", "çé", "d"}, {}},
        {"type", Categorical{{0, 1, -1, 0}, TextArray{"T", "B"}, true}, {}},
        {"batch", Categorical{{1, 1, 0, 0}, Array::of<std::int32_t>({10, 20}), false}, {}},
        {"ok", Array{ValueType::boolean, {4}, Bytes(4, std::byte{1})}, {}}};
    data.var.columns = {{"symbol", TextArray{"A", "B", "C"}, {}}};
    data.raw_var = Frame{"_index", {"A", "B"}, {}};
    Array umap = Array::of<float>({1, 2, 3, 4, 5, 6, 7, 8});
    umap.shape = {4, 2};
    data.obsm = {{"X_umap", {umap}}, {"frame", {data.obs}}};
    data.obsp = {
        {"distances",
         {SparseArray{true, 4, 4, Array::of<double>({1, 2}), Array::of<std::int32_t>({1, 0}),
                      Array::of<std::int32_t>({0, 1, 2, 2, 2})}}}};
    data.varm = {{"PCs", {Array::of<double>({1, 2, 3})}}};
    data.varp = {{"links",
                  {SparseArray{false, 3, 3, Array::of<float>({1}), Array::of<std::int64_t>({2}),
                               Array::of<std::int64_t>({0, 0, 1, 1})}}}};
    Array scalar_array = Array::of<double>({2.5});
    scalar_array.shape.clear();
    data.uns = {
        {"title", {TextGrid{{}, {"a title"}}}},
        {"grid", {TextGrid{{2, 2}, {"a", "b", "c", "d"}}}},
        {"number", {scalar_array}},
        {"nothing", {}},
        {"empty", {Dict{}}},
        {"column", {data.obs.columns[3]}},
        {"ranks",
         {Records{{{"g0", TextArray{"x", "y"}, {}}, {"g1", Array::of<float>({1, 2}), {}}}}}},
        {"deep", {Dict{{"deeper", {Dict{{"none", {Array::of<std::int8_t>({})}}}}}}}}};
    return data;
}

}  // namespace stroma::expression::samples
