#include "flow/definition_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "base/json.h"

namespace stroma::flow {
namespace {

class Check {
public:
    Check(Checked& checked, const Steps* steps, const fs::path& folder)
        : definition_(checked.definition),
          issues_(checked.issues),
          steps_(steps),
          folder_(folder) {}

    void run() {
        for (const Stage& stage : definition_.stages) {
            check_work(stage);
            check_scatter(stage);
            if (stage.ttl.count() > 0 && stage.archive >= stage.ttl)
                issue(stage.place, field_of(stage) + ".archive",
                      "it would go to the archive after its time to live is over",
                      "a ttl longer than archive, or none");
            for (const StageInput& input : stage.inputs)
                for (const Reference& from : input.from)
                    check_reference(from, field_of(stage) + ".inputs." + input.name);
        }
        for (const auto& [name, dimension] : definition_.dimensions)
            if (dimension.from) check_reference(*dimension.from, "scatter." + name + ".from");
        order_stages();
    }

private:
    static std::string field_of(const Stage& stage) { return "stages." + stage.name; }
    void issue(Place place, std::string field, std::string message, std::string fix = {}) {
        if (issues_.size() < 100)
            issues_.push_back({place, std::move(field), std::move(message), std::move(fix)});
    }
    static std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
        const std::string near = nearest(word, known);
        if (!near.empty()) return fmt::format("did you mean '{}'?", near);
        return known.empty() ? "there is none"
                             : fmt::format("there are {}", fmt::join(known, ", "));
    }

    const Step* step_of(const Stage& stage) const {
        if (steps_ == nullptr || stage.step.empty()) return nullptr;
        const auto found = std::ranges::find(*steps_, stage.step, &Step::name);
        return found == steps_->end() ? nullptr : &*found;
    }
    void check_work(const Stage& stage);
    void check_command(const Stage& stage);
    void check_step(const Stage& stage);
    void check_parameter(const Stage& stage, const std::string& name, const StepParameter& known);
    void check_scatter(const Stage& stage);
    void check_reference(const Reference& reference, const std::string& field);
    std::vector<std::string> upstream_of(const Stage& stage) const;
    void order_stages();

    Definition& definition_;
    std::vector<Issue>& issues_;
    const Steps* steps_;
    const fs::path& folder_;
};

void Check::check_work(const Stage& stage) {
    if (stage.step.empty() == stage.command.empty())
        return issue(stage.place, field_of(stage), "a stage has either a 'step' or a 'command'");
    if (!stage.command.empty()) return check_command(stage);
    if (steps_ != nullptr) check_step(stage);
}

bool is_program(const std::string& word) {
    if (word.find('/') != std::string::npos) return ::access(word.c_str(), X_OK) == 0;
    const char* path = std::getenv("PATH");
    std::string_view folders = path == nullptr ? "/usr/bin:/bin" : path;
    while (!folders.empty()) {
        const std::size_t colon = std::min(folders.find(':'), folders.size());
        const std::string whole = std::string(folders.substr(0, colon)) + "/" + word;
        if (::access(whole.c_str(), X_OK) == 0) return true;
        folders.remove_prefix(std::min(colon + 1, folders.size()));
    }
    return false;
}

void Check::check_command(const Stage& stage) {
    if (stage.outputs.empty())
        issue(stage.place, field_of(stage) + ".outputs", "a command must say what it makes",
              "outputs: [name, …], as in its outputs.json");
    if (folder_.empty()) return;
    const std::string& program = stage.command.front();
    if (!is_program(program) && !file_of_word(program, folder_))
        issue(stage.place, field_of(stage) + ".command",
              fmt::format("there is no program '{}'", program));
    for (const std::string& word : stage.command) {
        const std::string ending = fs::path(word).extension();
        const bool is_script = ending == ".py" || ending == ".R" || ending == ".sh";
        if (is_script && !word.starts_with('-') && !file_of_word(word, folder_))
            issue(stage.place, field_of(stage) + ".command",
                  fmt::format("there is no file '{}' beside the pipeline", word));
    }
    for (const std::string& file : stage.code)
        if (!file_of_word(file, folder_))
            issue(stage.place, field_of(stage) + ".code",
                  fmt::format("there is no file '{}' beside the pipeline", file));
}

void Check::check_parameter(const Stage& stage, const std::string& name,
                            const StepParameter& known) {
    const Json value = *parse_json(stage.parameters.at(name));
    const auto wrong = [&](std::string message) {
        issue(stage.parameter_places.at(name), field_of(stage) + ".parameters." + name,
              std::move(message));
    };
    const std::string& type = known.type;
    if ((type == "number" && !value.is_number()) ||
        (type == "integer" && !value.is_number_integer()) ||
        (type == "text" && !value.is_string()) || (type == "boolean" && !value.is_boolean()) ||
        (type.starts_with("list") && !value.is_array()))
        return wrong(fmt::format("this must be of type {}", type));
    if (value.is_number()) {
        const double number = value.get<double>();
        if ((known.least && number < *known.least) || (known.most && number > *known.most))
            return wrong(
                fmt::format("{} is out of range: {} to {}", value.dump(),
                            known.least ? fmt::format("{}", *known.least) : std::string("anything"),
                            known.most ? fmt::format("{}", *known.most) : std::string("anything")));
    }
    if (!known.choices.empty() && value.is_string() &&
        std::ranges::find(known.choices, value.get<std::string>()) == known.choices.end())
        wrong(fmt::format("this must be one of {}", fmt::join(known.choices, ", ")));
}

void Check::check_step(const Stage& stage) {
    const Step* step = step_of(stage);
    std::vector<std::string> known;
    if (step == nullptr) {
        for (const Step& one : *steps_) known.push_back(one.name);
        return issue(stage.place, field_of(stage) + ".step",
                     fmt::format("there is no built-in step '{}'", stage.step),
                     did_you_mean(stage.step, known));
    }
    for (const StepParameter& parameter : step->parameters) known.push_back(parameter.name);
    for (const auto& [name, value] : stage.parameters) {
        if (const StepParameter* parameter = step->find_parameter(name))
            check_parameter(stage, name, *parameter);
        else
            issue(stage.parameter_places.at(name), field_of(stage) + ".parameters." + name,
                  fmt::format("the step '{}' has no such parameter", step->name),
                  did_you_mean(name, known));
    }
    for (const StepParameter& parameter : step->parameters)
        if (parameter.is_required && !stage.parameters.contains(parameter.name))
            issue(stage.place, field_of(stage) + ".parameters." + parameter.name,
                  fmt::format("the step '{}' needs this parameter", step->name));
    known.clear();
    for (const StepPort& port : step->inputs) known.push_back(port.name);
    for (const StageInput& input : stage.inputs)
        if (std::ranges::find(known, input.name) == known.end())
            issue(input.from.empty() ? stage.place : input.from.front().place,
                  field_of(stage) + ".inputs." + input.name,
                  fmt::format("the step '{}' has no such input", step->name),
                  did_you_mean(input.name, known));
    for (const StepPort& port : step->inputs)
        if (port.is_required &&
            std::ranges::find(stage.inputs, port.name, &StageInput::name) == stage.inputs.end())
            issue(stage.place, field_of(stage) + ".inputs." + port.name,
                  fmt::format("the step '{}' needs this input", step->name));
}

void Check::check_scatter(const Stage& stage) {
    for (const std::string& name : stage.scatter) {
        if (definition_.dimensions.contains(name)) continue;
        std::vector<std::string> known;
        for (const auto& dimension : definition_.dimensions) known.push_back(dimension.first);
        issue(stage.place, field_of(stage) + ".scatter",
              fmt::format("there is nothing called '{}' to spread over", name),
              did_you_mean(name, known));
    }
}

void Check::check_reference(const Reference& reference, const std::string& field) {
    std::vector<std::string> known;
    if (reference.stage.empty()) {
        if (definition_.find_input(reference.output) != nullptr) return;
        for (const RunInput& input : definition_.inputs) known.push_back(input.name);
        for (const Stage& stage : definition_.stages) known.push_back(stage.name + ".…");
        return issue(reference.place, field,
                     fmt::format("the run has no input '{}'", reference.output),
                     did_you_mean(reference.output, known));
    }
    const Stage* stage = definition_.find_stage(reference.stage);
    if (stage == nullptr) {
        for (const Stage& one : definition_.stages) known.push_back(one.name);
        return issue(reference.place, field, fmt::format("there is no stage '{}'", reference.stage),
                     did_you_mean(reference.stage, known));
    }
    known = stage->outputs;
    if (const Step* step = step_of(*stage))
        for (const StepPort& port : step->outputs) known.push_back(port.name);
    else if (!stage->step.empty())
        return;
    if (std::ranges::find(known, reference.output) == known.end())
        issue(reference.place, field,
              fmt::format("the stage '{}' makes no '{}'", stage->name, reference.output),
              did_you_mean(reference.output, known));
}

std::vector<std::string> Check::upstream_of(const Stage& stage) const {
    std::vector<std::string> names;
    for (const StageInput& input : stage.inputs)
        for (const Reference& from : input.from)
            if (!from.stage.empty()) names.push_back(from.stage);
    for (const std::string& name : stage.scatter) {
        const auto dimension = definition_.dimensions.find(name);
        if (dimension != definition_.dimensions.end() && dimension->second.from)
            names.push_back(dimension->second.from->stage);
    }
    return names;
}

/// In the order written where that will do; a circle is told with the way round.
void Check::order_stages() {
    std::vector<Stage> ordered;
    std::set<std::string> placed, on_path;
    std::vector<std::string> path;
    bool has_circle = false;
    const std::function<void(const std::string&)> place = [&](const std::string& name) {
        const Stage* stage = definition_.find_stage(name);
        if (stage == nullptr || placed.contains(name) || has_circle) return;
        path.push_back(name);
        if (!on_path.insert(name).second) {
            const auto begin = std::ranges::find(path, name);
            issue(stage->place, field_of(*stage),
                  fmt::format("the stages go round in a circle: {}",
                              fmt::join(begin, path.end(), " → ")));
            has_circle = true;
            return;
        }
        // What is read comes first: the path goes against the arrows.
        for (const std::string& upstream : upstream_of(*stage)) place(upstream);
        on_path.erase(name);
        path.pop_back();
        if (!has_circle && placed.insert(name).second) ordered.push_back(*stage);
    };
    for (const Stage& stage : definition_.stages) place(stage.name);
    if (!has_circle) definition_.stages = std::move(ordered);
}

}  // namespace

void check_definition(Checked& checked, const Steps* steps, const fs::path& folder) {
    Check(checked, steps, folder).run();
}

}  // namespace stroma::flow
