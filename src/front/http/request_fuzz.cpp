#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "front/http/request_parser.h"

// A request's head and body, parsed whole and byte by byte: both must say the same.

namespace stroma::front::http {
namespace {

struct Outcome {
    int refused = 0;
    bool done = false;
    std::string method, path, target;
    std::vector<std::pair<std::string, std::string>> headers;
    Bytes body;
    bool operator==(const Outcome&) const = default;
};

/// Feeds at most `step` more bytes each time, as a connection would.
Outcome parse(std::string_view bytes, std::size_t step) {
    ParserLimits limits{512, 128, 8, 256};
    RequestParser parser(limits);
    Outcome outcome;
    std::string input;
    std::size_t read = 0;
    const auto finish = [&](const std::optional<Refusal>& refusal) {
        if (refusal) outcome.refused = refusal->status;
        outcome.done = parser.has_head() && parser.done();
        return outcome;
    };
    while (true) {
        std::size_t taken = 0;
        std::optional<Refusal> refusal;
        if (!parser.has_head())
            refusal = parser.read_head(input, taken);
        else
            refusal = parser.read_body(input, taken, outcome.body);
        if (taken > input.size()) std::abort();
        input.erase(0, taken);
        if (refusal) {
            outcome.body.clear();  // how much came before the fault depends on the cut
            return finish(refusal);
        }
        if (parser.has_head() && outcome.method.empty()) {
            outcome.method = parser.request().method;
            outcome.path = parser.request().path;
            outcome.target = parser.request().target;
            outcome.headers = parser.request().headers;
            continue;
        }
        if (parser.has_head() && parser.done()) return finish(std::nullopt);
        if (taken > 0) continue;
        if (read == bytes.size()) return finish(std::nullopt);
        const std::size_t count = std::min(step, bytes.size() - read);
        input += bytes.substr(read, count);
        read += count;
    }
}

}  // namespace
}  // namespace stroma::front::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::front::http;
    if (size > 4096) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const Outcome whole = parse(bytes, size + 1);
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
        const Outcome cut = parse(bytes, step);
        // A limit may be seen earlier in a cut head, so its status may differ; never the verdict.
        if ((whole.refused == 0) != (cut.refused == 0)) std::abort();
        if (whole.refused == 0 && !(whole == cut)) std::abort();
    }
    if (whole.refused != 0 && (whole.refused < 400 || whole.refused > 505)) std::abort();
    return 0;
}
