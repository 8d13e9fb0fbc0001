#include "event/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "event/pattern_rule.h"

namespace stroma::event {
namespace {

constexpr int depth_max = 64;
constexpr std::size_t ways_max = 1000;
constexpr std::size_t rules_max = 5000;
constexpr std::size_t steps_max = 100'000;

/// Which element of which array a value lies in, outermost first.
using Places = std::vector<std::pair<const Json*, std::size_t>>;

struct FlatValue {
    const Json* value;
    Places places;
};

struct Field {
    std::string path;
    std::vector<FieldRule> rules;
};
using Way = std::vector<Field>;  // all must hold

std::string joined(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + '.' + name;
}

tl::unexpected<Error> bad_pattern(std::string reason) {
    return fail(ErrorCode::invalid_input, std::move(reason));
}

/// Reads a pattern into the ways in which an event can fit it.
class PatternReader {
public:
    Result<std::vector<Way>> read(const Json& json, const std::string& path, int depth) {
        if (depth > depth_max) return bad_pattern("The pattern is nested too deep");
        if (json.empty()) return bad_pattern("Empty objects are not allowed");
        std::vector<Way> ways(1);
        for (const auto& [name, value] : json.items()) {
            if (name == "$or" && is_choice(value)) {
                std::vector<Way> choices;
                for (const Json& choice : value)
                    for (Way& way : TRY(read(choice, path, depth + 1)))
                        choices.push_back(std::move(way));
                ways = TRY(combined(ways, choices));
            } else if (value.is_object()) {
                const auto inner = TRY(read(value, joined(path, name), depth + 1));
                ways = TRY(combined(ways, inner));
            } else if (value.is_array()) {
                auto rules = TRY(read_rules(value));
                const Field field{joined(path, name), std::move(rules)};
                for (Way& way : ways) way.push_back(field);
            } else {
                return bad_pattern(fmt::format("\"{}\" must be an object or an array", name));
            }
        }
        return ways;
    }

private:
    static bool is_choice(const Json& value) {
        return value.is_array() && value.size() >= 2 &&
               std::all_of(value.begin(), value.end(),
                           [](const Json& one) { return one.is_object(); });
    }

    Result<std::vector<FieldRule>> read_rules(const Json& list) {
        if (list.empty()) return bad_pattern("Empty arrays are not allowed");
        std::vector<FieldRule> rules;
        for (const Json& one : list) rules.push_back(TRY(read_rule(one)));
        rules_count_ += rules.size();
        if (rules_count_ > rules_max) return bad_pattern("Rule is too complex");
        return rules;
    }

    Result<std::vector<Way>> combined(const std::vector<Way>& left, const std::vector<Way>& right) {
        if (left.size() * right.size() > ways_max) return bad_pattern("Rule is too complex");
        std::vector<Way> both;
        for (const Way& one : left)
            for (const Way& other : right) {
                both.push_back(one);
                both.back().insert(both.back().end(), other.begin(), other.end());
                fields_count_ += both.back().size();
            }
        if (fields_count_ > rules_max * 10) return bad_pattern("Rule is too complex");
        return both;
    }

    std::size_t rules_count_ = 0, fields_count_ = 0;
};

bool agree(const Places& chosen, const Places& more) {
    for (const auto& place : more)
        for (const auto& other : chosen)
            if (other.first == place.first && other.second != place.second) return false;
    return true;
}

}  // namespace

struct FlatEvent::State {
    std::unordered_map<std::string, std::vector<FlatValue>> values;

    void add(const Json& json, const std::string& path, const Places& places, int depth) {
        if (depth > depth_max) return;
        if (json.is_object()) {
            for (const auto& [name, value] : json.items())
                add(value, joined(path, name), places, depth + 1);
        } else if (json.is_array()) {
            for (std::size_t at = 0; at < json.size(); ++at) {
                Places inner = places;
                inner.emplace_back(&json, at);
                add(json[at], path, inner, depth + 1);
            }
        } else {
            values[path].push_back({&json, places});
        }
    }
};

FlatEvent::FlatEvent(const Json& event) {
    auto state = std::make_unique<State>();
    state->add(event, "", {}, 0);
    state_ = std::move(state);
}
FlatEvent::~FlatEvent() = default;
FlatEvent::FlatEvent(FlatEvent&&) noexcept = default;

struct Pattern::State {
    std::vector<Way> ways;

    /// Whether the fields from `at` on hold, with elements of arrays chosen as in `places`.
    static bool holds(const Way& way, std::size_t at, const Places& places,
                      const FlatEvent::State& event, std::size_t& steps) {
        if (at == way.size()) return true;
        if (++steps > steps_max) return false;
        const Field& field = way[at];
        const auto found = event.values.find(field.path);
        if (found == event.values.end()) {
            const bool may_be_absent =
                std::any_of(field.rules.begin(), field.rules.end(), [](const FieldRule& rule) {
                    const auto* exists = std::get_if<Exists>(&rule);
                    return exists != nullptr && !exists->there;
                });
            return may_be_absent && holds(way, at + 1, places, event, steps);
        }
        for (const FlatValue& value : found->second) {
            if (!agree(places, value.places)) continue;
            const bool passed =
                std::any_of(field.rules.begin(), field.rules.end(),
                            [&](const FieldRule& rule) { return passes(rule, *value.value); });
            if (!passed) continue;
            if (value.places.empty()) return holds(way, at + 1, places, event, steps);
            Places more = places;
            more.insert(more.end(), value.places.begin(), value.places.end());
            if (holds(way, at + 1, more, event, steps)) return true;
        }
        return false;
    }
};

Result<Pattern> Pattern::read(std::string_view text) {
    // The last of two members of one name wins here, so this isn't base's strict reading.
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) return bad_pattern("it is not JSON");
    if (!json.is_object()) return bad_pattern("Filter is not an object");
    auto state = std::make_shared<State>();
    state->ways = TRY(PatternReader().read(json, "", 0));
    return Pattern(std::move(state));
}

bool Pattern::matches(const FlatEvent& event) const {
    std::size_t steps = 0;
    return std::any_of(state_->ways.begin(), state_->ways.end(), [&](const Way& way) {
        return State::holds(way, 0, {}, *event.state_, steps);
    });
}

}  // namespace stroma::event
