#include "tissue/network/simplify.h"

#include <cmath>

namespace stroma::tissue {
namespace {

class Simplifier {
public:
    explicit Simplifier(OnnxModel& model) : model_(model) {
        for (const OnnxNode& node : model.nodes)
            for (const std::string& name : node.inputs) ++readers_[name];
        for (const OnnxValue& output : model.outputs) ++readers_[output.name];
    }

    void run() {
        std::vector<OnnxNode> kept;
        std::map<std::string, std::size_t, std::less<>> maker;  ///< convolutions in `kept`
        for (OnnxNode& node : model_.nodes) {
            const auto found =
                node.inputs.empty() ? maker.end() : maker.find(std::string_view(node.inputs[0]));
            if (found != maker.end() && readers_[node.inputs[0]] == 1) {
                const std::size_t at = found->second;
                OnnxNode& conv = kept[at];
                if (node.outputs.size() == 1 && (folds(conv, node) || fuses(conv, node))) {
                    maker.erase(found);
                    conv.outputs[0] = node.outputs[0];
                    maker[conv.outputs[0]] = at;
                    continue;
                }
            }
            if ((node.op == "Conv" || node.op == "ConvTranspose") && node.outputs.size() == 1)
                maker[node.outputs[0]] = kept.size();
            kept.push_back(std::move(node));
        }
        model_.nodes = std::move(kept);
    }

private:
    const OnnxTensor* constant(const OnnxNode& node, std::size_t at) const {
        if (at >= node.inputs.size()) return nullptr;
        const auto found = model_.constants.find(node.inputs[at]);
        return found == model_.constants.end() || found->second.is_whole ? nullptr : &found->second;
    }

    /// y = scale (x - mean) / √(variance + epsilon) + offset, by channel.
    bool folds(OnnxNode& conv, const OnnxNode& node) {
        if (node.op != "BatchNormalization" || conv.find(leak_attribute) != nullptr) return false;
        if (conv.op != "Conv") return false;
        const OnnxTensor* const weights = constant(conv, 1);
        const OnnxTensor* const bias = constant(conv, 2);
        if (weights == nullptr || weights->dims.empty()) return false;
        if (conv.inputs.size() > 2 && bias == nullptr) return false;
        const OnnxTensor* of[4];
        const auto channels = static_cast<std::size_t>(weights->dims[0]);
        for (std::size_t i = 0; i < 4; ++i) {
            of[i] = constant(node, i + 1);
            if (of[i] == nullptr || of[i]->numbers.size() != channels) return false;
        }
        if (bias != nullptr && bias->numbers.size() != channels) return false;
        const float epsilon = node.number("epsilon", 1e-5f);
        OnnxTensor scaled = *weights, offset;
        offset.dims = {weights->dims[0]};
        const std::size_t each = channels == 0 ? 0 : scaled.numbers.size() / channels;
        for (std::size_t c = 0; c < channels; ++c) {
            const float by = of[0]->numbers[c] / std::sqrt(of[3]->numbers[c] + epsilon);
            for (std::size_t i = 0; i < each; ++i) scaled.numbers[c * each + i] *= by;
            const float before = bias != nullptr ? bias->numbers[c] : 0;
            offset.numbers.push_back((before - of[2]->numbers[c]) * by + of[1]->numbers[c]);
        }
        // Weights may be shared with another convolution: these are its own.
        const std::string name = "stroma:" + node.outputs[0];
        model_.constants[name + ":weights"] = std::move(scaled);
        model_.constants[name + ":bias"] = std::move(offset);
        conv.inputs.resize(3);
        conv.inputs[1] = name + ":weights";
        conv.inputs[2] = name + ":bias";
        return true;
    }

    static bool fuses(OnnxNode& conv, const OnnxNode& node) {
        if (conv.find(leak_attribute) != nullptr) return false;
        if (node.op != "Relu" && node.op != "LeakyRelu") return false;
        OnnxAttribute leak;
        leak.number = node.op == "Relu" ? 0.0f : node.number("alpha", 0.01f);
        conv.attributes[leak_attribute] = leak;
        return true;
    }

    OnnxModel& model_;
    std::map<std::string, std::size_t, std::less<>> readers_;
};

}  // namespace

void simplify(OnnxModel& model) { Simplifier(model).run(); }

}  // namespace stroma::tissue
