#include "app/exit_code.h"

#include <fmt/format.h>

#include <array>

namespace stroma::app {
namespace {

struct ExitCode {
    ErrorCode code;
    int number;
    std::string_view meaning;
};

constexpr std::array<ExitCode, 10> exit_codes = {{
    {ErrorCode::invalid_input, 2, "the request or the file must be changed"},
    {ErrorCode::not_found, 3, "the named thing isn't there"},
    {ErrorCode::already_exists, 4, "the name is taken"},
    {ErrorCode::denied, 5, "not allowed"},
    {ErrorCode::conflict, 6, "a concurrent change won; repeat"},
    {ErrorCode::exhausted, 7, "a limit is reached; the message names it"},
    {ErrorCode::unavailable, 8, "something needed didn't answer; repeat later"},
    {ErrorCode::unsupported, 9, "known, but not built"},
    {ErrorCode::corrupt, 10, "stored bytes are damaged; run stroma verify"},
    {ErrorCode::cancelled, 130, "stopped by you or by a deadline"},
}};

}  // namespace

int exit_code(ErrorCode code) {
    for (const auto& row : exit_codes)
        if (row.code == code) return row.number;
    return 1;
}

std::string exit_code_table() {
    std::string text = fmt::format("  {:>3}  {:<15} {}\n", 0, "", "done");
    for (const auto& row : exit_codes)
        text += fmt::format("  {:>3}  {:<15} {}\n", row.number, name_of(row.code), row.meaning);
    return text;
}

}  // namespace stroma::app
