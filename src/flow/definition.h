#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "base/result.h"
#include "flow/step.h"

namespace stroma::flow {

/// Where in the YAML text something stands; both count from 1. 0 is nowhere.
struct Place {
    int line = 0, column = 0;
};

/// What is wrong with a definition: where, in which member, and what would be right.
struct Issue {
    Place place;
    std::string field;  ///< "stages.nuclei.inputs.image"
    std::string message;
    std::string fix;  ///< "" where the message says it
};
/// "spots.yaml:7:5: stages.nuclei.step: there is no step 'segmnt': did you mean 'segment'?"
std::string text_of(std::string_view file, const Issue& issue);

/// What a stage reads: an output of a stage, or an input of the run when `stage` is empty.
struct Reference {
    std::string stage;
    std::string output;  ///< or the run input's name
    Place place;
};

struct StageInput {
    std::string name;
    std::vector<Reference> from;
};

/// Along what tasks of a stage are spread: the files of a run input (then it has its name), listed
/// values, or those in a JSON list that a stage writes. Values are JSON texts.
struct Dimension {
    std::string name;
    bool is_input = false;
    std::vector<std::string> values;
    std::optional<Reference> from;
    Place place;
};

/// How often a task is tried again, by what became of it. Bad input never is.
struct Retries {
    int temporary = 5, lost = 3, memory = 3, timeout = 1, failure = 0;
    int given_back = 5;  ///< by workers elsewhere that had to end
};

struct Stage {
    std::string name;
    Place place;
    std::string step;                  ///< a built-in one; "" for a command
    std::vector<std::string> command;  ///< a user's; the task's file is added as last argument
    std::vector<std::string> code;     ///< further files that the command's work depends on
    std::string version;               ///< of a command, beside the content of its files
    std::vector<StageInput> inputs;
    std::map<std::string, std::string> parameters;  ///< JSON texts; "${name}" is filled already
    std::map<std::string, Place> parameter_places;
    std::vector<std::string> outputs;  ///< that a command says it makes
    std::vector<std::string> scatter;  ///< names of dimensions, the outermost first
    int cores = 1;
    std::uint64_t memory_bytes = 1u << 30;
    Retries retries;
    Milliseconds timeout{3600'000};
    Milliseconds ttl{0};  ///< of its outputs since they were last used; 0 keeps them
    /// Since they were last used they go to the archive; 0 never.
    Milliseconds archive{0};
    /// Of outputs that a reader has still to read, before more are made; 0 is any number. `share`
    /// is of the disk, from 0 to 1.
    std::uint64_t room_bytes = 0;
    double room_share = 0;
    bool needs_review = false;
};

/// One file or several of a run, by name or pattern within the folder it is started with.
struct RunInput {
    std::string name;
    std::string pattern;  ///< "*.ome.tiff"; of several with spaces between
    Place place;
};

/// A pipeline: stages in an order in which each comes behind what it reads.
struct Definition {
    std::string name, version, description;
    std::vector<RunInput> inputs;
    std::map<std::string, std::string> parameters;  ///< of the whole, JSON texts
    std::vector<Stage> stages;
    std::map<std::string, Dimension> dimensions;

    const Stage* find_stage(std::string_view name) const;
    const RunInput* find_input(std::string_view name) const;
};

/// A definition and all that is wrong with it; it may be used when nothing is.
struct Checked {
    Definition definition;
    std::vector<Issue> issues;
};

/// Reads YAML (1 MiB at most). `changes` replace parameters of the whole: name to JSON text.
/// Finds unknown and doubled members, types, cycles, references to nothing, and, where `steps`
/// are given, names, parameters and ranges of built-in steps. `folder` is where files of commands
/// are looked for; their absence is an issue. "" doesn't look.
Checked read_definition(std::string_view yaml, const std::map<std::string, std::string>& changes,
                        const Steps* steps, const fs::path& folder);
/// The definition, or invalid_input with every issue on a line of its own.
Result<Definition> definition_of(std::string_view file, Checked checked);

/// The file that a word of a command names in that folder; nothing when it names none.
std::optional<fs::path> file_of_word(const std::string& word, const fs::path& folder);

/// "2GiB", "512MiB", "1000"; "30s", "5min", "24h", "7d". errors  invalid_input
Result<std::uint64_t> bytes_in(std::string_view text);
Result<Milliseconds> duration_in(std::string_view text);
/// The known word nearest to it, when it's near; "" else.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace stroma::flow
