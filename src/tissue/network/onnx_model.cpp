#include "tissue/network/onnx_model.h"

#include <fmt/format.h>

#include <set>

#include "tissue/network/wire_reader.h"

namespace stroma::tissue {
namespace {

constexpr std::size_t file_bytes_max = 512u << 20, nodes_max = 20'000, constants_max = 10'000,
                      dims_max = 8, numbers_max = 1u << 27, names_max = 256;

tl::unexpected<Error> broken(std::string what) {
    return fail(ErrorCode::invalid_input, std::move(what));
}

/// Half precision as single; what is too small for a normal number too.
float wide(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000u) << 16, body = half & 0x7fffu;
    std::uint32_t bits = sign;
    if (body >= 0x7c00u) {
        bits |= 0x7f800000u | (body & 0x3ffu) << 13;
    } else if (body >= 0x400u) {
        bits |= (body << 13) + ((127u - 15u) << 23);
    } else if (body != 0) {
        const float small = static_cast<float>(body) * 0x1p-24f;
        return sign != 0 ? -small : small;
    }
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

/// A tensor's fields before its type says what they mean.
struct TensorFields {
    std::string name;
    std::int64_t type = 0;
    std::string_view raw;
    bool has_raw = false;
    OnnxTensor tensor;
};

template <class From, class To>
void unpack(std::string_view raw, std::vector<To>& to) {
    to.resize(raw.size() / sizeof(From));
    for (std::size_t i = 0; i < to.size(); ++i) {
        From value;
        std::memcpy(&value, raw.data() + i * sizeof(From), sizeof(From));
        to[i] = static_cast<To>(value);
    }
}

Result<void> unpack_raw(TensorFields& fields) {
    OnnxTensor& tensor = fields.tensor;
    const bool is_number = fields.type == 1 || fields.type == 11;
    // Whole numbers become eight bytes each.
    if (fields.raw.size() > (is_number ? 4 * numbers_max : numbers_max))
        return broken("it holds over 134 million numbers");
    switch (fields.type) {
        case 1: unpack<float>(fields.raw, tensor.numbers); break;
        case 2:
        case 9: unpack<std::uint8_t>(fields.raw, tensor.wholes); break;
        case 3: unpack<std::int8_t>(fields.raw, tensor.wholes); break;
        case 4: unpack<std::uint16_t>(fields.raw, tensor.wholes); break;
        case 5: unpack<std::int16_t>(fields.raw, tensor.wholes); break;
        case 6: unpack<std::int32_t>(fields.raw, tensor.wholes); break;
        case 7:
        case 13: unpack<std::int64_t>(fields.raw, tensor.wholes); break;
        case 10: unpack<std::uint16_t>(fields.raw, tensor.wholes); break;
        case 11: unpack<double>(fields.raw, tensor.numbers); break;
        case 12: unpack<std::uint32_t>(fields.raw, tensor.wholes); break;
        default: return broken(fmt::format("its type {} isn't one of numbers", fields.type));
    }
    return {};
}

Result<void> settle(TensorFields& fields) {
    OnnxTensor& tensor = fields.tensor;
    if (fields.has_raw) TRY(unpack_raw(fields));
    if (fields.type == 10) {
        // Half precision lies in whole numbers of 16 bits, raw or not.
        for (const std::int64_t half : tensor.wholes)
            tensor.numbers.push_back(wide(static_cast<std::uint16_t>(half)));
        tensor.wholes.clear();
    }
    tensor.is_whole = fields.type != 1 && fields.type != 10 && fields.type != 11;
    if (fields.type == 0 || fields.type == 8 || fields.type > 13)
        return broken(fmt::format("its type {} isn't one of numbers", fields.type));
    if (tensor.dims.size() > dims_max)
        return broken(fmt::format("it has {} dimensions, limit {}", tensor.dims.size(), dims_max));
    std::uint64_t count = 1;
    for (const std::int64_t dim : tensor.dims) {
        if (dim < 0 || static_cast<std::uint64_t>(dim) > numbers_max)
            return broken(fmt::format("a dimension is {}", dim));
        count *= static_cast<std::uint64_t>(dim);
        if (count > numbers_max) return broken("it holds over 134 million numbers");
    }
    if (count != tensor.size())
        return broken(
            fmt::format("its shape says {} numbers, but {} are there", count, tensor.size()));
    return {};
}

Result<TensorFields> tensor_of(std::string_view bytes) {
    TensorFields fields;
    WireReader reader(bytes);
    while (TRY(reader.next())) {
        OnnxTensor& tensor = fields.tensor;
        switch (reader.field) {
            case 1: TRY(reader.add_wholes(tensor.dims)); break;
            case 2: fields.type = static_cast<std::int64_t>(reader.whole); break;
            case 4: TRY(reader.add_numbers(tensor.numbers)); break;
            case 5:
            case 7:
            case 11: TRY(reader.add_wholes(tensor.wholes)); break;
            case 8: fields.name = reader.text(); break;
            case 9:
                fields.raw = reader.kind == WireReader::Kind::bytes ? reader.bytes : "";
                fields.has_raw = true;
                break;
            case 10: return broken("numbers of double precision that aren't raw aren't read");
            case 13:
            case 14:
                if (reader.field == 13 || reader.whole != 0)
                    return broken("its numbers lie in another file; save the model as one file");
                break;
            default: break;
        }
    }
    TRY_WITH(settle(fields), fmt::format("tensor '{}'", fields.name));
    return fields;
}

Result<OnnxAttribute> attribute_of(std::string_view bytes, std::string& name) {
    OnnxAttribute attribute;
    WireReader reader(bytes);
    while (TRY(reader.next())) {
        switch (reader.field) {
            case 1: name = reader.text(); break;
            case 2: attribute.number = reader.number(); break;
            case 3: attribute.whole = static_cast<std::int64_t>(reader.whole); break;
            case 4: attribute.text = reader.text(); break;
            case 5: attribute.tensor = std::move(TRY(tensor_of(reader.bytes)).tensor); break;
            case 7: TRY(reader.add_numbers(attribute.numbers)); break;
            case 8: TRY(reader.add_wholes(attribute.wholes)); break;
            case 6:
            case 11: return broken("a graph within a node (If, Loop, Scan) isn't read");
            default: break;
        }
    }
    return attribute;
}

Result<OnnxNode> node_of(std::string_view bytes) {
    OnnxNode node;
    WireReader reader(bytes);
    while (TRY(reader.next())) {
        switch (reader.field) {
            case 1: node.inputs.push_back(reader.text()); break;
            case 2: node.outputs.push_back(reader.text()); break;
            case 3: node.name = reader.text(); break;
            case 4: node.op = reader.text(); break;
            case 5: {
                std::string name;
                OnnxAttribute attribute = TRY_WITH(attribute_of(reader.bytes, name), node.title());
                node.attributes[std::move(name)] = std::move(attribute);
                break;
            }
            default: break;
        }
        if (node.inputs.size() > names_max || node.outputs.size() > names_max ||
            node.attributes.size() > names_max)
            return broken(node.title() + " has over 256 inputs, outputs or attributes");
    }
    if (node.op.empty() || node.outputs.empty())
        return broken(node.title() + " has no operator or no output");
    return node;
}

Result<std::vector<std::int64_t>> shape_of(std::string_view type) {
    std::vector<std::int64_t> dims;
    WireReader types(type);
    while (TRY(types.next())) {
        if (types.field != 1) continue;
        WireReader tensor(types.bytes);
        while (TRY(tensor.next())) {
            if (tensor.field != 2) continue;
            WireReader shape(tensor.bytes);
            while (TRY(shape.next())) {
                if (shape.field != 1) continue;
                std::int64_t size = -1;
                WireReader dim(shape.bytes);
                while (TRY(dim.next()))
                    if (dim.field == 1) size = static_cast<std::int64_t>(dim.whole);
                if (dims.size() == dims_max) return broken("a value has over 8 dimensions");
                dims.push_back(size > 0 ? size : -1);
            }
        }
    }
    return dims;
}

Result<OnnxValue> value_of(std::string_view bytes) {
    OnnxValue value;
    WireReader reader(bytes);
    while (TRY(reader.next())) {
        if (reader.field == 1) value.name = reader.text();
        if (reader.field == 2) value.dims = TRY(shape_of(reader.bytes));
    }
    return value;
}

Result<void> read_graph(std::string_view bytes, OnnxModel& model) {
    WireReader reader(bytes);
    while (TRY(reader.next())) {
        switch (reader.field) {
            case 1:
                if (model.nodes.size() == nodes_max) return broken("it has over 20,000 nodes");
                model.nodes.push_back(TRY(node_of(reader.bytes)));
                for (const auto& [name, attribute] : model.nodes.back().attributes)
                    model.weights += attribute.tensor.size();
                if (model.weights > numbers_max) return broken("it has over 134 million weights");
                break;
            case 5: {
                if (model.constants.size() == constants_max)
                    return broken("it has over 10,000 constants");
                TensorFields fields = TRY(tensor_of(reader.bytes));
                model.weights += fields.tensor.size();
                if (model.weights > numbers_max) return broken("it has over 134 million weights");
                model.constants[fields.name] = std::move(fields.tensor);
                break;
            }
            case 11: model.inputs.push_back(TRY(value_of(reader.bytes))); break;
            case 12: model.outputs.push_back(TRY(value_of(reader.bytes))); break;
            default: break;
        }
        if (model.inputs.size() > constants_max + names_max || model.outputs.size() > names_max)
            return broken("it has too many inputs or outputs");
    }
    return {};
}

Result<std::int64_t> opset_of(std::string_view bytes) {
    std::string domain;
    std::int64_t version = 0;
    WireReader reader(bytes);
    while (TRY(reader.next())) {
        if (reader.field == 1) domain = reader.text();
        if (reader.field == 2) version = static_cast<std::int64_t>(reader.whole);
    }
    return domain.empty() || domain == "ai.onnx" ? version : 0;
}

/// Every name is made before it is used, once, and what the model gives is made.
Result<void> check_names(OnnxModel& model) {
    std::erase_if(model.inputs,
                  [&](const OnnxValue& input) { return model.constants.contains(input.name); });
    std::set<std::string_view> made;
    for (const auto& [name, tensor] : model.constants) made.insert(name);
    for (const OnnxValue& input : model.inputs)
        if (!made.insert(input.name).second)
            return broken(fmt::format("input '{}' is there twice", input.name));
    for (const OnnxNode& node : model.nodes) {
        for (const std::string& name : node.inputs)
            if (!name.empty() && !made.contains(name))
                return broken(fmt::format("{} takes '{}', which nothing before it makes",
                                          node.title(), name));
        for (const std::string& name : node.outputs)
            if (!name.empty() && !made.insert(name).second)
                return broken(fmt::format("'{}' is made twice", name));
    }
    for (const OnnxValue& output : model.outputs)
        if (!made.contains(output.name))
            return broken(fmt::format("output '{}' is made by no node", output.name));
    if (model.inputs.empty() || model.outputs.empty() || model.nodes.empty())
        return broken("it has no graph with an input and an output");
    return {};
}

}  // namespace

std::string OnnxNode::title() const {
    return fmt::format("node '{}' ({})", name.empty() && !outputs.empty() ? outputs[0] : name, op);
}

const OnnxAttribute* OnnxNode::find(std::string_view attribute) const {
    const auto found = attributes.find(attribute);
    return found == attributes.end() ? nullptr : &found->second;
}

std::int64_t OnnxNode::whole(std::string_view attribute, std::int64_t otherwise) const {
    const OnnxAttribute* const found = find(attribute);
    return found != nullptr ? found->whole : otherwise;
}

float OnnxNode::number(std::string_view attribute, float otherwise) const {
    const OnnxAttribute* const found = find(attribute);
    return found != nullptr ? found->number : otherwise;
}

std::string OnnxNode::text(std::string_view attribute, std::string_view otherwise) const {
    const OnnxAttribute* const found = find(attribute);
    return found != nullptr ? found->text : std::string(otherwise);
}

std::vector<std::int64_t> OnnxNode::wholes(std::string_view attribute) const {
    const OnnxAttribute* const found = find(attribute);
    return found != nullptr ? found->wholes : std::vector<std::int64_t>();
}

Result<OnnxModel> read_onnx(std::string_view bytes) {
    if (bytes.size() > file_bytes_max)
        return fail(ErrorCode::exhausted, "the model is over 512 MiB");
    OnnxModel model;
    bool has_graph = false;
    WireReader reader(bytes);
    while (TRY_WITH(reader.next(), "this is no ONNX file")) {
        if (reader.field == 8 && reader.kind == WireReader::Kind::bytes)
            model.opset = std::max(model.opset, TRY(opset_of(reader.bytes)));
        if (reader.field == 7 && reader.kind == WireReader::Kind::bytes) {
            if (has_graph) return broken("it has two graphs");
            has_graph = true;
            TRY(read_graph(reader.bytes, model));
        }
    }
    if (!has_graph) return broken("this is no ONNX file: it has no graph");
    if (model.opset < 9 || model.opset > 17)
        return broken(fmt::format("opset {} isn't read; export with opset 9 to 17", model.opset));
    TRY(check_names(model));
    return model;
}

}  // namespace stroma::tissue
