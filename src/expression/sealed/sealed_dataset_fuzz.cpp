// Bytes as a sealed dataset, with checksums off, so that damage gets past them and every further
// check is met. The first byte chooses between mapped and read, and what is read.

#include <numeric>

#include "expression/sealed/annotations_codec.h"
#include "expression/sealed/container.h"
#include "expression/sealed/line_codec.h"
#include "expression/sealed_dataset.h"
#include "object/bytes_reader.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t cells_most = 4096;

Result<void> read_dataset(ByteSpan bytes, bool mapped) {
    const auto dataset = TRY(SealedDataset::open(
        std::make_unique<object::BytesReader>(Bytes(bytes.begin(), bytes.end()), mapped)));
    static_cast<void>(dataset->obs());
    static_cast<void>(dataset->annotations("uns"));
    for (const MatrixSummary& summary : dataset->summary().matrices) {
        const auto matrix = TRY(dataset->matrix(summary.name));
        if (matrix->cell_count() > cells_most || matrix->gene_count() > cells_most) continue;
        std::vector<std::uint32_t> cells(matrix->cell_count());
        std::iota(cells.begin(), cells.end(), 0);
        LineBlock block;
        for (std::uint32_t cell : cells) static_cast<void>(matrix->read_cells({&cell, 1}, block));
        std::vector<float> dense(matrix->cell_count());
        for (std::uint32_t gene = 0; gene < matrix->gene_count(); ++gene)
            static_cast<void>(matrix->read_gene_dense(gene, dense));
        static_cast<void>(matrix->sums(cells));
        static_cast<void>(matrix->totals());
    }
    return dataset->verify({});
}

void read_lines(ByteSpan bytes) {
    Bytes padded(bytes.begin(), bytes.end());
    padded.resize(bytes.size() + packed_slack);
    const auto view = LineBlockView::parse(ByteSpan(padded).first(bytes.size()));
    if (!view) return;
    std::uint32_t places[LineDecoder::room], codes[LineDecoder::room];
    for (std::uint32_t line = 0; line < view->line_count(); ++line) {
        LineDecoder decoder = view->decoder(line, 20'000);
        std::uint32_t before = 0;
        bool first = true;
        while (const std::size_t count = decoder.next(places, codes))
            for (std::size_t i = 0; i < count; ++i, first = false) {
                if (places[i] >= 20'000 || (!first && places[i] <= before)) __builtin_trap();
                before = places[i];
            }
    }
}

}  // namespace
}  // namespace stroma::expression

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    using namespace stroma::expression;
    if (size == 0) return 0;
    const ByteSpan bytes{reinterpret_cast<const std::byte*>(data + 1), size - 1};
    ContainerReader::ignore_checksums(true);
    switch (data[0] % 4) {
        case 0: static_cast<void>(read_dataset(bytes, true)); break;
        case 1: static_cast<void>(read_dataset(bytes, false)); break;
        case 2: read_lines(bytes); break;
        default: static_cast<void>(decode_element(bytes)); break;
    }
    ContainerReader::ignore_checksums(false);
    return 0;
}
