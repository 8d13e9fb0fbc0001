#pragma once

#include <string>
#include <vector>

#include "app/verb.h"

namespace stroma::app {

/// The list of verbs, the common options and the exit codes.
std::string program_help(const std::vector<Verb>& verbs);
/// One verb: usage, what it does, its options, its examples. `path` is as typed: "dataset show".
std::string verb_help(const std::string& path, const Verb& verb);
/// All of it as one page (docs/command-line.md), as Markdown.
std::string help_page(const std::vector<Verb>& verbs);

/// The options that every verb takes beside its own, for showing; their targets are null.
std::vector<Option> shared_options(DataUse data_use);

}  // namespace stroma::app
