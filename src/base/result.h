#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>

namespace stroma {

/// The closed list of what the world can do to a request. Decisions (retry, HTTP status, exit
/// code) read the code, never the text. What only a bug can do is an assertion instead.
enum class ErrorCode {
    invalid_input,   ///< the caller must change the request
    not_found,       ///< the named thing isn't there
    already_exists,  ///< the name is taken
    denied,          ///< the principal may not
    conflict,        ///< a concurrent change won; ours left no trace; may be repeated
    exhausted,       ///< a stated limit is reached; the message names it
    unavailable,     ///< a dependency didn't answer; may be repeated
    unsupported,     ///< known, not built
    cancelled,       ///< the caller or a deadline stopped it
    corrupt,         ///< stored bytes fail their checksum or their structure
};

/// The code's name as it stands in logs and JSON, e.g. "invalid_input".
std::string_view name_of(ErrorCode code);
/// The code with that name; corrupt for a name that is not one (only damage writes such names).
ErrorCode error_code_named(std::string_view name);

/// What went wrong: a code and one plain sentence that names the thing and, where known, the fix.
struct Error {
    ErrorCode code = ErrorCode::corrupt;
    std::string message;

    /// The same error with what we were doing put in front: "context: message".
    Error with(std::string_view context) &&;
    Error with(std::string_view context) const&;
    bool may_pass_by_itself() const {
        return code == ErrorCode::conflict || code == ErrorCode::unavailable;
    }
};

template <class T>
using Result = tl::expected<T, Error>;

/// Makes the failed side of any Result: return fail(ErrorCode::not_found, "no dataset 'x'").
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
    return tl::unexpected<Error>(Error{code, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

/// An Error from errno: what was being done to which thing, and the system's words.
/// ENOSPC and EDQUOT are exhausted, ENOENT not_found, EACCES denied, the rest unavailable.
Error error_from_errno(std::string_view doing, std::string_view thing, int error_number);

namespace result_detail {
template <class T>
T take(Result<T>&& result) {
    if constexpr (std::is_void_v<T>) {
        return;
    } else {
        return *std::move(result);
    }
}
}  // namespace result_detail

}  // namespace stroma

/// The value of a Result, or an early return of its error from the enclosing function.
#define TRY(expression)                                                        \
    __extension__({                                                            \
        auto try_result = (expression);                                        \
        if (!try_result) return ::stroma::fail(std::move(try_result.error())); \
        ::stroma::result_detail::take(std::move(try_result));                  \
    })

/// TRY with what we were doing put in front of the error's message.
#define TRY_WITH(expression, context)                                                        \
    __extension__({                                                                          \
        auto try_result = (expression);                                                      \
        if (!try_result) return ::stroma::fail(std::move(try_result.error()).with(context)); \
        ::stroma::result_detail::take(std::move(try_result));                                \
    })
