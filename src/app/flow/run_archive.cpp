#include <fmt/format.h>

#include <algorithm>

#include "app/aws/aws_client.h"
#include "app/flow/flow_door.h"
#include "app/flow/flow_verbs.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"
#include "base/json.h"

// Outputs of runs on their way to the archive and back, as typed.

namespace stroma::app {
namespace {

constexpr Milliseconds between_asking{200};

std::string shelf_text(const Json& shelf, int columns) {
    using enum TextTable::Align;
    TextTable table(
        {{"stage"}, {"item"}, {"place"}, {"bytes", right}, {"stored", right}, {"until"}});
    for (const Json& one : shelf["outputs"])
        table.add(
            {one.value("stage", ""), one.value("item", ""), one.value("place", ""),
             short_bytes(one.value("bytes", 0.0)),
             one.value("stored_bytes", 0.0) > 0 ? short_bytes(one.value("stored_bytes", 0.0)) : "",
             one["until"].is_null() ? "" : one["until"].get<std::string>()});
    return table.row_count() == 0 ? "nothing was made\n" : table.text(columns);
}

std::string sums_text(const Json& sums) {
    return fmt::format(
        "here: {} outputs, {}; archived: {}, {} kept in {}; restored for a while: {}; asked for: "
        "{}\n",
        sums.value("here", 0), short_bytes(sums.value("here_bytes", 0.0)),
        sums.value("archived", 0), short_bytes(sums.value("archived_bytes", 0.0)),
        short_bytes(sums.value("stored_bytes", 0.0)), sums.value("restored", 0),
        sums.value("restoring", 0));
}

/// How many outputs that were asked for are in the archive only, or aren't.
std::int64_t count_of(const Json& shelf, const FlowOptions& options, bool is_away) {
    return std::ranges::count_if(shelf["outputs"], [&](const Json& one) {
        const std::string place = one.value("place", "");
        return (options.stage.empty() || one.value("stage", "") == options.stage) &&
               (options.item.empty() || one.value("item", "") == options.item) &&
               (place == "archived" || place == "restoring") == is_away;
    });
}

/// Until all are there, as the server has it. What a run that goes on needs stays where it is: the
/// wait for what goes away ends with an interrupt.
Result<Json> follow_moves(FlowDoor& door, const FlowOptions& options, bool is_away,
                          Invocation& invocation) {
    ProgressLine line(*invocation.terminal, system_clock(), is_away ? "archive" : "restore");
    Json shelf = TRY(door.archive(options.run));
    const std::int64_t all = count_of(shelf, options, !is_away);
    while (const std::int64_t left = count_of(shelf, options, !is_away)) {
        line.update({is_away ? "going" : "coming", static_cast<double>(all - left),
                     static_cast<double>(all), "outputs"});
        if (!is_away && shelf.value("restoring", 0) == 0) break;  // given up
        TRY(pause_for(between_asking, invocation.stop));
        shelf = TRY(door.archive(options.run));
    }
    return shelf;
}

void print_shelf(const Json& shelf, Invocation& invocation) {
    invocation.terminal->print(invocation.json
                                   ? shelf.dump() + "\n"
                                   : shelf_text(shelf, invocation.terminal->output().columns));
}

}  // namespace

Result<void> run_flow_archive(const FlowOptions& options, Invocation& invocation) {
    FlowDoor door = TRY(FlowDoor::open(invocation));
    if (options.run.empty()) {
        if (options.move)
            return fail(ErrorCode::invalid_input, "--move needs a run: stroma pipeline list");
        const Json sums = TRY(door.archive(""))["archive"];
        invocation.terminal->print(invocation.json ? sums.dump() + "\n" : sums_text(sums));
        return {};
    }
    if (options.move) {
        TRY(door.put_away(options.run, options.stage, options.item, invocation.stop));
        print_shelf(TRY(follow_moves(door, options, true, invocation)), invocation);
        return {};
    }
    print_shelf(TRY(door.archive(options.run)), invocation);
    return {};
}

Result<void> run_flow_restore(const FlowOptions& options, Invocation& invocation) {
    if (options.days < 1 || options.days > 3650)
        return fail(ErrorCode::invalid_input, "--days is 1 to 3650");
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const Json before = TRY(door.archive(options.run));
    const Json asked = TRY(
        door.bring_back(options.run, options.stage, options.item, options.days, invocation.stop));
    if (options.detached) {
        invocation.terminal->print(
            invocation.json ? asked.dump() + "\n"
                            : fmt::format("{} outputs come back\n", asked.value("coming", 0)));
        return {};
    }
    const Json after = TRY(follow_moves(door, options, false, invocation));
    print_shelf(after, invocation);
    const std::int64_t lost = count_of(before, options, true) + count_of(before, options, false) -
                              count_of(after, options, false);
    if (lost <= 0) return {};
    return fail(
        ErrorCode::corrupt,
        fmt::format("{} outputs couldn't be brought back, the log says why; what is damaged "
                    "in the archive is computed again by the next run that needs it",
                    lost));
}

}  // namespace stroma::app
