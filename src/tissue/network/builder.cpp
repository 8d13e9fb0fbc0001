#include "tissue/network/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace stroma::tissue {
namespace {

constexpr std::int64_t value_max = std::int64_t{1} << 31;
constexpr std::size_t folded_max = 1u << 24;

}  // namespace

std::int64_t Flow::count() const {
    std::int64_t all = 1;
    for (const std::int64_t dim : dims) all *= dim;
    return all;
}

std::vector<std::int64_t> Flow::strides() const {
    std::vector<std::int64_t> out(dims.size(), 1);
    if (dims.size() == 4) {
        out = {dims[1] * dims[2] * dims[3], 1, dims[3] * dims[1], dims[1]};
    } else {
        for (std::size_t i = dims.size(); i-- > 1;) out[i - 1] = out[i] * dims[i];
    }
    return out;
}

MemoryDesc desc_of(const std::vector<std::int64_t>& dims,
                   const std::vector<std::int64_t>& strides) {
    MemoryDesc made;
    std::memset(&made, 0, sizeof made);
    const Result<const Dnnl*> library = Dnnl::get();
    if (library)
        (*library)->memory_desc_init_by_strides(&made, static_cast<int>(dims.size()), dims.data(),
                                                dnnl_f32, strides.data());
    return made;
}

NetworkSteps::~NetworkSteps() {
    if (dnnl == nullptr) return;
    for (const Step& step : steps) dnnl->primitive_destroy(step.primitive);
    for (const dnnl_memory_t memory : memories) dnnl->memory_destroy(memory);
    if (stream != nullptr) dnnl->stream_destroy(stream);
}

std::uint64_t NetworkSteps::bytes() const {
    std::uint64_t all = 0;
    for (const Block& block : blocks) all += 4 * block.count;
    return all;
}

tl::unexpected<Error> Builder::refuse(const OnnxNode& node, std::string_view why) const {
    return fail(ErrorCode::invalid_input, fmt::format("{}: {}", node.title(), why));
}

bool Builder::has(const OnnxNode& node, std::size_t at) {
    return at < node.inputs.size() && !node.inputs[at].empty();
}

const OnnxTensor* Builder::constant(const OnnxNode& node, std::size_t at) const {
    if (!has(node, at)) return nullptr;
    if (const auto found = model_.constants.find(node.inputs[at]); found != model_.constants.end())
        return &found->second;
    const auto found = folded_.find(node.inputs[at]);
    return found == folded_.end() ? nullptr : &found->second;
}

Result<const Flow*> Builder::flow(const OnnxNode& node, std::size_t at) const {
    if (!has(node, at)) return refuse(node, fmt::format("input {} is missing", at));
    const auto found = flows_.find(node.inputs[at]);
    if (found == flows_.end())
        return refuse(node, fmt::format("input '{}' must come from the picture, not be a constant",
                                        node.inputs[at]));
    return &found->second;
}

Result<const Flow*> Builder::map(const OnnxNode& node, std::size_t at) const {
    const Flow* const found = TRY(flow(node, at));
    if (found->dims.size() != 4 || (found->y != -1 && (found->y != 2 || found->x != 3)))
        return refuse(node, "its input must have the shape batch, channels, rows, columns");
    return found;
}

/// A whole-number list that older opsets have as an attribute and newer ones as an input.
Result<std::vector<std::int64_t>> Builder::whole_list(const OnnxNode& node,
                                                      std::string_view attribute,
                                                      std::size_t input) const {
    if (const OnnxTensor* const said = constant(node, input)) return said->wholes;
    if (has(node, input))
        return refuse(node, fmt::format("'{}' must be constant", node.inputs[input]));
    return node.wholes(attribute);
}

Result<Flow> Builder::room(std::vector<std::int64_t> dims, const Flow& like) {
    Flow made = like;
    made.dims = std::move(dims);
    std::int64_t count = 1;
    for (const std::int64_t dim : made.dims) {
        if (dim < 1) return fail(ErrorCode::invalid_input, "a value would be empty");
        if (dim > value_max / count)
            return fail(ErrorCode::exhausted, "a value would have over two billion numbers");
        count *= dim;
    }
    const auto wanted = static_cast<std::size_t>(count);
    // The smallest that is free and large enough, unless most of it would lie idle.
    Block* best = nullptr;
    for (Block& block : steps_.blocks)
        if (block.is_free && block.count >= wanted && block.count <= 4 * wanted + 4096 &&
            (best == nullptr || block.count < best->count))
            best = &block;
    if (best == nullptr) {
        best = &steps_.blocks.emplace_back();
        best->count = wanted;
        if (emits()) {
            best->memory = AlignedFloats(wanted);
            if (best->memory.get() == nullptr)
                return fail(ErrorCode::exhausted, "there is no memory for the network's values");
        }
    }
    best->is_free = false;
    made.block = std::shared_ptr<Block>(best, [](Block* block) { block->is_free = true; });
    return made;
}

void Builder::give(const OnnxNode& node, Flow made) {
    if (made.y >= 0) align_ = std::max(align_, made.scale);
    flows_[node.outputs[0]] = std::move(made);
}

Result<void> Builder::give(const OnnxNode& node, OnnxTensor made) {
    folded_numbers_ += made.size();
    if (folded_numbers_ > folded_max)
        return refuse(node, "limit: 16 million numbers that nodes make of constants");
    folded_[node.outputs[0]] = std::move(made);
    return {};
}

dnnl_memory_t Builder::memory(const MemoryDesc& desc, float* data) {
    dnnl_memory_t made = nullptr;
    if (steps_.dnnl->memory_create(&made, &desc, steps_.dnnl->engine, data) != dnnl_success)
        return nullptr;
    steps_.memories.push_back(made);
    return made;
}

float* Builder::keep(const std::vector<float>& numbers) {
    AlignedFloats& kept = steps_.constants.emplace_back(std::max<std::size_t>(numbers.size(), 1));
    if (kept.get() != nullptr) std::copy(numbers.begin(), numbers.end(), kept.get());
    return kept.get();
}

Result<Builder::Described> Builder::describe(const OnnxNode& node, const void* op,
                                             dnnl_primitive_attr_t attributes) const {
    dnnl_primitive_desc_t made = nullptr;
    if (steps_.dnnl->primitive_desc_create(&made, op, attributes, steps_.dnnl->engine, nullptr) !=
        dnnl_success)
        return refuse(node, "oneDNN has no way to work this out");
    return Described(*steps_.dnnl, made);
}

Result<void> Builder::add(const OnnxNode& node, const Described& described,
                          std::vector<std::pair<int, dnnl_memory_t>> arguments) {
    NetworkSteps::Step step;
    if (steps_.dnnl->primitive_create(&step.primitive, described.get()) != dnnl_success)
        return refuse(node, "oneDNN can't make ready for it");
    for (const auto& [place, value] : arguments) {
        if (value == nullptr) return refuse(node, "oneDNN takes its memory for none");
        step.arguments.push_back({place, value});
    }
    steps_.steps.push_back(std::move(step));
    return {};
}

Result<void> Builder::copy(const OnnxNode& node, const MemoryDesc& from, float* from_data,
                           const MemoryDesc& to, float* to_data, bool at_once) {
    dnnl_primitive_desc_t made = nullptr;
    const Dnnl& dnnl = *steps_.dnnl;
    if (dnnl.reorder_primitive_desc_create(&made, &from, dnnl.engine, &to, dnnl.engine, nullptr) !=
        dnnl_success)
        return refuse(node, "oneDNN has no way to lay its values out anew");
    const Described described(dnnl, made);
    TRY(add(node, described,
            {{DNNL_ARG_FROM, memory(from, from_data)}, {DNNL_ARG_TO, memory(to, to_data)}}));
    if (!at_once) return {};
    const NetworkSteps::Step step = std::move(steps_.steps.back());
    steps_.steps.pop_back();
    const dnnl_status_t done =
        dnnl.primitive_execute(step.primitive, steps_.stream,
                               static_cast<int>(step.arguments.size()), step.arguments.data());
    dnnl.primitive_destroy(step.primitive);
    if (done != dnnl_success || dnnl.stream_wait(steps_.stream) != dnnl_success)
        return refuse(node, "oneDNN can't lay its weights out");
    return {};
}

Result<void> Builder::take_input(std::int64_t side) {
    if (model_.inputs.size() != 1)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the network has {} inputs; it must have one, the picture",
                                model_.inputs.size()));
    const OnnxValue& input = model_.inputs[0];
    const auto usual = [](std::int64_t dim) { return dim >= 1 && dim <= 16; };
    if (input.dims.size() != 4 || (!usual(input.dims[1]) && !usual(input.dims[3])))
        return fail(ErrorCode::invalid_input,
                    fmt::format("input '{}' must have 4 dimensions with a fixed number of channels "
                                "(1 to 16) second or last",
                                input.name));
    Flow whole;
    const bool is_last = !usual(input.dims[1]);
    whole.y = is_last ? 1 : 2;
    whole.x = whole.y + 1;
    std::vector<std::int64_t> dims(4, side);
    dims[0] = 1;
    dims[is_last ? 3 : 1] = input.dims[is_last ? 3 : 1];
    for (std::size_t i = 0; i < 4; ++i)
        if (input.dims[i] != -1 && input.dims[i] != dims[i])
            return fail(ErrorCode::invalid_input,
                        fmt::format("input '{}' has the shape {}; it must be one square picture",
                                    input.name, fmt::join(input.dims, " × ")));
    steps_.input = TRY(room(dims, whole));
    flows_[input.name] = steps_.input;
    return {};
}

Result<void> Builder::run_node(const OnnxNode& node) {
    if (node.outputs.size() > 1)
        for (std::size_t i = 1; i < node.outputs.size(); ++i)
            if (!node.outputs[i].empty() && readers_[node.outputs[i]] > 0)
                return refuse(node, "its second output isn't worked out");
    if (!TRY(fold(node))) {
        const Operator make = find_operator(node.op);
        if (make == nullptr) return refuse(node, "this operator isn't known");
        auto done = (this->*make)(node);
        if (!done) {
            const bool says = done.error().message.find("node '") != std::string::npos;
            return fail(says ? done.error() : std::move(done.error()).with(node.title()));
        }
    }
    for (const std::string& name : node.inputs)
        if (!name.empty() && --readers_[name] == 0) flows_.erase(name);
    return {};
}

Result<void> Builder::build(std::int64_t side) {
    for (const OnnxNode& node : model_.nodes)
        for (const std::string& name : node.inputs) ++readers_[name];
    for (const OnnxValue& output : model_.outputs) ++readers_[output.name];
    if (emits() && steps_.dnnl->stream_create(&steps_.stream, steps_.dnnl->engine,
                                              dnnl_stream_default_flags) != dnnl_success)
        return fail(ErrorCode::unavailable, "oneDNN can't begin");
    TRY(take_input(side));
    for (const OnnxNode& node : model_.nodes) TRY(run_node(node));
    for (const OnnxValue& output : model_.outputs)
        if (const auto found = flows_.find(output.name); found != flows_.end())
            steps_.outputs.emplace_back(output.name, found->second);
    return {};
}

}  // namespace stroma::tissue
