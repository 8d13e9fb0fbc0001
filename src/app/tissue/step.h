#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"
#include "expression/annotated_data.h"

namespace stroma::app {

enum class ParameterType { number, integer, text, flag, numbers, texts, json };
std::string_view name_of(ParameterType type);

/// One thing that a step can be told.
struct StepParameter {
    std::string name;
    ParameterType type = ParameterType::number;
    std::string otherwise;  ///< when it isn't said, as JSON; "null": the step finds it out
    std::string meaning;
    std::optional<double> low, high;        ///< of numbers, both included
    std::vector<std::string> choices = {};  ///< of texts
};

/// Files of one kind that a step takes or makes.
struct StepPort {
    std::string name;  ///< of an output "*": any
    std::string
        kind;  ///< "image", "labels", "cells" (h5ad, csv), "table" (csv), "outlines", "json"
    std::string meaning;
    bool is_required = true;  ///< takes: must be there; makes: is always made
};

class StepRun;

/// One built-in step. The same inputs, parameters and version give the same bytes.
struct Step {
    std::string name;
    int version = 1;  ///< rises when its bytes change
    std::string summary;
    std::vector<StepPort> inputs, outputs;
    std::vector<StepParameter> parameters;
    Result<void> (*run)(StepRun&) = nullptr;
};

/// All of them, in the order in which a slide meets them.
const std::vector<Step>& built_in_steps();
const Step* find_step(std::string_view name);
/// What `stroma pipeline step --list` prints.
nlohmann::ordered_json step_list();

/// Is told how far a step is: at most five times a second, and at each new `step`.
using StepTell =
    std::function<void(std::string_view step, double done, double total, std::string_view unit)>;

/// One run of a step: what it was asked, and what it has made so far. One thread but for watch().
class StepRun {
public:
    /// Checks the task (docs/pipeline-steps.md) against the step, fills in what it doesn't say, and
    /// makes the output folder.
    /// errors  invalid_input  names the member, and what may stand there
    static Result<StepRun> of(const Step& step, const nlohmann::ordered_json& task, StepTell tell);

    const Step& step() const { return *step_; }
    /// Empty where the task says none.
    const std::vector<fs::path>& inputs(std::string_view name) const;
    /// Files of what was made before somebody edited the inputs by hand: `what` is "inputs" or
    /// "outputs"; none where that isn't there. The bytes that are made don't depend on it.
    std::vector<fs::path> before(std::string_view what, std::string_view name) const;
    double number(std::string_view name) const;
    std::int64_t integer(std::string_view name) const;
    bool flag(std::string_view name) const;
    const std::string& text(std::string_view name) const;  ///< of json: its text
    const std::vector<double>& numbers(std::string_view name) const;
    const std::vector<std::string>& texts(std::string_view name) const;
    /// False: it was left out, and its default is null.
    bool has(std::string_view name) const;

    const fs::path& output() const { return output_; }
    /// For what goes before the step ends.
    const fs::path& scratch() const { return scratch_; }
    std::uint64_t memory_bytes() const { return memory_bytes_; }
    /// For long work; any thread.
    expression::Watch watch(std::string step) const;

    /// A file below output(), as a value of that port. Its name is checked against the step's.
    void made(std::string_view port, std::string file);
    void picture(std::string file) { pictures_.push_back(std::move(file)); }
    void tell(std::string name, double value);
    void tell(std::string name, std::string_view value);
    /// What made a file, to be kept with it: step, version, parameters, names of inputs.
    std::string provenance() const;

    /// Takes the scratch folder away and writes outputs.json, last.
    Result<void> finish();

private:
    using Value = std::variant<std::monostate, double, std::int64_t, bool, std::string,
                               std::vector<double>, std::vector<std::string>>;
    StepRun() = default;
    Result<void> take_inputs(const nlohmann::ordered_json& task);
    Result<void> take_parameters(const nlohmann::ordered_json& task);
    static Result<Value> value_of(const StepParameter& parameter,
                                  const nlohmann::ordered_json& json);
    const Value& value(std::string_view name) const;

    const Step* step_ = nullptr;
    StepTell tell_;
    std::map<std::string, std::vector<fs::path>, std::less<>> inputs_, made_;
    std::map<std::string, Value, std::less<>> values_;
    /// Parameters, what the task says of its origin, and of what was made before; as JSON.
    std::string said_, provenance_, before_;
    fs::path output_, scratch_;
    std::uint64_t memory_bytes_ = 0;
    std::vector<std::string> pictures_;
    std::vector<std::pair<std::string, std::variant<double, std::string>>> summary_;
};

/// Runs a task whole: reads, checks, works, writes outputs.json.
Result<void> run_task(const nlohmann::ordered_json& task, StepTell tell);

}  // namespace stroma::app
