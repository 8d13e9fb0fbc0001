#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

#include "redshift/procedures/procedure_grammar.h"
#include "redshift/token_reader.h"
#include "redshift/types.h"

namespace stroma::redshift {
namespace {

/// "1..10" is read as "1", "." and ".10": made one sign between two numbers.
void join_dots(std::vector<Token>& tokens) {
    std::vector<Token> made;
    for (std::size_t at = 0; at < tokens.size(); ++at) {
        const Token& token = tokens[at];
        const bool is_dot = token.kind == TokenKind::sign && token.word == ".";
        const bool is_double =
            is_dot && at + 1 < tokens.size() && tokens[at + 1].offset == token.offset + 1 &&
            tokens[at + 1].word.starts_with('.') && tokens[at + 1].kind != TokenKind::quoted;
        made.push_back(token);
        if (!is_double) continue;
        made.back().word = "..";
        made.back().size = 2;
        Token next = tokens[++at];
        if (next.kind == TokenKind::sign && next.word == ".") continue;
        next.word.erase(0, 1);
        ++next.offset;
        ++next.gap;
        --next.size;
        made.push_back(std::move(next));
    }
    tokens = std::move(made);
}

class BodyReader {
public:
    BodyReader(const std::string& text, const std::vector<Token>& tokens)
        : text_(text), tokens_(tokens), in_(tokens) {}
    Answer<Step> read();
    std::size_t line() const {
        return 1 + static_cast<std::size_t>(std::count(
                       text_.begin(),
                       text_.begin() + static_cast<std::ptrdiff_t>(in_.token().offset), '\n'));
    }

private:
    using Words = std::initializer_list<std::string_view>;
    Answer<TokenRange> until(Words words, std::string_view sign = ";");
    Answer<void> end_of(std::string_view what);
    Answer<std::vector<Step>> steps(Words ends);
    Answer<Step> step();
    Answer<Step> block(Step made);
    Answer<void> declarations(Step& made);
    Answer<Step> choose(Step made);
    Answer<Step> choose_case(Step made);
    Answer<Step> loop(Step made);
    Answer<Step> for_loop(Step made);
    Answer<Step> leave(Step made);
    Answer<Step> raise(Step made);
    Answer<Step> cursor(Step made, const std::string& word);
    Answer<Step> sql(Step made);
    Answer<Step> other(Step made, const std::string& word);
    Answer<std::vector<std::string>> targets();
    Answer<std::string> target();
    Answer<void> semicolon() {
        if (in_.take_sign(";")) return {};
        return in_.wrong(";");
    }

    const std::string& text_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
    std::size_t depth_ = 0;
};

/// The tokens up to one of these words, or to a sign, at no depth; a CASE within them is passed.
Answer<TokenRange> BodyReader::until(Words words, std::string_view sign) {
    const std::size_t from = in_.at();
    int cases = 0, brackets = 0;
    for (; !in_.at_end(); in_.next()) {
        const bool is_word = in_.token().kind == TokenKind::word;
        if (cases == 0 && brackets == 0) {
            if (in_.is_sign(sign)) break;
            if (is_word && std::find(words.begin(), words.end(), in_.token().word) != words.end())
                break;
            if (in_.is_sign(";")) return in_.wrong(words.size() > 0 ? *words.begin() : sign);
        }
        if (in_.is_sign("(") || in_.is_sign("[")) ++brackets;
        if (in_.is_sign(")") || in_.is_sign("]")) --brackets;
        if (brackets < 0) return in_.wrong("an expression");
        if (is_word && in_.token().word == "case") ++cases;
        if (is_word && in_.token().word == "end" && cases > 0) --cases;
    }
    if (in_.at_end()) return in_.wrong(words.size() > 0 ? *words.begin() : sign);
    return TokenRange{from, in_.at()};
}

/// END what;
Answer<void> BodyReader::end_of(std::string_view what) {
    TRY(in_.expect("end"));
    TRY(in_.expect(what));
    if (in_.token().kind == TokenKind::word) in_.next();  // a loop's label
    return semicolon();
}

Answer<std::string> BodyReader::target() {
    std::string name = TRY(in_.name());
    if (in_.take_sign(".")) name += "." + TRY(in_.name());
    return name;
}

Answer<std::vector<std::string>> BodyReader::targets() {
    std::vector<std::string> made;
    do {
        made.push_back(TRY(target()));
    } while (in_.take_sign(","));
    return made;
}

Answer<std::vector<Step>> BodyReader::steps(Words ends) {
    std::vector<Step> made;
    if (++depth_ > steps_depth_max) return refuse("54001", "the procedure is nested too deeply");
    for (;;) {
        if (in_.at_end()) return in_.wrong("END");
        if (in_.token().kind == TokenKind::word &&
            std::find(ends.begin(), ends.end(), in_.token().word) != ends.end())
            break;
        made.push_back(TRY(step()));
    }
    --depth_;
    return made;
}

Answer<void> BodyReader::declarations(Step& made) {
    while (!in_.is("begin")) {
        DeclaredVariable variable;
        variable.name = TRY(in_.name());
        if (in_.is("alias"))
            return refuse("0A000", "ALIAS FOR isn't there: give the argument its name");
        variable.is_constant = in_.take("constant");
        if (in_.take("record")) {
            variable.kind = DeclaredVariable::Kind::record;
        } else if (in_.take("refcursor")) {
            variable.kind = DeclaredVariable::Kind::cursor;
        } else if (in_.take("cursor")) {
            if (in_.is_sign("(")) return refuse("0A000", "a cursor takes no arguments here");
            if (!in_.take("for")) TRY(in_.expect("is"));
            variable.kind = DeclaredVariable::Kind::query;
            variable.first = TRY(until({}));
        } else {
            std::size_t at = in_.at();
            TRY(read_type(tokens_, at));
            variable.type = in_.written(text_, in_.at(), at);
            in_.move_to(at);
            if (in_.is_sign("%") || in_.is_sign("."))
                return refuse("0A000", "%TYPE and %ROWTYPE aren't there: name the type, or RECORD");
            variable.is_not_null = in_.take("not", "null");
            if (in_.take("default") || in_.take_sign(":=") || in_.take_sign("="))
                variable.first = TRY(until({}));
        }
        TRY(semicolon());
        made.declared.push_back(std::move(variable));
    }
    return {};
}

// [DECLARE …] BEGIN … [EXCEPTION WHEN OTHERS THEN …] END [label]
Answer<Step> BodyReader::block(Step made) {
    made.kind = StepKind::block;
    if (in_.take("declare")) TRY(declarations(made));
    TRY(in_.expect("begin"));
    made.steps = TRY(steps({"end", "exception"}));
    if (in_.take("exception")) {
        TRY(in_.expect("when"));
        if (!in_.take("others"))
            return refuse("0A000", "EXCEPTION has WHEN OTHERS alone, as in Redshift");
        TRY(in_.expect("then"));
        made.has_handler = true;
        made.handler = TRY(steps({"end", "when"}));
        if (in_.is("when"))
            return refuse("0A000", "EXCEPTION has WHEN OTHERS alone, as in Redshift");
    }
    TRY(in_.expect("end"));
    if (in_.token().kind == TokenKind::word) in_.next();
    return made;
}

// IF … THEN … ELSIF … ELSE … END IF
Answer<Step> BodyReader::choose(Step made) {
    made.kind = StepKind::choose;
    do {
        Branch branch;
        branch.condition = TRY(until({"then"}));
        in_.next();
        branch.steps = TRY(steps({"elsif", "elseif", "else", "end"}));
        made.branches.push_back(std::move(branch));
    } while (in_.take("elsif") || in_.take("elseif"));
    if (in_.take("else")) {
        made.has_otherwise = true;
        made.otherwise = TRY(steps({"end"}));
    }
    TRY(end_of("if"));
    return made;
}

Answer<Step> BodyReader::choose_case(Step made) {
    made.kind = StepKind::choose;
    made.is_dynamic = true;  // without ELSE one of them must hold
    made.value = TRY(until({"when"}));
    while (in_.take("when")) {
        Branch branch;
        branch.condition = TRY(until({"then"}));
        in_.next();
        branch.steps = TRY(steps({"when", "else", "end"}));
        made.branches.push_back(std::move(branch));
    }
    if (in_.take("else")) {
        made.has_otherwise = true;
        made.otherwise = TRY(steps({"end"}));
    }
    TRY(end_of("case"));
    return made;
}

Answer<Step> BodyReader::loop(Step made) {
    TRY(in_.expect("loop"));
    made.steps = TRY(steps({"end"}));
    TRY(end_of("loop"));
    return made;
}

// FOR i IN [REVERSE] a..b [BY c] LOOP, FOR x IN query LOOP, FOR x IN EXECUTE … LOOP
Answer<Step> BodyReader::for_loop(Step made) {
    made.targets = TRY(targets());
    TRY(in_.expect("in"));
    made.falls = in_.take("reverse");
    made.kind = StepKind::rows;
    if (in_.take("execute")) {
        made.is_dynamic = true;
        made.value = TRY(until({"loop", "using"}));
        if (in_.take("using")) made.arguments.push_back(TRY(until({"loop"})));
        return loop(std::move(made));
    }
    const std::size_t from = in_.at();
    const TokenRange all = TRY(until({"loop"}));
    in_.move_to(from);
    if (in_.is("select") || in_.is("with")) {
        made.value = all;
        in_.move_to(all.to);
        return loop(std::move(made));
    }
    made.kind = StepKind::count;
    made.value = TRY(until({}, ".."));
    in_.next();
    made.last = TRY(until({"loop", "by"}));
    if (in_.take("by")) made.step = TRY(until({"loop"}));
    return loop(std::move(made));
}

Answer<Step> BodyReader::leave(Step made) {
    if (in_.token().kind == TokenKind::word && !in_.is("when")) made.label = TRY(in_.name());
    if (in_.take("when")) made.value = TRY(until({}));
    TRY(semicolon());
    return made;
}

// RAISE [level] 'format' [, argument…]
Answer<Step> BodyReader::raise(Step made) {
    constexpr std::array<std::string_view, 6> levels = {"debug",  "log",     "info",
                                                        "notice", "warning", "exception"};
    made.kind = StepKind::raise;
    made.level = "exception";
    if (in_.take_sign(";")) return made;
    if (in_.token().kind == TokenKind::word) {
        made.level = in_.token().word;
        if (std::find(levels.begin(), levels.end(), made.level) == levels.end())
            return in_.wrong("INFO, NOTICE, WARNING, LOG, DEBUG or EXCEPTION");
        in_.next();
    }
    made.text = TRY(in_.text());
    while (in_.take_sign(",")) {
        const std::size_t from = in_.at();
        // Up to the next comma or the end.
        while (!in_.at_end() && !in_.is_sign(",") && !in_.is_sign(";")) {
            if (in_.is_sign("(") || in_.is_sign("[")) {
                TRY(in_.skip_brackets());
            } else {
                in_.next();
            }
        }
        made.arguments.push_back({from, in_.at()});
    }
    const auto places =
        static_cast<std::size_t>(std::count(made.text.begin(), made.text.end(), '%'));
    if (places < made.arguments.size() && made.text.find("%%") == std::string::npos)
        return in_.wrong("a % in the text for each argument of RAISE");
    TRY(semicolon());
    return made;
}

Answer<Step> BodyReader::cursor(Step made, const std::string& word) {
    if (word == "open") {
        made.kind = StepKind::open;
        made.targets = {TRY(in_.name())};
        if (in_.take("for")) {
            made.is_dynamic = in_.take("execute");
            made.value = TRY(until({}));
        }
    } else if (word == "fetch") {
        made.kind = StepKind::fetch;
        in_.take("next");
        in_.take("from");
        made.label = TRY(in_.name());
        TRY(in_.expect("into"));
        made.targets = TRY(targets());
    } else {
        made.kind = StepKind::close;
        made.label = TRY(in_.name());
    }
    TRY(semicolon());
    return made;
}

// A statement of SQL. INTO of a SELECT names what takes its row: whether these are variables or a
// table to make is known when it runs.
Answer<Step> BodyReader::sql(Step made) {
    constexpr std::array<std::string_view, 21> known = {
        "select",  "with",   "insert", "update", "delete",  "merge",   "truncate",
        "create",  "alter",  "drop",   "copy",   "unload",  "grant",   "revoke",
        "analyze", "vacuum", "call",   "set",    "comment", "refresh", "lock"};
    if (std::find(known.begin(), known.end(), in_.token().word) == known.end())
        return in_.wrong("a statement");
    made.kind = StepKind::sql;
    made.value = TRY(until({}));
    in_.next();
    return made;
}

Answer<Step> BodyReader::other(Step made, const std::string& word) {
    if (word == "null") {
        made.kind = StepKind::nothing;
    } else if (word == "return") {
        made.kind = StepKind::end;
        if (!in_.is_sign(";")) return in_.wrong("a procedure returns by its OUT arguments: ;");
    } else if (word == "commit" || word == "rollback") {
        made.kind = word == "commit" ? StepKind::commit : StepKind::rollback;
        if (!in_.take("work")) in_.take("transaction");
    } else if (word == "perform") {
        made.kind = StepKind::perform;
        made.value = TRY(until({}));
    } else if (word == "execute") {
        made.kind = StepKind::execute;
        made.value = TRY(until({"into", "using"}));
        if (in_.take("into")) made.targets = TRY(targets());
        if (in_.take("using")) made.arguments.push_back(TRY(until({})));
    } else {  // GET DIAGNOSTICS x := ROW_COUNT
        made.kind = StepKind::diagnose;
        TRY(in_.expect("diagnostics"));
        made.targets = {TRY(target())};
        if (!in_.take_sign(":=")) TRY(in_.expect_sign("="));
        TRY(in_.expect("row_count"));
    }
    TRY(semicolon());
    return made;
}

Answer<Step> BodyReader::step() {
    Step made;
    made.line = line();
    if (in_.take_sign("<<")) {
        made.label = TRY(in_.name());
        TRY(in_.expect_sign(">>"));
    }
    const std::string word = in_.token().kind == TokenKind::word ? in_.token().word : "";
    const bool assigns = in_.is_sign(":=", 1) || in_.is_sign("=", 1) ||
                         (in_.is_sign(".", 1) && (in_.is_sign(":=", 3) || in_.is_sign("=", 3)));
    if (assigns) {
        made.kind = StepKind::assign;
        made.targets = {TRY(target())};
        in_.next();
        made.value = TRY(until({}));
        TRY(semicolon());
        return made;
    }
    if (word == "declare" || word == "begin") {
        made = TRY(block(std::move(made)));
        TRY(semicolon());
        return made;
    }
    if (in_.take("if")) return choose(std::move(made));
    if (in_.take("case")) return choose_case(std::move(made));
    if (in_.take("for")) return for_loop(std::move(made));
    if (in_.take("raise")) return raise(std::move(made));
    if (word == "loop") {
        made.kind = StepKind::loop;
        return loop(std::move(made));
    }
    if (in_.take("while")) {
        made.kind = StepKind::repeat;
        made.value = TRY(until({"loop"}));
        return loop(std::move(made));
    }
    if (word == "exit" || word == "continue") {
        in_.next();
        made.kind = word == "exit" ? StepKind::leave : StepKind::next;
        return leave(std::move(made));
    }
    constexpr std::array<std::string_view, 7> others = {"null",    "return",  "commit", "rollback",
                                                        "perform", "execute", "get"};
    if (std::find(others.begin(), others.end(), word) != others.end()) {
        in_.next();
        return other(std::move(made), word);
    }
    if (word == "open" || word == "fetch" || word == "close") {
        in_.next();
        return cursor(std::move(made), word);
    }
    return sql(std::move(made));
}

Answer<Step> BodyReader::read() {
    Step made;
    if (in_.take_sign("<<")) {
        made.label = TRY(in_.name());
        TRY(in_.expect_sign(">>"));
    }
    made = TRY(block(std::move(made)));
    in_.take_sign(";");
    if (!in_.at_end()) return in_.wrong("nothing behind the last END");
    return made;
}

}  // namespace

Answer<ProcedureBody> read_body(std::string text) {
    ProcedureBody body;
    body.text = std::move(text);
    body.tokens = TRY(tokens_of(body.text));
    join_dots(body.tokens);
    BodyReader reader(body.text, body.tokens);
    auto block = reader.read();
    if (!block) {
        Failure failure = std::move(block.error());
        failure.message =
            fmt::format("line {} of the procedure: {}", reader.line(), failure.message);
        failure.position = 0;
        return fail(std::move(failure));
    }
    body.block = std::move(*block);
    return body;
}

}  // namespace stroma::redshift
