#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "redshift/rewriter.h"

// SELECT … FROM relation [WHERE …] [START WITH …] CONNECT BY … as a recursive WITH: written so in
// the dialect, and rewritten as such.

namespace stroma::redshift {
namespace {

constexpr std::size_t levels_max = 10000;

/// Where the parts of the statement begin, by tokens; 0 where one isn't there.
struct Hierarchy {
    std::size_t from = 0, where = 0, start = 0, connect = 0, tail = 0;
};

}  // namespace

/// The tokens as they are written; PRIOR x as the column of the row above, LEVEL as `level`.
Answer<std::string> Rewriter::of_hierarchy(TokenRange range, std::string_view level) const {
    std::string made;
    for (std::size_t at = range.from; at < range.to; ++at) {
        const Token& token = tokens_[at];
        const std::string_view written = text_.substr(token.offset, token.size);
        if (is_word(at, "prior")) {
            std::size_t last = at + 1;
            while (last + 2 < range.to && is_sign(last + 1, ".")) last += 2;
            const bool is_name = last < range.to && (tokens_[last].kind == TokenKind::word ||
                                                     tokens_[last].kind == TokenKind::quoted);
            if (!is_name) return fail(syntax_failure(token, "PRIOR stands before a column"));
            made += fmt::format(" stroma_prior.{}", quoted_name(tokens_[last].word));
            at = last;
            continue;
        }
        const bool is_level = is_word(at, "level") && (at == 0 || !is_sign(at - 1, "."));
        made += gap(at) + (is_level ? std::string(level) : std::string(written));
    }
    return made;
}

Answer<bool> Rewriter::hierarchy(Frame& frame, std::size_t& at) {
    constexpr std::array<std::string_view, 9> tails = {
        "group", "having", "order", "limit", "qualify", "union", "minus", "intersect", "except"};
    Hierarchy parts;
    std::size_t end = at;
    for (int depth = 0; end < frame.end; ++end) {
        if (is_sign(end, "(") || is_sign(end, "[")) ++depth;
        if ((is_sign(end, ")") || is_sign(end, "]")) && --depth < 0) break;
        if (depth > 0 || tokens_[end].kind != TokenKind::word) continue;
        const std::string& word = tokens_[end].word;
        if (word == "from" && parts.from == 0) parts.from = end;
        if (word == "where" && parts.where == 0) parts.where = end;
        if (word == "start" && is_word(end + 1, "with")) parts.start = end;
        if (word == "connect" && is_word(end + 1, "by")) parts.connect = end;
        const bool is_tail = std::find(tails.begin(), tails.end(), word) != tails.end();
        if (is_tail && parts.connect == 0 && parts.from > 0 && parts.start == 0) return false;
        if (is_tail && parts.connect > 0) break;
    }
    if (parts.connect == 0 || parts.from == 0) return false;
    // Both orders of START WITH and CONNECT BY are taken.
    const std::size_t begin =
        parts.start == 0 ? parts.connect : std::min(parts.start, parts.connect);
    const std::size_t relation_end = parts.where > 0 ? std::min(parts.where, begin) : begin;
    const std::size_t connect_end = parts.start > parts.connect ? parts.start : end;
    const std::size_t start_end = parts.start > parts.connect ? end : parts.connect;
    const TokenRange relation{parts.from + 1, relation_end};
    const Token& named = tokens_[relation.to - 1];
    const bool is_query = is_sign(relation.from, "(");
    for (std::size_t each = is_query ? closing(relation.from) : relation.from; each < relation.to;
         ++each)
        if (is_sign(each, ",") || is_sign(each, "(") || is_word(each, "join"))
            return refuse("0A000",
                          "CONNECT BY is there of one relation by its name: WITH "
                          "RECURSIVE says more");
    const bool has_name = named.kind != TokenKind::sign;
    const std::string name = has_name ? quoted_name(named.word) : "stroma_rows";
    std::string list = TRY(of_hierarchy({at + 1, parts.from}, "level"));
    for (std::size_t star = at + 1; star < parts.from; ++star)
        if (is_sign(star, "*") &&
            (star == at + 1 || is_sign(star - 1, ",") || is_sign(star - 1, ".")))
            list = list.substr(0, list.find('*') + 1) + " exclude (level)" +
                   list.substr(list.find('*') + 1);
    const std::string written =
        TRY(of_hierarchy(relation, "level")) + (has_name ? "" : " as " + name);
    const std::string starts =
        parts.start == 0 ? "" : " where " + TRY(of_hierarchy({parts.start + 2, start_end}, "1"));
    const std::string circle = fmt::format(
        "case when stroma_prior.level >= {} then error('CONNECT BY goes round in a circle') else "
        "true end",
        levels_max);
    const std::string made = fmt::format(
        "select {} from (with recursive stroma_tree as (select {}.*, 1 as level from {}{} union "
        "all "
        "select {}.*, stroma_prior.level + 1 from {} join (select "
        "stroma_tree as stroma_prior from stroma_tree) as stroma_above on ({}) and "
        "{}) select * from stroma_tree) as {}{}",
        list, name, written, starts, name, written,
        TRY(of_hierarchy({parts.connect + 2, connect_end}, "(stroma_prior.level + 1)")), circle,
        name,
        parts.where > 0 && parts.where < begin ? TRY(of_hierarchy({parts.where, begin}, "level"))
                                               : "");
    const auto tokens = TRY(tokens_of(made));
    frame.out += gap(at) + TRY(rewrite(made, tokens, 0, tokens.size() - 1, context_));
    at = end;
    frame.in_from = false;
    return true;
}

}  // namespace stroma::redshift
