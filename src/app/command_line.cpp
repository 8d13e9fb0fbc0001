#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <memory>

#include "app/build_info.h"
#include "app/exit_code.h"
#include "app/help.h"
#include "app/spelling.h"
#include "base/json.h"

namespace stroma::app {
namespace {

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
        added->take_all()->allow_extra_args(false)->delimiter(',');
}

void add_shared_options(CLI::App& app, SharedOptions& shared, DataUse data_use) {
    if (data_use != DataUse::none) app.add_option("--data", shared.data)->envname("STROMA_DATA");
    // A verb may have a file of its own by that name.
    if (app.get_option_no_throw("--config") == nullptr) app.add_option("--config", shared.config);
    app.add_option("--set", shared.assignments)->take_all()->allow_extra_args(false);
    app.add_flag("--json", shared.json);
    app.add_flag("-q,--quiet", shared.quiet);
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
    // A verb's log is for its operator; on a terminal it would stand between results.
    set_up_log(log_options(invocation.settings, LogLevel::warning));
    return invocation;
}

int report(const Error& error, bool json, Terminal& terminal) {
    if (json) {
        const Json body = {
            {"error", {{"code", std::string(name_of(error.code))}, {"message", error.message}}}};
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

/// Help on the verb that was named before --help, or on the program.
std::string help_on_named(const CLI::App& app, const std::vector<Verb>& verbs) {
    const std::vector<Verb>* level = &verbs;
    const Verb* named = nullptr;
    std::string path;
    for (const CLI::App* parser = &app; !parser->get_subcommands().empty();) {
        parser = parser->get_subcommands().front();
        for (const auto& verb : *level)
            if (verb.name == parser->get_name()) named = &verb;
        level = &named->verbs;
        path += (path.empty() ? "" : " ") + named->name;
    }
    return named == nullptr ? program_help(verbs) : verb_help(path, *named);
}

void set_up_parser(CLI::App& app) {
    app.name("stroma");
    app.require_subcommand(1);
    app.set_version_flag("--version", [] { return version_text(); });
}

}  // namespace

LogOptions log_options(const Settings& settings, LogLevel otherwise) {
    static constexpr std::pair<std::string_view, LogLevel> levels[] = {
        {"debug", LogLevel::debug},
        {"info", LogLevel::info},
        {"warning", LogLevel::warning},
        {"error", LogLevel::error}};
    LogOptions options{.level = otherwise, .json = settings.text("log.format") == "json"};
    if (settings.origin("log.level") == "default") return options;
    for (const auto& [name, level] : levels)
        if (name == settings.text("log.level")) options.level = level;
    return options;
}

int run_command_line(std::span<const std::string> arguments, const std::vector<Verb>& verbs,
                     Terminal& terminal, std::stop_token stop) {
    CLI::App app;
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
        terminal.print(help_on_named(app, verbs));
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
