#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "app/flow/flow_door.h"
#include "app/flow/flow_verbs.h"
#include "app/terminal/text_table.h"
#include "base/json.h"

// Changes by hand of labels, as typed.

namespace stroma::app {
namespace {

struct EditOptions {
    FlowOptions run;
    std::string output, merge, split, line, remove, outline;
    bool undo = false;
};

Result<std::vector<double>> numbers_in(const std::string& text, const char* option) {
    std::vector<double> numbers;
    for (const char *at = text.data(), *const end = at + text.size(); at < end;) {
        double number = 0;
        const auto [next, problem] = std::from_chars(at, end, number);
        if (problem != std::errc() || (next < end && *next != ','))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} is numbers with commas between, not '{}'", option, text));
        numbers.push_back(number);
        at = next + 1;
    }
    return numbers;
}

Result<Json> typed_labels(const std::string& text, const char* option) {
    Json labels = Json::array();
    for (const double number : TRY(numbers_in(text, option)))
        labels.push_back(number >= 0 ? static_cast<std::uint64_t>(number) : 0);
    return labels;
}

Result<Json> typed_points(const std::string& text, const char* option) {
    const auto numbers = TRY(numbers_in(text, option));
    if (numbers.empty() || numbers.size() % 2 != 0)
        return fail(ErrorCode::invalid_input, fmt::format("{} is x,y,x,y,… in pixels", option));
    Json points = Json::array();
    for (std::size_t i = 0; i < numbers.size(); i += 2)
        points.push_back({numbers[i], numbers[i + 1]});
    return points;
}

/// What is asked for, in the order: undo, merge, split, delete, draw. Empty: nothing.
Result<Json> typed_edits(const EditOptions& options) {
    Json edits = Json::array();
    if (options.undo) edits.push_back({{"kind", "undo"}});
    if (!options.merge.empty())
        edits.push_back(
            {{"kind", "merge"}, {"labels", TRY(typed_labels(options.merge, "--merge"))}});
    if (options.split.empty() != options.line.empty())
        return fail(ErrorCode::invalid_input, "--split CELL and --line x,y,x,y go together");
    if (!options.split.empty())
        edits.push_back({{"kind", "split"},
                         {"labels", TRY(typed_labels(options.split, "--split"))},
                         {"points", TRY(typed_points(options.line, "--line"))}});
    if (!options.remove.empty())
        edits.push_back(
            {{"kind", "delete"}, {"labels", TRY(typed_labels(options.remove, "--delete"))}});
    if (!options.outline.empty())
        edits.push_back(
            {{"kind", "draw"}, {"points", TRY(typed_points(options.outline, "--outline"))}});
    return edits;
}

/// The picture of labels that is meant.
Result<std::string> typed_picture(FlowDoor& door, const EditOptions& options) {
    const Json all = TRY(door.pictures(options.run.run));
    const std::string wanted = options.output.empty() ? "labels" : options.output;
    std::vector<std::string> ids, items;
    for (const Json& one : all["pictures"]) {
        if (!one["labels"].get<bool>() || one["stage"] != options.run.stage ||
            one["output"] != wanted)
            continue;
        if (!options.run.item.empty() && one["item"] != options.run.item) continue;
        ids.push_back(one["id"].get<std::string>());
        items.push_back(one["item"].get<std::string>());
    }
    if (ids.size() == 1) return ids.front();
    if (ids.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("stage '{}' has made no labels '{}'{}{}", options.run.stage, wanted,
                                options.run.item.empty() ? "" : " of ", options.run.item));
    return fail(ErrorCode::invalid_input,
                fmt::format("say which with --item: {}", fmt::join(items, ", ")));
}

std::string edits_text(const Json& edits, int columns) {
    using enum TextTable::Align;
    TextTable table({{"edit", right}, {"what"}, {"cells"}, {"new", right}, {"by"}, {"at"}});
    for (const Json& one : edits["edits"]) {
        std::string cells;
        for (const Json& label : one.value("labels", Json::array()))
            cells += (cells.empty() ? "" : ", ") + label.dump();
        const auto made = one.value("made", std::uint32_t{0});
        table.add({one["number"].dump(),
                   one["kind"].get<std::string>() + (one["undone"].get<bool>() ? ", undone" : ""),
                   cells, made == 0 ? "" : std::to_string(made), one["author"].get<std::string>(),
                   one["at"].is_string() ? one["at"].get<std::string>() : ""});
    }
    return table.row_count() == 0 ? "nobody has changed it\n" : table.text(columns);
}

Result<void> run_edit(const EditOptions& options, Invocation& invocation) {
    const Json edits = TRY(typed_edits(options));
    FlowDoor door = TRY(FlowDoor::open(invocation));
    const std::string picture = TRY(typed_picture(door, options));
    if (!edits.empty()) {
        TRY(door.edit(options.run.run, picture, edits));
        return follow_again(door, options.run.run, invocation);
    }
    const Json list = TRY(door.edits(options.run.run, picture));
    invocation.terminal->print(invocation.json
                                   ? list.dump() + "\n"
                                   : edits_text(list, invocation.terminal->output().columns));
    return {};
}

}  // namespace

Verb flow_edit_verb() {
    const auto options = std::make_shared<EditOptions>();
    return {
        .name = "edit",
        .summary = "Change labels that a stage made by hand, or list such changes",
        .text =
            "What the stage made stays as it is; the changed labels are made beside it, and what "
            "reads them is computed again: of cells only those that were changed. The owner's "
            "later runs that make the same labels take the changes in.",
        .examples =
            "  stroma pipeline edit slides-1 nuclei --item P1 --data lab\n"
            "  stroma pipeline edit slides-1 nuclei --item P1 --merge 12,13 --data lab\n"
            "  stroma pipeline edit slides-1 nuclei --item P1 --split 12 --line 80,40,80,90\n"
            "  stroma pipeline edit slides-1 nuclei --item P1 --undo --data lab\n",
        .options = {{"run",
                     &options->run.run,
                     "RUN",
                     "its name, id, or the beginning of the id",
                     {},
                     true},
                    {"stage", &options->run.stage, "STAGE", "that made the labels", {}, true},
                    {"--item", &options->run.item, "ITEM", "which slide"},
                    {"--output", &options->output, "NAME",
                     "of the stage; 'labels' when left out. Its other labels of the same cells, as "
                     "nuclei, change with it"},
                    {"--merge", &options->merge, "CELLS", "numbers of cells that become one"},
                    {"--split", &options->split, "CELL", "it becomes two"},
                    {"--line", &options->line, "X,Y,X,Y", "along the line through these pixels"},
                    {"--delete", &options->remove, "CELLS", "numbers of cells that aren't any"},
                    {"--outline", &options->outline, "X,Y,…", "a new cell within these pixels"},
                    {"--undo", &options->undo, "", "the last change"}},
        .run = [options](Invocation& invocation) { return run_edit(*options, invocation); }};
}

}  // namespace stroma::app
