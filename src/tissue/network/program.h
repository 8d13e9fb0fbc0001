#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tissue/network/onnx_model.h"

namespace stroma::tissue {

/// What a network takes and gives, whatever the window.
struct NetworkFacts {
    std::int64_t channels = 0;      ///< of its picture
    std::int64_t fixed_side = 0;    ///< of its picture where the file says one, else 0
    std::int64_t align = 1;         ///< windows begin and end at multiples of so many pixels
    std::int64_t reach = 0;         ///< pixels to each side that one place of an output depends on
    bool looks_everywhere = false;  ///< a place depends on its whole window (a mean over all of it)
    struct Output {
        std::string name;
        std::int64_t channels = 0;
        std::int64_t grid = 1;  ///< pixels of the picture, in each direction, to one place
    };
    std::vector<Output> outputs;  ///< those that are maps: others (a vector of style) aren't used
};

/// errors  invalid_input  names the node whose operator, option or shape isn't understood
Result<NetworkFacts> examine_network(const OnnxModel& model);

/// A network made ready for square windows of one size. One thread at a time.
class NetworkProgram {
public:
    /// memory  what it needs is counted before any is taken
    /// errors  exhausted  more than `bytes_max`; invalid_input; unsupported (no oneDNN)
    static Result<NetworkProgram> build(const OnnxModel& model, std::int64_t side,
                                        std::uint64_t bytes_max);
    /// Of one program for such windows.
    static Result<std::uint64_t> bytes_needed(const OnnxModel& model, std::int64_t side);
    NetworkProgram(NetworkProgram&&) noexcept;
    ~NetworkProgram();

    /// channels × side × side numbers in, of each output channels × (side / grid)² out.
    Result<void> run(std::span<const float> window, std::vector<std::vector<float>>& outputs);

private:
    struct Parts;
    explicit NetworkProgram(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace stroma::tissue
