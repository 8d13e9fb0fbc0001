#include <algorithm>
#include <array>

#include "redshift/dialect/call.h"

namespace stroma::redshift {
namespace {

constexpr std::array<std::string_view, 5> may_ignore_nulls = {"lag", "lead", "first_value",
                                                              "last_value", "nth_value"};

/// FILTER (…) and OVER (…) or OVER name behind a call; moves `at` behind.
Answer<std::string> window_behind(Rewriter& rewriter, std::size_t& at) {
    std::string written;
    if (rewriter.is_word(at, "filter") && rewriter.is_sign(at + 1, "(")) {
        const std::size_t close = rewriter.closing(at + 1);
        written += " filter " + TRY(rewriter.range({at + 1, close + 1}, true));
        at = close + 1;
    }
    if (!rewriter.is_word(at, "over")) return written;
    const std::size_t last = rewriter.is_sign(at + 1, "(") ? rewriter.closing(at + 1) : at + 1;
    written += " over " + TRY(rewriter.range({at + 1, last + 1}, true));
    at = last + 1;
    return written;
}

/// PIVOT (avg(x) FOR …) takes the aggregate as it is.
bool is_of_pivot(const Rewriter& rewriter, std::size_t behind) {
    return rewriter.is_word(behind, "for") ||
           (rewriter.is_word(behind, "as") && rewriter.is_word(behind + 2, "for"));
}

// Of whole numbers the average is a whole number, of decimals one with their decimals: as a
// division of the sum, in the type of a value and a BIGINT together.
Written average(Call& call, std::size_t& at) {
    Rewriter& rewriter = call.rewriter();
    if (call.count() != 1 || is_of_pivot(rewriter, call.close() + 1)) return std::nullopt;
    TokenRange counted = call.range(0);
    const bool is_distinct = rewriter.is_word(counted.from, "distinct");
    if (is_distinct || rewriter.is_word(counted.from, "all")) ++counted.from;
    const std::string value = TRY(rewriter.range(counted, true));
    at = call.close() + 1;
    const std::string window = TRY(window_behind(rewriter, at));
    return fmt::format(
        "cast_to_type(sum({0}{1}){2} / count({0}{1}){2}, "
        "CAST(0 AS BIGINT) + any_value({1}){2})",
        is_distinct ? "distinct " : "", value, window);
}

/// percentile_cont(f) WITHIN GROUP (ORDER BY x) OVER (…); without OVER the engine has it.
Written percentile_over(Call& call, std::size_t& at) {
    Rewriter& rewriter = call.rewriter();
    const std::size_t within = call.close() + 1;
    if (call.count() != 1 || !rewriter.is_word(within, "within")) return std::nullopt;
    const std::size_t open = within + 2;
    const std::size_t close = rewriter.closing(open);
    if (!rewriter.is_word(close + 1, "over")) return std::nullopt;
    const bool falls = rewriter.is_word(close - 1, "desc");
    const std::size_t end = falls || rewriter.is_word(close - 1, "asc") ? close - 1 : close;
    const std::string share = TRY(call.argument(0));
    const std::string value = TRY(rewriter.range({open + 3, end}, true));
    at = close + 1;
    const std::string window = TRY(window_behind(rewriter, at));
    return fmt::format("quantile_{}({}, {}{}){}",
                       call.name() == "percentile_cont" ? "cont" : "disc", value,
                       falls ? "1 - " : "", share, window);
}

/// lag(x) IGNORE NULLS OVER (…): the engine wants the words within the parentheses.
Written ignoring_nulls(Call& call, std::size_t& at) {
    const Rewriter& rewriter = call.rewriter();
    const std::size_t behind = call.close() + 1;
    const bool says = (rewriter.is_word(behind, "ignore") || rewriter.is_word(behind, "respect")) &&
                      rewriter.is_word(behind + 1, "nulls");
    if (!says) return std::nullopt;
    const std::string arguments = TRY(call.rest(0));
    at = behind + 2;
    return fmt::format("{}({} {} nulls)", call.name(), arguments, rewriter.token(behind).word);
}

/// The pattern's SQL with letters of its parameters before it.
Answer<std::string> pattern_of(Call& call, std::string_view letters) {
    const Token& written = call.first(1);
    std::string pattern = call.is_literal(1)
                              ? quoted_text(call.rewriter().is_plain_text(call.range(1).from)
                                                ? single_backslashes(written.word)
                                                : written.word)
                              : "(" + TRY(call.argument(1)) + ")";
    if (letters.find('i') != std::string_view::npos) pattern = "('(?i)' || " + pattern + ")";
    return pattern;
}

/// $1 of PCRE as \1.
std::string numbered(std::string_view replacement) {
    std::string made;
    for (std::size_t at = 0; at < replacement.size(); ++at) {
        const bool is_part = replacement[at] == '$' && at + 1 < replacement.size() &&
                             replacement[at + 1] >= '0' && replacement[at + 1] <= '9';
        made += is_part ? '\\' : replacement[at];
    }
    return made;
}

Written replacing(Call& call, const std::string& pattern, std::string_view letters) {
    const std::string text = TRY(call.argument(0));
    std::string replacement = "''";
    if (call.count() > 2) {
        replacement = TRY(call.argument(2));
        if (call.is_literal(2)) {
            const std::string& written = call.first(2).word;
            const bool is_plain = call.rewriter().is_plain_text(call.range(2).from);
            const std::string said = is_plain ? single_backslashes(written) : written;
            replacement =
                quoted_text(letters.find('p') == std::string_view::npos ? said : numbered(said));
        }
    }
    if (call.count() <= 3)
        return fmt::format("regexp_replace({}, {}, {}, 'g')", text, pattern, replacement);
    const std::string start = TRY(call.argument(3));
    return fmt::format("(left({0}, ({1}) - 1) || regexp_replace(substr({0}, {1}), {2}, {3}, 'g'))",
                       text, start, pattern, replacement);
}

}  // namespace

Answer<std::string> within_group(Rewriter& rewriter, std::size_t& at) {
    if (!rewriter.is_word(at, "within") || !rewriter.is_word(at + 1, "group") ||
        !rewriter.is_sign(at + 2, "("))
        return std::string();
    const std::size_t close = rewriter.closing(at + 2);
    std::string order = TRY(rewriter.range({at + 3, close}, true));
    at = close + 1;
    return order;
}

Written rewrite_ending(Call& call, std::size_t& at) {
    const std::string& name = call.name();
    if (name == "avg") return average(call, at);
    if (name == "percentile_cont" || name == "percentile_disc") return percentile_over(call, at);
    if (std::find(may_ignore_nulls.begin(), may_ignore_nulls.end(), name) != may_ignore_nulls.end())
        return ignoring_nulls(call, at);
    return std::nullopt;
}

Written rewrite_pattern(Call& call) {
    const std::string& name = call.name();
    const bool is_instr = name == "regexp_instr", is_substr = name == "regexp_substr";
    const bool is_replace = name == "regexp_replace", is_count = name == "regexp_count";
    if (!is_instr && !is_substr && !is_replace && !is_count) return std::nullopt;
    // The parameters' place, and at most so many arguments.
    const std::size_t place = is_instr ? 5 : is_count ? 3 : 4;
    if (call.count() < 2 || call.count() > place + 1) return fail(call.misfit());
    std::string letters;
    // regexp_replace(s, p, r, 'g') is PostgreSQL's.
    const bool is_foreign = is_replace && call.count() == 4 && call.is_literal(3);
    if (is_foreign) return std::nullopt;
    if (call.count() == place + 1) {
        if (!call.is_literal(place))
            return refuse("0A000", fmt::format("{} needs its parameters written as a text", name));
        letters = call.first(place).word;
        if (letters.find_first_not_of("cipe") != std::string::npos)
            return refuse("0A000", fmt::format("{} has no parameters '{}': c, e, i and p are there",
                                               name, letters));
    }
    const std::string pattern = TRY(pattern_of(call, letters));
    for (const std::string_view looks : {"(?=", "(?!", "(?<=", "(?<!"})
        if (call.is_literal(1) && call.first(1).word.find(looks) != std::string::npos)
            return refuse("0A000", fmt::format("a pattern of {} can't look ahead or behind: {}",
                                               name, looks));
    if (is_replace) return replacing(call, pattern, letters);
    std::string made = name + "(" + TRY(call.argument(0)) + ", " + pattern;
    for (std::size_t at = 2; at < std::min(call.count(), place); ++at)
        made += ", " + TRY(call.argument(at));
    if (is_substr && letters.find('e') != std::string::npos) made += ", 1";
    return made + ")";
}

}  // namespace stroma::redshift
