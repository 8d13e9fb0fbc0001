#include "redshift/load/scan_failure.h"

#include <fmt/format.h>

namespace stroma::redshift {
namespace {

constexpr auto npos = std::string::npos;

/// Redshift's words for a file with other columns than the table; empty for any other failure.
std::string unmatched_columns(const std::string& message) {
    const std::string_view has = " columns available but ";
    const auto at = message.find(has);
    if (at == npos) return {};
    const auto begin = message.rfind(' ', at - 1) + 1;
    const auto wanted = at + has.size();
    return fmt::format(
        "Unmatched number of columns between table and file. Table columns: {}, Data columns: {}",
        message.substr(wanted, message.find(' ', wanted) - wanted),
        message.substr(begin, at - begin));
}

}  // namespace

Failure scan_failure(Failure failure, const std::vector<ScannedFile>& files) {
    std::string message = failure.message;
    // The place is one in a statement that nobody wrote.
    if (const auto place = message.rfind(" (line "); place != npos && message.back() == ')')
        message.resize(place);
    bool is_named = false;
    for (const auto& [path, url] : files) {
        for (auto at = message.find(path); at != npos; at = message.find(path, at + url.size())) {
            message.replace(at, path.size(), url);
            is_named = true;
        }
    }
    if (auto words = unmatched_columns(message); !words.empty()) message = std::move(words);
    if (!is_named && files.size() == 1) message = files[0].second + ": " + message;
    failure.message = "Spectrum Scan Error: " + message;
    return failure;
}

}  // namespace stroma::redshift
