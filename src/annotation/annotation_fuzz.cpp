#include <cstdint>
#include <cstdlib>

#include "annotation/gene_sets.h"
#include "annotation/labels_csv.h"

// What comes from outside: bitmaps of cells, tables of labels and of gene sets. What is read must
// read the same when it is written again.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    using namespace stroma::annotation;
    const ByteSpan bytes{reinterpret_cast<const std::byte*>(data), size};
    constexpr std::uint32_t cells = 200'000;
    if (const auto runs = runs_of_bitmap(bytes, cells))
        if (runs_of_bitmap(as_bytes(to_bitmap(*runs)), cells).value() != *runs) std::abort();
    const CellIds ids{4, [](std::uint32_t cell) {
                          constexpr std::string_view names[] = {"c0", "c1", "c2", "c3"};
                          return names[cell];
                      }};
    (void)labels_from_csv(as_text(bytes), ids);
    if (const auto sets = gene_sets_from_csv(as_text(bytes)))
        if (gene_sets_from_csv(gene_sets_to_csv(sets->sets)).value().sets != sets->sets)
            std::abort();
    return 0;
}
