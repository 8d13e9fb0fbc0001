#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tissue/network/builder.h"
#include "tissue/network/simplify.h"

// Operators over maps: what each means is ONNX's document of operators, opset 9 to 17.

namespace stroma::tissue {
namespace {

using Dims = std::vector<std::int64_t>;

MemoryDesc any_layout(const Dims& dims, const Dnnl& dnnl) {
    MemoryDesc made;
    dnnl.memory_desc_init_by_tag(&made, static_cast<int>(dims.size()), dims.data(), dnnl_f32,
                                 dnnl_format_tag_any);
    return made;
}

MemoryDesc desc_of(const Flow& flow) { return tissue::desc_of(flow.dims, flow.strides()); }

/// Row-major, as constants lie.
Dims plain(const Dims& dims) {
    Dims strides(dims.size(), 1);
    for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
    return strides;
}

/// What both depend on, and with whose places.
Flow of_both(const Flow& one, const Flow& other) {
    Flow made = one.y >= 0 ? one : other;
    made.before = std::max(one.before, other.before);
    made.after = std::max(one.after, other.after);
    made.everywhere = one.everywhere || other.everywhere;
    made.block.reset();
    return made;
}

/// A convolution's weights as oneDNN counts them: [groups,] out, in, rows, columns.
MemoryDesc weights_desc(const OnnxTensor& weights, std::int64_t groups, bool is_transposed) {
    const std::int64_t area = weights.dims[2] * weights.dims[3], columns = weights.dims[3];
    const std::int64_t out = is_transposed ? weights.dims[1] : weights.dims[0] / groups;
    const std::int64_t in = is_transposed ? weights.dims[0] / groups : weights.dims[1];
    const std::int64_t by_out = is_transposed ? area : in * area;
    const std::int64_t by_in = is_transposed ? out * area : area;
    if (groups == 1)
        return tissue::desc_of({out, in, weights.dims[2], columns}, {by_out, by_in, columns, 1});
    return tissue::desc_of({groups, out, in, weights.dims[2], columns},
                           {in * out * area, by_out, by_in, columns, 1});
}

}  // namespace

Result<Builder::Sides> Builder::sides_of(const OnnxNode& node, const Flow& from, std::int64_t rows,
                                         std::int64_t columns, bool is_transposed) const {
    const auto list = [&](const char* name, std::int64_t otherwise, std::size_t count) {
        Dims said = node.wholes(name);
        if (said.empty()) said.assign(count, otherwise);
        return said;
    };
    const Dims strides = list("strides", 1, 2), dilations = list("dilations", 1, 2);
    const Dims pads = list("pads", 0, 4), more = list("output_padding", 0, 2);
    const std::string automatic = node.text("auto_pad", "NOTSET");
    constexpr std::int64_t most = 4096;
    for (const Dims* const said : {&strides, &dilations, &pads, &more})
        for (const std::int64_t one : *said)
            if (one < 0 || one > most)
                return refuse(node, fmt::format("{} isn't understood: 0 to {}", one, most));
    if (strides.size() != 2 || dilations.size() != 2 || pads.size() != 4 || more.size() != 2)
        return refuse(node, "it must slide over two dimensions");
    if (node.find("output_shape") != nullptr) return refuse(node, "output_shape isn't understood");
    Sides sides{};
    for (std::size_t i = 0; i < 2; ++i) {
        const std::int64_t in = from.dims[2 + i];
        sides.kernel[i] = i == 0 ? rows : columns;
        sides.stride[i] = strides[i];
        sides.dilation[i] = dilations[i];
        if (sides.kernel[i] < 1 || sides.kernel[i] > most || strides[i] < 1 || dilations[i] < 1)
            return refuse(node, "kernel, strides and dilations are 1 or more");
        const std::int64_t reach = (sides.kernel[i] - 1) * dilations[i] + 1;
        sides.begin[i] = pads[i];
        sides.end[i] = pads[2 + i];
        if (automatic.starts_with("SAME")) {
            const std::int64_t wanted =
                is_transposed ? in * strides[i] : (in + strides[i] - 1) / strides[i];
            const std::int64_t all = is_transposed
                                         ? strides[i] * (in - 1) + more[i] + reach - wanted
                                         : (wanted - 1) * strides[i] + reach - in;
            const std::int64_t pad = std::max<std::int64_t>(all, 0);
            sides.begin[i] = automatic == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
            sides.end[i] = pad - sides.begin[i];
        }
        const std::int64_t padded = in + sides.begin[i] + sides.end[i];
        sides.out[i] = is_transposed
                           ? (in - 1) * strides[i] - sides.begin[i] - sides.end[i] + reach + more[i]
                           : (padded - reach) / strides[i] + 1;
        if (is_transposed) sides.end[i] -= more[i];
        if (sides.out[i] < 1 || (!is_transposed && padded < reach))
            return refuse(node, "its window is larger than its input");
    }
    if (sides.stride[0] != sides.stride[1])
        return refuse(node, "its strides must be the same in both directions");
    return sides;
}

/// Place i of what it makes is made of places i · stride - begin … of what it takes.
Result<void> Builder::slide(const OnnxNode&, const Sides& sides, Flow& made) const {
    double before = 0, after = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto begin = static_cast<double>(sides.begin[i]);
        before = std::max(before, made.scale * begin);
        after = std::max(
            after,
            made.scale * (static_cast<double>((sides.kernel[i] - 1) * sides.dilation[i]) - begin));
    }
    made.before += before;
    made.after += after;
    made.scale *= static_cast<double>(sides.stride[0]);
    return {};
}

/// The other way round: place i is made of places (i + begin - k · dilation) / stride.
Result<void> Builder::spread(const OnnxNode& node, const Sides& sides, Flow& made) const {
    made.scale /= static_cast<double>(sides.stride[0]);
    if (made.scale < 1) return refuse(node, "it makes places smaller than the picture's pixels");
    double before = 0, after = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto begin = static_cast<double>(sides.begin[i]);
        const auto reach = static_cast<double>((sides.kernel[i] - 1) * sides.dilation[i]);
        before = std::max(before, made.scale * (reach - begin));
        after = std::max(after, made.scale * begin);
    }
    made.before += before;
    made.after += after;
    return {};
}

Result<void> Builder::convolution(const OnnxNode& node) {
    const bool is_transposed = node.op == "ConvTranspose";
    const Flow from = *TRY(map(node, 0));
    const OnnxTensor* const weights = constant(node, 1);
    if (weights == nullptr || weights->is_whole || weights->dims.size() != 4)
        return refuse(node, "its weights must be constant, with 4 dimensions");
    const std::int64_t groups = node.whole("group", 1), channels = from.dims[1];
    const std::int64_t in = is_transposed ? weights->dims[0] : weights->dims[1] * groups;
    const std::int64_t out = is_transposed ? weights->dims[1] * groups : weights->dims[0];
    if (groups < 1 || in != channels || in % groups != 0 || out % groups != 0 || out < 1)
        return refuse(node, fmt::format("its weights are for {} channels in {} groups, it gets {}",
                                        in, groups, channels));
    if (has(node, 2) && (constant(node, 2) == nullptr ||
                         constant(node, 2)->numbers.size() != static_cast<std::size_t>(out)))
        return refuse(node, "its bias must be one number for each channel");
    const Sides sides =
        TRY(sides_of(node, from, weights->dims[2], weights->dims[3], is_transposed));
    Flow made = TRY(room({from.dims[0], out, sides.out[0], sides.out[1]}, from));
    TRY(is_transposed ? spread(node, sides, made) : slide(node, sides, made));
    if (emits()) TRY(emit_convolution(node, from, made, *weights, sides));
    give(node, std::move(made));
    return {};
}

Result<void> Builder::emit_convolution(const OnnxNode& node, const Flow& from, const Flow& to,
                                       const OnnxTensor& weights, const Sides& sides) {
    const Dnnl& dnnl = *steps_.dnnl;
    const bool is_transposed = node.op == "ConvTranspose";
    const MemoryDesc given = weights_desc(weights, node.whole("group", 1), is_transposed);
    const MemoryDesc wanted = any_layout(Dims(given.dims, given.dims + given.ndims), dnnl);
    const MemoryDesc source = desc_of(from), target = desc_of(to);
    std::vector<float> bias(static_cast<std::size_t>(to.dims[1]));
    if (const OnnxTensor* const said = constant(node, 2)) bias = said->numbers;
    const MemoryDesc bias_desc = tissue::desc_of({to.dims[1]}, {1});
    const dnnl_dims_t strides = {sides.stride[0], sides.stride[1]},
                      dilations = {sides.dilation[0] - 1, sides.dilation[1] - 1},
                      begin = {sides.begin[0], sides.begin[1]}, end = {sides.end[0], sides.end[1]};
    dnnl_convolution_desc_t forward;
    const dnnl_status_t found =
        is_transposed ? dnnl.dilated_deconvolution_forward_desc_init(
                            &forward, dnnl_forward_inference, dnnl_deconvolution_direct, &source,
                            &wanted, &bias_desc, &target, strides, dilations, begin, end)
                      : dnnl.dilated_convolution_forward_desc_init(
                            &forward, dnnl_forward_inference, dnnl_convolution_direct, &source,
                            &wanted, &bias_desc, &target, strides, dilations, begin, end);
    if (found != dnnl_success) return refuse(node, "oneDNN doesn't take its options");
    dnnl_primitive_attr_t attributes = nullptr;
    dnnl_post_ops_t after = nullptr;
    if (const OnnxAttribute* const leak = node.find(leak_attribute)) {
        dnnl.primitive_attr_create(&attributes);
        dnnl.post_ops_create(&after);
        dnnl.post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, leak->number, 0);
        dnnl.primitive_attr_set_post_ops(attributes, after);
    }
    auto described = describe(node, &forward, attributes);
    if (after != nullptr) dnnl.post_ops_destroy(after);
    if (attributes != nullptr) dnnl.primitive_attr_destroy(attributes);
    if (!described) return fail(described.error());
    const MemoryDesc laid = described->wants(dnnl_query_weights_md);
    AlignedFloats& room_for =
        steps_.constants.emplace_back(dnnl.memory_desc_get_size(&laid) / sizeof(float) + 1);
    if (room_for.get() == nullptr) return fail(ErrorCode::exhausted, "no memory for weights");
    float* const kept = room_for.get();
    TRY(copy(node, given, const_cast<float*>(weights.numbers.data()), laid, kept, true));
    return add(node, *described,
               {{DNNL_ARG_SRC, memory(source, from.data())},
                {DNNL_ARG_WEIGHTS, memory(laid, kept)},
                {DNNL_ARG_BIAS, memory(bias_desc, keep(bias))},
                {DNNL_ARG_DST, memory(target, to.data())}});
}

Result<void> Builder::pooling(const OnnxNode& node) {
    const Flow from = *TRY(map(node, 0));
    const Dims kernel = node.wholes("kernel_shape");
    if (kernel.size() != 2) return refuse(node, "kernel_shape must be two numbers");
    const Sides sides = TRY(sides_of(node, from, kernel[0], kernel[1], false));
    for (std::size_t i = 0; i < 2; ++i) {
        const std::int64_t left = from.dims[2 + i] + sides.begin[i] + sides.end[i] -
                                  (sides.kernel[i] - 1) * sides.dilation[i] - 1;
        if (node.whole("ceil_mode", 0) != 0 && left % sides.stride[i] != 0)
            return refuse(node, "ceil_mode is only understood where it changes nothing");
    }
    Flow made = TRY(room({from.dims[0], from.dims[1], sides.out[0], sides.out[1]}, from));
    TRY(slide(node, sides, made));
    if (emits()) {
        const dnnl_alg_kind_t kind = node.op == "MaxPool" ? dnnl_pooling_max
                                     : node.whole("count_include_pad", 0) != 0
                                         ? dnnl_pooling_avg_include_padding
                                         : dnnl_pooling_avg_exclude_padding;
        const MemoryDesc source = desc_of(from), target = desc_of(made);
        const dnnl_dims_t strides = {sides.stride[0], sides.stride[1]},
                          kernels = {sides.kernel[0], sides.kernel[1]},
                          dilations = {sides.dilation[0] - 1, sides.dilation[1] - 1},
                          begin = {sides.begin[0], sides.begin[1]},
                          end = {sides.end[0], sides.end[1]};
        dnnl_pooling_v2_desc_t pool;
        if (steps_.dnnl->pooling_v2_forward_desc_init(&pool, dnnl_forward_inference, kind, &source,
                                                      &target, strides, kernels, dilations, begin,
                                                      end) != dnnl_success)
            return refuse(node, "oneDNN doesn't take its options");
        const Described described = TRY(describe(node, &pool));
        TRY(add(node, described,
                {{DNNL_ARG_SRC, memory(source, from.data())},
                 {DNNL_ARG_DST, memory(target, made.data())}}));
    }
    give(node, std::move(made));
    return {};
}

Result<Flow> Builder::apply(const OnnxNode& node, const Flow& from, dnnl_alg_kind_t kind,
                            float alpha, float beta) {
    Flow made = TRY(room(from.dims, from));
    if (!emits()) return made;
    const MemoryDesc desc = desc_of(from);
    dnnl_eltwise_desc_t eltwise;
    if (steps_.dnnl->eltwise_forward_desc_init(&eltwise, dnnl_forward_inference, kind, &desc, alpha,
                                               beta) != dnnl_success)
        return refuse(node, "oneDNN doesn't take its options");
    const Described described = TRY(describe(node, &eltwise));
    TRY(add(
        node, described,
        {{DNNL_ARG_SRC, memory(desc, from.data())}, {DNNL_ARG_DST, memory(desc, made.data())}}));
    return made;
}

Result<void> Builder::unary(const OnnxNode& node) {
    struct Meaning {
        dnnl_alg_kind_t kind;
        float alpha, beta;
    };
    const auto limit = [&](std::size_t at, const char* name, float otherwise) {
        const OnnxTensor* const said = constant(node, at);
        return said != nullptr && said->numbers.size() == 1 ? said->numbers[0]
                                                            : node.number(name, otherwise);
    };
    const std::map<std::string_view, Meaning> meanings = {
        {"Relu", {dnnl_eltwise_relu, 0, 0}},
        {"LeakyRelu", {dnnl_eltwise_relu, node.number("alpha", 0.01f), 0}},
        {"Sigmoid", {dnnl_eltwise_logistic, 0, 0}},
        {"Tanh", {dnnl_eltwise_tanh, 0, 0}},
        {"Elu", {dnnl_eltwise_elu, node.number("alpha", 1), 0}},
        {"Exp", {dnnl_eltwise_exp, 0, 0}},
        {"Log", {dnnl_eltwise_log, 0, 0}},
        {"Sqrt", {dnnl_eltwise_sqrt, 0, 0}},
        {"Abs", {dnnl_eltwise_abs, 0, 0}},
        {"Neg", {dnnl_eltwise_linear, -1, 0}},
        {"Softplus", {dnnl_eltwise_soft_relu, 0, 0}},
        {"Reciprocal", {dnnl_eltwise_pow, 1, -1}},
        {"Clip",
         {dnnl_eltwise_clip, limit(1, "min", -3.4028235e38f), limit(2, "max", 3.4028235e38f)}}};
    if (node.op == "Clip")
        for (const std::size_t at : {1, 2})
            if (has(node, at) && constant(node, at) == nullptr)
                return refuse(node, "its limits must be constant");
    Meaning meaning{};
    if (node.op == "Pow") {
        const OnnxTensor* const power = constant(node, 1);
        if (power == nullptr || power->size() != 1)
            return refuse(node, "its power must be one constant number");
        const float by = power->is_whole ? static_cast<float>(power->wholes[0]) : power->numbers[0];
        meaning = {by == 2      ? dnnl_eltwise_square
                   : by == 0.5f ? dnnl_eltwise_sqrt
                                : dnnl_eltwise_pow,
                   1, by};
    } else {
        meaning = meanings.at(node.op);
    }
    const Flow from = *TRY(flow(node, 0));
    give(node, TRY(apply(node, from, meaning.kind, meaning.alpha, meaning.beta)));
    return {};
}

Result<void> Builder::normalisation(const OnnxNode& node) {
    const Flow from = *TRY(map(node, 0));
    const auto channels = static_cast<std::size_t>(from.dims[1]);
    const OnnxTensor* of[4];
    for (std::size_t i = 0; i < 4; ++i) {
        of[i] = constant(node, i + 1);
        if (of[i] == nullptr || of[i]->numbers.size() != channels)
            return refuse(node, "its four numbers for each channel must be constant");
    }
    const float epsilon = node.number("epsilon", 1e-5f);
    std::vector<float> factor(channels), offset(channels);
    for (std::size_t c = 0; c < channels; ++c) {
        factor[c] = of[0]->numbers[c] / std::sqrt(of[3]->numbers[c] + epsilon);
        offset[c] = of[1]->numbers[c] - of[2]->numbers[c] * factor[c];
    }
    const Dims dims = {1, from.dims[1], 1, 1};
    MemoryDesc desc{};
    if (emits()) desc = tissue::desc_of(dims, {from.dims[1], 1, from.dims[1], from.dims[1]});
    const Flow scaled =
        TRY(combine(node, dnnl_binary_mul, from, desc, emits() ? keep(factor) : nullptr, nullptr));
    give(node, TRY(combine(node, dnnl_binary_add, scaled, desc, emits() ? keep(offset) : nullptr,
                           nullptr)));
    return {};
}

/// `right` has as many dimensions as `left`, each as large or 1. `other`: the value it is, if any.
Result<Flow> Builder::combine(const OnnxNode& node, dnnl_alg_kind_t kind, const Flow& left,
                              const MemoryDesc& right, float* data, const Flow* other) {
    if (other != nullptr && other->y >= 0 && left.y >= 0 && other->scale != left.scale)
        return refuse(node, "it puts maps of different scales together");
    Flow made = TRY(room(left.dims, other != nullptr ? of_both(left, *other) : left));
    if (!emits()) return made;
    const MemoryDesc source = desc_of(left), target = desc_of(made);
    dnnl_binary_desc_t binary;
    if (steps_.dnnl->binary_desc_init(&binary, kind, &source, &right, &target) != dnnl_success)
        return refuse(node, "oneDNN doesn't take its shapes");
    const Described described = TRY(describe(node, &binary));
    TRY(add(node, described,
            {{DNNL_ARG_SRC_0, memory(source, left.data())},
             {DNNL_ARG_SRC_1, memory(right, data)},
             {DNNL_ARG_DST, memory(target, made.data())}}));
    return made;
}

Result<void> Builder::arithmetic(const OnnxNode& node) {
    const bool is_add = node.op == "Add", is_subtract = node.op == "Sub",
               is_times = node.op == "Mul";
    const OnnxTensor* fixed = constant(node, 1);
    const bool is_swapped = fixed == nullptr && constant(node, 0) != nullptr;
    if (is_swapped) fixed = constant(node, 0);
    Flow left = *TRY(flow(node, is_swapped ? 1 : 0));
    if (fixed != nullptr && (fixed->is_whole || fixed->numbers.empty()))
        return refuse(node, "it takes a constant of whole numbers or none");
    if (fixed != nullptr && fixed->numbers.size() == 1) {
        const float value = fixed->numbers[0];
        if (is_swapped && !is_add && !is_subtract && !is_times) {
            give(node, TRY(apply(node, left, dnnl_eltwise_pow, value, -1)));
            return {};
        }
        const float factor = is_add        ? 1
                             : is_subtract ? (is_swapped ? -1.0f : 1.0f)
                             : is_times    ? value
                                           : 1 / value;
        const float offset = is_add ? value : is_subtract ? (is_swapped ? value : -value) : 0;
        give(node, TRY(apply(node, left, dnnl_eltwise_linear, factor, offset)));
        return {};
    }
    dnnl_alg_kind_t kind = is_add        ? dnnl_binary_add
                           : is_subtract ? dnnl_binary_sub
                           : is_times    ? dnnl_binary_mul
                                         : dnnl_binary_div;
    Flow other;
    if (fixed == nullptr) other = *TRY(flow(node, 1));
    bool turns = is_swapped;
    if (fixed == nullptr && other.count() > left.count()) {
        std::swap(left, other);
        turns = true;
    }
    if (turns && (is_subtract || kind == dnnl_binary_div)) {
        // a - b is -b + a, and a / b is 1 / b · a.
        left = TRY(apply(node, left, is_subtract ? dnnl_eltwise_linear : dnnl_eltwise_pow,
                         is_subtract ? -1.0f : 1.0f, is_subtract ? 0.0f : -1.0f));
        kind = is_subtract ? dnnl_binary_add : dnnl_binary_mul;
    }
    Dims dims = fixed != nullptr ? fixed->dims : other.dims;
    Dims strides = fixed != nullptr ? plain(dims) : other.strides();
    if (dims.size() > left.dims.size()) return refuse(node, "its shapes don't fit each other");
    const std::size_t missing = left.dims.size() - dims.size();
    dims.insert(dims.begin(), missing, 1);
    strides.insert(strides.begin(), missing, 1);
    for (std::size_t i = 0; i < dims.size(); ++i)
        if (dims[i] != 1 && dims[i] != left.dims[i])
            return refuse(node, fmt::format("its shapes {} and {} don't fit each other",
                                            fmt::join(left.dims, " × "), fmt::join(dims, " × ")));
    MemoryDesc right{};
    if (emits()) right = tissue::desc_of(dims, strides);
    float* const data = !emits() ? nullptr : fixed != nullptr ? keep(fixed->numbers) : other.data();
    give(node, TRY(combine(node, kind, left, right, data, fixed != nullptr ? nullptr : &other)));
    return {};
}

Result<void> Builder::joining(const OnnxNode& node) {
    std::vector<Flow> parts;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) parts.push_back(*TRY(flow(node, i)));
    if (parts.empty()) return refuse(node, "it has no input");
    const auto rank = static_cast<std::int64_t>(parts[0].dims.size());
    std::int64_t axis = node.whole("axis", 1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return refuse(node, "its axis isn't there");
    Flow like = parts[0];
    Dims dims = parts[0].dims;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        if (parts[i].scale != like.scale || parts[i].dims.size() != dims.size())
            return refuse(node, "it puts maps of different scales together");
        for (std::size_t d = 0; d < dims.size(); ++d)
            if (static_cast<std::int64_t>(d) != axis && parts[i].dims[d] != dims[d])
                return refuse(node, "its inputs have different shapes");
        like = of_both(like, parts[i]);
        dims[static_cast<std::size_t>(axis)] += parts[i].dims[static_cast<std::size_t>(axis)];
    }
    if (axis == like.y || axis == like.x) return refuse(node, "it lays maps beside each other");
    Flow made = TRY(room(dims, like));
    if (emits()) {
        std::vector<MemoryDesc> sources;
        std::vector<std::pair<int, dnnl_memory_t>> arguments;
        for (const Flow& part : parts) {
            sources.push_back(desc_of(part));
            arguments.emplace_back(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(arguments.size()),
                                   memory(sources.back(), part.data()));
        }
        const MemoryDesc target = desc_of(made);
        arguments.emplace_back(DNNL_ARG_DST, memory(target, made.data()));
        dnnl_primitive_desc_t joined = nullptr;
        if (steps_.dnnl->concat_primitive_desc_create(
                &joined, &target, static_cast<int>(sources.size()), static_cast<int>(axis),
                sources.data(), nullptr, steps_.dnnl->engine) != dnnl_success)
            return refuse(node, "oneDNN can't join them");
        TRY(add(node, Described(*steps_.dnnl, joined), std::move(arguments)));
    }
    give(node, std::move(made));
    return {};
}

Result<void> Builder::resizing(const OnnxNode& node) {
    const Flow from = *TRY(map(node, 0));
    const bool is_old = node.op == "Upsample" || model_.opset < 11;
    const OnnxTensor* const scales = constant(node, is_old ? 1 : 2);
    const OnnxTensor* const sizes = is_old ? nullptr : constant(node, 3);
    Dims dims = from.dims;
    for (std::size_t i = 2; i < 4; ++i) {
        if (sizes != nullptr && sizes->wholes.size() == 4)
            dims[i] = sizes->wholes[i];
        else if (scales != nullptr && scales->numbers.size() == 4)
            dims[i] = std::llround(static_cast<double>(scales->numbers[i]) *
                                   static_cast<double>(dims[i]));
        else
            return refuse(node, "it needs four constant scales or sizes");
        if (dims[i] < from.dims[i] || dims[i] % from.dims[i] != 0 || dims[i] / from.dims[i] > 64)
            return refuse(node, "it may enlarge by whole numbers up to 64 alone");
    }
    const std::int64_t factor = dims[2] / from.dims[2];
    if (dims[3] / from.dims[3] != factor) return refuse(node, "its scales must be the same");
    const std::string mode = node.text("mode", "nearest");
    const std::string places =
        node.text("coordinate_transformation_mode", is_old ? "asymmetric" : "half_pixel");
    const std::string rounding = node.text("nearest_mode", is_old ? "floor" : "round_prefer_floor");
    const bool is_half = places == "half_pixel" || places == "pytorch_half_pixel";
    const bool rounds = rounding == "round_prefer_floor" || rounding == "round_prefer_ceil";
    const bool is_nearest =
        mode == "nearest" &&
        ((is_half && rounds) || (places == "tf_half_pixel_for_nn" && rounding == "floor") ||
         (places == "asymmetric" &&
          (rounding == "floor" || (rounding == "round_prefer_floor" && factor <= 2))));
    if (!is_nearest && !(mode == "linear" && is_half))
        return refuse(node, fmt::format("mode {} with {} and {} isn't understood; export with "
                                        "nearest, or linear with half_pixel",
                                        mode, places, rounding));
    Flow made = TRY(room(dims, from));
    made.scale /= static_cast<double>(factor);
    if (made.scale < 1) return refuse(node, "it makes places smaller than the picture's pixels");
    made.before += from.scale;
    made.after += from.scale;
    if (emits()) {
        const MemoryDesc source = desc_of(from), target = desc_of(made);
        dnnl_resampling_desc_t resampling;
        if (steps_.dnnl->resampling_forward_desc_init(
                &resampling, dnnl_forward_inference,
                is_nearest ? dnnl_resampling_nearest : dnnl_resampling_linear, nullptr, &source,
                &target) != dnnl_success)
            return refuse(node, "oneDNN doesn't take its options");
        const Described described = TRY(describe(node, &resampling));
        TRY(add(node, described,
                {{DNNL_ARG_SRC, memory(source, from.data())},
                 {DNNL_ARG_DST, memory(target, made.data())}}));
    }
    give(node, std::move(made));
    return {};
}

}  // namespace stroma::tissue
