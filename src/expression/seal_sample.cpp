// seal_sample FILE: seals a made-up dataset of every kind of matrix, for tests of other programs
// and of other numbers of threads. Prints what a reader must find, as lines of text.

#include <cstdio>
#include <numeric>

#include "expression/sealed_samples.h"

int main(int count, char** arguments) {
    using namespace stroma;
    using namespace stroma::expression;
    using namespace stroma::expression::samples;
    if (count != 2) return 2;
    const Matrix x = random_matrix({.cells = 2000, .genes = 150, .density = 0.3}, 5);
    AnnotatedData data = dataset_of(x, Unit::counts);
    data.matrices.push_back(
        {"layers/log", Unit::normalised,
         source_of(random_matrix({2000, 150, 0.3, ValueType::float32, Values::log_normalised}, 6),
                   Order::by_cell, true)});
    data.matrices.push_back(
        {"layers/scaled", Unit::scaled,
         source_of(random_matrix({2000, 150, 1, ValueType::float64, Values::scaled}, 7),
                   Order::by_gene, false)});
    data.uns = rich_dataset().uns;
    std::vector<std::int32_t> codes(2000);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::int32_t>(i % 4) - 1;
    data.obs.columns = {
        {"type", Categorical{std::move(codes), TextArray{"a", "b", "c"}, false}, {}}};
    auto file = File::open_to_write(arguments[1]);
    if (!file) return 1;
    const auto summary = seal_dataset(data, *file, {.memory_bytes = 4 << 20}, {});
    if (!summary) {
        std::fprintf(stderr, "%s\n", summary.error().message.c_str());
        return 1;
    }
    for (const MatrixSummary& matrix : summary->matrices)
        std::printf("%s %llu %.17g\n", matrix.name.c_str(),
                    static_cast<unsigned long long>(matrix.nonzeros), matrix.sum);
    return 0;
}
