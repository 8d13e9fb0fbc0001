#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::event {

/// An event laid out for matching: each value under the path of names that leads to it. Made once,
/// matched against many patterns. The event must outlive it.
class FlatEvent {
public:
    explicit FlatEvent(const nlohmann::ordered_json& event);
    ~FlatEvent();
    FlatEvent(FlatEvent&&) noexcept;

    struct State;

private:
    friend class Pattern;
    std::unique_ptr<const State> state_;
};

/// A pattern of EventBridge's language: what it says of an event's fields must hold for all of
/// them, of one field for any of its alternatives. Exact values, prefix, suffix,
/// equals-ignore-case, anything-but in all its forms, numeric, cidr, exists, wildcard, $or.
/// Names that lead into objects may be joined by dots; of an array's objects one must fit whole.
/// Never changed; any thread.
class Pattern {
public:
    /// errors  invalid_input  the reason, in AWS's words where it has some
    static Result<Pattern> read(std::string_view json);
    bool matches(const FlatEvent& event) const;

    struct State;

private:
    explicit Pattern(std::shared_ptr<const State> state) : state_(std::move(state)) {}
    std::shared_ptr<const State> state_;
};

}  // namespace stroma::event
