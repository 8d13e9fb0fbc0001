#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "redshift/lexer.h"
#include "redshift/rewriter.h"

namespace stroma::redshift {

/// How deep blocks, loops and conditions may nest.
constexpr std::size_t steps_depth_max = 64;

struct ProcedureArgument {
    enum class Mode { in, out, inout };
    std::string name;  ///< "" where it has none: $1, $2…
    Mode mode = Mode::in;
    std::string type, engine;  ///< as it is written, and the engine's
    std::uint32_t oid = 0;
    bool is_given() const { return mode != Mode::out; }
    bool is_told() const { return mode != Mode::in; }
};

/// CREATE [OR REPLACE] PROCEDURE name (arguments) … AS 'body' LANGUAGE plpgsql …
struct ProcedureHead {
    std::vector<std::string> name;  ///< [schema,] name
    std::vector<ProcedureArgument> arguments;
    std::string body;
    bool replaces = false;
    bool is_definer = false;    ///< runs with its owner's rights
    bool is_nonatomic = false;  ///< an exception that is handled is not told again
};
/// errors  42601, with the token's place; 0A000 another language, an option that isn't there
Answer<ProcedureHead> read_procedure(std::string_view text, const std::vector<Token>& tokens);
/// [schema.]name [(types)]: as DROP, SHOW and GRANT name one. Moves `at` behind.
struct ProcedureName {
    std::vector<std::string> name;
    bool has_types = false;
    std::vector<std::string> types;  ///< the engine's, of what it is called with
};
Answer<ProcedureName> read_procedure_name(const std::vector<Token>& tokens, std::size_t& at);

struct DeclaredVariable {
    enum class Kind { value, record, cursor, query };
    std::string name;
    Kind kind = Kind::value;
    std::string type;
    bool is_constant = false, is_not_null = false;
    TokenRange first;  ///< its first value; of a cursor its query
};

struct Step;
struct Branch {
    TokenRange condition;
    std::vector<Step> steps;
};

/// One statement of a body. What of it holds what, by kind:
struct Step {
    enum class Kind {
        block,    ///< declared, steps, handler
        assign,   ///< targets[0] := value
        sql,      ///< value is the statement; targets take its first row
        perform,  ///< value is a query whose rows nobody reads
        choose,   ///< branches, otherwise; of CASE x: value is x
        loop,     ///< steps, forever
        repeat,   ///< steps while value holds
        count,    ///< steps with targets[0] from value to last by step, or falling
        rows,     ///< steps with targets for each row of the query value
        leave,    ///< EXIT [label] [WHEN value]
        next,     ///< CONTINUE
        end,      ///< RETURN
        raise,    ///< level, text, arguments
        execute,  ///< value gives the statement; arguments, targets
        nothing,  ///< NULL
        open,     ///< targets[0], value: a query; is_dynamic: what gives one
        fetch,    ///< label is the cursor, targets
        close,    ///< label is the cursor
        commit,
        rollback,
        diagnose,  ///< targets[0] takes the number of rows
    };
    Kind kind = Kind::nothing;
    std::size_t line = 1;  ///< of the body
    std::string label, level, text;
    std::vector<std::string> targets;
    TokenRange value, last, step;
    bool falls = false, is_dynamic = false, has_handler = false, has_otherwise = false;
    std::vector<TokenRange> arguments;
    std::vector<Branch> branches;
    std::vector<Step> steps, otherwise, handler;
    std::vector<DeclaredVariable> declared;
};

using StepKind = Step::Kind;

struct ProcedureBody {
    std::string text;
    std::vector<Token> tokens;
    Step block;
};
/// errors  42601, 0A000, with the line of the body; 54001 it is nested too deeply
Answer<ProcedureBody> read_body(std::string text);

}  // namespace stroma::redshift
