#include "tissue/network/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "tissue/network/builder.h"
#include "tissue/network/simplify.h"

namespace stroma::tissue {
namespace {

/// One picture with rows and columns; the first dimension is the batch's.
bool is_map(const Flow& flow) {
    return flow.y > 0 && flow.x > 0 && flow.x != flow.y && flow.dims.size() == 4;
}

/// The dimension that is neither batch, rows nor columns.
std::size_t channel_axis(const Flow& flow) { return static_cast<std::size_t>(6 - flow.y - flow.x); }

Result<NetworkFacts> facts_at(const OnnxModel& model, std::int64_t side) {
    NetworkSteps steps(nullptr);
    Builder builder(model, steps);
    TRY(builder.build(side));
    NetworkFacts facts;
    const Flow& input = steps.input;
    facts.channels = input.dims[channel_axis(input)];
    facts.align = static_cast<std::int64_t>(builder.align());
    double reach = 0;
    for (const auto& [name, flow] : steps.outputs) {
        if (!is_map(flow)) continue;
        const auto grid = static_cast<std::int64_t>(flow.scale);
        for (const int axis : {flow.y, flow.x})
            if (flow.dims[static_cast<std::size_t>(axis)] * grid != side)
                return fail(ErrorCode::invalid_input,
                            fmt::format("output '{}' is {} for a picture of {} pixels; it must "
                                        "cover the picture (convolutions with padding)",
                                        name, flow.dims[static_cast<std::size_t>(axis)], side));
        facts.outputs.push_back({name, flow.dims[channel_axis(flow)], grid});
        reach = std::max({reach, flow.before, flow.after});
        facts.looks_everywhere |= flow.everywhere;
    }
    facts.reach = static_cast<std::int64_t>(std::ceil(reach));
    if (facts.outputs.empty())
        return fail(ErrorCode::invalid_input, "no output of the network is a map of its picture");
    return facts;
}

std::int64_t side_said(const OnnxModel& model) {
    if (model.inputs.empty() || model.inputs[0].dims.size() != 4) return 0;
    const auto& dims = model.inputs[0].dims;
    // A number of channels is 1 to 16.
    return dims[1] > 16 ? dims[1] : dims[2] > 16 ? dims[2] : 0;
}

}  // namespace

struct NetworkProgram::Parts {
    explicit Parts(const Dnnl* library) : steps(library) {}
    NetworkSteps steps;
};

NetworkProgram::NetworkProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
NetworkProgram::NetworkProgram(NetworkProgram&&) noexcept = default;
NetworkProgram::~NetworkProgram() = default;

Result<NetworkFacts> examine_network(const OnnxModel& model) {
    const std::int64_t fixed = side_said(model);
    OnnxModel simple = model;
    simplify(simple);
    if (fixed != 0) {
        NetworkFacts facts = TRY(facts_at(simple, fixed));
        facts.fixed_side = fixed;
        return facts;
    }
    // Networks halve their picture, and a few divide it by 3 or 5.
    auto facts = facts_at(simple, 512);
    if (!facts)
        if (auto other = facts_at(simple, 480)) return other;
    return facts;
}

Result<NetworkProgram> NetworkProgram::build(const OnnxModel& model, std::int64_t side,
                                             std::uint64_t bytes_max) {
    OnnxModel simple = model;
    simplify(simple);
    const std::uint64_t needed = TRY(bytes_needed(simple, side));
    if (needed > bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the network needs {} MB for a window of {} × {} pixels, more "
                                "than the {} MB that it may take; say a smaller 'window' in the "
                                "model's description",
                                needed >> 20, side, side, bytes_max >> 20));
    const Dnnl* const library = TRY(Dnnl::get());
    if (library->set_threads != nullptr) library->set_threads(1);
    auto parts = std::make_unique<Parts>(library);
    TRY(Builder(simple, parts->steps).build(side));
    return NetworkProgram(std::move(parts));
}

Result<std::uint64_t> NetworkProgram::bytes_needed(const OnnxModel& model, std::int64_t side) {
    OnnxModel simple = model;
    simplify(simple);
    NetworkSteps shapes(nullptr);
    Builder counter(simple, shapes);
    TRY(counter.build(side));
    // Weights are kept as they are read, and as they are used.
    return shapes.bytes() + 8 * simple.weights;
}

Result<void> NetworkProgram::run(std::span<const float> window,
                                 std::vector<std::vector<float>>& outputs) {
    NetworkSteps& steps = parts_->steps;
    const Dnnl& dnnl = *steps.dnnl;
    if (dnnl.set_threads != nullptr) dnnl.set_threads(1);
    /// Row-major by channel, to or from how the flow lies.
    const auto each = [](const Flow& flow, auto&& act) {
        const std::vector<std::int64_t> strides = flow.strides();
        const std::size_t c = channel_axis(flow), y = static_cast<std::size_t>(flow.y),
                          x = static_cast<std::size_t>(flow.x);
        std::size_t at = 0;
        for (std::int64_t i = 0; i < flow.dims[c]; ++i)
            for (std::int64_t row = 0; row < flow.dims[y]; ++row) {
                float* const from = flow.data() + i * strides[c] + row * strides[y];
                for (std::int64_t column = 0; column < flow.dims[x]; ++column)
                    act(from[column * strides[x]], at++);
            }
    };
    assert(window.size() == static_cast<std::size_t>(steps.input.count()));
    each(steps.input, [&](float& value, std::size_t at) { value = window[at]; });
    for (const NetworkSteps::Step& step : steps.steps)
        if (dnnl.primitive_execute(step.primitive, steps.stream,
                                   static_cast<int>(step.arguments.size()),
                                   step.arguments.data()) != dnnl_success)
            return fail(ErrorCode::unavailable, "oneDNN stopped within the network");
    if (dnnl.stream_wait(steps.stream) != dnnl_success)
        return fail(ErrorCode::unavailable, "oneDNN stopped within the network");
    outputs.clear();
    for (const auto& [name, flow] : steps.outputs) {
        if (!is_map(flow)) continue;
        std::vector<float>& out = outputs.emplace_back(static_cast<std::size_t>(flow.count()));
        each(flow, [&](float& value, std::size_t at) { out[at] = value; });
    }
    return {};
}

}  // namespace stroma::tissue
