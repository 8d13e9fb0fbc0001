#include <cstddef>
#include <cstdint>
#include <string>

#include "redshift/load/copy_grammar.h"
#include "redshift/rewrite.h"
#include "redshift/statement.h"
#include "redshift/table_grammar.h"

// Whatever the bytes are, they are split, understood or refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::redshift;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto statements = split(text);
    if (!statements) return 0;
    const RewriteContext context;
    for (const Statement& statement : *statements) {
        const auto tokens = tokens_of(statement.text);
        if (!tokens || tokens->size() < 2) continue;
        static_cast<void>(read_create_table(*tokens));
        static_cast<void>(read_copy(*tokens));
        static_cast<void>(read_unload(*tokens));
        static_cast<void>(read_stream_copy(statement.text, *tokens));
        static_cast<void>(column_names(*tokens, 0, tokens->size() - 1));
        static_cast<void>(rewrite(statement.text, *tokens, 0, tokens->size() - 1, context));
    }
    return 0;
}
