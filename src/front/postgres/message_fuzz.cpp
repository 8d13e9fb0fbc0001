#include <cstddef>
#include <cstdint>

#include "front/postgres/message.h"
#include "front/postgres/scram.h"
#include "front/postgres/value_bytes.h"

using namespace stroma::front::postgres;

namespace {

/// Feeds a parameter's bytes to the readers of every type that is read from bytes.
void read_as_all_types(std::string_view bytes) {
    for (const std::uint32_t oid : {16u, 17u, 20u, 21u, 23u, 25u, 700u, 701u, 1007u, 1009u, 1082u,
                                    1083u, 1114u, 1184u, 1186u, 1266u, 1700u, 2950u, 3802u}) {
        (void)value_from_binary(oid, bytes);
        (void)value_from_text(oid, bytes);
        std::string out;
        (void)append_binary(out, std::string(bytes), oid);
        append_text(out, std::string(bytes), oid);
    }
}

}  // namespace

/// The first byte is a message's type; 0 stands for what opens a connection.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string_view body = bytes.substr(1);
    if (bytes[0] == '\0') {
        (void)read_opening(body);
        return 0;
    }
    const auto message = read_message(bytes[0], body);
    if (!message) return 0;
    if (const auto* bind = std::get_if<Bind>(&*message))
        for (const auto& parameter : bind->parameters)
            if (parameter) read_as_all_types(*parameter);
    if (std::holds_alternative<Password>(*message)) {
        (void)read_sasl_first(body);
        ScramServer server("user", "salt", 4096, {"secret"}, "nonce", "");
        if (server.first("SCRAM-SHA-256", body)) (void)server.last(body);
    }
    return 0;
}
