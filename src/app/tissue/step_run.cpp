#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "app/build_info.h"
#include "app/tissue/kept_work.h"
#include "app/tissue/step.h"
#include "app/tissue/step_code.h"
#include "base/json.h"

namespace stroma::app {
namespace {

constexpr std::uint64_t usual_memory_bytes = std::uint64_t{4} << 30;

tl::unexpected<Error> bad_task(std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("task: {}", what));
}

Result<void> check_number(const StepParameter& parameter, double value) {
    if (std::isfinite(value) && (!parameter.low || value >= *parameter.low) &&
        (!parameter.high || value <= *parameter.high))
        return {};
    std::string range;
    if (parameter.low) range += fmt::format(", from {}", *parameter.low);
    if (parameter.high) range += fmt::format(", up to {}", *parameter.high);
    return bad_task(fmt::format("parameter '{}' is {}; it is a finite {}{}", parameter.name, value,
                                name_of(parameter.type), range));
}

tl::unexpected<Error> wrong_type(const StepParameter& parameter, const Json& json) {
    return bad_task(fmt::format("parameter '{}' is {}; it must be of type {}", parameter.name,
                                json.dump().substr(0, 60), name_of(parameter.type)));
}

std::string names_of(const std::vector<StepPort>& ports) {
    std::string names;
    for (const StepPort& port : ports) names += (names.empty() ? "" : ", ") + port.name;
    return names;
}

/// A process does one task.
fs::path& kept_folder() {
    static fs::path folder;
    return folder;
}

/// Tells at most five times a second, but each new step.
class Teller {
public:
    Teller(StepTell tell, std::string step) : tell_(std::move(tell)), step_(std::move(step)) {}
    void operator()(double done, double total, std::string_view unit) {
        const std::lock_guard lock(mutex_);
        const auto now = std::chrono::steady_clock::now();
        if (told_ && now - last_ < std::chrono::milliseconds(200) && done < total) return;
        told_ = true;
        last_ = now;
        tell_(step_, done, total, unit);
    }

private:
    StepTell tell_;
    std::string step_;
    std::mutex mutex_;
    std::chrono::steady_clock::time_point last_{};
    bool told_ = false;
};

}  // namespace

fs::path kept_work(std::string_view name) {
    return kept_folder().empty() ? fs::path() : kept_folder() / name;
}

std::string_view name_of(ParameterType type) {
    switch (type) {
        case ParameterType::integer: return "integer";
        case ParameterType::text: return "text";
        case ParameterType::flag: return "boolean";
        case ParameterType::numbers: return "list of numbers";
        case ParameterType::texts: return "list of texts";
        case ParameterType::json: return "object";
        default: return "number";
    }
}

const Step* find_step(std::string_view name) {
    for (const Step& step : built_in_steps())
        if (step.name == name) return &step;
    return nullptr;
}

Json step_list() {
    const auto ports = [](const std::vector<StepPort>& all) {
        Json list = Json::array();
        for (const StepPort& port : all)
            list.push_back({{"name", port.name},
                            {"kind", port.kind},
                            {"required", port.is_required},
                            {"meaning", port.meaning}});
        return list;
    };
    Json list = Json::array();
    for (const Step& step : built_in_steps()) {
        Json parameters = Json::array();
        for (const StepParameter& parameter : step.parameters) {
            Json one = {{"name", parameter.name},
                        {"type", std::string(name_of(parameter.type))},
                        {"default", Json::parse(parameter.otherwise)},
                        {"meaning", parameter.meaning}};
            if (parameter.low) one["min"] = *parameter.low;
            if (parameter.high) one["max"] = *parameter.high;
            if (!parameter.choices.empty()) one["choices"] = parameter.choices;
            parameters.push_back(std::move(one));
        }
        list.push_back({{"name", step.name},
                        {"version", fmt::format("{}+{}", step.version, step_code())},
                        {"summary", step.summary},
                        {"inputs", ports(step.inputs)},
                        {"outputs", ports(step.outputs)},
                        {"parameters", std::move(parameters)}});
    }
    return {{"stroma", version()}, {"steps", std::move(list)}};
}

Result<StepRun::Value> StepRun::value_of(const StepParameter& parameter, const Json& json) {
    switch (parameter.type) {
        case ParameterType::number:
        case ParameterType::integer:
            if (!json.is_number()) return wrong_type(parameter, json);
            TRY(check_number(parameter, json.get<double>()));
            if (parameter.type == ParameterType::number) return Value(json.get<double>());
            if (json.get<double>() != std::floor(json.get<double>()))
                return wrong_type(parameter, json);
            return Value(static_cast<std::int64_t>(json.get<double>()));
        case ParameterType::flag:
            if (!json.is_boolean()) return wrong_type(parameter, json);
            return Value(json.get<bool>());
        case ParameterType::text: {
            // A channel may be named by its number.
            if (!json.is_string() && !json.is_number_integer()) return wrong_type(parameter, json);
            const std::string text = json.is_string() ? json.get<std::string>() : json.dump();
            const auto& choices = parameter.choices;
            if (!choices.empty() &&
                std::find(choices.begin(), choices.end(), text) == choices.end())
                return bad_task(fmt::format("parameter '{}' is '{}'; it must be one of {}",
                                            parameter.name, text, fmt::join(choices, ", ")));
            return Value(text);
        }
        case ParameterType::numbers: {
            std::vector<double> numbers;
            if (!json.is_array()) return wrong_type(parameter, json);
            for (const Json& one : json) {
                if (!one.is_number()) return wrong_type(parameter, json);
                numbers.push_back(one.get<double>());
                TRY(check_number(parameter, numbers.back()));
            }
            return Value(std::move(numbers));
        }
        case ParameterType::texts: {
            std::vector<std::string> texts;
            if (!json.is_array()) return wrong_type(parameter, json);
            for (const Json& one : json) {
                if (!one.is_string()) return wrong_type(parameter, json);
                texts.push_back(one.get<std::string>());
            }
            return Value(std::move(texts));
        }
        default:
            if (!json.is_structured()) return wrong_type(parameter, json);
            return Value(json.dump());
    }
}

Result<void> StepRun::take_inputs(const Json& task) {
    const Json inputs = task.value("inputs", Json::object());
    if (!inputs.is_object()) return bad_task("\"inputs\" is no object");
    for (const auto& [name, paths] : inputs.items()) {
        const auto is_it = [&name = name](const StepPort& port) { return port.name == name; };
        if (std::none_of(step_->inputs.begin(), step_->inputs.end(), is_it))
            return bad_task(fmt::format("step '{}' takes no input '{}'; it takes {}", step_->name,
                                        name, names_of(step_->inputs)));
        const Json list = paths.is_string() ? Json::array({paths}) : paths;
        if (!list.is_array()) return bad_task(fmt::format("input '{}' is no list of paths", name));
        for (const Json& path : list) {
            if (!path.is_string()) return bad_task(fmt::format("input '{}': no path", name));
            inputs_[name].emplace_back(path.get<std::string>());
            std::error_code error;
            if (!fs::exists(inputs_[name].back(), error))
                return fail(ErrorCode::not_found,
                            fmt::format("{} isn't there", inputs_[name].back().string()));
        }
    }
    for (const StepPort& port : step_->inputs)
        if (port.is_required && inputs_[port.name].empty())
            return bad_task(fmt::format("step '{}' needs the input '{}': {}", step_->name,
                                        port.name, port.meaning));
    return {};
}

Result<void> StepRun::take_parameters(const Json& task) {
    const Json given = task.value("parameters", Json::object());
    if (!given.is_object()) return bad_task("\"parameters\" is no object");
    for (const auto& [name, json] : given.items()) {
        const auto is_it = [&name = name](const StepParameter& one) { return one.name == name; };
        if (std::none_of(step_->parameters.begin(), step_->parameters.end(), is_it))
            return bad_task(
                fmt::format("step '{}' has no parameter '{}'; see stroma pipeline step "
                            "--list",
                            step_->name, name));
    }
    Json used = Json::object();
    for (const StepParameter& parameter : step_->parameters) {
        const auto said = given.find(parameter.name);
        const bool is_said = said != given.end() && !said->is_null();
        const Json json = is_said ? *said : Json::parse(parameter.otherwise);
        used[parameter.name] = json;
        Value value;
        if (!json.is_null()) value = TRY(value_of(parameter, json));
        values_.emplace(parameter.name, std::move(value));
    }
    said_ = used.dump();
    return {};
}

Result<StepRun> StepRun::of(const Step& step, const Json& task, StepTell tell) {
    StepRun run;
    run.step_ = &step;
    run.tell_ = std::move(tell);
    TRY(run.take_inputs(task));
    TRY(run.take_parameters(task));
    if (!task.contains("output") || !task["output"].is_string())
        return bad_task("\"output\", the folder to write into, is missing");
    run.output_ = task["output"].get<std::string>();
    run.scratch_ = run.output_ / ".scratch";
    if (const auto kept = task.find("kept"); kept != task.end() && kept->is_string())
        kept_folder() = kept->get<std::string>();
    run.memory_bytes_ = usual_memory_bytes;
    if (const auto memory = task.find("memory_bytes"); memory != task.end())
        if (memory->is_number_unsigned() && memory->get<std::uint64_t>() > 0)
            run.memory_bytes_ = memory->get<std::uint64_t>();
    if (const auto threads = task.find("threads"); threads != task.end())
        if (threads->is_number_unsigned() && threads->get<std::uint64_t>() > 0)
            ::setenv("STROMA_THREADS", threads->dump().c_str(), 1);
    if (const auto before = task.find("before"); before != task.end() && before->is_object())
        run.before_ = before->dump();
    if (const auto origin = task.find("provenance"); origin != task.end())
        run.provenance_ = origin->dump();
    std::error_code ignored;
    fs::remove_all(run.scratch_, ignored);
    TRY(make_folders(run.scratch_));
    return run;
}

const std::vector<fs::path>& StepRun::inputs(std::string_view name) const {
    static const std::vector<fs::path> none;
    const auto at = inputs_.find(name);
    return at == inputs_.end() ? none : at->second;
}

std::vector<fs::path> StepRun::before(std::string_view what, std::string_view name) const {
    std::vector<fs::path> paths;
    if (before_.empty()) return paths;
    const Json json = Json::parse(before_);
    const Json list =
        json.value(std::string(what), Json::object()).value(std::string(name), Json::array());
    for (const Json& path : list)
        if (path.is_string()) paths.emplace_back(path.get<std::string>());
    return paths;
}

const StepRun::Value& StepRun::value(std::string_view name) const {
    const auto at = values_.find(name);
    assert(at != values_.end());
    return at->second;
}

double StepRun::number(std::string_view name) const { return std::get<double>(value(name)); }
std::int64_t StepRun::integer(std::string_view name) const {
    return std::get<std::int64_t>(value(name));
}
bool StepRun::flag(std::string_view name) const { return std::get<bool>(value(name)); }
const std::string& StepRun::text(std::string_view name) const {
    return std::get<std::string>(value(name));
}
const std::vector<double>& StepRun::numbers(std::string_view name) const {
    return std::get<std::vector<double>>(value(name));
}
const std::vector<std::string>& StepRun::texts(std::string_view name) const {
    return std::get<std::vector<std::string>>(value(name));
}
bool StepRun::has(std::string_view name) const {
    return !std::holds_alternative<std::monostate>(value(name));
}

expression::Watch StepRun::watch(std::string step) const {
    if (!tell_) return {};
    const auto teller = std::make_shared<Teller>(tell_, std::move(step));
    return {[teller](double done, double total, std::string_view unit) {
                (*teller)(done, total, unit);
            },
            {}};
}

void StepRun::made(std::string_view port, std::string file) {
    const auto is_it = [&](const StepPort& one) { return one.name == port || one.name == "*"; };
    assert(std::any_of(step_->outputs.begin(), step_->outputs.end(), is_it));
    made_[std::string(port)].emplace_back(std::move(file));
}

void StepRun::tell(std::string name, double value) {
    summary_.emplace_back(std::move(name), value);
}
void StepRun::tell(std::string name, std::string_view value) {
    summary_.emplace_back(std::move(name), std::string(value));
}

std::string StepRun::provenance() const {
    Json json = {{"step", step_->name}, {"version", step_->version}, {"stroma", version()}};
    json["parameters"] = Json::parse(said_);
    for (const auto& [name, paths] : inputs_)
        for (const fs::path& path : paths) json["inputs"][name].push_back(path.filename().string());
    if (!provenance_.empty()) json["run"] = Json::parse(provenance_);
    return json.dump();
}

Result<void> StepRun::finish() {
    std::error_code ignored;
    fs::remove_all(scratch_, ignored);
    Json outputs = Json::object(), summary = Json::object();
    for (const auto& [port, files] : made_)
        for (const fs::path& file : files) outputs[port].push_back(file.string());
    for (const auto& [name, value] : summary_)
        std::visit([&, &name = name](const auto& one) { summary[name] = one; }, value);
    const Json json = {{"outputs", outputs}, {"summary", summary}, {"pictures", pictures_}};
    TRY(replace_file(output_ / "outputs.json",
                     as_bytes(json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n")));
    if (!kept_folder().empty()) fs::remove_all(kept_folder(), ignored);
    return {};
}

Result<void> run_task(const Json& task, StepTell tell) {
    if (!task.is_object() || !task.contains("step") || !task["step"].is_string())
        return bad_task("\"step\", the name of a step, is missing");
    const std::string name = task["step"].get<std::string>();
    const Step* const step = find_step(name);
    if (step == nullptr)
        return bad_task(
            fmt::format("there is no step '{}'; see stroma pipeline step --list", name));
    StepRun run = TRY(StepRun::of(*step, task, std::move(tell)));
    TRY(step->run(run));
    return run.finish();
}

}  // namespace stroma::app
