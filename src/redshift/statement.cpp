#include "redshift/statement.h"

#include <fmt/format.h>

#include <algorithm>

#include "redshift/lexer.h"

namespace stroma::redshift {
namespace {

struct Beginning {
    std::string_view word;
    StatementKind kind;
};

constexpr Beginning beginnings[] = {
    {"select", StatementKind::select},
    {"values", StatementKind::select},
    {"table", StatementKind::select},
    {"insert", StatementKind::insert},
    {"update", StatementKind::update},
    {"delete", StatementKind::remove},
    {"merge", StatementKind::merge},
    {"truncate", StatementKind::truncate},
    {"alter", StatementKind::alter},
    {"drop", StatementKind::drop},
    {"comment", StatementKind::comment},
    {"grant", StatementKind::grant},
    {"revoke", StatementKind::grant},
    {"begin", StatementKind::begin},
    {"start", StatementKind::begin},
    {"commit", StatementKind::commit},
    {"end", StatementKind::commit},
    {"rollback", StatementKind::rollback},
    {"abort", StatementKind::rollback},
    {"set", StatementKind::set},
    {"reset", StatementKind::reset},
    {"show", StatementKind::show},
    {"unload", StatementKind::unload},
    {"lock", StatementKind::lock},
    {"vacuum", StatementKind::vacuum},
    {"explain", StatementKind::explain},
    {"declare", StatementKind::declare_cursor},
    {"fetch", StatementKind::fetch},
    {"close", StatementKind::close_cursor},
    {"prepare", StatementKind::prepare},
    {"execute", StatementKind::execute},
    {"deallocate", StatementKind::deallocate},
    {"discard", StatementKind::deallocate},
    {"call", StatementKind::call},
    {"do", StatementKind::call},
};

class Classifier {
public:
    explicit Classifier(const std::vector<Token>& tokens, std::size_t from, std::size_t to)
        : tokens_(tokens), from_(from), to_(to) {}

    StatementKind kind() const {
        std::size_t at = from_;
        while (at < to_ && tokens_[at].word == "(" && tokens_[at].kind == TokenKind::sign) ++at;
        if (at >= to_) return StatementKind::empty;
        if (tokens_[at].kind != TokenKind::word) return StatementKind::other;
        const std::string& word = tokens_[at].word;
        if (word == "create") return created();
        if (word == "copy") return copied();
        if (word == "with") return after_with(at);
        if (word == "analyze" || word == "analyse")
            return is_word(at + 1, "compression") ? StatementKind::analyze_compression
                                                  : StatementKind::analyze;
        if (word == "select" && has_into()) return StatementKind::create_table_as;
        const auto* const found =
            std::find_if(std::begin(beginnings), std::end(beginnings),
                         [&](const Beginning& each) { return each.word == word; });
        return found == std::end(beginnings) ? StatementKind::other : found->kind;
    }

private:
    bool is_word(std::size_t at, std::string_view word) const {
        return at < to_ && tokens_[at].kind == TokenKind::word && tokens_[at].word == word;
    }
    /// The first token at no depth, from `at`, with one of these words; to_ where there is none.
    template <std::size_t N>
    std::size_t find(std::size_t at, const std::string_view (&words)[N]) const {
        int depth = 0;
        for (; at < to_; ++at) {
            const Token& token = tokens_[at];
            if (token.kind == TokenKind::sign && token.word == "(") ++depth;
            if (token.kind == TokenKind::sign && token.word == ")") --depth;
            if (depth == 0 && token.kind == TokenKind::word)
                for (const auto word : words)
                    if (token.word == word) return at;
        }
        return to_;
    }
    bool has_into() const {
        const std::string_view words[] = {"into", "from"};
        return is_word(find(from_, words), "into");
    }
    StatementKind created() const {
        std::size_t at = from_ + 1;
        if (is_word(at, "or")) at += 2;
        while (is_word(at, "temp") || is_word(at, "temporary") || is_word(at, "local") ||
               is_word(at, "global") || is_word(at, "unlogged"))
            ++at;
        if (is_word(at, "table")) {
            const std::string_view words[] = {"as"};
            return find(at, words) < to_ ? StatementKind::create_table_as
                                         : StatementKind::create_table;
        }
        if (is_word(at, "view") || is_word(at, "materialized")) return StatementKind::create_view;
        if (is_word(at, "schema")) return StatementKind::create_schema;
        return StatementKind::create_other;
    }
    StatementKind copied() const {
        if (is_word(from_ + 1, "job")) return StatementKind::copy_job;
        const std::string_view words[] = {"from", "to"};
        const std::size_t at = find(from_ + 1, words);
        if (is_word(at, "to")) return StatementKind::copy_to_stdout;
        return is_word(at + 1, "stdin") ? StatementKind::copy_from_stdin
                                        : StatementKind::copy_from_s3;
    }
    StatementKind after_with(std::size_t at) const {
        const std::string_view words[] = {"select", "insert", "update",
                                          "delete", "merge",  "values"};
        at = find(at, words);
        if (is_word(at, "insert")) return StatementKind::insert;
        if (is_word(at, "update")) return StatementKind::update;
        if (is_word(at, "delete")) return StatementKind::remove;
        if (is_word(at, "merge")) return StatementKind::merge;
        return StatementKind::select;
    }

    const std::vector<Token>& tokens_;
    std::size_t from_, to_;
};

}  // namespace

Answer<std::vector<Statement>> split(std::string_view script) {
    const auto tokens = TRY(tokens_of(script));
    std::vector<Statement> statements;
    std::size_t from = 0;
    for (std::size_t at = 0; at < tokens.size(); ++at) {
        const Token& token = tokens[at];
        const bool ends =
            token.kind == TokenKind::end || (token.kind == TokenKind::sign && token.word == ";");
        if (!ends) continue;
        if (at > from) {
            Statement made;
            made.offset = tokens[from].offset;
            const Token& last = tokens[at - 1];
            made.text = script.substr(made.offset, last.offset + last.size - made.offset);
            made.kind = Classifier(tokens, from, at).kind();
            statements.push_back(std::move(made));
        }
        from = at + 1;
    }
    if (statements.empty()) statements.emplace_back();
    return statements;
}

Answer<Statement> one_query(std::string_view text) {
    auto statements = TRY(split(text));
    if (statements.size() != 1 || statements[0].kind != StatementKind::select)
        return refuse("42601", "one SELECT is expected");
    return std::move(statements[0]);
}

std::string command_tag(StatementKind kind, std::int64_t rows) {
    switch (kind) {
        case StatementKind::select: return fmt::format("SELECT {}", rows);
        case StatementKind::insert: return fmt::format("INSERT 0 {}", rows);
        case StatementKind::update: return fmt::format("UPDATE {}", rows);
        case StatementKind::remove: return fmt::format("DELETE {}", rows);
        case StatementKind::merge: return fmt::format("MERGE {}", rows);
        case StatementKind::copy_from_stdin:
        case StatementKind::copy_to_stdout: return fmt::format("COPY {}", rows);
        case StatementKind::fetch: return fmt::format("FETCH {}", rows);
        case StatementKind::create_table_as: return "SELECT";
        case StatementKind::empty: return "";
        case StatementKind::truncate: return "TRUNCATE TABLE";
        case StatementKind::create_table: return "CREATE TABLE";
        case StatementKind::create_view: return "CREATE VIEW";
        case StatementKind::create_schema: return "CREATE SCHEMA";
        case StatementKind::create_other: return "CREATE";
        case StatementKind::alter: return "ALTER TABLE";
        case StatementKind::drop: return "DROP TABLE";
        case StatementKind::comment: return "COMMENT";
        case StatementKind::grant: return "GRANT";
        case StatementKind::begin: return "BEGIN";
        case StatementKind::commit: return "COMMIT";
        case StatementKind::rollback: return "ROLLBACK";
        case StatementKind::set: return "SET";
        case StatementKind::reset: return "RESET";
        case StatementKind::show: return "SHOW";
        case StatementKind::copy_from_s3: return "COPY";
        case StatementKind::unload: return "UNLOAD";
        case StatementKind::lock: return "LOCK TABLE";
        case StatementKind::vacuum: return "VACUUM";
        case StatementKind::analyze: return "ANALYZE";
        case StatementKind::analyze_compression: return fmt::format("SELECT {}", rows);
        case StatementKind::explain: return "EXPLAIN";
        case StatementKind::declare_cursor: return "DECLARE CURSOR";
        case StatementKind::close_cursor: return "CLOSE CURSOR";
        case StatementKind::prepare: return "PREPARE";
        case StatementKind::execute: return "EXECUTE";
        case StatementKind::deallocate: return "DEALLOCATE";
        case StatementKind::call: return "CALL";
        case StatementKind::copy_job: return "COPY";
        case StatementKind::other: break;
    }
    return "";
}

bool gives_rows(StatementKind kind) {
    return kind == StatementKind::select || kind == StatementKind::show ||
           kind == StatementKind::explain || kind == StatementKind::fetch ||
           kind == StatementKind::analyze_compression;
}

}  // namespace stroma::redshift
