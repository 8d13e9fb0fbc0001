#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "app/build_info.h"
#include "app/exit_code.h"
#include "app/spelling.h"
#include "base/json.h"
#include "base/log.h"

namespace stroma::app {
namespace {

constexpr std::string_view introduction =
    "Stroma: single-cell data from files and bundles, by SQL, to expression matrices.";

/// What every verb takes.
struct SharedOptions {
    std::string data, config;
    std::vector<std::string> assignments;
    bool json = false, quiet = false;
};

std::optional<std::string> environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

CLI::Option* add_target(CLI::App& app, const Option& option) {
    return std::visit(
        [&](auto* target) -> CLI::Option* {
            if constexpr (std::is_same_v<decltype(target), bool*>)
                return app.add_flag(option.names, *target, option.meaning);
            else
                return app.add_option(option.names, *target, option.meaning);
        },
        option.target);
}

void add_option(CLI::App& app, const Option& option) {
    CLI::Option* added = add_target(app, option);
    if (std::holds_alternative<bool*>(option.target)) return;
    added->type_name(option.value_name);
    if (option.required) added->required();
    if (!option.choices.empty()) added->check(CLI::IsMember(option.choices));
    // One value for each time an option is named, so that "--genes CD3D PATH" can't swallow PATH.
    const bool is_argument = !option.names.starts_with('-');
    if (std::holds_alternative<std::vector<std::string>*>(option.target) && !is_argument)
        added->take_all()->expected(1)->delimiter(',');
}

void add_shared_options(CLI::App& app, SharedOptions& shared, DataUse data_use) {
    if (data_use != DataUse::none)
        app.add_option("--data", shared.data, "the data directory (or STROMA_DATA)")
            ->envname("STROMA_DATA")
            ->type_name("DIR");
    app.add_option("--config", shared.config, "settings; default stroma.toml in the data directory")
        ->type_name("FILE");
    app.add_option("--set", shared.assignments, "one setting, for this run: --set query.time=60s")
        ->type_name("NAME=VALUE")
        ->take_all()
        ->expected(1);
    app.add_flag("--json", shared.json, "results (and errors) as JSON");
    app.add_flag("-q,--quiet", shared.quiet, "no progress, no remarks");
}

/// A verb with the parser that was made for it.
struct BoundVerb {
    const Verb* verb;
    CLI::App* parser;
};

void bind_verbs(CLI::App& parent, const std::vector<Verb>& verbs, SharedOptions& shared,
                std::vector<BoundVerb>& bound) {
    for (const auto& verb : verbs) {
        CLI::App* parser = parent.add_subcommand(verb.name, verb.summary);
        parser->fallthrough(false);
        if (verb.is_hidden) parser->group("");
        if (!verb.text.empty()) parser->description(verb.summary + "\n\n" + verb.text);
        if (!verb.examples.empty()) parser->footer("\nExamples:\n" + verb.examples);
        for (const auto& option : verb.options) add_option(*parser, option);
        if (verb.run) {
            add_shared_options(*parser, shared, verb.data_use);
            bound.push_back({&verb, parser});
        }
        bind_verbs(*parser, verb.verbs, shared, bound);
        if (!verb.run) parser->require_subcommand(1);
    }
}

Result<Invocation> prepare(const Verb& verb, const SharedOptions& shared, Terminal& terminal,
                           std::stop_token stop) {
    if (verb.data_use == DataUse::required && shared.data.empty())
        return fail(ErrorCode::invalid_input,
                    "no data directory: give --data DIR or set STROMA_DATA");
    Invocation invocation;
    invocation.data = shared.data;
    invocation.settings =
        TRY(read_settings({shared.config, shared.data, environment, shared.assignments}));
    invocation.json = shared.json;
    invocation.terminal = &terminal;
    invocation.stop = std::move(stop);
    terminal.set_quiet(shared.quiet);
    const std::string level = invocation.settings.text("log.level");
    const bool is_default_level = invocation.settings.origin("log.level") == "default";
    LogOptions log_options;
    // A verb's log is for its operator; on a terminal it would stand between results. serve sets
    // its own.
    if (is_default_level || level == "warning") log_options.level = LogLevel::warning;
    if (!is_default_level && level == "debug") log_options.level = LogLevel::debug;
    if (!is_default_level && level == "info") log_options.level = LogLevel::info;
    if (level == "error") log_options.level = LogLevel::error;
    log_options.json = invocation.settings.text("log.format") == "json";
    set_up_log(log_options);
    return invocation;
}

int report(const Error& error, bool json, Terminal& terminal) {
    if (json) {
        const Json body = {{"error",
                            {{"code", std::string(name_of(error.code))},
                             {"message", error.message}}}};
        terminal.print_error(body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    } else {
        const bool colour = terminal.errors().colour;
        terminal.print_error((colour ? "\033[31mstroma:\033[0m " : "stroma: ") + error.message +
                             "\n");
    }
    return exit_code(error.code);
}

/// The parser's complaint as one sentence, with what to do.
Error usage_error(const CLI::ParseError& complaint, std::span<const std::string> arguments,
                  const std::vector<Verb>& verbs) {
    std::vector<std::string> names;
    for (const auto& verb : verbs)
        if (!verb.is_hidden) names.push_back(verb.name);
    const std::string first = arguments.empty() ? "" : arguments.front();
    const bool is_verb =
        std::any_of(verbs.begin(), verbs.end(), [&](const Verb& v) { return v.name == first; });
    if (!first.empty() && !first.starts_with('-') && !is_verb)
        return {ErrorCode::invalid_input, fmt::format("there is no verb '{}'{} (stroma --help)",
                                                      first, did_you_mean(first, names))};
    std::string sentence = complaint.what();
    for (auto& c : sentence)
        if (c == '\n') c = ' ';
    return {ErrorCode::invalid_input,
            fmt::format("{} (stroma {}--help)", sentence, is_verb ? first + " " : "")};
}

void set_up_parser(CLI::App& app) {
    app.name("stroma");
    app.require_subcommand(1);
    app.set_version_flag("--version", [] { return version_text(); });
    app.footer("\nExit codes:\n" + exit_code_table() +
               "\nEvery verb explains itself: stroma import --help");
    app.get_formatter()->column_width(34);
}

}  // namespace

std::vector<std::string> shared_option_names() {
    return {"--data", "--config", "--set", "--json", "--quiet", "--help"};
}

int run_command_line(std::span<const std::string> arguments, const std::vector<Verb>& verbs,
                     Terminal& terminal, std::stop_token stop) {
    CLI::App app{std::string(introduction)};
    set_up_parser(app);
    SharedOptions shared;
    std::vector<BoundVerb> bound;
    bind_verbs(app, verbs, shared, bound);
    try {
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::CallForVersion& asked) {
        terminal.print(std::string(asked.what()) + "\n");
        return 0;
    } catch (const CLI::Success&) {  // --help, of whichever verb was named
        const CLI::App* named = &app;
        while (!named->get_subcommands().empty()) named = named->get_subcommands().front();
        terminal.print(named->help());
        return 0;
    } catch (const CLI::ParseError& complaint) {
        return report(usage_error(complaint, arguments, verbs), shared.json, terminal);
    }
    for (const auto& [verb, parser] : bound) {
        if (!parser->parsed() || !parser->get_subcommands().empty()) continue;
        auto invocation = prepare(*verb, shared, terminal, std::move(stop));
        if (!invocation) return report(invocation.error(), shared.json, terminal);
        const auto done = verb->run(*invocation);
        return done ? 0 : report(done.error(), shared.json, terminal);
    }
    return report({ErrorCode::invalid_input, "nothing to do (stroma --help)"}, false, terminal);
}

}  // namespace stroma::app
