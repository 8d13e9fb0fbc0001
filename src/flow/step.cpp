#include "flow/step.h"

#include <algorithm>

#include "base/json.h"

namespace stroma::flow {
namespace {

std::vector<StepPort> ports_in(const Json& list) {
    std::vector<StepPort> ports;
    const auto add = [&](const std::string& name, const Json& port) {
        const bool is_optional =
            port.is_object() && (port.value("optional", false) || !port.value("required", true));
        ports.push_back({name, !is_optional});
    };
    if (list.is_object())
        for (const auto& [name, port] : list.items()) add(name, port);
    if (list.is_array())
        for (const Json& port : list) {
            if (port.is_string()) add(port.get<std::string>(), Json());
            if (port.is_object()) add(port.value("name", ""), port);
        }
    return ports;
}

std::optional<double> number_in(const Json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number()) return std::nullopt;
    return found->get<double>();
}

StepParameter parameter_in(const std::string& name, const Json& json) {
    StepParameter parameter{.name = name};
    if (!json.is_object()) return parameter;
    if (const auto type = json.find("type"); type != json.end() && type->is_string())
        parameter.type = type->get<std::string>();
    parameter.least = number_in(json, "min");
    parameter.most = number_in(json, "max");
    if (const auto choices = json.find("choices"); choices != json.end() && choices->is_array())
        for (const Json& choice : *choices)
            if (choice.is_string()) parameter.choices.push_back(choice.get<std::string>());
    parameter.is_required = json.value("required", false);
    return parameter;
}

}  // namespace

const StepParameter* Step::find_parameter(std::string_view wanted) const {
    const auto found = std::ranges::find(parameters, wanted, &StepParameter::name);
    return found == parameters.end() ? nullptr : &*found;
}

Result<Steps> steps_in(std::string_view text) {
    const Json json = TRY(parse_json(text));
    const Json& list = json.is_object() && json.contains("steps") ? json["steps"] : json;
    if (!list.is_array()) return fail(ErrorCode::invalid_input, "the list of steps is no list");
    Steps steps;
    for (const Json& one : list) {
        if (!one.is_object() || !one.contains("name"))
            return fail(ErrorCode::invalid_input, "a step of the list has no name");
        Step step{.name = one.value("name", "")};
        if (const auto version = one.find("version"); version != one.end())
            step.version = version->is_string() ? version->get<std::string>() : version->dump();
        step.inputs = ports_in(one.value("inputs", Json::array()));
        step.outputs = ports_in(one.value("outputs", Json::array()));
        const Json parameters = one.value("parameters", Json::array());
        if (parameters.is_object())
            for (const auto& [name, parameter] : parameters.items())
                step.parameters.push_back(parameter_in(name, parameter));
        else
            for (const Json& parameter : parameters)
                step.parameters.push_back(parameter_in(parameter.value("name", ""), parameter));
        steps.push_back(std::move(step));
    }
    return steps;
}

}  // namespace stroma::flow
