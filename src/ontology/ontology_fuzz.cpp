#include <cstdint>

#include "base/bytes.h"
#include "ontology/terms.h"

// Files of ontologies. Whatever was read can be asked: cycles, lost parents, odd names.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma;
    using namespace stroma::ontology;
    if (size > 1u << 16) return 0;
    const ByteSpan bytes{reinterpret_cast<const std::byte*>(data), size};
    auto file = read_terms(as_text(bytes));
    if (!file) return 0;
    const Terms terms(std::move(file->terms), {{file->prefix, file->version}});
    for (TermNumber at = 0; at < terms.size() && at < 100; ++at) {
        (void)terms.broader(at);
        (void)terms.search(terms[at].name, {}, 3);
        (void)terms.meant_by(terms[at].name, {});
    }
    return 0;
}
