#include "flow/intake/intakes.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <sstream>

#include "base/json.h"
#include "flow/stored/output_store.h"

namespace stroma::flow {
namespace {

constexpr const char* intake_columns =
    "name, owner, definition, folder, kind, location, pattern, changes, priority, quiet_ms, "
    "created_ms";
constexpr const char* arrival_columns =
    "intake, source, mark, hash, bytes, run, is_first, error, at_ms";

bool is_intake_name(std::string_view name) {
    return !name.empty() && name.size() <= 100 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    });
}

Intake intake_in(const sql::Rows& rows) {
    Intake intake;
    intake.name = rows.text(0);
    intake.owner = rows.text(1);
    intake.definition = rows.text(2);
    intake.folder = rows.text(3);
    intake.kind = rows.text(4) == "bucket" ? IntakeKind::bucket : IntakeKind::folder;
    intake.location = rows.text(5);
    intake.pattern = rows.text(6);
    intake.changes = rows.text(7);
    intake.priority = static_cast<int>(rows.integer(8));
    intake.quiet = Milliseconds{rows.integer(9)};
    intake.created_ms = rows.integer(10);
    return intake;
}

Arrival arrival_in(const sql::Rows& rows) {
    Arrival arrival;
    arrival.intake = rows.text(0);
    arrival.source = rows.text(1);
    arrival.mark = rows.text(2);
    arrival.hash = rows.text(3);
    arrival.bytes = static_cast<std::uint64_t>(rows.integer(4));
    arrival.run = rows.text(5);
    arrival.is_first = rows.boolean(6);
    arrival.error = rows.text(7);
    arrival.at_ms = rows.integer(8);
    return arrival;
}

std::map<std::string, std::string> changes_in(const std::string& text) {
    std::map<std::string, std::string> changes;
    if (const auto json = parse_json(text); json && json->is_object())
        for (const auto& [name, value] : json->items()) changes[name] = value.dump();
    return changes;
}

}  // namespace

std::string_view name_of(IntakeKind kind) {
    return kind == IntakeKind::bucket ? "bucket" : "folder";
}

bool Intake::takes(std::string_view file) const {
    if (file.empty() || file.starts_with('.')) return false;
    const std::string wanted(file);
    std::istringstream words(pattern);
    bool any = false;
    for (std::string word; words >> word; any = true)
        if (::fnmatch(word.c_str(), wanted.c_str(), FNM_PERIOD) == 0) return true;
    return !any;
}

std::string Intake::bucket() const { return location.substr(0, location.find('/')); }

std::string Intake::prefix() const {
    const std::size_t slash = location.find('/');
    return slash == std::string::npos ? "" : location.substr(slash + 1);
}

Intakes::Intakes(sql::Database& database, Engine& engine, const Clock& clock)
    : pool_(database), engine_(engine), clock_(clock) {}

Result<void> Intakes::add(Intake intake) {
    if (!is_intake_name(intake.name))
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' can't be an intake's name: up to 100 letters, digits, '-', "
                                "'_' and '.'",
                                intake.name));
    const Steps steps = TRY(engine_.steps());
    const Definition definition =
        TRY(definition_of("pipeline", read_definition(intake.definition, changes_in(intake.changes),
                                                      &steps, intake.folder)));
    if (definition.inputs.size() != 1)
        return fail(ErrorCode::invalid_input,
                    fmt::format("inputs: each run of an intake gets one file, and the pipeline {} "
                                "reads {} inputs; give it one",
                                definition.name, definition.inputs.size()));
    std::error_code error;
    if (intake.kind == IntakeKind::folder && !fs::is_directory(intake.location, error))
        return fail(ErrorCode::invalid_input,
                    fmt::format("there is no folder '{}'", intake.location));
    // What the pipeline takes is what counts.
    if (intake.pattern.empty()) intake.pattern = definition.inputs.front().pattern;
    const auto connection = TRY(pool_.take());
    auto made = connection->change(
        fmt::format("INSERT INTO flow_intakes({}) VALUES(?,?,?,?,?,?,?,?,?,?,?)", intake_columns),
        {intake.name, intake.owner, intake.definition, intake.folder.string(),
         std::string(name_of(intake.kind)), intake.location, intake.pattern, intake.changes,
         std::int64_t{intake.priority}, std::int64_t{intake.quiet.count()}, clock_.unix_ms()});
    if (!made && made.error().code == ErrorCode::already_exists)
        return fail(ErrorCode::already_exists,
                    fmt::format("there is an intake '{}'; remove it first", intake.name));
    TRY(std::move(made));
    if (changed_) changed_();
    return {};
}

Result<std::vector<Intake>> Intakes::all() {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM flow_intakes ORDER BY name", intake_columns)));
    std::vector<Intake> intakes;
    while (TRY(rows->next())) intakes.push_back(intake_in(*rows));
    return intakes;
}

Result<void> Intakes::remove(std::string_view name) {
    const auto connection = TRY(pool_.take());
    std::int64_t removed = 0;
    const auto work = [&]() -> Result<void> {
        removed =
            TRY(connection->change("DELETE FROM flow_intakes WHERE name = ?", {std::string(name)}));
        TRY(connection->change("DELETE FROM flow_arrivals WHERE intake = ?", {std::string(name)}));
        return {};
    };
    TRY(connection->in_transaction(work));
    if (removed == 0)
        return fail(ErrorCode::not_found,
                    fmt::format("no intake '{}'; 'stroma pipeline intake list' shows them", name));
    if (changed_) changed_();
    return {};
}

Result<bool> Intakes::is_known(std::string_view intake, std::string_view source,
                               std::string_view mark) {
    const auto connection = TRY(pool_.take());
    const auto rows = TRY(connection->execute(
        "SELECT 1 FROM flow_arrivals WHERE intake = ? AND source = ? AND mark = ?",
        {std::string(intake), std::string(source), std::string(mark)}));
    return TRY(rows->next());
}

Result<Arrival> Intakes::arrive(const Intake& intake, const std::string& source,
                                const std::string& mark, const fs::path& file) {
    Arrival arrival{.intake = intake.name, .source = source, .mark = mark};
    arrival.hash = TRY(hash_of_file(file));
    std::error_code error;
    arrival.bytes = fs::file_size(file, error);
    arrival.at_ms = clock_.unix_ms();
    const auto connection = TRY(pool_.take());
    {
        const auto rows = TRY(connection->execute(
            "SELECT run FROM flow_arrivals WHERE intake = ? AND hash = ? AND run <> '' LIMIT 1",
            {intake.name, arrival.hash}));
        if (TRY(rows->next())) {
            arrival.run = rows->text(0);
            arrival.is_first = false;
        }
    }
    if (arrival.is_first) {
        // A run of that name that is there began before its arrival could be written down.
        const std::string name = intake.name + "-" + arrival.hash.substr(0, 12);
        if (const auto begun = engine_.find(name); begun && begun->name == name) {
            arrival.run = begun->id;
        } else {
            const auto run = engine_.submit({.name = name,
                                             .owner = intake.owner,
                                             .definition = intake.definition,
                                             .folder = intake.folder,
                                             .location = file,
                                             .changes = changes_in(intake.changes),
                                             .priority = intake.priority});
            if (run)
                arrival.run = run->id;
            else if (run.error().code == ErrorCode::invalid_input)
                arrival.error = run.error().message;
            else
                return fail(run.error());  // for the time being: it is asked again
        }
    }
    TRY(connection->change(
        fmt::format("INSERT INTO flow_arrivals({}) VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(intake, "
                    "source, mark) DO NOTHING",
                    arrival_columns),
        {arrival.intake, arrival.source, arrival.mark, arrival.hash,
         static_cast<std::int64_t>(arrival.bytes), arrival.run, arrival.is_first, arrival.error,
         arrival.at_ms}));
    return arrival;
}

Result<std::vector<Arrival>> Intakes::arrivals(std::string_view intake, int most) {
    const auto connection = TRY(pool_.take());
    const std::string name(intake);
    const auto rows = TRY(connection->execute(
        fmt::format("SELECT {} FROM flow_arrivals WHERE intake = ? OR ? = '' ORDER BY at_ms DESC, "
                    "source LIMIT ?",
                    arrival_columns),
        {name, name, std::int64_t{most}}));
    std::vector<Arrival> arrivals;
    while (TRY(rows->next())) arrivals.push_back(arrival_in(*rows));
    return arrivals;
}

}  // namespace stroma::flow
