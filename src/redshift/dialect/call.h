#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "redshift/rewriter.h"

// Not beyond this folder.

namespace stroma::redshift {

/// One call: its name, and its arguments rewritten when asked for.
class Call {
public:
    Call(Rewriter& rewriter, std::size_t at, std::size_t open)
        : rewriter_(rewriter),
          name_(rewriter.token(at).word),
          open_(open),
          close_(rewriter.closing(open)),
          arguments_(rewriter.arguments(open, close_)) {}

    const std::string& name() const { return name_; }
    std::size_t count() const { return arguments_.size(); }
    std::size_t close() const { return close_; }
    const TokenRange& range(std::size_t index) const { return arguments_[index]; }
    const Token& first(std::size_t index) const { return rewriter_.token(arguments_[index].from); }
    bool is_literal(std::size_t index) const {
        return arguments_[index].to == arguments_[index].from + 1 &&
               first(index).kind == TokenKind::text;
    }
    bool has_call(std::size_t index) const {
        for (std::size_t at = arguments_[index].from; at < arguments_[index].to; ++at)
            if (rewriter_.is_sign(at, "(")) return true;
        return false;
    }
    Answer<std::string> argument(std::size_t index) {
        return rewriter_.range(arguments_[index], true);
    }
    /// All from that one, with commas.
    Answer<std::string> rest(std::size_t index) {
        std::string made;
        for (; index < count(); ++index) made += (made.empty() ? "" : ",") + TRY(argument(index));
        return made;
    }
    Answer<std::string> part(std::size_t index) const {
        const auto named = date_part_named(lower_of(first(index).word));
        if (named.empty() || arguments_[index].to != arguments_[index].from + 1)
            return fail(syntax_failure(first(index), "a date part is expected"));
        return std::string(named);
    }
    Failure misfit() const {
        Failure failure(
            "42883", fmt::format("function {} with {} arguments does not exist", name_, count()));
        failure.position = rewriter_.token(open_).offset + 1;
        return failure;
    }
    Rewriter& rewriter() { return rewriter_; }
    const Rewriter& rewriter() const { return rewriter_; }
    std::size_t open() const { return open_; }

private:
    Rewriter& rewriter_;
    std::string name_;
    std::size_t open_, close_;
    std::vector<TokenRange> arguments_;
};

using Written = Answer<std::optional<std::string>>;

/// Calls that go on behind their parentheses: averages, percentiles and lists of a window, IGNORE
/// NULLS. Moves `at` behind what it took; nothing where the engine has it so.
Written rewrite_ending(Call& call, std::size_t& at);
/// errors  0A000  a function of Redshift's that isn't there; says what is, instead
Answer<void> demand_known(const Call& call);
/// REGEXP_…: positions, occurrences and letters of parameters.
/// errors  0A000  parameters that aren't known
Written rewrite_pattern(Call& call);
/// What WITHIN GROUP (…) holds behind a call; "" where it isn't there. Moves `at` behind.
Answer<std::string> within_group(Rewriter& rewriter, std::size_t& at);

/// A pattern as migrated statements write it: two backslashes for one.
std::string single_backslashes(std::string_view pattern);
/// A date or moment as any of the forms that Redshift reads, in the engine's own form; as it is
/// where it can't be told.
std::string usual_moment(std::string_view written, bool is_date);

}  // namespace stroma::redshift
