#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/json.h"
#include "base/utf8.h"
#include "flow/definition.h"
#include "flow/definition_check.h"

// The one file that knows the YAML library and its exceptions.

namespace stroma::flow {
namespace {

constexpr std::size_t yaml_bytes_max = 1u << 20;
constexpr std::size_t stages_max = 1000, values_max = 10'000;
constexpr int depth_max = 20;

Place place_of(const YAML::Node& node) {
    const YAML::Mark mark = node.Mark();
    return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

/// A plain scalar as YAML's core schema reads it.
Json plain_value(const std::string& text) {
    if (text.empty() || text == "~" || text == "null") return nullptr;
    if (text == "true" || text == "false") return text == "true";
    std::int64_t whole = 0;
    double number = 0;
    const char* const end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, whole);
        read.ec == std::errc() && read.ptr == end)
        return whole;
    const bool is_numeric = text.find_first_not_of("0123456789+-.eE") == std::string::npos;
    if (const auto read = std::from_chars(text.data(), end, number);
        is_numeric && read.ec == std::errc() && read.ptr == end)
        return number;
    return text;
}

class Reader {
public:
    Reader(Checked& to, const std::map<std::string, std::string>& changes)
        : definition_(to.definition), issues_(to.issues), changes_(changes) {}

    void read(const YAML::Node& root);

private:
    using Take = std::function<void(const YAML::Node& value)>;
    struct Member {
        const char* name;
        Take take;
        bool is_required = false;
    };

    void issue(const YAML::Node& at, std::string field, std::string message, std::string fix = {}) {
        if (issues_.size() < 100)
            issues_.push_back({place_of(at), std::move(field), std::move(message), std::move(fix)});
    }
    /// Hands each known member of a mapping on; says what is unknown, double or absent.
    void members(const YAML::Node& node, const std::string& field,
                 const std::vector<Member>& known);
    /// Every entry of a mapping with names of our kind.
    void entries(const YAML::Node& node, const std::string& field,
                 const std::function<void(const std::string&, const YAML::Node&)>& take);
    std::string text(const YAML::Node& node, const std::string& field);
    std::vector<std::string> texts(const YAML::Node& node, const std::string& field);
    int number(const YAML::Node& node, const std::string& field, int least, int most);
    template <class T>
    void measure(const YAML::Node& node, const std::string& field, T& into,
                 Result<T> (*reading)(std::string_view));
    Json json(const YAML::Node& node, const std::string& field, int depth = 0);
    /// The same with "${name}" replaced by the pipeline's parameter.
    Json filled(Json value, const YAML::Node& at, const std::string& field);

    void read_input(const std::string& name, const YAML::Node& node);
    void read_parameters(const YAML::Node& node);
    void read_stage(const std::string& name, const YAML::Node& node);
    void read_stage_inputs(Stage& stage, const YAML::Node& node, const std::string& field);
    void read_scatter(Stage& stage, const YAML::Node& node, const std::string& field);
    void read_dimension(Stage& stage, const YAML::Node& node, const std::string& field);
    void read_retries(Stage& stage, const YAML::Node& node, const std::string& field);
    void read_room(Stage& stage, const YAML::Node& node, const std::string& field);
    void read_resources(Stage& stage, const YAML::Node& node, const std::string& field);
    Reference reference(const YAML::Node& node, const std::string& field);

    Definition& definition_;
    std::vector<Issue>& issues_;
    const std::map<std::string, std::string>& changes_;
    Stage usual_;  ///< what the pipeline says for all of them
};

bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 64 && text.front() != '-' && text.front() != '.' &&
           text.find_first_not_of(
               "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
               "-") == std::string::npos;
}

void Reader::members(const YAML::Node& node, const std::string& field,
                     const std::vector<Member>& known) {
    if (!node.IsMap()) return issue(node, field, "this must be a mapping of names to values");
    std::set<std::string> seen;
    std::vector<std::string> names;
    for (const Member& member : known) names.emplace_back(member.name);
    for (const auto& entry : node) {
        const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
        const std::string whole = field.empty() ? name : field + "." + name;
        const auto member = std::ranges::find(names, name);
        if (member == names.end()) {
            const std::string near = nearest(name, names);
            issue(entry.first, whole, "nobody knows this member",
                  near.empty() ? fmt::format("known are {}", fmt::join(names, ", "))
                               : fmt::format("did you mean '{}'?", near));
        } else if (!seen.insert(name).second) {
            issue(entry.first, whole, "this member is here twice", "leave one of them out");
        } else {
            known[static_cast<std::size_t>(member - names.begin())].take(entry.second);
        }
    }
    for (const Member& member : known)
        if (member.is_required && !seen.contains(member.name))
            issue(node, field.empty() ? member.name : field + "." + member.name,
                  "this member is missing");
}

void Reader::entries(const YAML::Node& node, const std::string& field,
                     const std::function<void(const std::string&, const YAML::Node&)>& take) {
    if (!node.IsMap()) return issue(node, field, "this must be a mapping of names to values");
    std::set<std::string> seen;
    for (const auto& entry : node) {
        const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
        if (!is_name(name))
            issue(entry.first, field, fmt::format("'{}' can't be a name", name.substr(0, 64)),
                  "names have letters, digits, _ and -");
        else if (!seen.insert(name).second)
            issue(entry.first, field + "." + name, "this name is here twice",
                  "give one of them another name");
        else
            take(name, entry.second);
    }
}

std::string Reader::text(const YAML::Node& node, const std::string& field) {
    if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
    issue(node, field, "this must be a text");
    return "";
}

std::vector<std::string> Reader::texts(const YAML::Node& node, const std::string& field) {
    if (node.IsScalar()) return {node.Scalar()};
    std::vector<std::string> list;
    if (!node.IsSequence()) {
        issue(node, field, "this must be a text or a list of texts");
        return list;
    }
    for (const auto& one : node)
        if (one.IsScalar())
            list.push_back(one.Scalar());
        else
            issue(one, field, "this must be a text");
    return list;
}

int Reader::number(const YAML::Node& node, const std::string& field, int least, int most) {
    const Json value = node.IsScalar() ? plain_value(node.Scalar()) : Json();
    if (value.is_number_integer() && value >= least && value <= most) return value.get<int>();
    issue(node, field, fmt::format("this must be a whole number from {} to {}", least, most));
    return least;
}

template <class T>
void Reader::measure(const YAML::Node& node, const std::string& field, T& into,
                     Result<T> (*reading)(std::string_view)) {
    const auto value = reading(node.IsScalar() ? node.Scalar() : "");
    if (value)
        into = *value;
    else
        issue(node, field, value.error().message);
}

Json Reader::json(const YAML::Node& node, const std::string& field, int depth) {
    if (depth > depth_max) {
        issue(node, field, "this is nested too deeply");
        return nullptr;
    }
    if (node.IsScalar())
        return node.Tag() == "!" ? Json(node.Scalar()) : plain_value(node.Scalar());
    if (node.IsSequence()) {
        Json list = Json::array();
        for (const auto& one : node) {
            if (list.size() == values_max) break;
            list.push_back(json(one, field, depth + 1));
        }
        return list;
    }
    if (!node.IsMap()) return nullptr;
    Json object = Json::object();
    for (const auto& entry : node)
        object[entry.first.IsScalar() ? entry.first.Scalar() : ""] =
            json(entry.second, field, depth + 1);
    return object;
}

Json Reader::filled(Json value, const YAML::Node& at, const std::string& field) {
    if (value.is_structured()) {
        for (auto& one : value) one = filled(std::move(one), at, field);
        return value;
    }
    if (!value.is_string()) return value;
    const std::string text = value.get<std::string>();
    if (!text.starts_with("${") || !text.ends_with("}")) return value;
    const std::string name = text.substr(2, text.size() - 3);
    const auto found = definition_.parameters.find(name);
    if (found != definition_.parameters.end()) return *parse_json(found->second);
    std::vector<std::string> known;
    for (const auto& parameter : definition_.parameters) known.push_back(parameter.first);
    const std::string near = nearest(name, known);
    issue(at, field, fmt::format("the pipeline has no parameter '{}'", name),
          near.empty() ? "add it to 'parameters'" : fmt::format("did you mean '{}'?", near));
    return value;
}

void Reader::read_input(const std::string& name, const YAML::Node& node) {
    RunInput input{.name = name, .pattern = {}, .place = place_of(node)};
    const std::string field = "inputs." + name;
    if (node.IsMap())
        members(node, field,
                {{"files",
                  [&](const YAML::Node& value) {
                      input.pattern = fmt::format("{}", fmt::join(texts(value, field), " "));
                  },
                  true}});
    else
        input.pattern = fmt::format("{}", fmt::join(texts(node, field), " "));
    definition_.inputs.push_back(input);
    definition_.dimensions[name] = {.name = name, .is_input = true, .place = input.place};
}

void Reader::read_parameters(const YAML::Node& node) {
    entries(node, "parameters", [&](const std::string& name, const YAML::Node& value) {
        definition_.parameters[name] = json(value, "parameters." + name).dump();
    });
}

Reference Reader::reference(const YAML::Node& node, const std::string& field) {
    const std::string whole = text(node, field);
    const std::size_t dot = whole.find('.');
    if (dot == std::string::npos) return {"", whole, place_of(node)};
    return {whole.substr(0, dot), whole.substr(dot + 1), place_of(node)};
}

void Reader::read_stage_inputs(Stage& stage, const YAML::Node& node, const std::string& field) {
    entries(node, field, [&](const std::string& name, const YAML::Node& value) {
        const std::string whole = field + "." + name;
        StageInput input{.name = name, .from = {}};
        const auto take = [&](const YAML::Node& from) {
            if (from.IsSequence())
                for (const auto& one : from) input.from.push_back(reference(one, whole));
            else
                input.from.push_back(reference(from, whole));
        };
        if (value.IsMap())
            members(value, whole, {{"from", take, true}});
        else
            take(value);
        stage.inputs.push_back(std::move(input));
    });
}

/// {channel: [DAPI, CD3]} or {tile: {from: plan.tiles}}
void Reader::read_dimension(Stage& stage, const YAML::Node& node, const std::string& field) {
    entries(node, field, [&](const std::string& name, const YAML::Node& value) {
        Dimension dimension{.name = name, .place = place_of(value)};
        const std::string whole = field + "." + name;
        if (value.IsMap()) {
            members(value, whole,
                    {{"from",
                      [&](const YAML::Node& from) {
                          dimension.from = reference(from, whole + ".from");
                      },
                      true}});
        } else {
            const Json list = filled(json(value, whole), value, whole);
            if (!list.is_array() || list.empty())
                issue(value, whole, "this must be a list of values, or {from: stage.output}");
            else
                for (const Json& one : list) dimension.values.push_back(one.dump());
        }
        if (definition_.dimensions.contains(name))
            issue(value, whole, "this name is spread over already",
                  fmt::format("to spread alike, say just '{}'", name));
        else
            definition_.dimensions[name] = std::move(dimension);
        stage.scatter.push_back(name);
    });
}

void Reader::read_scatter(Stage& stage, const YAML::Node& node, const std::string& field) {
    const auto take = [&](const YAML::Node& one) {
        if (one.IsMap())
            read_dimension(stage, one, field);
        else
            stage.scatter.push_back(text(one, field));
    };
    if (node.IsSequence())
        for (const auto& one : node) take(one);
    else
        take(node);
    std::set<std::string> seen;
    for (const std::string& name : stage.scatter)
        if (!seen.insert(name).second) issue(node, field, fmt::format("'{}' is here twice", name));
}

void Reader::read_retries(Stage& stage, const YAML::Node& node, const std::string& field) {
    Retries& retries = stage.retries;
    if (node.IsScalar()) {
        retries.temporary = retries.failure = number(node, field, 0, 100);
        return;
    }
    const auto into = [&](int& count, const char* name) {
        return [&, name](const YAML::Node& value) {
            count = number(value, field + "." + name, 0, 100);
        };
    };
    members(node, field,
            {{"temporary", into(retries.temporary, "temporary")},
             {"lost", into(retries.lost, "lost")},
             {"memory", into(retries.memory, "memory")},
             {"timeout", into(retries.timeout, "timeout")},
             {"failure", into(retries.failure, "failure")},
             {"given_back", into(retries.given_back, "given_back")}});
}

void Reader::read_resources(Stage& stage, const YAML::Node& node, const std::string& field) {
    members(
        node, field,
        {{"cores",
          [&](const YAML::Node& value) { stage.cores = number(value, field + ".cores", 1, 1024); }},
         {"memory", [&](const YAML::Node& value) {
              measure<std::uint64_t>(value, field + ".memory", stage.memory_bytes, bytes_in);
          }}});
}

/// "10GiB", or "5%" of the disk.
void Reader::read_room(Stage& stage, const YAML::Node& node, const std::string& field) {
    const std::string said = node.IsScalar() ? node.Scalar() : "";
    if (!said.ends_with('%'))
        return measure<std::uint64_t>(node, field, stage.room_bytes, bytes_in);
    double percent = 0;
    const auto [end, error] = std::from_chars(said.data(), said.data() + said.size() - 1, percent);
    if (error != std::errc() || end != said.data() + said.size() - 1 || !(percent > 0) ||
        percent > 100)
        return issue(node, field, fmt::format("'{}' isn't like 10GiB, or 5% of the disk", said));
    stage.room_share = percent / 100;
}

void Reader::read_stage(const std::string& name, const YAML::Node& node) {
    Stage stage{.name = name, .place = place_of(node)};
    stage.ttl = usual_.ttl;
    stage.archive = usual_.archive;
    const std::string field = "stages." + name;
    const auto words = [&](std::vector<std::string>& into, const char* member) {
        return [&, member](const YAML::Node& value) { into = texts(value, field + "." + member); };
    };
    const auto parameters = [&](const YAML::Node& value) {
        const std::string all = field + ".parameters";
        entries(value, all, [&](const std::string& parameter, const YAML::Node& given) {
            const std::string whole = all + "." + parameter;
            stage.parameters[parameter] = filled(json(given, whole), given, whole).dump();
            stage.parameter_places[parameter] = place_of(given);
        });
    };
    const auto review = [&](const YAML::Node& value) {
        if (const Json is = json(value, field); is.is_boolean())
            stage.needs_review = is.get<bool>();
        else
            issue(value, field + ".review", "this must be true or false");
    };
    members(node, field,
            {{"step", [&](const YAML::Node& value) { stage.step = text(value, field + ".step"); }},
             {"command", words(stage.command, "command")},
             {"code", words(stage.code, "code")},
             {"version",
              [&](const YAML::Node& value) { stage.version = text(value, field + ".version"); }},
             {"inputs",
              [&](const YAML::Node& value) { read_stage_inputs(stage, value, field + ".inputs"); }},
             {"parameters", parameters},
             {"outputs", words(stage.outputs, "outputs")},
             {"scatter",
              [&](const YAML::Node& value) { read_scatter(stage, value, field + ".scatter"); }},
             {"resources",
              [&](const YAML::Node& value) { read_resources(stage, value, field + ".resources"); }},
             {"retries",
              [&](const YAML::Node& value) { read_retries(stage, value, field + ".retries"); }},
             {"timeout",
              [&](const YAML::Node& value) {
                  measure<Milliseconds>(value, field + ".timeout", stage.timeout, duration_in);
              }},
             {"ttl",
              [&](const YAML::Node& value) {
                  measure<Milliseconds>(value, field + ".ttl", stage.ttl, duration_in);
              }},
             {"archive",
              [&](const YAML::Node& value) {
                  measure<Milliseconds>(value, field + ".archive", stage.archive, duration_in);
              }},
             {"room", [&](const YAML::Node& value) { read_room(stage, value, field + ".room"); }},
             {"review", review}});
    if (node.IsMap()) definition_.stages.push_back(std::move(stage));
}

void Reader::read(const YAML::Node& root) {
    YAML::Node stages, parameters;
    members(
        root, "",
        {{"pipeline",
          [&](const YAML::Node& value) {
              definition_.name = text(value, "pipeline");
              if (!is_name(definition_.name))
                  issue(value, "pipeline", "this can't be a name",
                        "names have letters, digits, _ and -");
          },
          true},
         {"version",
          [&](const YAML::Node& value) { definition_.version = text(value, "version"); }},
         {"description",
          [&](const YAML::Node& value) { definition_.description = text(value, "description"); }},
         {"inputs",
          [&](const YAML::Node& value) {
              entries(value, "inputs", [&](const std::string& name, const YAML::Node& input) {
                  read_input(name, input);
              });
          },
          true},
         {"parameters", [&](const YAML::Node& value) { parameters.reset(value); }},
         {"ttl",
          [&](const YAML::Node& value) {
              measure<Milliseconds>(value, "ttl", usual_.ttl, duration_in);
          }},
         {"archive",
          [&](const YAML::Node& value) {
              measure<Milliseconds>(value, "archive", usual_.archive, duration_in);
          }},
         {"stages", [&](const YAML::Node& value) { stages.reset(value); }, true}});
    if (parameters.IsDefined() && !parameters.IsNull()) read_parameters(parameters);
    for (const auto& [name, value] : changes_) {
        if (!definition_.parameters.contains(name))
            issue(root, "parameters." + name, "the pipeline has no such parameter to set");
        definition_.parameters[name] = value;
    }
    if (!stages.IsDefined() || stages.IsNull()) return;
    if (stages.size() == 0) issue(stages, "stages", "there is no stage");
    if (stages.size() > stages_max)
        return issue(stages, "stages", fmt::format("there are more than {} stages", stages_max));
    entries(stages, "stages",
            [&](const std::string& name, const YAML::Node& stage) { read_stage(name, stage); });
}

}  // namespace

Checked read_definition(std::string_view yaml, const std::map<std::string, std::string>& changes,
                        const Steps* steps, const fs::path& folder) {
    Checked checked;
    if (yaml.size() > yaml_bytes_max) {
        checked.issues.push_back({{}, "", "the file is larger than 1 MiB", ""});
        return checked;
    }
    if (!is_utf8(yaml)) {
        checked.issues.push_back({{}, "", "the file isn't UTF-8", "save it as UTF-8"});
        return checked;
    }
    try {
        const YAML::Node root = YAML::Load(std::string(yaml));
        Reader(checked, changes).read(root);
    } catch (const YAML::Exception& error) {
        const Place place =
            error.mark.is_null() ? Place{} : Place{error.mark.line + 1, error.mark.column + 1};
        checked.issues.push_back({place, "", fmt::format("not YAML: {}", error.msg), ""});
        return checked;
    }
    check_definition(checked, steps, folder);
    return checked;
}

}  // namespace stroma::flow
