#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/result.h"

namespace stroma::redshift {

/// Why a statement failed, as a SQL client is told.
struct Failure {
    Failure() = default;
    /// An error from below, with the SQLSTATE that its code and words mean: TRY hands it on.
    Failure(Error from);
    Failure(std::string_view state, std::string text) : sqlstate(state), message(std::move(text)) {}

    std::string sqlstate = "XX000";  ///< five characters: "42P01"
    std::string message, detail, hint;
    /// Byte of the statement's text, counted from 1; 0 is unknown.
    std::size_t position = 0;
    /// Where the engine saw it, in what it was given in the statement's place; 0 is unknown.
    std::size_t engine_line = 0, engine_column = 0;
};

template <class T>
using Answer = tl::expected<T, Failure>;

inline tl::unexpected<Failure> refuse(std::string_view sqlstate, std::string message) {
    return tl::unexpected<Failure>(Failure(sqlstate, std::move(message)));
}
/// The same failure as a Result's error, for callers that don't tell a SQL client.
Error error_of(const Failure& failure);

}  // namespace stroma::redshift

namespace stroma {
/// For TRY in functions that give an Answer.
inline tl::unexpected<redshift::Failure> fail(redshift::Failure failure) {
    return tl::unexpected<redshift::Failure>(std::move(failure));
}
namespace result_detail {
template <class T>
T take(redshift::Answer<T>&& result) {
    if constexpr (std::is_void_v<T>) {
        return;
    } else {
        return *std::move(result);
    }
}
}  // namespace result_detail
}  // namespace stroma
