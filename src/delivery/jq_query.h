#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::delivery {

/// A compiled jq program (libjq) that makes an object from a record: the partition keys.
class JqQuery {
public:
    /// errors  invalid_input  the program isn't one, with jq's words
    static Result<JqQuery> compile(const std::string& program);
    ~JqQuery();
    JqQuery(JqQuery&&) noexcept;
    JqQuery& operator=(JqQuery&&) noexcept;
    /// Its members as text. errors  invalid_input  the record isn't JSON, the program fails on it
    /// or gives no object, or a member is null, empty or not a scalar
    Result<std::map<std::string, std::string>> keys_of(std::string_view record) const;

private:
    struct State;
    explicit JqQuery(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace stroma::delivery
