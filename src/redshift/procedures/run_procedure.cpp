#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "redshift/procedures/procedures.h"
#include "redshift/types.h"

// The interpreter. What a body says in SQL goes through the session as a client's statement would,
// with the values of variables written into it.

namespace stroma::redshift {
namespace {

struct Field {
    std::string name;
    ProcedureValue value;
};

struct Variable {
    DeclaredVariable::Kind kind = DeclaredVariable::Kind::value;
    ProcedureValue value;
    bool is_constant = false, is_not_null = false;
    std::vector<Field> fields;  ///< of a record
    TokenRange query;           ///< of a cursor that is declared with one
};

enum class Flow { on, leave, next, end };

class Interpreter {
public:
    Interpreter(EngineSession& session, const CalledProcedure& called, ProcedureBody body,
                bool may_commit)
        : session_(session), called_(called), body_(std::move(body)), may_commit_(may_commit) {}
    Answer<std::vector<ProcedureValue>> run(std::vector<ProcedureValue> given);

private:
    using Scope = std::map<std::string, Variable, std::less<>>;
    Variable* find(std::string_view name);
    std::string substituted(TokenRange range, bool is_statement = false);
    std::size_t copy_names(TokenRange range, std::size_t at, std::string& out) const;
    std::optional<std::string> value_at(std::size_t& at, std::size_t from, std::size_t end);
    Answer<ProcedureValue> evaluate(const std::string& text, const std::string& type);
    Answer<ProcedureValue> evaluate(TokenRange range, const std::string& type) {
        return evaluate(substituted(range), type);
    }
    Answer<bool> holds(TokenRange range);
    Answer<std::int64_t> whole(TokenRange range, std::int64_t usual);
    Answer<void> set(const std::string& target, ProcedureValue value);
    Answer<void> take(const std::vector<std::string>& targets, Cursor* row);
    Answer<std::unique_ptr<Cursor>> open(const std::string& text);
    Answer<void> drain(Cursor& cursor);
    Answer<Flow> steps(const std::vector<Step>& all);
    Answer<Flow> step(const Step& step);
    Answer<Flow> block(const Step& step);
    Answer<Flow> handle(const Step& step, const Failure& failure);
    Answer<Flow> choose(const Step& step);
    Answer<Flow> loop(const Step& step);
    Answer<Flow> count(const Step& step);
    Answer<Flow> rows(const Step& step);
    Answer<bool> goes_on(const Step& loop, const std::vector<Step>& steps, Flow& flow);
    Answer<void> sql(const Step& step);
    Answer<void> call(const Step& step);
    Answer<void> execute(const Step& step);
    Answer<std::string> dynamic(const Step& step);
    Answer<void> raise(const Step& step);
    Answer<void> cursor(const Step& step);
    Answer<void> end_transaction(bool commits);
    std::size_t into_at(TokenRange range) const;
    bool is_sign(std::size_t at, std::string_view sign) const {
        return body_.tokens[at].kind == TokenKind::sign && body_.tokens[at].word == sign;
    }
    bool is_word(std::size_t at, std::string_view word) const {
        return body_.tokens[at].kind == TokenKind::word && body_.tokens[at].word == word;
    }

    EngineSession& session_;
    const CalledProcedure& called_;
    ProcedureBody body_;
    bool may_commit_;
    std::vector<Scope> scopes_;
    std::map<std::string, std::unique_ptr<Cursor>, std::less<>> cursors_;
    std::string label_;  ///< whom an EXIT or CONTINUE means
    std::optional<Failure> handled_;
    std::int64_t changed_ = 0;
};

Variable* Interpreter::find(std::string_view name) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope)
        if (const auto found = scope->find(name); found != scope->end()) return &found->second;
    return nullptr;
}

/// The value that stands at a token: of a variable, of a record's field, of $1; moves behind.
std::optional<std::string> Interpreter::value_at(std::size_t& at, std::size_t from,
                                                 std::size_t end) {
    const Token& token = body_.tokens[at];
    if (token.kind == TokenKind::parameter) {
        const std::size_t number = std::strtoul(token.word.c_str() + 1, nullptr, 10);
        if (number == 0 || number > called_.head.arguments.size()) return std::nullopt;
        const auto found = scopes_.front().find(fmt::format("${}", number));
        const std::string& name = called_.head.arguments[number - 1].name;
        const Variable* const variable =
            name.empty() ? (found == scopes_.front().end() ? nullptr : &found->second) : find(name);
        if (variable == nullptr) return std::nullopt;
        ++at;
        return literal_of(variable->value);
    }
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) return std::nullopt;
    const bool is_part = at > from && (is_sign(at - 1, ".") || is_word(at - 1, "as"));
    const bool is_call = at + 1 < end && is_sign(at + 1, "(");
    const Variable* const variable = is_part || is_call ? nullptr : find(token.word);
    if (variable == nullptr) return std::nullopt;
    const bool has_part = at + 2 < end && is_sign(at + 1, ".");
    if (variable->kind == DeclaredVariable::Kind::record && has_part) {
        for (const Field& field : variable->fields)
            if (field.name == body_.tokens[at + 2].word) {
                at += 3;
                return literal_of(field.value);
            }
        return std::nullopt;
    }
    if (variable->kind != DeclaredVariable::Kind::value || has_part) return std::nullopt;
    ++at;
    return literal_of(variable->value);
}

// Names that a statement gives to columns, which are no variables': INSERT INTO t (a, b), and what
// CREATE says before AS.
std::size_t Interpreter::copy_names(TokenRange range, std::size_t at, std::string& out) const {
    const std::size_t from = at;
    if (is_word(at, "insert")) {
        for (++at; at < range.to && !is_sign(at, "(") && !is_word(at, "values") &&
                   !is_word(at, "select") && !is_word(at, "with");)
            ++at;
        const bool is_query =
            at + 1 < range.to && (is_word(at + 1, "select") || is_word(at + 1, "with"));
        if (at < range.to && is_sign(at, "(") && !is_query)
            while (at < range.to && !is_sign(at++, ")")) continue;
    } else if (is_word(at, "create")) {
        while (at < range.to && !is_word(at, "as")) ++at;
    }
    if (at > from) {
        const Token& last = body_.tokens[at - 1];
        out += body_.text.substr(body_.tokens[from].gap,
                                 last.offset + last.size - body_.tokens[from].gap);
    }
    return at;
}

std::string Interpreter::substituted(TokenRange range, bool is_statement) {
    constexpr std::array<std::string_view, 12> unchanged = {
        "drop", "alter",  "grant",   "revoke",  "truncate", "analyze",
        "copy", "vacuum", "comment", "refresh", "lock",     "set"};
    const bool keeps = is_statement && std::find(unchanged.begin(), unchanged.end(),
                                                 body_.tokens[range.from].word) != unchanged.end();
    std::string out;
    bool sets = false;
    for (std::size_t at = range.from; at < range.to;) {
        const Token& token = body_.tokens[at];
        if (is_statement && !keeps && (is_word(at, "insert") || is_word(at, "create"))) {
            if (const std::size_t behind = copy_names(range, at, out); behind > at) {
                at = behind;
                continue;
            }
        }
        sets = is_statement &&
               (is_word(at, "set") ||
                (sets && !is_word(at, "where") && !is_word(at, "from") && !is_word(at, "when")));
        const bool is_target = sets && at + 1 < range.to && is_sign(at + 1, "=") &&
                               (is_word(at - 1, "set") || is_sign(at - 1, ","));
        const std::size_t before = at;
        out += body_.text.substr(token.gap, token.offset - token.gap);
        auto value = keeps || is_target ? std::nullopt : value_at(at, range.from, range.to);
        if (value) {
            out += *value;
            continue;
        }
        out += body_.text.substr(token.offset, token.size);
        at = before + 1;
    }
    return out;
}

Answer<std::unique_ptr<Cursor>> Interpreter::open(const std::string& text) {
    const auto statements = TRY(split(text));
    if (statements.size() != 1) return refuse("42601", "a procedure runs one statement at a time");
    const StatementKind kind = statements[0].kind;
    if (kind == StatementKind::begin || ends_transaction(kind))
        return refuse("0A000", "COMMIT and ROLLBACK stand in a procedure by themselves");
    return session_.run(statements[0]);
}

Answer<void> Interpreter::drain(Cursor& cursor) {
    while (TRY(cursor.next())) continue;
    changed_ = cursor.rows();
    find("found")->value.text = changed_ > 0 ? "t" : "f";
    return {};
}

Answer<ProcedureValue> Interpreter::evaluate(const std::string& text, const std::string& type) {
    const std::size_t first = std::min(text.find_first_not_of(" \n\t"), text.size());
    const std::string bare = text.substr(first, text.find_last_not_of(" \n\t") + 1 - first);
    const bool is_number = !bare.empty() && bare.size() < 5 &&
                           bare.find_first_not_of("0123456789") == std::string::npos;
    if (is_number && is_whole_type(lower_of(type))) return ProcedureValue{type, bare};
    auto row =
        TRY(first_row(session_, type.empty() ? "SELECT " + text
                                             : fmt::format("SELECT CAST(({}) AS {})", text, type)));
    if (!row || row->empty()) return ProcedureValue{type, std::nullopt};
    return ProcedureValue{type.empty() ? row->front().type : type, row->front().text};
}

Answer<bool> Interpreter::holds(TokenRange range) {
    const auto value = TRY(evaluate(range, "boolean"));
    return value.text == "t" || value.text == "true";
}

Answer<std::int64_t> Interpreter::whole(TokenRange range, std::int64_t usual) {
    if (range.from == range.to) return usual;
    const auto value = TRY(evaluate(range, "bigint"));
    if (!value.text) return refuse("22004", "a bound of a FOR loop cannot be null");
    std::int64_t number = 0;
    std::from_chars(value.text->data(), value.text->data() + value.text->size(), number);
    return number;
}

Answer<void> Interpreter::set(const std::string& target, ProcedureValue value) {
    const std::size_t dot = target.find('.');
    Variable* const variable = find(target.substr(0, dot));
    if (variable == nullptr)
        return refuse("42601", fmt::format("\"{}\" is not a known variable", target));
    if (variable->is_constant)
        return refuse("22005", fmt::format("\"{}\" is declared CONSTANT", target));
    if (dot != std::string::npos) {
        for (Field& field : variable->fields)
            if (field.name == target.substr(dot + 1)) {
                field.value = std::move(value);
                return {};
            }
        return refuse("42703", fmt::format("record \"{}\" has no field \"{}\"",
                                           target.substr(0, dot), target.substr(dot + 1)));
    }
    if (variable->is_not_null && !value.text)
        return refuse("22004", fmt::format("null value cannot be assigned to variable \"{}\" "
                                           "declared NOT NULL",
                                           target));
    const std::string& type = variable->value.type;
    if (value.text && !type.empty() && lower_of(value.type) != lower_of(type))
        value = TRY(evaluate(literal_of(value), type));
    if (!type.empty()) value.type = type;
    variable->value = std::move(value);
    return {};
}

// No row: nulls.
Answer<void> Interpreter::take(const std::vector<std::string>& targets, Cursor* row) {
    std::vector<Field> fields;
    if (row != nullptr)
        for (std::size_t at = 0; at < row->columns().size(); ++at)
            fields.push_back({row->columns()[at].name,
                              {row->columns()[at].engine_type, text_of_value(row->value(at))}});
    if (targets.size() == 1)
        if (Variable* const record = find(targets[0]);
            record != nullptr && record->kind == DeclaredVariable::Kind::record) {
            if (row == nullptr)
                for (Field& field : record->fields) field.value.text.reset();
            else
                record->fields = std::move(fields);
            return {};
        }
    for (std::size_t at = 0; at < targets.size(); ++at)
        TRY(set(targets[at], at < fields.size() ? fields[at].value : ProcedureValue{}));
    return {};
}

Answer<Flow> Interpreter::steps(const std::vector<Step>& all) {
    for (const Step& each : all) {
        if (session_.is_called_off())
            return refuse("57014", "canceling statement due to user request");
        auto flow = step(each);
        if (!flow) {
            Failure failure = std::move(flow.error());
            if (failure.detail.empty())
                failure.detail =
                    fmt::format("procedure {}, line {} of its body", called_.kept.name, each.line);
            return fail(std::move(failure));
        }
        if (*flow != Flow::on) return *flow;
    }
    return Flow::on;
}

Answer<Flow> Interpreter::block(const Step& step) {
    const std::size_t depth = scopes_.size();
    const auto run = [&]() -> Answer<Flow> {
        scopes_.emplace_back();
        for (const DeclaredVariable& declared : step.declared) {
            Variable made;
            made.kind = declared.kind;
            made.value.type = declared.type;
            made.query = declared.first;
            if (declared.kind == DeclaredVariable::Kind::value &&
                declared.first.to > declared.first.from)
                made.value = TRY(evaluate(declared.first, declared.type));
            made.is_constant = declared.is_constant;
            made.is_not_null = declared.is_not_null;
            if (made.is_not_null && !made.value.text)
                return refuse("22004", fmt::format("variable \"{}\" is NOT NULL and has no first "
                                                   "value",
                                                   declared.name));
            scopes_.back()[declared.name] = std::move(made);
        }
        return steps(step.steps);
    };
    auto flow = run();
    if (!flow && step.has_handler && flow.error().sqlstate != "57014" &&
        flow.error().sqlstate != "57P01")
        flow = handle(step, Failure(flow.error()));
    scopes_.resize(depth);
    if (flow && *flow == Flow::leave && !step.label.empty() && label_ == step.label) {
        label_.clear();
        return Flow::on;
    }
    return flow;
}

// As in Redshift: what the procedure did is undone, the handler's own changes stay, and the error
// is told again unless the procedure is NONATOMIC.
Answer<Flow> Interpreter::handle(const Step& step, const Failure& failure) {
    const bool was_block = session_.in_block();
    cursors_.clear();
    session_.roll_back();
    session_.open_group();
    scopes_.emplace_back();
    scopes_.back()["sqlerrm"].value = {"varchar", failure.message};
    scopes_.back()["sqlstate"].value = {"varchar", failure.sqlstate};
    const auto before = std::exchange(handled_, failure);
    auto flow = steps(step.handler);
    handled_ = before;
    if (!flow) return flow;
    const bool is_told = !called_.head.is_nonatomic || was_block;
    if (!is_told) return flow;
    TRY(session_.close_group());
    session_.open_group();
    return fail(failure);
}

Answer<Flow> Interpreter::choose(const Step& step) {
    const std::string sought = step.value.to > step.value.from ? substituted(step.value) : "";
    for (const Branch& branch : step.branches) {
        bool is_it = false;
        if (sought.empty()) {
            is_it = TRY(holds(branch.condition));
        } else {
            const auto value = TRY(evaluate(
                fmt::format("({}) IN ({})", sought, substituted(branch.condition)), "boolean"));
            is_it = value.text == "t" || value.text == "true";
        }
        if (is_it) return steps(branch.steps);
    }
    if (step.has_otherwise) return steps(step.otherwise);
    if (step.is_dynamic) return refuse("20000", "case not found");
    return Flow::on;
}

/// Runs a loop's steps once; false where the loop ends with `flow`.
Answer<bool> Interpreter::goes_on(const Step& loop, const std::vector<Step>& all, Flow& flow) {
    if (session_.is_called_off()) return refuse("57014", "canceling statement due to user request");
    flow = TRY(steps(all));
    if (flow == Flow::end) return false;
    const bool is_meant = label_.empty() || label_ == loop.label;
    if (flow == Flow::on) return true;
    if (!is_meant) return false;
    label_.clear();
    const bool ends = flow == Flow::leave;
    flow = Flow::on;
    return !ends;
}

Answer<Flow> Interpreter::loop(const Step& step) {
    Flow flow = Flow::on;
    for (;;) {
        if (step.kind == StepKind::repeat && !TRY(holds(step.value))) return Flow::on;
        if (!TRY(goes_on(step, step.steps, flow))) return flow;
    }
}

Answer<Flow> Interpreter::count(const Step& step) {
    const std::int64_t first = TRY(whole(step.value, 0)), last = TRY(whole(step.last, 0));
    const std::int64_t by = TRY(whole(step.step, 1));
    if (by <= 0) return refuse("22023", "BY value of FOR loop must be greater than zero");
    scopes_.emplace_back();
    const std::size_t depth = scopes_.size();
    Flow flow = Flow::on;
    const auto run = [&]() -> Answer<void> {
        std::int64_t at = first;
        while (step.falls ? at >= last : at <= last) {
            scopes_[depth - 1][step.targets[0]].value = {"bigint", std::to_string(at)};
            if (!TRY(goes_on(step, step.steps, flow))) break;
            if (__builtin_add_overflow(at, step.falls ? -by : by, &at)) break;
        }
        return {};
    };
    const auto ran = run();
    scopes_.resize(depth - 1);
    if (!ran) return fail(ran.error());
    return flow;
}

Answer<Flow> Interpreter::rows(const Step& step) {
    const std::string query = step.is_dynamic ? TRY(dynamic(step)) : substituted(step.value, true);
    const auto cursor = TRY(open(query));
    Flow flow = Flow::on;
    bool found = false;
    while (TRY(cursor->next())) {
        found = true;
        TRY(take(step.targets, cursor.get()));
        if (!TRY(goes_on(step, step.steps, flow))) break;
    }
    find("found")->value.text = found ? "t" : "f";
    return flow;
}

/// Where a SELECT's INTO stands; the range's end where it has none.
std::size_t Interpreter::into_at(TokenRange range) const {
    int depth = 0;
    for (std::size_t at = range.from; at < range.to; ++at) {
        if (is_sign(at, "(")) ++depth;
        if (is_sign(at, ")")) --depth;
        if (depth == 0 && is_word(at, "into")) return at;
    }
    return range.to;
}

Answer<void> Interpreter::sql(const Step& step) {
    const TokenRange all = step.value;
    if (is_word(all.from, "call")) return call(step);
    const bool reads = is_word(all.from, "select") || is_word(all.from, "with");
    const std::size_t into = reads ? into_at(all) : all.to;
    std::size_t at = into + 1;
    if (at < all.to && is_word(at, "strict")) ++at;
    if (at >= all.to || find(body_.tokens[at].word) == nullptr) {
        const std::string text = substituted(all, true);
        const auto statements = TRY(split(text));
        if (statements.size() == 1 && statements[0].kind == StatementKind::select)
            return refuse("42601",
                          "query has no destination for result data: SELECT INTO or "
                          "PERFORM");
        const auto cursor = TRY(open(text));
        return drain(*cursor);
    }
    std::vector<std::string> targets;
    for (;;) {
        targets.push_back(body_.tokens[at++].word);
        if (at + 1 < all.to && is_sign(at, ".")) {
            targets.back() += "." + body_.tokens[at + 1].word;
            at += 2;
        }
        if (at >= all.to || !is_sign(at, ",") || at + 1 >= all.to) break;
        ++at;
    }
    const auto cursor = TRY(open(substituted({all.from, into}) + " " + substituted({at, all.to})));
    const bool has_row = TRY(cursor->next());
    changed_ = has_row ? 1 : 0;
    find("found")->value.text = has_row ? "t" : "f";
    return take(targets, has_row ? cursor.get() : nullptr);
}

// A CALL within: variables in the places of INOUT arguments, and of OUT ones where they are given
// too, take what they hold at the end.
Answer<void> Interpreter::call(const Step& step) {
    std::size_t at = step.value.from + 1;
    std::vector<std::string> name;
    for (;; at += 2) {
        name.push_back(body_.tokens[at].word);
        if (!is_sign(at + 1, ".")) break;
    }
    const RewriteContext none;
    const Rewriter rewriter(body_.text, body_.tokens, none);
    if (!is_sign(at + 1, "(")) return fail(syntax_failure(body_.tokens[at + 1], "("));
    const auto written = rewriter.arguments(at + 1, rewriter.closing(at + 1));
    std::optional<CalledProcedure> called;
    for (const KeptProcedure& each : TRY(procedures_named(session_, name))) {
        const auto tokens = TRY(tokens_of(each.definition));
        auto head = TRY(read_procedure(each.definition, tokens));
        if (head.arguments.size() == written.size()) called = CalledProcedure{each, head};
    }
    const bool gives_all = called.has_value();
    if (!called) called = TRY(find_called(session_, name, written.size()));
    std::vector<ProcedureValue> given;
    std::vector<std::string> taken;
    std::size_t place = 0;
    for (const ProcedureArgument& argument : called->head.arguments) {
        const bool stands = gives_all || argument.is_given();
        const TokenRange range = stands ? written[place++] : TokenRange{};
        if (argument.is_given()) given.push_back(TRY(evaluate(range, argument.type)));
        const bool is_variable =
            stands && range.to == range.from + 1 && find(body_.tokens[range.from].word) != nullptr;
        if (argument.is_told()) taken.push_back(is_variable ? body_.tokens[range.from].word : "");
    }
    const auto told = TRY(call_procedure(session_, *called, std::move(given)));
    for (std::size_t each = 0; each < told.size(); ++each)
        if (!taken[each].empty()) TRY(set(taken[each], told[each]));
    return {};
}

/// The statement of EXECUTE, with the values of USING.
Answer<std::string> Interpreter::dynamic(const Step& step) {
    const auto text = TRY(evaluate(step.value, ""));
    if (!text.text) return refuse("22004", "cannot EXECUTE a null querystring");
    if (step.arguments.empty()) return *text.text;
    const RewriteContext none;
    const Rewriter rewriter(body_.text, body_.tokens, none);
    std::vector<std::string> values;
    for (const TokenRange each :
         rewriter.arguments(step.arguments[0].from - 1, step.arguments[0].to))
        values.push_back(literal_of(TRY(evaluate(each, ""))));
    std::string made;
    for (const Token& token : TRY(tokens_of(*text.text))) {
        made += text.text->substr(token.gap, token.offset - token.gap);
        const std::size_t number = token.kind == TokenKind::parameter
                                       ? std::strtoul(token.word.c_str() + 1, nullptr, 10)
                                       : 0;
        if (token.kind == TokenKind::parameter && (number == 0 || number > values.size()))
            return refuse("42P02", fmt::format("there is no parameter {}", token.word));
        made += number > 0 ? values[number - 1] : text.text->substr(token.offset, token.size);
    }
    return made;
}

Answer<void> Interpreter::execute(const Step& step) {
    const std::string text = TRY(dynamic(step));
    for (const Statement& statement : TRY(split(text))) {
        const auto cursor = TRY(open(statement.text));
        if (step.targets.empty()) {
            TRY(drain(*cursor));
            continue;
        }
        const bool has_row = TRY(cursor->next());
        changed_ = has_row ? 1 : 0;
        find("found")->value.text = has_row ? "t" : "f";
        TRY(take(step.targets, has_row ? cursor.get() : nullptr));
    }
    return {};
}

Answer<void> Interpreter::raise(const Step& step) {
    if (step.text.empty() && step.arguments.empty() && handled_) return fail(*handled_);
    std::string message;
    std::size_t next = 0;
    for (std::size_t at = 0; at < step.text.size(); ++at) {
        if (step.text[at] != '%') {
            message += step.text[at];
        } else if (step.text.compare(at, 2, "%%") == 0) {
            message += '%';
            ++at;
        } else if (next < step.arguments.size()) {
            const auto value = TRY(evaluate(step.arguments[next++], ""));
            message += value.text.value_or("<NULL>");
        } else {
            return refuse("42601", "too few parameters specified for RAISE");
        }
    }
    if (step.level == "exception") return fail(Failure("P0001", message));
    if (step.level == "debug" || step.level == "log") return {};
    Notice notice{step.level, step.level == "warning" ? "01000" : "00000", message};
    std::transform(notice.severity.begin(), notice.severity.end(), notice.severity.begin(),
                   [](unsigned char letter) { return std::toupper(letter); });
    session_.tell(std::move(notice));
    return {};
}

Answer<void> Interpreter::cursor(const Step& step) {
    const std::string& name = step.kind == StepKind::open ? step.targets[0] : step.label;
    const Variable* const variable = find(name);
    if (variable == nullptr || (variable->kind != DeclaredVariable::Kind::cursor &&
                                variable->kind != DeclaredVariable::Kind::query))
        return refuse("42601", fmt::format("\"{}\" is no cursor", name));
    if (step.kind == StepKind::open) {
        if (cursors_.contains(name))
            return refuse("42P03", fmt::format("cursor \"{}\" already in use", name));
        const TokenRange query = step.value.to > step.value.from ? step.value : variable->query;
        if (query.to == query.from)
            return refuse("42601", fmt::format("OPEN {} needs FOR and a query", name));
        const std::string text = step.is_dynamic ? TRY(dynamic(step)) : substituted(query, true);
        cursors_[name] = TRY(open(text));
        return {};
    }
    const auto found = cursors_.find(name);
    if (found == cursors_.end())
        return refuse("34000", fmt::format("cursor \"{}\" does not exist: it isn't open", name));
    if (step.kind == StepKind::close) {
        cursors_.erase(found);
        return {};
    }
    const bool has_row = TRY(found->second->next());
    find("found")->value.text = has_row ? "t" : "f";
    return take(step.targets, has_row ? found->second.get() : nullptr);
}

Answer<void> Interpreter::end_transaction(bool commits) {
    if (!may_commit_ || session_.in_block())
        return refuse("2D000",
                      "invalid transaction termination: COMMIT and ROLLBACK end what the "
                      "CALL itself began, and not with SECURITY DEFINER");
    if (commits) {
        TRY(session_.close_group());
    } else {
        cursors_.clear();
        session_.roll_back();
    }
    session_.open_group();
    return {};
}

Answer<Flow> Interpreter::step(const Step& step) {
    const auto on = [](Answer<void> ran) -> Answer<Flow> {
        if (!ran) return fail(std::move(ran.error()));
        return Flow::on;
    };
    switch (step.kind) {
        case StepKind::block: return block(step);
        case StepKind::choose: return choose(step);
        case StepKind::loop:
        case StepKind::repeat: return loop(step);
        case StepKind::count: return count(step);
        case StepKind::rows: return rows(step);
        case StepKind::nothing: return Flow::on;
        case StepKind::end: return Flow::end;
        case StepKind::leave:
        case StepKind::next:
            if (step.value.to > step.value.from && !TRY(holds(step.value))) return Flow::on;
            label_ = step.label;
            return step.kind == StepKind::leave ? Flow::leave : Flow::next;
        case StepKind::assign: {
            const Variable* const variable = find(step.targets[0]);
            const bool is_value =
                variable != nullptr && variable->kind == DeclaredVariable::Kind::value;
            auto value = TRY(evaluate(step.value, is_value ? variable->value.type : ""));
            return on(set(step.targets[0], std::move(value)));
        }
        case StepKind::sql: return on(sql(step));
        case StepKind::perform: {
            const auto cursor = TRY(open("SELECT " + substituted(step.value)));
            return on(drain(*cursor));
        }
        case StepKind::raise: return on(raise(step));
        case StepKind::execute: return on(execute(step));
        case StepKind::open:
        case StepKind::fetch:
        case StepKind::close: return on(cursor(step));
        case StepKind::commit:
        case StepKind::rollback: return on(end_transaction(step.kind == StepKind::commit));
        case StepKind::diagnose:
            return on(set(step.targets[0], {"bigint", std::to_string(changed_)}));
    }
    return Flow::on;
}

Answer<std::vector<ProcedureValue>> Interpreter::run(std::vector<ProcedureValue> given) {
    scopes_.emplace_back();
    scopes_.back()["found"].value = {"boolean", "f"};
    const auto& arguments = called_.head.arguments;
    const auto name_of = [&](std::size_t at) {
        return arguments[at].name.empty() ? fmt::format("${}", at + 1) : arguments[at].name;
    };
    std::size_t place = 0;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        Variable& variable = scopes_.back()[name_of(at)];
        if (arguments[at].is_given() && place < given.size())
            variable.value = std::move(given[place++]);
        variable.value.type = arguments[at].type;
    }
    TRY(block(body_.block));
    std::vector<ProcedureValue> told;
    for (std::size_t at = 0; at < arguments.size(); ++at)
        if (arguments[at].is_told()) told.push_back(scopes_.front()[name_of(at)].value);
    return told;
}

}  // namespace

Answer<std::vector<ProcedureValue>> run_body(EngineSession& session, const CalledProcedure& called,
                                             std::vector<ProcedureValue> given, bool may_commit) {
    auto body = TRY(read_body(called.head.body));
    return Interpreter(session, called, std::move(body), may_commit).run(std::move(given));
}

}  // namespace stroma::redshift
