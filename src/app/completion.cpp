#include "app/completion.h"

#include <fmt/format.h>

#include "app/help.h"

namespace stroma::app {
namespace {

/// "-o,--output" → {"-o", "--output"}; nothing for an argument by place.
std::vector<std::string> option_names(const Option& option) {
    std::vector<std::string> names;
    for (std::size_t begin = 0; begin <= option.names.size();) {
        const std::size_t comma = std::min(option.names.find(',', begin), option.names.size());
        if (option.names[begin] == '-') names.push_back(option.names.substr(begin, comma - begin));
        begin = comma + 1;
    }
    return names;
}

bool names_a_file(const Option& option) {
    return option.value_name == "FILE" || option.value_name == "PATH" || option.value_name == "DIR";
}

std::string joined(const std::vector<std::string>& words) {
    return fmt::format("{}", fmt::join(words, " "));
}

/// A path of verbs, "dataset list", with what can follow it.
struct Place {
    std::string path;
    const Verb* verb;
};

void collect(const std::vector<Verb>& verbs, const std::string& before, std::vector<Place>& into) {
    for (const auto& verb : verbs) {
        if (verb.is_hidden) continue;
        into.push_back({before + verb.name, &verb});
        collect(verb.verbs, before + verb.name + " ", into);
    }
}

std::vector<std::string> words_after(const Verb& verb) {
    std::vector<std::string> words;
    for (const auto& own : verb.verbs) words.push_back(own.name);
    for (const auto& option : verb.options)
        for (auto& name : option_names(option)) words.push_back(std::move(name));
    if (!verb.run) return words;
    for (const auto& option : shared_options(verb.data_use))
        for (auto& name : option_names(option)) words.push_back(std::move(name));
    return words;
}

std::vector<std::string> argument_choices(const Verb& verb) {
    for (const auto& option : verb.options)
        if (!option.names.starts_with('-') && !option.choices.empty()) return option.choices;
    return {};
}

/// The shell's case lines: what each option's value may be.
std::string bash_values(const std::vector<Place>& places) {
    std::string text;
    for (const auto& [path, verb] : places)
        for (const auto& option : verb->options) {
            const auto names = option_names(option);
            if (names.empty() || option.value_name.empty()) continue;
            for (const auto& name : names)
                text += fmt::format("        \"{} {}\") {} ;;\n", path, name,
                                    option.choices.empty()
                                        ? "files=1"
                                        : "words=\"" + joined(option.choices) + "\"");
        }
    return text;
}

std::string bash_words(const std::vector<Place>& places) {
    std::string text;
    for (const auto& [path, verb] : places) {
        auto words = words_after(*verb);
        for (auto& choice : argument_choices(*verb)) words.push_back(std::move(choice));
        text += fmt::format("        \"{}\") words=\"{}\" ;;\n", path, joined(words));
    }
    return text;
}

std::string bash_script(const std::vector<Verb>& verbs) {
    std::vector<Place> places;
    collect(verbs, "", places);
    std::vector<std::string> first;
    for (const auto& verb : verbs)
        if (!verb.is_hidden) first.push_back(verb.name);
    std::string paths;
    for (const auto& place : places) paths += "|" + place.path;
    // The longest path of verbs among the words before the cursor decides what can follow.
    return fmt::format(
        R"(_stroma() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local path="" words="" files="" word paths="{}|"
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$paths" in *"|${{path:+$path }}$word|"*) path="${{path:+$path }}$word" ;; esac
    done
    case "$path" in
        "") words="{} --help --version" ;;
{}    esac
    case "$path $previous" in
{}        *" --data"|*" --config") files=1 ;;
    esac
    if [ -n "$files" ]; then
        COMPREPLY=($(compgen -f -- "$current"))
    else
        COMPREPLY=($(compgen -W "$words" -- "$current"))
        [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
    fi
}}
complete -o filenames -F _stroma stroma
)",
        paths, joined(first), bash_words(places), bash_values(places));
}

std::string fish_quoted(std::string_view text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted + "'";
}

std::string fish_option(const Verb& verb, const Option& option) {
    std::string line = "complete -c stroma -n '__fish_seen_subcommand_from " + verb.name + "'";
    for (const auto& name : option_names(option))
        line += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (!option.value_name.empty()) line += names_a_file(option) ? " -r -F" : " -x";
    if (!option.choices.empty()) line += " -a " + fish_quoted(joined(option.choices));
    return line + " -d " + fish_quoted(option.meaning) + "\n";
}

std::string fish_script(const std::vector<Verb>& verbs) {
    std::string text = "complete -c stroma -n __fish_use_subcommand -l version -l help -f\n";
    for (const auto& verb : verbs) {
        if (verb.is_hidden) continue;
        text += fmt::format("complete -c stroma -n __fish_use_subcommand -f -a {} -d {}\n",
                            verb.name, fish_quoted(verb.summary));
        for (const auto& own : verb.verbs)
            text += fmt::format(
                "complete -c stroma -n '__fish_seen_subcommand_from {}' -f -a {} -d {}\n",
                verb.name, own.name, fish_quoted(own.summary));
        for (const auto& option : verb.options)
            if (!option_names(option).empty()) text += fish_option(verb, option);
        const auto choices = argument_choices(verb);
        if (!choices.empty())
            text += fmt::format("complete -c stroma -n '__fish_seen_subcommand_from {}' -f -a {}\n",
                                verb.name, fish_quoted(joined(choices)));
        for (const auto& option : shared_options(verb.data_use)) text += fish_option(verb, option);
    }
    return text;
}

}  // namespace

Result<std::string> completion_script(std::string_view shell, const std::vector<Verb>& verbs) {
    if (shell == "bash") return bash_script(verbs);
    // zsh runs bash's own completions.
    if (shell == "zsh")
        return "#compdef stroma\nautoload -U +X compinit && compinit\n"
               "autoload -U +X bashcompinit && bashcompinit\n" +
               bash_script(verbs);
    if (shell == "fish") return fish_script(verbs);
    return fail(ErrorCode::invalid_input,
                "no completion for '" + std::string(shell) + "'; there is bash, zsh and fish");
}

}  // namespace stroma::app
