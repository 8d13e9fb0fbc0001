#include <fmt/format.h>

#include "redshift/dialect/call.h"
#include "redshift/rewriter.h"
#include "redshift/types.h"
#include "redshift/value_text.h"

namespace stroma::redshift {
namespace {

/// A literal of that type in a form that the engine reads: dates as people write them, `on`.
std::string usual_words(const std::string& literal, std::uint32_t type) {
    if (type == oid::date || type == oid::timestamp)
        return usual_moment(literal, type == oid::date);
    const std::string word = lower_of(literal);
    if (type == oid::boolean && (word == "on" || word == "off"))
        return word == "on" ? "true" : "false";
    return literal;
}

/// 'array_in' or 'array_in(cstring,oid,integer)' without its arguments: what reads and writes
/// arrays and their like stands in pg_type by name. "" for other functions.
std::string function_of_types(const Token& literal) {
    if (literal.kind != TokenKind::text) return {};
    const std::string name = literal.word.substr(0, literal.word.find('('));
    const std::size_t line = name.find('_');
    for (const std::string_view kind : {"array", "record", "enum", "range", "domain"})
        for (const std::string_view way : {"in", "out", "recv", "send"})
            if (line != name.npos && name.substr(0, line) == kind && name.substr(line + 1) == way)
                return name;
    return {};
}

}  // namespace

/// A text in front of a cast, in the engine's words; and a parameter without a type as a text.
void Rewriter::cast_operand(Frame& frame, std::size_t at, std::uint32_t type,
                            std::string& operand) const {
    const Token& value = tokens_[at - 1];
    const std::string_view written = text_.substr(value.offset, value.size);
    // Behind what stands between tokens.
    const std::string before = operand.ends_with(written)
                                   ? operand.substr(0, operand.size() - written.size())
                                   : std::string("?");
    const bool is_alone = before.find_first_not_of(" \t\r\n") == std::string::npos;
    std::string told;
    if (value.kind == TokenKind::text && is_alone) {
        const std::string usual = usual_words(value.word, type);
        told = quoted_text(engine_text(type, usual).value_or(usual));
    } else if (value.kind == TokenKind::parameter && operand == value.word && type == 0) {
        told = fmt::format("CAST({} AS VARCHAR)", value.word);
    } else {
        return;
    }
    frame.out.resize(frame.primary);
    frame.out += operand = (is_alone ? before : "") + told;
}

// ::type
Answer<void> Rewriter::cast(Frame& frame, std::size_t& at) {
    ++at;
    const Token& token = tokens_[at];
    const bool named = is_word(at, "pg_catalog") && is_sign(at + 1, ".");
    const std::string& word = named ? tokens_[at + 2].word : token.word;
    std::string operand = frame.out.substr(std::min(frame.primary, frame.out.size()));
    if (word.starts_with("reg") && word.size() >= 6 && tokens_[at].kind == TokenKind::word) {
        const std::string of_types = function_of_types(tokens_[at - 2]);
        cast_operand(frame, at - 1, 0, operand);
        at += named ? 3 : 1;
        frame.out.resize(frame.primary);
        if (!of_types.empty() && (word == "regproc" || word == "regprocedure")) {
            frame.out += " " + quoted_text(of_types);
            return {};
        }
        frame.out += fmt::format(" to_{}({})", word, operand);
        return {};
    }
    if (word == "oid" && operand.starts_with("pg_typeof(")) {
        at += named ? 3 : 1;
        frame.out.resize(frame.primary);
        frame.out += fmt::format(" to_regtype({})", operand);
        return {};
    }
    const std::size_t sign = at - 1;
    const auto type = TRY(read_type(tokens_, at));
    cast_operand(frame, sign, type.oid, operand);
    const bool cuts = type.length > 0 && type.length < 65535 && type.declared != "character(1)";
    if (cuts) {
        frame.out.resize(frame.primary);
        frame.out += fmt::format(" left(CAST({} AS VARCHAR), {})", operand, type.length);
        return {};
    }
    frame.out += "::" + type.engine;
    return {};
}

}  // namespace stroma::redshift
