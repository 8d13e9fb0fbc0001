#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/aws/aws_client.h"
#include "app/aws/aws_verbs.h"
#include "app/remote.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"

namespace stroma::app {
namespace {

struct WatchOptions {
    std::int64_t interval = 2, times = 0;
    std::string kind;
};

std::string rate_text(double rate) { return rate == 0 ? "0" : short_count(rate); }

std::string table_of(const Json& flows, const std::string& kind, int columns) {
    using enum TextTable::Align;
    TextTable table({{"kind"},
                     {"name"},
                     {"in/s", right},
                     {"out/s", right},
                     {"bytes/s", right},
                     {"waiting", right},
                     {"oldest", right},
                     {"errors", right},
                     {"last min", right},
                     {"note"}});
    for (const Json& flow : flows) {
        if (!kind.empty() && flow.value("kind", "") != kind) continue;
        const double age = flow.value("age_seconds", 0.0), bytes = flow.value("bytes_rate", 0.0);
        std::string note = flow.value("note", "");
        if (flow.value("alarm", false)) note = "! " + note;
        table.add({flow.value("kind", ""), flow.value("name", ""),
                   rate_text(flow.value("in_rate", 0.0)), rate_text(flow.value("out_rate", 0.0)),
                   bytes > 0 ? short_bytes(bytes) : "",
                   flow["waiting"].is_null() ? "" : short_count(flow["waiting"].get<double>()),
                   age > 0 ? short_duration(age) : "", short_count(flow.value("errors", 0.0)),
                   short_count(flow.value("errors_last_minute", 0.0)), note});
    }
    if (table.row_count() == 0) return "nothing is there to watch yet\n";
    return table.text(columns);
}

/// Draws the text in the place of what it drew before.
class Redrawn {
public:
    explicit Redrawn(Terminal& terminal) : terminal_(terminal) {}
    void draw(const std::string& text) {
        const bool live = terminal_.output().is_terminal;
        if (live && lines_ > 0) terminal_.print(fmt::format("\033[{}A\033[J", lines_));
        terminal_.print(text);
        lines_ = std::ranges::count(text, '\n');
        if (!live) terminal_.print("\n");
    }

private:
    Terminal& terminal_;
    std::ptrdiff_t lines_ = 0;
};

Result<void> run_watch(const WatchOptions& options, Invocation& invocation) {
    if (options.interval < 1 || options.interval > 3600)
        return fail(ErrorCode::invalid_input, "--interval is 1 to 3600 seconds");
    const auto address = TRY(read_server_address(invocation.data));
    if (!address || address->aws.empty())
        return fail(ErrorCode::unavailable,
                    fmt::format("no server with an AWS port has {0}; 'stroma serve --data {0} "
                                "--aws 127.0.0.1:4566' is one",
                                invocation.data));
    Remote remote(*address);
    remote.end_with(invocation.stop);
    Redrawn drawn(*invocation.terminal);
    for (std::int64_t time = 1;; ++time) {
        const auto text = remote.get("/v1/flows");
        if (!text && text.error().code == ErrorCode::cancelled) return {};
        if (!text) return fail(text.error());
        const Json json = TRY(parse_json(*text));
        if (invocation.json)
            invocation.terminal->print(json.dump() + "\n");
        else
            drawn.draw(table_of(json.value("flows", Json::array()), options.kind,
                                invocation.terminal->output().columns));
        if (time == options.times) return {};
        // Ctrl-C is how watching ends.
        if (!pause_for(Milliseconds{options.interval * 1000}, invocation.stop)) return {};
    }
}

}  // namespace

Verb watch_verb() {
    auto options = std::make_shared<WatchOptions>();
    return {
        .name = "watch",
        .summary =
            "Rates, what waits and since when, errors: streams, deliveries, queues, rules, stages",
        .text =
            "Rates are of the last ten seconds. Of a stream, what waits is what its readers were "
            "behind at the worst of the last minute; nothing is shown when nobody reads. A line "
            "with ! has passed a threshold (settings watch.…), which is an event on the default "
            "bus too. On a terminal the table is drawn anew until Ctrl-C; elsewhere, and with "
            "--json (one value a line), each look is printed. Works beside a running server.",
        .examples =
            "  stroma watch --data lab\n"
            "  stroma watch --data lab --kind delivery --times 1 --json\n",
        .options = {{"--interval", &options->interval, "SECONDS", "between looks; 2 when left out"},
                    {"--times", &options->times, "N", "so many looks; 0 is until Ctrl-C"},
                    {"--kind",
                     &options->kind,
                     "KIND",
                     "only those",
                     {"stream", "delivery", "queue", "rule", "stage"}}},
        .run = [options](Invocation& invocation) { return run_watch(*options, invocation); },
    };
}

}  // namespace stroma::app
