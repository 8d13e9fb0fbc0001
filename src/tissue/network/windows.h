#pragma once

#include <functional>

#include "image/stored_image.h"
#include "tissue/network/network_model.h"
#include "tissue/pixel_reader.h"
#include "tissue/segment/checkpoint.h"

namespace stroma::tissue {

/// A picture as a network sees it: one channel, from 0 at the slide's lower quantile to 1 at its
/// upper one, larger or smaller by a factor.
class NetworkView {
public:
    /// Reads the whole channel once. errors  corrupt, cancelled
    static Result<NetworkView> open(const image::StoredImage& image, std::size_t channel,
                                    const NetworkRules& rules, double scale,
                                    const expression::Watch& watch);

    std::int64_t width() const { return width_; }
    std::int64_t height() const { return height_; }
    double low() const { return low_; }
    double high() const { return high_; }
    double scale() const { return scale_; }
    /// Outside the picture its nearest pixel's. Any thread.
    Result<void> read(const Window& window, std::vector<float>& out) const;

private:
    NetworkView(const image::StoredImage& image, std::size_t channel) : pixels_(image, channel) {}
    Result<void> find_range(const image::Channel& channel, bool is_whole, const NetworkRules& rules,
                            const expression::Watch& watch);

    PixelReader pixels_;
    std::int64_t width_ = 0, height_ = 0;
    double scale_ = 1, low_ = 0, high_ = 1;
};

/// What a network said of the places in `core`, whole pixels of the view; maps are `side` / grid
/// wide, and the core begins `halo` pixels in.
struct NetworkAnswer {
    std::size_t number = 0;  ///< of the window, row by row
    Window core;
    std::int64_t halo = 0, side = 0, grid = 1;
    const std::vector<std::vector<float>>* outputs = nullptr;

    /// Map `channel` of an output; row-major.
    const float* map(std::size_t output, std::size_t channel) const {
        const auto wide = static_cast<std::size_t>(side / grid);
        return (*outputs)[output].data() + channel * wide * wide;
    }
    /// The place of a pixel of the view.
    std::size_t place(std::int64_t x, std::int64_t y) const {
        return static_cast<std::size_t>((y - core.y + halo) / grid * (side / grid) +
                                        (x - core.x + halo) / grid);
    }
};

/// Windows of one size, whose cores lie side by side from the picture's corner. They hang on the
/// network and the picture's size alone, so neither threads nor tiles are seen.
struct WindowPlan {
    std::int64_t core = 0, halo = 0, side = 0;
    bool is_seamless = true;  ///< the halo is as wide as the network's reach
};
Result<WindowPlan> plan_windows(const NetworkModel& model, std::int64_t width, std::int64_t height);
std::size_t window_count(const WindowPlan& plan, const NetworkView& view);

/// Asks the network of every window that `done` (of one step) doesn't have, and marks it there;
/// `take` is called on several threads, each core once.
/// memory  at most `memory_bytes` for the networks of all threads
/// errors  exhausted, unsupported (no oneDNN), cancelled, what `take` fails with
Result<void> ask_network(const NetworkModel& model, const NetworkView& view, const WindowPlan& plan,
                         std::uint64_t memory_bytes, const expression::Watch& watch,
                         Checkpoint& done,
                         const std::function<Result<void>(const NetworkAnswer&)>& take);

}  // namespace stroma::tissue
