#include "redshift/procedures/procedure_grammar.h"
#include "redshift/token_reader.h"
#include "redshift/types.h"

namespace stroma::redshift {
namespace {

class HeadReader {
public:
    HeadReader(std::string_view text, const std::vector<Token>& tokens)
        : text_(text), tokens_(tokens), in_(tokens, 1) {}
    Answer<ProcedureHead> read();

private:
    Answer<ProcedureArgument> argument();
    Answer<void> options(ProcedureHead& head);

    std::string text_;
    const std::vector<Token>& tokens_;
    TokenReader in_;
};

// [name] [IN | OUT | INOUT] type, or the mode first.
Answer<ProcedureArgument> HeadReader::argument() {
    using Mode = ProcedureArgument::Mode;
    ProcedureArgument made;
    const auto mode = [&] {
        if (in_.take("in")) {
            if (in_.take("out")) made.mode = Mode::inout;
        } else if (in_.take("out")) {
            made.mode = Mode::out;
        } else if (in_.take("inout")) {
            made.mode = Mode::inout;
        }
    };
    mode();
    std::size_t at = in_.at();
    const auto alone = read_type(tokens_, at);
    const bool is_alone = alone && tokens_[at].kind == TokenKind::sign &&
                          (tokens_[at].word == "," || tokens_[at].word == ")");
    if (!is_alone) {
        made.name = TRY(in_.name());
        mode();
    }
    at = in_.at();
    const auto type = TRY(read_type(tokens_, at));
    made.type = in_.written(text_, in_.at(), at);
    made.engine = type.engine;
    made.oid = type.oid;
    if (lower_of(made.type) == "refcursor")
        return refuse("0A000", "a procedure gives no cursor: put its rows into a temporary table");
    in_.move_to(at);
    return made;
}

Answer<void> HeadReader::options(ProcedureHead& head) {
    std::string language;
    while (!in_.at_end()) {
        if (in_.take("as")) {
            head.body = TRY(in_.text());
        } else if (in_.take("language")) {
            language = in_.token().kind == TokenKind::text ? TRY(in_.text()) : TRY(in_.name());
        } else if (in_.take("nonatomic")) {
            head.is_nonatomic = true;
        } else if (in_.take("security")) {
            head.is_definer = in_.take("definer");
            if (!head.is_definer) TRY(in_.expect("invoker"));
        } else if (in_.is("set")) {
            return refuse("0A000",
                          "a procedure's own settings aren't there: SET stands in its body");
        } else {
            return in_.wrong("AS, LANGUAGE, NONATOMIC or SECURITY");
        }
    }
    if (lower_of(language) != "plpgsql")
        return refuse("0A000", "procedures are written in plpgsql");
    if (head.is_definer && head.is_nonatomic)
        return refuse("0A000", "a NONATOMIC procedure is SECURITY INVOKER");
    return {};
}

Answer<ProcedureHead> HeadReader::read() {
    ProcedureHead head;
    head.replaces = in_.take("or", "replace");
    TRY(in_.expect("procedure"));
    do {
        head.name.push_back(TRY(in_.name()));
    } while (in_.take_sign("."));
    if (head.name.size() > 2) return in_.wrong("a procedure is named as schema.name: (");
    TRY(in_.expect_sign("("));
    while (!in_.is_sign(")")) {
        head.arguments.push_back(TRY(argument()));
        if (!in_.take_sign(",") && !in_.is_sign(")")) return in_.wrong(", or )");
    }
    in_.next();
    constexpr std::size_t arguments_max = 32;
    if (head.arguments.size() > arguments_max)
        return refuse("54023", "a procedure has at most 32 arguments");
    TRY(options(head));
    return head;
}

}  // namespace

Answer<ProcedureHead> read_procedure(std::string_view text, const std::vector<Token>& tokens) {
    return HeadReader(text, tokens).read();
}

Answer<ProcedureName> read_procedure_name(const std::vector<Token>& tokens, std::size_t& at) {
    TokenReader in(tokens, at);
    ProcedureName made;
    do {
        made.name.push_back(TRY(in.name()));
    } while (in.take_sign("."));
    if (made.name.size() > 2) return in.wrong("a procedure is named as schema.name: (");
    made.has_types = in.take_sign("(");
    while (made.has_types && !in.is_sign(")")) {
        // Names may stand before types, as in the statement that made it.
        std::size_t behind = in.at();
        auto type = TRY(read_type(tokens, behind));
        if (tokens[behind].kind == TokenKind::word || tokens[behind].kind == TokenKind::quoted) {
            behind = in.at() + 1;
            type = TRY(read_type(tokens, behind));
        }
        made.types.push_back(type.engine);
        in.move_to(behind);
        if (!in.take_sign(",") && !in.is_sign(")")) return in.wrong(", or )");
    }
    if (made.has_types) TRY(in.expect_sign(")"));
    at = in.at();
    return made;
}

}  // namespace stroma::redshift
