#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tissue/network/builder.h"

// Operators that lay values out anew, add up over dimensions, multiply matrices, or whose inputs
// are all known beforehand.

namespace stroma::tissue {
namespace {

using Shape = std::vector<std::int64_t>;

/// Axes counted from the end are below 0; sorted. False: one isn't there.
bool settle_axes(Shape& axes, std::size_t rank) {
    for (std::int64_t& axis : axes) {
        if (axis < 0) axis += static_cast<std::int64_t>(rank);
        if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) return false;
    }
    std::sort(axes.begin(), axes.end());
    return true;
}

Shape row_major(const Shape& dims) {
    Shape strides(dims.size(), 1);
    for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
    return strides;
}

/// Of one dimension, as shapes are.
OnnxTensor listed(std::vector<std::int64_t> wholes) {
    OnnxTensor made;
    made.is_whole = true;
    made.dims = {static_cast<std::int64_t>(wholes.size())};
    made.wholes = std::move(wholes);
    return made;
}

bool is_list(const OnnxTensor* tensor) {
    return tensor != nullptr && tensor->dims.size() <= 1 && tensor->size() <= 64;
}

/// Sums and so on of two lists (or a list and one number), as exporters work shapes out.
bool reckon(std::string_view op, const OnnxTensor& a, const OnnxTensor& b, OnnxTensor& made) {
    const std::size_t count = std::max(a.size(), b.size());
    if (a.size() == 0 || b.size() == 0 || (a.size() != count && a.size() != 1) ||
        (b.size() != count && b.size() != 1) || a.is_whole != b.is_whole)
        return false;
    made = a.size() == count ? a : b;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = a.size() == 1 ? 0 : i, bt = b.size() == 1 ? 0 : i;
        const double x = a.is_whole ? static_cast<double>(a.wholes[at]) : a.numbers[at];
        const double y = b.is_whole ? static_cast<double>(b.wholes[bt]) : b.numbers[bt];
        if (op == "Div" && y == 0) return false;
        const double z = op == "Add" ? x + y : op == "Sub" ? x - y : op == "Mul" ? x * y : x / y;
        if (std::abs(z) > 1e15) return false;
        if (made.is_whole)
            made.wholes[i] = static_cast<std::int64_t>(z);
        else
            made.numbers[i] = static_cast<float>(z);
    }
    return true;
}

OnnxTensor cast(const OnnxTensor& from, bool is_whole) {
    OnnxTensor made;
    made.dims = from.dims;
    made.is_whole = is_whole;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const double value = from.is_whole ? static_cast<double>(from.wholes[i]) : from.numbers[i];
        if (is_whole)
            made.wholes.push_back(static_cast<std::int64_t>(std::clamp(value, -9e15, 9e15)));
        else
            made.numbers.push_back(static_cast<float>(value));
    }
    return made;
}

bool cut(const OnnxTensor& from, std::int64_t first, std::int64_t end, OnnxTensor& made) {
    const auto size = static_cast<std::int64_t>(from.size());
    if (first < 0) first += size;
    if (end < 0) end += size;
    first = std::clamp<std::int64_t>(first, 0, size);
    end = std::clamp<std::int64_t>(end, first, size);
    if (!from.is_whole) return false;
    made = listed({from.wholes.begin() + first, from.wholes.begin() + end});
    return true;
}

/// The value of a node "Constant", in whichever attribute it lies. False: in none that is read.
bool said_constant(const OnnxNode& node, OnnxTensor& made) {
    if (const OnnxAttribute* const value = node.find("value")) {
        made = value->tensor;
    } else if (const OnnxAttribute* const one = node.find("value_float")) {
        made.numbers = {one->number};
    } else if (const OnnxAttribute* const whole = node.find("value_int")) {
        made = listed({whole->whole});
        made.dims.clear();
    } else if (const OnnxAttribute* const some = node.find("value_ints")) {
        made = listed(some->wholes);
    } else if (const OnnxAttribute* const all = node.find("value_floats")) {
        made.numbers = all->numbers;
        made.dims = {static_cast<std::int64_t>(all->numbers.size())};
    } else {
        return false;
    }
    return true;
}

}  // namespace

/// What is known before any picture: constants, and the lists that exporters work shapes out by.
Result<bool> Builder::fold(const OnnxNode& node) {
    OnnxTensor made;
    if (node.op == "Constant") {
        if (!said_constant(node, made)) return false;
        TRY(give(node, std::move(made)));
        return true;
    }
    if (node.op == "Shape" && has(node, 0)) {
        const auto found = flows_.find(node.inputs[0]);
        const OnnxTensor* const known = constant(node, 0);
        if (found == flows_.end() && known == nullptr) return false;
        TRY(give(node, listed(known != nullptr ? known->dims : found->second.dims)));
        return true;
    }
    const OnnxTensor* const first = constant(node, 0);
    if (first == nullptr) return false;
    const OnnxTensor* const second = constant(node, 1);
    bool is_known = false;
    if (node.op == "Identity" || node.op == "Dropout") {
        made = *first;
        is_known = true;
    } else if (!is_list(first)) {
        return false;
    } else if (node.op == "Cast") {
        const std::int64_t to = node.whole("to", 1);
        made = cast(*first, to != 1 && to != 10 && to != 11);
        is_known = true;
    } else if (node.op == "Floor" && !first->is_whole) {
        made = *first;
        for (float& number : made.numbers) number = std::floor(number);
        is_known = true;
    } else if (node.op == "Unsqueeze" || node.op == "Squeeze") {
        made = *first;
        made.dims = {static_cast<std::int64_t>(made.size())};
        if (node.op == "Squeeze" && made.size() == 1) made.dims.clear();
        is_known = true;
    } else if (node.op == "Gather" && second != nullptr && second->size() == 1 &&
               second->is_whole) {
        const std::int64_t at = second->wholes[0];
        is_known =
            cut(*first, at, at == -1 ? static_cast<std::int64_t>(first->size()) : at + 1, made) &&
            made.size() == 1;
        made.dims = second->dims;
    } else if (node.op == "Slice") {
        const Shape begin = second != nullptr ? second->wholes : node.wholes("starts");
        const Shape end =
            constant(node, 2) != nullptr ? constant(node, 2)->wholes : node.wholes("ends");
        const bool by_one = constant(node, 4) == nullptr || constant(node, 4)->wholes == Shape{1};
        is_known =
            begin.size() == 1 && end.size() == 1 && by_one && cut(*first, begin[0], end[0], made);
    } else if (node.op == "Concat") {
        made = *first;
        is_known = true;
        for (std::size_t i = 1; i < node.inputs.size() && is_known; ++i) {
            const OnnxTensor* const next = constant(node, i);
            is_known = is_list(next) && next->is_whole == made.is_whole;
            if (!is_known) break;
            made.wholes.insert(made.wholes.end(), next->wholes.begin(), next->wholes.end());
            made.numbers.insert(made.numbers.end(), next->numbers.begin(), next->numbers.end());
        }
        made.dims = {static_cast<std::int64_t>(made.size())};
    } else if (second != nullptr && is_list(second) &&
               (node.op == "Add" || node.op == "Sub" || node.op == "Mul" || node.op == "Div")) {
        is_known = reckon(node.op, *first, *second, made);
    }
    if (is_known) TRY(give(node, std::move(made)));
    return is_known;
}

Result<void> Builder::same(const OnnxNode& node) {
    if (node.op == "Cast" && node.whole("to", 1) != 1 && node.whole("to", 1) != 11)
        return refuse(node, "values of pictures are floats; it makes them something else");
    if (node.op == "Pad")
        for (const std::int64_t one : TRY(whole_list(node, "pads", 1)))
            if (one != 0) return refuse(node, "give the padding to the operator after it instead");
    give(node, *TRY(flow(node, 0)));
    return {};
}

Result<void> Builder::transposition(const OnnxNode& node) {
    const Flow from = *TRY(flow(node, 0));
    const std::size_t rank = from.dims.size();
    Shape order = node.wholes("perm"), sorted = order;
    if (order.empty())
        for (std::size_t i = rank; i-- > 0;) order.push_back(static_cast<std::int64_t>(i));
    sorted = order;
    if (!settle_axes(sorted, rank) || sorted.size() != rank ||
        std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
        return refuse(node, "perm isn't an order of its dimensions");
    const Shape strides = from.strides();
    Shape dims(rank), seen(rank);
    Flow like = from;
    for (std::size_t i = 0; i < rank; ++i) {
        const auto old = static_cast<std::size_t>(order[i]);
        dims[i] = from.dims[old];
        seen[i] = strides[old];
        if (order[i] == from.y) like.y = static_cast<int>(i);
        if (order[i] == from.x) like.x = static_cast<int>(i);
    }
    Flow made = TRY(room(dims, like));
    if (emits())
        TRY(copy(node, desc_of(dims, seen), from.data(), desc_of(dims, made.strides()), made.data(),
                 false));
    give(node, std::move(made));
    return {};
}

/// The same numbers in row-major order under another shape; what has places is none any more.
Result<Flow> Builder::reshaped(const OnnxNode& node, const Flow& from, Shape dims) {
    Flow like = from;
    like.everywhere = true;
    like.y = like.x = -1;
    const auto is_flat = [](const Flow& flow) {
        return flow.dims.size() != 4 || flow.dims[1] == 1 || flow.dims[2] * flow.dims[3] == 1;
    };
    Flow made = like;
    made.dims = dims;
    if (is_flat(from) && is_flat(made)) return made;  // lies as it would
    made = TRY(room(dims, like));
    if (!emits()) return made;
    float* between = from.data();
    Flow plain = from;
    if (!is_flat(from)) {
        if (!is_flat(made)) return refuse(node, "a map may not become another map this way");
        TRY(copy(node, desc_of(from.dims, from.strides()), between,
                 desc_of(from.dims, row_major(from.dims)), made.data(), false));
        return made;
    }
    TRY(copy(node, desc_of(dims, row_major(dims)), between, desc_of(dims, made.strides()),
             made.data(), false));
    return made;
}

Result<void> Builder::reshaping(const OnnxNode& node) {
    const Flow from = *TRY(flow(node, 0));
    Shape dims;
    if (node.op == "Flatten") {
        std::int64_t axis = node.whole("axis", 1);
        if (axis < 0) axis += static_cast<std::int64_t>(from.dims.size());
        dims = {1, 1};
        for (std::size_t i = 0; i < from.dims.size(); ++i)
            dims[static_cast<std::int64_t>(i) < axis ? 0 : 1] *= from.dims[i];
    } else if (node.op == "Reshape") {
        const OnnxTensor* const said = constant(node, 1);
        if (said == nullptr || !said->is_whole || said->wholes.size() > 8)
            return refuse(node, "its shape must be constant");
        dims = said->wholes;
        std::int64_t known = 1, open = -1;
        for (std::size_t i = 0; i < dims.size(); ++i) {
            if (dims[i] == 0 && i < from.dims.size()) dims[i] = from.dims[i];
            if (dims[i] == -1 && open == -1) {
                open = static_cast<std::int64_t>(i);
            } else if (dims[i] < 1 || dims[i] > from.count() / known) {
                return refuse(node, "its shape holds another number of values");
            } else {
                known *= dims[i];
            }
        }
        if (open >= 0) dims[static_cast<std::size_t>(open)] = from.count() / known;
    } else {
        Shape axes = TRY(whole_list(node, "axes", 1));
        const bool adds = node.op == "Unsqueeze";
        const std::size_t rank = from.dims.size() + (adds ? axes.size() : 0);
        if (!settle_axes(axes, rank) || rank > 8) return refuse(node, "its axes aren't there");
        dims = from.dims;
        if (adds) {
            for (const std::int64_t axis : axes) dims.insert(dims.begin() + axis, 1);
        } else {
            for (std::size_t i = axes.size(); i-- > 0;) {
                if (dims[static_cast<std::size_t>(axes[i])] != 1)
                    return refuse(node, "what it takes away isn't 1");
                dims.erase(dims.begin() + axes[i]);
            }
        }
    }
    Flow asked;
    asked.dims = dims;
    if (asked.count() != from.count())
        return refuse(node, "its shape holds another number of values");
    if (dims == from.dims) {
        give(node, from);
        return {};
    }
    give(node, TRY(reshaped(node, from, std::move(dims))));
    return {};
}

Result<void> Builder::whole_mean(const OnnxNode& node) {
    OnnxNode same_as = node;
    same_as.op = "ReduceMean";
    same_as.attributes["axes"].wholes = {2, 3};
    static_cast<void>(TRY(map(node, 0)));
    return reduction(same_as);
}

Result<void> Builder::reduction(const OnnxNode& node) {
    const Flow from = *TRY(flow(node, 0));
    Shape axes = TRY(whole_list(node, "axes", 1));
    if (axes.empty() || !settle_axes(axes, from.dims.size()))
        return refuse(node, "its axes aren't there");
    Shape dims = from.dims;
    Flow like = from;
    for (const std::int64_t axis : axes) {
        dims[static_cast<std::size_t>(axis)] = 1;
        if (axis == from.y || axis == from.x) like.everywhere = true;
    }
    if (like.everywhere) like.y = like.x = -1;
    Flow made = TRY(room(dims, like));
    if (emits()) {
        const dnnl_alg_kind_t kind = node.op == "ReduceMean"  ? dnnl_reduction_mean
                                     : node.op == "ReduceSum" ? dnnl_reduction_sum
                                                              : dnnl_reduction_norm_lp_sum;
        const MemoryDesc source = desc_of(from.dims, from.strides()),
                         target = desc_of(made.dims, made.strides());
        dnnl_reduction_desc_t reduce;
        if (steps_.dnnl->reduction_desc_init(&reduce, kind, &source, &target, 2, 0) != dnnl_success)
            return refuse(node, "oneDNN doesn't take its options");
        const Described described = TRY(describe(node, &reduce));
        TRY(add(node, described,
                {{DNNL_ARG_SRC, memory(source, from.data())},
                 {DNNL_ARG_DST, memory(target, made.data())}}));
    }
    if (node.whole("keepdims", 1) == 0) {
        Shape left;
        for (std::size_t i = 0; i < dims.size(); ++i)
            if (!std::binary_search(axes.begin(), axes.end(), static_cast<std::int64_t>(i)))
                left.push_back(dims[i]);
        made = TRY(reshaped(node, made, std::move(left)));
    }
    give(node, std::move(made));
    return {};
}

Result<void> Builder::product(const OnnxNode& node) {
    const Flow from = *TRY(flow(node, 0));
    const OnnxTensor* const weights = constant(node, 1);
    const OnnxTensor* const bias = node.op == "Gemm" ? constant(node, 2) : nullptr;
    if (from.dims.size() != 2 || weights == nullptr || weights->is_whole ||
        weights->dims.size() != 2)
        return refuse(node, "it must take two dimensions and constant weights with two");
    if (node.whole("transA", 0) != 0 || node.number("alpha", 1) != 1 || node.number("beta", 1) != 1)
        return refuse(node, "transA, alpha and beta aren't understood");
    const bool is_turned = node.whole("transB", 0) != 0;
    const std::int64_t in = weights->dims[is_turned ? 1 : 0];
    const std::int64_t out = weights->dims[is_turned ? 0 : 1];
    if (in != from.dims[1] || out < 1) return refuse(node, "its shapes don't fit each other");
    if (node.op == "Gemm" && has(node, 2) &&
        (bias == nullptr || bias->numbers.size() != static_cast<std::size_t>(out)))
        return refuse(node, "its bias must be one number for each output");
    Flow made = TRY(room({from.dims[0], out}, from));
    if (emits()) {
        const MemoryDesc source = desc_of(from.dims, from.strides()),
                         target = desc_of(made.dims, made.strides());
        const MemoryDesc given = desc_of({in, out}, is_turned ? Shape{1, in} : Shape{out, 1});
        const MemoryDesc bias_desc = desc_of({1, out}, {out, 1});
        std::vector<float> offsets(static_cast<std::size_t>(out));
        if (bias != nullptr) offsets = bias->numbers;
        dnnl_matmul_desc_t matmul;
        if (steps_.dnnl->matmul_desc_init(&matmul, &source, &given, &bias_desc, &target) !=
            dnnl_success)
            return refuse(node, "oneDNN doesn't take its shapes");
        const Described described = TRY(describe(node, &matmul));
        TRY(add(node, described,
                {{DNNL_ARG_SRC, memory(source, from.data())},
                 {DNNL_ARG_WEIGHTS, memory(given, keep(weights->numbers))},
                 {DNNL_ARG_BIAS, memory(bias_desc, keep(offsets))},
                 {DNNL_ARG_DST, memory(target, made.data())}}));
    }
    give(node, std::move(made));
    return {};
}

Result<void> Builder::softmax(const OnnxNode& node) {
    const Flow from = *TRY(flow(node, 0));
    const auto rank = static_cast<std::int64_t>(from.dims.size());
    std::int64_t axis = node.whole("axis", model_.opset < 13 ? 1 : -1);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return refuse(node, "its axis isn't there");
    std::int64_t behind = 1;
    for (std::int64_t i = axis + 1; i < rank; ++i) behind *= from.dims[static_cast<std::size_t>(i)];
    if (model_.opset < 13 && behind != 1)
        return refuse(node, "before opset 13 it runs over all dimensions from its axis on");
    if (axis == from.y || axis == from.x) return refuse(node, "it runs over the picture");
    Flow made = TRY(room(from.dims, from));
    if (emits()) {
        const MemoryDesc desc = desc_of(from.dims, from.strides());
        dnnl_softmax_desc_t soft;
        if (steps_.dnnl->softmax_forward_desc_init(&soft, dnnl_forward_inference, &desc,
                                                   static_cast<int>(axis)) != dnnl_success)
            return refuse(node, "oneDNN doesn't take its options");
        const Described described = TRY(describe(node, &soft));
        TRY(add(node, described,
                {{DNNL_ARG_SRC, memory(desc, from.data())},
                 {DNNL_ARG_DST, memory(desc, made.data())}}));
    }
    give(node, std::move(made));
    return {};
}

Builder::Operator Builder::find_operator(std::string_view op) {
    static const std::map<std::string_view, Operator> known = {
        {"Conv", &Builder::convolution},
        {"ConvTranspose", &Builder::convolution},
        {"MaxPool", &Builder::pooling},
        {"AveragePool", &Builder::pooling},
        {"GlobalAveragePool", &Builder::whole_mean},
        {"ReduceMean", &Builder::reduction},
        {"ReduceSum", &Builder::reduction},
        {"ReduceL2", &Builder::reduction},
        {"BatchNormalization", &Builder::normalisation},
        {"Add", &Builder::arithmetic},
        {"Sub", &Builder::arithmetic},
        {"Mul", &Builder::arithmetic},
        {"Div", &Builder::arithmetic},
        {"Concat", &Builder::joining},
        {"Resize", &Builder::resizing},
        {"Upsample", &Builder::resizing},
        {"Gemm", &Builder::product},
        {"MatMul", &Builder::product},
        {"Softmax", &Builder::softmax},
        {"Identity", &Builder::same},
        {"Dropout", &Builder::same},
        {"Cast", &Builder::same},
        {"Pad", &Builder::same},
        {"Transpose", &Builder::transposition},
        {"Reshape", &Builder::reshaping},
        {"Flatten", &Builder::reshaping},
        {"Squeeze", &Builder::reshaping},
        {"Unsqueeze", &Builder::reshaping}};
    const auto found = known.find(op);
    if (found != known.end()) return found->second;
    for (const std::string_view one :
         {"Relu", "LeakyRelu", "Sigmoid", "Tanh", "Elu", "Exp", "Log", "Sqrt", "Abs", "Neg",
          "Softplus", "Reciprocal", "Clip", "Pow"})
        if (op == one) return &Builder::unary;
    return nullptr;
}

}  // namespace stroma::tissue
