#include "app/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/exit_code.h"
#include "app/terminal/terminal.h"

namespace stroma::app {
namespace {

constexpr std::size_t columns_max = 96, meaning_column = 30;

/// Words in lines of at most columns_max, each after the first indented.
std::string wrapped(std::string_view text, std::size_t first_column, std::size_t indent) {
    std::string out;
    std::size_t column = first_column;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string_view word = text.substr(begin, end - begin);
        const std::size_t width = text_columns(word);
        if (begin > 0 && column + 1 + width > columns_max) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        } else if (begin > 0) {
            out += ' ';
            ++column;
        }
        out += word;
        column += width;
        begin = end + 1;
    }
    return out + "\n";
}

std::string spaced_names(const Option& option) {
    std::string names = option.names;
    if (const auto comma = names.find(','); comma != names.npos) names.insert(comma + 1, " ");
    return option.value_name.empty() ? names : names + " " + option.value_name;
}

std::string meaning_of(const Option& option) {
    std::string text = option.meaning;
    if (!option.choices.empty()) text += fmt::format(" [{}]", fmt::join(option.choices, "|"));
    return text;
}

bool is_argument(const Option& option) { return !option.names.starts_with('-'); }

std::string row(const std::string& left, const std::string& meaning) {
    std::string line = "  " + left;
    if (text_columns(line) + 2 > meaning_column)
        line += "\n" + std::string(meaning_column, ' ');
    else
        line += std::string(meaning_column - text_columns(line), ' ');
    return line + wrapped(meaning, meaning_column, meaning_column);
}

std::string usage(const std::string& path, const Verb& verb) {
    std::string text = "stroma " + path;
    if (!verb.verbs.empty()) return text + " VERB";
    for (const auto& option : verb.options) {
        if (is_argument(option)) {
            const bool many = std::holds_alternative<std::vector<std::string>*>(option.target);
            const std::string name = option.value_name + (many ? "..." : "");
            text += option.required ? " " + name : " [" + name + "]";
        } else if (option.required) {
            text += " " + option.names.substr(0, option.names.find(',')) + " " + option.value_name;
        }
    }
    return text + " [options]";
}

std::string option_rows(const std::vector<Option>& options) {
    std::string text;
    for (const auto& option : options)
        text +=
            row(is_argument(option) ? option.value_name : spaced_names(option), meaning_of(option));
    return text;
}

/// What help says of the verb itself.
std::string own_help(const std::string& path, const Verb& verb) {
    std::string text = verb.summary + ".\n\nUsage: " + usage(path, verb) + "\n";
    if (!verb.text.empty()) text += "\n" + wrapped(verb.text, 0, 0);
    if (!verb.verbs.empty()) text += "\nVerbs:\n";
    for (const auto& own : verb.verbs) text += row(own.name, own.summary);
    if (!verb.options.empty()) text += "\nOptions:\n" + option_rows(verb.options);
    return text;
}

void append_page_of(const std::string& path, const Verb& verb, std::string& page) {
    page += fmt::format("\n{} stroma {}\n\n```\n{}", path.find(' ') == path.npos ? "##" : "###",
                        path, own_help(path, verb));
    if (!verb.examples.empty()) page += "\nExamples:\n" + verb.examples;
    page += "```\n";
    for (const auto& own : verb.verbs) append_page_of(path + " " + own.name, own, page);
}

}  // namespace

std::vector<Option> shared_options(DataUse data_use) {
    std::vector<Option> options;
    std::string* const nowhere = nullptr;
    bool* const no_flag = nullptr;
    if (data_use != DataUse::none)
        options.push_back({"--data", nowhere, "DIR", "the data directory (or STROMA_DATA)"});
    options.push_back({"--config", nowhere, "FILE",
                       "settings (default: stroma.toml in the data directory, if it is there)"});
    options.push_back({"--set", nowhere, "NAME=VALUE",
                       "one setting for this run, like query.time=60s; may be repeated"});
    options.push_back({"--json", no_flag, "", "results and errors as JSON"});
    options.push_back({"-q,--quiet", no_flag, "", "no progress, no remarks"});
    options.push_back({"-h,--help", no_flag, "", "this text"});
    return options;
}

std::string program_help(const std::vector<Verb>& verbs) {
    std::string text =
        "Stroma: single-cell data from files and bundles, by SQL, to expression matrices.\n\n"
        "Usage: stroma VERB [options]        stroma VERB --help        stroma --version\n\n"
        "Verbs:\n";
    for (const auto& verb : verbs)
        if (!verb.is_hidden) text += row(verb.name, verb.summary);
    text += "\nOptions of every verb:\n" + option_rows(shared_options(DataUse::required));
    return text + "\nExit codes:\n" + exit_code_table();
}

std::string verb_help(const std::string& path, const Verb& verb) {
    std::string text = own_help(path, verb);
    if (verb.run) {
        auto shared = shared_options(verb.data_use);
        std::erase_if(shared, [&](const Option& option) {
            return std::any_of(verb.options.begin(), verb.options.end(),
                               [&](const Option& own) { return own.names == option.names; });
        });
        text += "\nOptions of every verb:\n" + option_rows(shared);
    }
    if (!verb.examples.empty()) text += "\nExamples:\n" + verb.examples;
    return text;
}

std::string help_page(const std::vector<Verb>& verbs) {
    std::string page =
        "# Command line\n\nThis page is what `stroma help --markdown` prints.\n\n```\n" +
        program_help(verbs) + "```\n";
    for (const auto& verb : verbs)
        if (!verb.is_hidden) append_page_of(verb.name, verb, page);
    return page;
}

}  // namespace stroma::app
