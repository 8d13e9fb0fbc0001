#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"

namespace stroma::delivery {

using PartitionKeys = std::map<std::string, std::string>;

/// A user's jq program that makes an object from a record: the partition keys. It is run in a
/// child process of its own (jq_child.h), for it may run for ever, take all memory, and ask for
/// files and the environment.
struct JqQuery {
    std::string program;
    Milliseconds time{10'000};  ///< for all records of a call

    /// errors  invalid_input  the program isn't one, with jq's words
    Result<void> check() const;
    /// For each record the members of its object as text, or why there are none.
    /// errors  invalid_input  the record isn't JSON, the program fails on it or gives no object, or
    ///                        a member is null, empty or not a scalar
    ///         exhausted      on it the child takes more than its time (alone: half of it) or
    ///                        memory; beyond twenty such records their neighbours fail alike
    ///         unavailable, unsupported  there is no child
    std::vector<Result<PartitionKeys>> keys_of(const std::vector<std::string_view>& records) const;
};

}  // namespace stroma::delivery
