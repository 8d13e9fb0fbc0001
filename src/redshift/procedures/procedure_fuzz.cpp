#include <cstddef>
#include <cstdint>
#include <string>

#include "redshift/procedures/procedure_grammar.h"
#include "redshift/token_reader.h"

// Whatever the bytes are: a body is read or refused, and so is the statement that makes one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::redshift;
    const std::string text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(read_body(text));
    const auto tokens = tokens_of(text);
    if (!tokens || tokens->size() < 2) return 0;
    if (const auto head = read_procedure(text, *tokens)) static_cast<void>(read_body(head->body));
    std::size_t at = 0;
    static_cast<void>(read_procedure_name(*tokens, at));
    return 0;
}
