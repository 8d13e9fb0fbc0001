#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "app/settings.h"
#include "app/terminal/terminal.h"
#include "base/result.h"

#include <stop_token>

namespace stroma::app {

/// Where an option's value goes.
using OptionTarget = std::variant<bool*, std::string*, std::int64_t*, std::vector<std::string>*>;

/// One option or argument, as parsing, help, completion and the reference page need it.
struct Option {
    std::string names;       ///< "-o,--output"; a bare "path" is an argument by place
    OptionTarget target;     ///< must live as long as the verb
    std::string value_name;  ///< "FILE", "DIR" and "PATH" complete to files; "" for a flag
    std::string meaning;     ///< one sentence
    std::vector<std::string> choices = {};  ///< when not empty, one of these
    bool required = false;
};

/// What a verb gets beside its own options.
struct Invocation {
    std::string data;   ///< the data directory; "" where the verb needs none
    Settings settings;  ///< defaults, file, environment and --set, in that order
    bool json = false;  ///< results as one JSON value on standard output
    Terminal* terminal = nullptr;
    std::stop_token stop;  ///< Ctrl-C or SIGTERM
};

/// Whether a verb works on a data directory: then it takes --data (or STROMA_DATA).
enum class DataUse { required, optional, none };

/// One thing that the program can do.
struct Verb {
    std::string name;
    std::string summary;        ///< one line, in the list of verbs
    std::string text = {};      ///< help: what it does, in a paragraph
    std::string examples = {};  ///< help: commands as typed, each line ending in "\n"
    std::vector<Option> options = {};
    std::vector<Verb> verbs = {};                       ///< of its own: dataset list, dataset show
    std::function<Result<void>(Invocation&)> run = {};  ///< empty when it only has verbs of its own
    DataUse data_use = DataUse::required;
    bool is_hidden = false;  ///< left out of help and completion
};

}  // namespace stroma::app
