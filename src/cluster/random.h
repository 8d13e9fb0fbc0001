#pragma once

#include <cmath>
#include <cstdint>

namespace stroma::cluster {

/// Numbers that are the same for a seed on every machine. Source: SplitMix64, by S. Vigna.
class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    /// A stream of its own for each piece of work, whichever thread does it.
    Random(std::uint64_t seed, std::uint64_t piece) : state_(mix(seed) ^ mix(~piece)) {}
    std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15u); }
    /// 0 … count - 1
    std::uint32_t below(std::uint32_t count) {
        return static_cast<std::uint32_t>((next() >> 32) * count >> 32);
    }
    /// [0, 1)
    double share() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    /// Of the normal distribution, by Box and Muller.
    double normal() {
        const double radius = std::sqrt(-2 * std::log(1 - share()));
        return radius * std::cos(6.283185307179586 * share());
    }

private:
    static std::uint64_t mix(std::uint64_t value) {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
        value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
        return value ^ (value >> 31);
    }
    std::uint64_t state_;
};

}  // namespace stroma::cluster
