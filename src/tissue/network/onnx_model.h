#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

// ONNX (opset 9 to 17) as far as networks for segmentation need it: the messages ModelProto,
// GraphProto, NodeProto, AttributeProto, TensorProto and ValueInfoProto of onnx.proto 1.12, read
// from protobuf's wire format. Bytes come from outside: every count and length is checked first.

namespace stroma::tissue {

/// A constant, or where a value's numbers aren't known yet its shape alone.
struct OnnxTensor {
    std::vector<std::int64_t> dims;    ///< row-major
    std::vector<float> numbers;        ///< of float32, float16 and double tensors
    std::vector<std::int64_t> wholes;  ///< of whole numbers of any size, and of truths
    bool is_whole = false;             ///< which of the two it has

    std::size_t size() const { return is_whole ? wholes.size() : numbers.size(); }
};

struct OnnxAttribute {
    float number = 0;
    std::int64_t whole = 0;
    std::string text;
    OnnxTensor tensor;
    std::vector<float> numbers;
    std::vector<std::int64_t> wholes;
};

struct OnnxNode {
    std::string name, op;
    std::vector<std::string> inputs, outputs;  ///< "": left out
    std::map<std::string, OnnxAttribute, std::less<>> attributes;

    /// "node 'conv1' (Conv)", for errors.
    std::string title() const;
    const OnnxAttribute* find(std::string_view attribute) const;
    std::int64_t whole(std::string_view attribute, std::int64_t otherwise) const;
    float number(std::string_view attribute, float otherwise) const;
    std::string text(std::string_view attribute, std::string_view otherwise) const;
    std::vector<std::int64_t> wholes(std::string_view attribute) const;
};

/// What goes in or comes out: of a dimension that isn't fixed -1.
struct OnnxValue {
    std::string name;
    std::vector<std::int64_t> dims;
};

struct OnnxModel {
    std::int64_t opset = 0;
    std::vector<OnnxNode> nodes;  ///< each after those whose outputs it takes
    std::map<std::string, OnnxTensor, std::less<>> constants;
    std::vector<OnnxValue> inputs, outputs;  ///< inputs without the constants among them
    std::size_t weights = 0;                 ///< numbers in `constants`
};

/// limits   512 MiB; 20,000 nodes; 10,000 constants of 8 dimensions; 2²⁷ numbers
/// errors   invalid_input  says what is broken, or isn't read: weights in another file, types other
///          than numbers, opsets before 9 or past 17, a graph within a node
Result<OnnxModel> read_onnx(std::string_view bytes);

}  // namespace stroma::tissue
