#include <fmt/format.h>

#include "app/evidence.h"
#include "app/session.h"
#include "app/verbs/verbs.h"
#include "base/json.h"

// Verbs that prove: where a number came from, what changed between snapshots.

namespace stroma::app {
namespace {

/// Percent-encoded for a URL's query.
std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_')
            out += c;
        else
            out += fmt::format("%{:02X}", byte);
    }
    return out;
}

std::string cells_text(const Json& difference, const char* kind) {
    std::string text = fmt::format("{:>9} {}\n", difference.value(kind, 0), kind);
    std::size_t shown = 0;
    for (const Json& cell : difference[std::string(kind) + "_cells"]) {
        if (++shown > 5) break;
        text += fmt::format("            {}\n", cell.value("cell_id", ""));
    }
    return text;
}

}  // namespace

Result<void> run_origin(const OriginOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    std::string found;
    if (session.remote) {
        found = TRY(session.remote->get("/v1/origin?cell=" + encoded(options.cell) +
                                        "&gene=" + encoded(options.gene) +
                                        "&dataset=" + encoded(options.dataset)));
    } else {
        auto origins = origins_of(*session.site);
        found = TRY(origins.find({options.cell, options.gene, options.dataset}, {true, {}}));
    }
    // Documents of a bundle are JSON already; there is nothing shorter to say.
    const Json json = TRY(parse_json(found));
    invocation.terminal->print(json.dump(invocation.json ? -1 : 2) + "\n");
    return {};
}

Result<void> run_diff(const DiffOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    std::string found;
    if (session.remote) {
        found = TRY(session.remote->get("/v1/diff?from=" + encoded(options.from) +
                                        "&to=" + encoded(options.to)));
    } else {
        const expression::Watch watch{.progress = {}, .cancelled = [stop = invocation.stop] {
                                          return stop.stop_requested();
                                      }};
        auto snapshots = snapshots_of(*session.site);
        found = TRY(
            snapshots.difference(options.from, options.to, catalog::local_administrator(), watch));
    }
    const Json json = TRY(parse_json(found));
    if (invocation.json) {
        invocation.terminal->print(json.dump() + "\n");
        return {};
    }
    invocation.terminal->print(fmt::format("{:>9} unchanged\n", json.value("unchanged", 0)) +
                               cells_text(json, "added") + cells_text(json, "removed") +
                               cells_text(json, "changed"));
    return {};
}

}  // namespace stroma::app
