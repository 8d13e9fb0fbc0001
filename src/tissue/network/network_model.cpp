#include "tissue/network/network_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace stroma::tissue {
namespace {

Result<void> take_number(const Json& json, const std::string& name, double low, double high,
                         double& to) {
    if (!json.contains(name)) return {};
    const Json& value = json[name];
    if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high))
        return fail(ErrorCode::invalid_input,
                    fmt::format("'{}' is {}; it must be a number from {} to {}", name, value.dump(),
                                low, high));
    to = value.get<double>();
    return {};
}

Result<std::string> word(const Json& json, const std::string& name, const std::string& otherwise,
                         const std::vector<std::string>& choices) {
    if (!json.contains(name)) return otherwise;
    const Json& value = json[name];
    if (value.is_string() &&
        std::find(choices.begin(), choices.end(), value.get<std::string>()) != choices.end())
        return value.get<std::string>();
    return fail(ErrorCode::invalid_input, fmt::format("'{}' is {}; it may be {}", name,
                                                      value.dump(), fmt::join(choices, ", ")));
}

const std::vector<std::string>& map_names() {
    static const std::vector<std::string> names = {"foreground", "background", "inside", "border",
                                                   "depth"};
    return names;
}

Result<void> take_maps(const Json& json, NetworkRules& rules) {
    if (!json.contains("maps")) return {};
    const Json& maps = json["maps"];
    if (!maps.is_array() || maps.empty() || maps.size() > 16)
        return fail(ErrorCode::invalid_input, "'maps' must be a list of names, one a map");
    for (const Json& map : maps)
        rules.maps.push_back(TRY(word({{"maps", map}}, "maps", "", map_names())));
    const auto is_there = [&](const char* name) {
        return std::find(rules.maps.begin(), rules.maps.end(), name) != rules.maps.end();
    };
    if (!is_there("foreground") && !is_there("background") && !is_there("inside"))
        return fail(ErrorCode::invalid_input,
                    "'maps' must name one of foreground, background and inside");
    return {};
}

Result<void> check_outputs(const NetworkModel& model) {
    const auto& outputs = model.facts.outputs;
    std::int64_t channels = 0;
    for (const auto& output : outputs) {
        channels += output.channels;
        if (output.grid != outputs[0].grid)
            return fail(ErrorCode::invalid_input, "the network's outputs have different grids");
    }
    const NetworkRules& rules = model.rules;
    if (channels > 512) return fail(ErrorCode::invalid_input, "the network gives over 512 maps");
    const auto wrong = [&](std::string_view wanted) {
        return fail(ErrorCode::invalid_input,
                    fmt::format("the network gives {} maps; {}", channels, wanted));
    };
    switch (rules.decoder) {
        case NetworkRules::Decoder::probability:
            if (static_cast<std::size_t>(channels) != rules.maps.size())
                return wrong(fmt::format("its description names {} in 'maps'", rules.maps.size()));
            break;
        case NetworkRules::Decoder::stardist:
            if (channels < 4) return wrong("stardist wants a probability and three radii or more");
            if (outputs.size() == 2 && outputs[0].channels != 1 && outputs[1].channels != 1)
                return wrong("one of stardist's two outputs has one map, the probability");
            if (outputs.size() > 2) return wrong("stardist has one output or two");
            break;
        case NetworkRules::Decoder::cellpose:
            if (outputs[0].channels != 3)
                return wrong(
                    "cellpose's first output has three: flows down and right, and a logit");
            if (outputs[0].grid != 1) return wrong("cellpose's have the picture's size");
            break;
    }
    return {};
}

}  // namespace

Result<NetworkRules> read_network_rules(std::string_view text) {
    const Json json = TRY(parse_json(text));
    if (!json.is_object())
        return fail(ErrorCode::invalid_input, "a model's description is an object");
    static const std::vector<std::string> known = {
        "decoder",        "percentiles", "diameter",       "channels",
        "window",         "area_min",    "maps",           "activation",
        "foreground_min", "seed_height", "join_bias",      "probability_min",
        "overlap_max",    "cell_min",    "flow_error_max", "about"};
    for (const auto& [name, value] : json.items())
        if (std::find(known.begin(), known.end(), name) == known.end())
            return fail(ErrorCode::invalid_input, fmt::format("'{}' isn't known; there are {}",
                                                              name, fmt::join(known, ", ")));
    NetworkRules rules;
    const std::string decoder =
        TRY(word(json, "decoder", "probability", {"probability", "stardist", "cellpose"}));
    if (decoder == "stardist") rules.decoder = NetworkRules::Decoder::stardist;
    if (decoder == "cellpose") {
        rules.decoder = NetworkRules::Decoder::cellpose;
        rules.percentile_high = 99;
    }
    if (json.contains("percentiles")) {
        const Json& both = json["percentiles"];
        const bool is_pair = both.is_array() && both.size() == 2 && both[0].is_number() &&
                             both[1].is_number() && both[0] >= 0 && both[0] < both[1] &&
                             both[1] <= 100;
        if (!is_pair)
            return fail(ErrorCode::invalid_input,
                        "'percentiles' must be two rising numbers from 0 to 100");
        rules.percentile_low = both[0].get<double>();
        rules.percentile_high = both[1].get<double>();
    }
    rules.repeats_channel = TRY(word(json, "channels", "zero", {"zero", "repeat"})) == "repeat";
    rules.activation = TRY(word(json, "activation", "none", {"none", "sigmoid", "softmax"}));
    double window = 0;
    TRY(take_number(json, "window", 32, 4096, window));
    rules.window = static_cast<std::int64_t>(window);
    TRY(take_number(json, "diameter", 4, 400, rules.diameter));
    TRY(take_number(json, "area_min", 0, 1e6, rules.area_min));
    TRY(take_number(json, "foreground_min", 0, 1, rules.foreground_min));
    TRY(take_number(json, "seed_height", 0, 1, rules.seed_height));
    TRY(take_number(json, "join_bias", -20, 20, rules.join_bias));
    TRY(take_number(json, "probability_min", 0, 1, rules.probability_min));
    TRY(take_number(json, "overlap_max", 0, 1, rules.overlap_max));
    TRY(take_number(json, "cell_min", -100, 100, rules.cell_min));
    TRY(take_number(json, "flow_error_max", 0, 100, rules.flow_error_max));
    TRY(take_maps(json, rules));
    if (rules.maps.empty()) rules.maps = {"foreground"};
    return rules;
}

Result<NetworkModel> read_network(std::string_view onnx, std::string_view rules) {
    NetworkModel model;
    model.rules = TRY_WITH(read_network_rules(rules), "the model's description");
    model.onnx = TRY(read_onnx(onnx));
    model.facts = TRY(examine_network(model.onnx));
    TRY(check_outputs(model));
    return model;
}

}  // namespace stroma::tissue
