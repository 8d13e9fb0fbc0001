#include "flow/definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include "flow/size_text.h"

namespace stroma::flow {
namespace {

struct Unit {
    std::string_view name;
    double factor;
};

Result<double> measured(std::string_view text, std::span<const Unit> units, const char* example) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const auto unit = std::ranges::find(units, rest, &Unit::name);
    const double value = unit == units.end() ? -1 : number * unit->factor;
    if (error != std::errc() || value < 0 || !(value < 9e15))
        return fail(ErrorCode::invalid_input, fmt::format("'{}' isn't like {}", text, example));
    return value;
}

}  // namespace

std::string text_of(std::string_view file, const Issue& issue) {
    std::string text(file);
    if (issue.place.line > 0) text += fmt::format(":{}:{}", issue.place.line, issue.place.column);
    text += ": ";
    if (!issue.field.empty()) text += issue.field + ": ";
    text += issue.message;
    if (!issue.fix.empty()) text += ": " + issue.fix;
    return text;
}

const Stage* Definition::find_stage(std::string_view wanted) const {
    const auto found = std::ranges::find(stages, wanted, &Stage::name);
    return found == stages.end() ? nullptr : &*found;
}

const RunInput* Definition::find_input(std::string_view wanted) const {
    const auto found = std::ranges::find(inputs, wanted, &RunInput::name);
    return found == inputs.end() ? nullptr : &*found;
}

Result<Definition> definition_of(std::string_view file, Checked checked) {
    if (checked.issues.empty()) return std::move(checked.definition);
    std::string text;
    for (const Issue& issue : checked.issues) {
        if (!text.empty()) text += "\n";
        text += text_of(file, issue);
    }
    return fail(ErrorCode::invalid_input, std::move(text));
}

std::optional<fs::path> file_of_word(const std::string& word, const fs::path& folder) {
    if (word.empty() || word.starts_with('-') || folder.empty()) return std::nullopt;
    std::error_code error;
    const fs::path path = fs::path(word).is_absolute() ? fs::path(word) : folder / word;
    if (!fs::is_regular_file(path, error)) return std::nullopt;
    return fs::weakly_canonical(path, error);
}

Result<std::uint64_t> bytes_in(std::string_view text) {
    static constexpr Unit units[] = {
        {"", 1},
        {"B", 1},
        {"KiB", 1024},
        {"MiB", 1024. * 1024},
        {"GiB", 1024. * 1024 * 1024},
        {"TiB", 1024. * 1024 * 1024 * 1024},
        {"KB", 1e3},
        {"MB", 1e6},
        {"GB", 1e9},
    };
    return static_cast<std::uint64_t>(TRY(measured(text, units, "512MiB or 2GiB")));
}

Result<Milliseconds> duration_in(std::string_view text) {
    static constexpr Unit units[] = {
        {"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 36e5}, {"d", 864e5},
    };
    return Milliseconds{
        static_cast<std::int64_t>(TRY(measured(text, units, "30s, 5min, 24h or 7d")))};
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    return fmt::format("{:.{}g} {}", value, value >= 100 ? 4 : 3, units[unit]);
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    std::string best;
    std::size_t least = word.size() / 3 + 2;
    for (const std::string& other : known) {
        std::vector<std::size_t> row(other.size() + 1);
        std::iota(row.begin(), row.end(), std::size_t{0});
        for (std::size_t i = 0; i < word.size(); ++i) {
            std::size_t diagonal = row[0];
            row[0] = i + 1;
            for (std::size_t j = 0; j < other.size(); ++j) {
                const std::size_t changed = diagonal + (word[i] == other[j] ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = std::min({row[j] + 1, diagonal + 1, changed});
            }
        }
        if (row.back() < least) {
            least = row.back();
            best = other;
        }
    }
    return best;
}

}  // namespace stroma::flow
