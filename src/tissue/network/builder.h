#pragma once

#include <deque>
#include <map>
#include <optional>

#include "tissue/network/engine.h"
#include "tissue/network/program.h"

// How a network becomes steps of oneDNN. For who adds an operator: builder.cpp finds what a node
// means, operators.cpp and shapes.cpp hold one function for each.

namespace stroma::tissue {

/// Room for the numbers of a value; used again once nobody reads them.
struct Block {
    std::size_t count = 0;
    bool is_free = false;
    AlignedFloats memory;
};

/// A value that is worked out for each window, and what its places depend on.
struct Flow {
    std::vector<std::int64_t> dims;
    std::shared_ptr<Block> block;
    int y = -1, x = -1;            ///< dimensions of the picture's rows and columns; -1: no map
    double scale = 1;              ///< pixels of the picture to one place
    double before = 0, after = 0;  ///< place i sees pixels scale · i - before … scale · i + after
    bool everywhere = false;       ///< or all of them

    std::int64_t count() const;
    float* data() const { return block->memory.get(); }
    /// Numbers from one place of a dimension to the next: maps (4 dimensions) lie channels last.
    std::vector<std::int64_t> strides() const;
};

using MemoryDesc = dnnl_memory_desc_t;
MemoryDesc desc_of(const std::vector<std::int64_t>& dims, const std::vector<std::int64_t>& strides);

/// The steps of a network for one size of window.
struct NetworkSteps {
    explicit NetworkSteps(const Dnnl* library) : dnnl(library) {}
    NetworkSteps(const NetworkSteps&) = delete;
    NetworkSteps& operator=(const NetworkSteps&) = delete;
    ~NetworkSteps();

    struct Step {
        dnnl_primitive_t primitive = nullptr;
        std::vector<dnnl_exec_arg_t> arguments;
    };
    const Dnnl* dnnl;  ///< none: only shapes are worked out
    dnnl_stream_t stream = nullptr;
    std::deque<Block> blocks;
    std::vector<AlignedFloats> constants;
    std::vector<dnnl_memory_t> memories;
    std::vector<Step> steps;
    Flow input;
    std::vector<std::pair<std::string, Flow>> outputs;  ///< in the model's order

    std::uint64_t bytes() const;
};

class Builder {
public:
    /// Steps are made when `steps` has a library, else shapes and reach are found alone.
    Builder(const OnnxModel& model, NetworkSteps& steps) : model_(model), steps_(steps) {}
    Result<void> build(std::int64_t side);
    double align() const { return align_; }

private:
    using Operator = Result<void> (Builder::*)(const OnnxNode&);
    static Operator find_operator(std::string_view op);

    // Values.
    Result<void> take_input(std::int64_t side);
    Result<void> run_node(const OnnxNode& node);
    Result<const Flow*> flow(const OnnxNode& node, std::size_t at) const;
    Result<const Flow*> map(const OnnxNode& node, std::size_t at) const;  ///< with 4 dimensions
    const OnnxTensor* constant(const OnnxNode& node, std::size_t at) const;
    static bool has(const OnnxNode& node, std::size_t at);
    Result<Flow> room(std::vector<std::int64_t> dims, const Flow& like);
    void give(const OnnxNode& node, Flow made);
    Result<void> give(const OnnxNode& node, OnnxTensor made);
    Result<bool> fold(const OnnxNode& node);
    Result<std::vector<std::int64_t>> whole_list(const OnnxNode& node, std::string_view attribute,
                                                 std::size_t input) const;

    // Operators.
    struct Sides {  ///< of a sliding window: rows, then columns
        std::int64_t kernel[2], stride[2], dilation[2], begin[2], end[2], out[2];
    };
    Result<Sides> sides_of(const OnnxNode& node, const Flow& from, std::int64_t rows,
                           std::int64_t columns, bool is_transposed) const;
    Result<void> slide(const OnnxNode& node, const Sides& sides, Flow& made) const;
    Result<void> spread(const OnnxNode& node, const Sides& sides, Flow& made) const;
    Result<void> convolution(const OnnxNode& node);
    Result<void> emit_convolution(const OnnxNode& node, const Flow& from, const Flow& to,
                                  const OnnxTensor& weights, const Sides& sides);
    Result<void> pooling(const OnnxNode& node);
    Result<void> whole_mean(const OnnxNode& node);
    Result<void> reduction(const OnnxNode& node);
    Result<void> unary(const OnnxNode& node);
    Result<void> normalisation(const OnnxNode& node);
    Result<void> arithmetic(const OnnxNode& node);
    Result<Flow> combine(const OnnxNode& node, dnnl_alg_kind_t kind, const Flow& left,
                         const MemoryDesc& right, float* data, const Flow* other);
    Result<Flow> apply(const OnnxNode& node, const Flow& from, dnnl_alg_kind_t kind, float alpha,
                       float beta);
    Result<void> joining(const OnnxNode& node);
    Result<void> resizing(const OnnxNode& node);
    Result<void> product(const OnnxNode& node);
    Result<void> softmax(const OnnxNode& node);
    // Shapes (shapes.cpp).
    Result<void> same(const OnnxNode& node);
    Result<void> transposition(const OnnxNode& node);
    Result<void> reshaping(const OnnxNode& node);
    Result<Flow> reshaped(const OnnxNode& node, const Flow& from, std::vector<std::int64_t> dims);

    // Steps.
    class Described;  ///< a primitive's description, which it gives back
    Result<Described> describe(const OnnxNode& node, const void* op,
                               dnnl_primitive_attr_t attributes = nullptr) const;
    Result<void> add(const OnnxNode& node, const Described& described,
                     std::vector<std::pair<int, dnnl_memory_t>> arguments);
    Result<void> copy(const OnnxNode& node, const MemoryDesc& from, float* from_data,
                      const MemoryDesc& to, float* to_data, bool at_once);
    dnnl_memory_t memory(const MemoryDesc& desc, float* data);
    float* keep(const std::vector<float>& numbers);
    tl::unexpected<Error> refuse(const OnnxNode& node, std::string_view why) const;
    bool emits() const { return steps_.dnnl != nullptr; }

    const OnnxModel& model_;
    NetworkSteps& steps_;
    std::map<std::string, Flow, std::less<>> flows_;
    std::map<std::string, OnnxTensor, std::less<>> folded_;
    std::map<std::string, std::size_t, std::less<>> readers_;
    double align_ = 1;
    std::size_t folded_numbers_ = 0;
};

class Builder::Described {
public:
    Described(const Dnnl& library, dnnl_primitive_desc_t its) : library_(&library), its_(its) {}
    Described(Described&& other) noexcept
        : library_(other.library_), its_(std::exchange(other.its_, nullptr)) {}
    Described& operator=(Described&&) = delete;
    ~Described() {
        if (its_ != nullptr) library_->primitive_desc_destroy(its_);
    }
    const_dnnl_primitive_desc_t get() const { return its_; }
    const MemoryDesc& wants(dnnl_query_t what) const {
        return *library_->primitive_desc_query_md(its_, what, 0);
    }

private:
    const Dnnl* library_;
    dnnl_primitive_desc_t its_;
};

}  // namespace stroma::tissue
