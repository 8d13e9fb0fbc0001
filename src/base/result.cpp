#include "base/result.h"

#include <array>
#include <cerrno>
#include <cstring>

namespace stroma {
namespace {
constexpr std::array<std::string_view, 10> code_names = {
    "invalid_input", "not_found",   "already_exists", "denied",    "conflict",
    "exhausted",     "unavailable", "unsupported",    "cancelled", "corrupt"};
}  // namespace

std::string_view name_of(ErrorCode code) { return code_names.at(static_cast<std::size_t>(code)); }

ErrorCode error_code_named(std::string_view name) {
    for (std::size_t i = 0; i < code_names.size(); ++i)
        if (code_names[i] == name) return static_cast<ErrorCode>(i);
    return ErrorCode::corrupt;
}

Error Error::with(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
}

Error Error::with(std::string_view context) const& {
    return Error{code, std::string(context) + ": " + message};
}

Error error_from_errno(std::string_view doing, std::string_view thing, int error_number) {
    auto code = ErrorCode::unavailable;
    if (error_number == ENOSPC || error_number == EDQUOT) code = ErrorCode::exhausted;
    if (error_number == ENOENT || error_number == ENOTDIR) code = ErrorCode::not_found;
    if (error_number == EACCES || error_number == EPERM) code = ErrorCode::denied;
    return {code,
            std::string(doing) + " " + std::string(thing) + ": " + std::strerror(error_number)};
}

}  // namespace stroma
