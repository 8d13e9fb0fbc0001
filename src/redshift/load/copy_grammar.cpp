#include "redshift/load/copy_grammar.h"

#include <fmt/format.h>

#include <charconv>

#include "redshift/token_reader.h"

namespace stroma::redshift {
namespace {

class CopyReader {
public:
    explicit CopyReader(const std::vector<Token>& tokens) : in_(tokens) {}

    Answer<CopyStatement> copy() {
        TRY(in_.expect("copy"));
        TRY(table());
        TRY(in_.expect("from"));
        made_.source = TRY(in_.text());
        TRY(options(false));
        return std::move(made_);
    }
    Answer<CopyStatement> unload() {
        TRY(in_.expect("unload"));
        TRY(in_.expect_sign("("));
        made_.query = TRY(in_.text());
        TRY(in_.expect_sign(")"));
        TRY(in_.expect("to"));
        made_.source = TRY(in_.text());
        TRY(options(true));
        return std::move(made_);
    }
    Answer<CopyStatement> stream(std::string_view text);

private:
    Answer<void> table() {
        made_.table_at = in_.at();
        TRY(in_.name());
        while (in_.take_sign(".")) TRY(in_.name());
        if (in_.is_sign("(")) made_.columns = TRY(in_.names());
        return {};
    }
    Answer<void> job();
    Answer<void> options(bool is_unload);
    Answer<bool> access_option();
    Answer<bool> format_option();
    Answer<bool> value_option();
    Answer<bool> flag_option();
    Answer<bool> unload_option();
    Answer<void> stream_option();
    Answer<void> forced_quotes();
    Answer<void> named_format();
    Answer<void> json_argument();
    Answer<void> encoding();
    Answer<void> bytes_option(std::string_view word);
    Answer<void> check(bool is_unload) const;
    Answer<char> letter();
    /// Optional AS, then a text.
    Answer<std::string> as_text() {
        in_.take("as");
        return in_.text();
    }
    Answer<std::uint64_t> count() {
        in_.take("as");
        const std::int64_t number = TRY(in_.integer());
        if (number < 0) return in_.wrong("a number that isn't negative");
        return static_cast<std::uint64_t>(number);
    }
    bool on_or_off() {
        const bool on = !in_.is("off") && !in_.is("false");
        if (in_.is("on") || in_.is("off") || in_.is("true") || in_.is("false")) in_.next();
        return on;
    }

    TokenReader in_;
    CopyStatement made_;
};

// One sign: as it is, or '\t', '\n', '\001'.
Answer<char> CopyReader::letter() {
    const Token where = in_.token();
    const std::string text = TRY(as_text());
    if (text.size() == 1) return text[0];
    if (text.size() == 2 && text[0] == '\\')
        return text[1] == 't' ? '\t' : text[1] == 'n' ? '\n' : text[1];
    if (text.size() == 4 && text[0] == '\\') {
        int value = 0;
        if (std::from_chars(text.data() + 1, text.data() + 4, value, 8).ptr == text.data() + 4)
            return static_cast<char>(value);
    }
    return fail(syntax_failure(where, "one sign is expected"));
}

/// What NULL AS means: two backslashes are one, as in Redshift's texts, and \0 and \000 are a byte
/// 0.
std::string null_word(std::string_view written) {
    if (written == "\\0" || written == "\\000" || written == "\\\\0" || written == "\\\\000")
        return std::string(1, '\0');
    std::string word;
    for (std::size_t at = 0; at < written.size(); ++at) {
        word += written[at];
        if (written.substr(at, 2) == "\\\\") ++at;
    }
    return word;
}

Answer<void> CopyReader::encoding() {
    in_.take("as");
    const Token where = in_.token();
    const std::string name =
        lower_of(where.kind == TokenKind::text ? TRY(in_.text()) : TRY(in_.name()));
    constexpr std::pair<std::string_view, TextEncoding> known[] = {
        {"utf8", TextEncoding::utf8},         {"auto", TextEncoding::utf8},
        {"utf16", TextEncoding::utf16},       {"utf16le", TextEncoding::utf16_little},
        {"utf16be", TextEncoding::utf16_big}, {"iso88591", TextEncoding::latin1}};
    for (const auto& [word, encoding] : known)
        if (name == word) {
            made_.options.encoding = encoding;
            return {};
        }
    return fail(syntax_failure(where, "ENCODING is UTF8, UTF16, UTF16LE, UTF16BE or ISO88591"));
}

Answer<void> CopyReader::json_argument() {
    in_.take("as");
    made_.options.format = CopyFormat::json;
    if (in_.token().kind == TokenKind::text) made_.options.json = TRY(in_.text());
    return {};
}

Answer<void> CopyReader::named_format() {
    in_.take("as");
    auto& made = made_.options;
    if (in_.take("csv")) {
        made.format = CopyFormat::csv;
        if (made.delimiter == '|') made.delimiter = ',';
    } else if (in_.take("parquet")) {
        made.format = CopyFormat::parquet;
    } else if (in_.take("json")) {
        return json_argument();
    } else if (in_.take("text") || in_.take("delimiter")) {
        made.format = CopyFormat::text;
    } else if (in_.is("orc") || in_.is("avro") || in_.is("shapefile") || in_.is("rcfile") ||
               in_.is("sequencefile")) {
        return refuse("0A000", fmt::format("COPY reads no {}", in_.token().word));
    } else {
        return in_.wrong("a format");
    }
    return {};
}

// Who may read: the session's principal, whatever role is named.
Answer<bool> CopyReader::access_option() {
    if (in_.take("iam_role") || in_.take("credentials") || in_.take("access_key_id") ||
        in_.take("secret_access_key") || in_.take("session_token") || in_.take("region") ||
        in_.take("kms_key_id") || in_.take("master_symmetric_key")) {
        in_.take("as");
        if (!in_.take("default")) TRY(in_.text());
        return true;
    }
    if (in_.take("encrypted")) {
        in_.take("auto");
        made_.options.encrypted = true;
        return true;
    }
    if (in_.take("with")) {
        if (in_.take("credentials")) {
            in_.take("as");
            TRY(in_.text());
        }
        return true;
    }
    if (in_.is("ssh") || in_.is("emr") || in_.is("readratio"))
        return refuse("0A000", fmt::format("COPY with {} is not there", in_.token().word));
    return false;
}

Answer<bool> CopyReader::format_option() {
    auto& made = made_.options;
    if (in_.is("csv") || in_.is("parquet") || in_.is("json") || in_.is("orc") || in_.is("avro") ||
        in_.is("shapefile")) {
        TRY(named_format());
        return true;
    }
    if (in_.take("format")) {
        TRY(named_format());
        return true;
    }
    if (in_.take("fixedwidth")) {
        made.format = CopyFormat::fixed_width;
        const std::string widths = TRY(as_text());
        for (std::size_t at = 0; at < widths.size();) {
            const auto colon = widths.find(':', at);
            const auto comma = std::min(widths.find(',', at), widths.size());
            std::size_t width = 0;
            if (colon == std::string::npos || colon > comma)
                return refuse("42601", "FIXEDWIDTH is 'name:width,…'");
            std::from_chars(widths.data() + colon + 1, widths.data() + comma, width);
            if (width == 0) return refuse("42601", "FIXEDWIDTH is 'name:width,…'");
            made.widths.emplace_back(widths.substr(at, colon - at), width);
            at = comma + 1;
        }
        return true;
    }
    if (in_.take("gzip"))
        made.compression = Compression::gzip;
    else if (in_.take("zstd"))
        made.compression = Compression::zstd;
    else if (in_.take("bzip2"))
        made.compression = Compression::bzip2;
    else if (in_.is("lzop"))
        return refuse("0A000", "COPY reads no LZOP");
    else
        return false;
    return true;
}

Answer<bool> CopyReader::value_option() {
    auto& made = made_.options;
    if (in_.take("delimiter")) {
        made.delimiter = TRY(letter());
    } else if (in_.take("quote")) {
        made.quote = made.escape = TRY(letter());
    } else if (in_.take("null")) {
        made.null_text = null_word(TRY(as_text()));
        made.says_null = true;
    } else if (in_.take("ignoreheader")) {
        made.ignore_header = TRY(count());
    } else if (in_.take("maxerror")) {
        made.max_error = TRY(count());
        if (made.max_error > 100'000) return refuse("42601", "MAXERROR is at most 100000");
    } else if (in_.take("dateformat")) {
        made.date_format = TRY(as_text());
    } else if (in_.take("timeformat")) {
        made.time_format = TRY(as_text());
    } else if (in_.take("acceptinvchars")) {
        in_.take("as");
        made.accept_invalid = in_.token().kind == TokenKind::text ? TRY(letter()) : '?';
    } else if (in_.take("encoding")) {
        TRY(encoding());
    } else if (in_.take("comprows")) {
        TRY(count());
    } else if (in_.take("compupdate") || in_.take("statupdate")) {
        in_.take("preset");
        on_or_off();
    } else {
        return false;
    }
    return true;
}

Answer<bool> CopyReader::flag_option() {
    auto& made = made_.options;
    const std::pair<std::string_view, bool*> flags[] = {
        {"manifest", &made.manifest},
        {"escape", &made.has_escapes},
        {"blanksasnull", &made.blanks_as_null},
        {"emptyasnull", &made.empty_as_null},
        {"trimblanks", &made.trim_blanks},
        {"truncatecolumns", &made.truncate_columns},
        {"fillrecord", &made.fill_record},
        {"roundec", &made.round_decimals},
        {"ignoreblanklines", &made.ignore_blank_lines},
        {"removequotes", &made.remove_quotes},
        {"acceptanydate", &made.accept_any_date},
        {"explicit_ids", &made.explicit_ids},
        {"noload", &made.no_load},
        {"ignoreallerrors", &made.ignore_all_errors},
        {"serializetojson", &made.serialize_to_json},
        {"header", &made.header},
        {"addquotes", &made.add_quotes},
        {"allowoverwrite", &made.allow_overwrite},
        {"cleanpath", &made.clean_path}};
    for (const auto& [word, flag] : flags) {
        if (!in_.take(word)) continue;
        *flag = true;
        if (word == "manifest") made.manifest_verbose = in_.take("verbose");
        return true;
    }
    return false;
}

Answer<bool> CopyReader::unload_option() {
    auto& made = made_.options;
    if (in_.take("partition")) {
        TRY(in_.expect("by"));
        made.partition_by = TRY(in_.names());
        made.include_partitions = in_.take("include");
        return true;
    }
    if (in_.take("parallel")) {
        made.parallel = on_or_off();
        return true;
    }
    for (const std::string_view word : {"maxfilesize", "rowgroupsize"})
        if (in_.take(word)) {
            TRY(bytes_option(word));
            return true;
        }
    if (in_.take("extension")) {
        made.extension = TRY(in_.text());
        return true;
    }
    return false;
}

// A number of megabytes, or of what is said behind it.
Answer<void> CopyReader::bytes_option(std::string_view word) {
    in_.take("as");
    const Token& size = in_.token();
    double number = 0;
    const auto* const end = size.word.data() + size.word.size();
    if (size.kind != TokenKind::number || std::from_chars(size.word.data(), end, number).ptr != end)
        return in_.wrong("a size");
    in_.next();
    constexpr double mega = 1048576.0;
    const bool giga = in_.take("gb");
    if (!giga) in_.take("mb");
    number *= giga ? 1024.0 * mega : mega;
    if (word == "rowgroupsize") {
        if (number < 32 * mega || number > 128 * mega)
            return refuse("22023", "ROWGROUPSIZE is 32 MB to 128 MB");
        made_.options.row_group_bytes = static_cast<std::uint64_t>(number);
        return {};
    }
    if (number < 5 * mega || number > 6.2 * 1024 * mega)
        return refuse("22023", "MAXFILESIZE is 5 MB to 6.2 GB");
    made_.options.max_file_bytes = static_cast<std::uint64_t>(number);
    return {};
}

// The end of a COPY that is to be run again and again.
Answer<void> CopyReader::job() {
    CopyJobClause job;
    job.at = in_.at();
    TRY(in_.expect("job"));
    TRY(in_.expect("create"));
    job.name = TRY(in_.name());
    if (in_.take("auto")) job.is_automatic = on_or_off();
    if (in_.take("on", "rewrite")) {
        job.loads_rewritten = in_.take("load");
        if (!job.loads_rewritten) TRY(in_.expect("ignore"));
    }
    if (!in_.at_end()) return in_.wrong("nothing more");
    made_.job = std::move(job);
    return {};
}

// What doesn't go together, or would be done otherwise than the statement says.
Answer<void> CopyReader::check(bool is_unload) const {
    const CopyOptions& made = made_.options;
    const bool is_parquet = made.format == CopyFormat::parquet;
    if (made.encrypted)
        return refuse("0A000", is_unload ? "UNLOAD encrypts nothing: leave ENCRYPTED out, and the "
                                           "objects are kept as they are"
                                         : "COPY reads nothing that is encrypted by its client");
    if (made.format == CopyFormat::csv &&
        (made.has_escapes || made.remove_quotes || !made.widths.empty()))
        return refuse("0A000", "CSV goes with neither FIXEDWIDTH, REMOVEQUOTES nor ESCAPE");
    if (is_parquet && made.max_error > 0)
        return refuse("0A000", "MAXERROR argument is not supported for PARQUET based COPY");
    if (made.format == CopyFormat::fixed_width && made.encoding != TextEncoding::utf8)
        return refuse("0A000", "FIXEDWIDTH goes with no ENCODING but UTF8");
    if (!is_unload) return {};
    if ((is_parquet || made.format == CopyFormat::json) &&
        (made.header || made.add_quotes || made.has_escapes))
        return refuse("0A000", fmt::format("{} goes with neither HEADER, ADDQUOTES nor ESCAPE",
                                           is_parquet ? "PARQUET" : "JSON"));
    if (made.format == CopyFormat::fixed_width && (made.header || made.add_quotes))
        return refuse("0A000", "FIXEDWIDTH goes with neither HEADER nor ADDQUOTES");
    if (made.clean_path && made.allow_overwrite)
        return refuse("0A000", "CLEANPATH and ALLOWOVERWRITE don't go together");
    if (made.row_group_bytes > 0 && !is_parquet)
        return refuse("0A000", "ROWGROUPSIZE is for PARQUET");
    return {};
}

Answer<void> CopyReader::options(bool is_unload) {
    while (!in_.at_end()) {
        if (in_.take_sign(",")) continue;
        if (in_.is("job") && !is_unload) {
            TRY(job());
            break;
        }
        bool known = TRY(access_option());
        if (!known) known = TRY(format_option());
        if (!known) known = TRY(flag_option());
        if (!known) known = TRY(value_option());
        if (!known && is_unload) known = TRY(unload_option());
        if (!known) return fail(syntax_failure(in_.token(), "it is no option of COPY or UNLOAD"));
    }
    TRY(check(is_unload));
    auto& made = made_.options;
    if (made.ignore_all_errors) made.max_error = 100'000;
    return {};
}

// *, (a, b), or a, b without parentheses.
Answer<void> CopyReader::forced_quotes() {
    auto& columns = made_.options.forced_quotes;
    if (in_.take_sign("*")) {
        columns = {"*"};
    } else if (in_.is_sign("(")) {
        columns = TRY(in_.names());
    } else {
        do {
            columns.push_back(TRY(in_.name()));
        } while (in_.take_sign(","));
    }
    return {};
}

// An option of PostgreSQL's, in parentheses or not: FORMAT csv, HEADER true, DELIMITER ','.
Answer<void> CopyReader::stream_option() {
    auto& made = made_.options;
    if (in_.take("format")) {
        // asyncpg writes it as a text.
        const bool is_text = in_.token().kind == TokenKind::text;
        const std::string format = lower_of(is_text ? TRY(in_.text()) : TRY(in_.name()));
        if (format == "csv")
            made.format = CopyFormat::csv;
        else if (format == "binary")
            made.format = CopyFormat::binary;
        else if (format != "text")
            return refuse("22023", "COPY format is text, csv or binary");
    } else if (in_.take("csv")) {
        made.format = CopyFormat::csv;
    } else if (in_.take("binary")) {
        made.format = CopyFormat::binary;
    } else if (in_.take("header")) {
        made.header = on_or_off();
    } else if (in_.take("delimiter") || in_.take("delimiters")) {
        made.delimiter = TRY(letter());
    } else if (in_.take("null")) {
        made.null_text = TRY(as_text());
    } else if (in_.take("quote")) {
        made.quote = TRY(letter());
        made.escape = made.quote;
    } else if (in_.take("escape")) {
        made.escape = TRY(letter());
    } else if (in_.take("encoding")) {
        const std::string encoding = TRY(as_text());
        const std::string plain = lower_of(encoding);
        if (plain != "utf8" && plain != "utf-8" && plain != "unicode")
            return refuse("0A000", fmt::format("COPY speaks the client's encoding: SET "
                                               "client_encoding TO {} before it",
                                               encoding));
    } else if (in_.take("force_quote") || in_.take("force", "quote")) {
        TRY(forced_quotes());
    } else if (in_.is("force") || in_.is("force_null") || in_.is("force_not_null")) {
        return refuse("0A000",
                      "COPY has no FORCE_NULL and no FORCE_NOT_NULL: NULL says which text is null");
    } else {
        return fail(syntax_failure(in_.token(), "it is no option of COPY"));
    }
    return {};
}

Answer<CopyStatement> CopyReader::stream(std::string_view text) {
    TRY(in_.expect("copy"));
    if (in_.is_sign("(")) {
        const std::size_t from = in_.token(1).offset;
        const std::size_t open = in_.at();
        TRY(in_.skip_brackets());
        const std::size_t close = in_.at() - 1;
        in_.move_to(close);
        made_.query = text.substr(from, in_.token().offset - from);
        in_.move_to(std::max(open, close) + 1);
    } else {
        TRY(table());
    }
    if (!in_.take("from")) TRY(in_.expect("to"));
    if (!in_.take("stdin") && !in_.take("stdout"))
        return refuse("0A000", "COPY reads 's3://…' or STDIN, and writes STDOUT");
    auto& made = made_.options;
    made.delimiter = '\0';
    made.null_text = std::string(1, '\0');
    in_.take("with");
    if (in_.take_sign("(")) {
        do {
            TRY(stream_option());
        } while (in_.take_sign(","));
        TRY(in_.expect_sign(")"));
    } else {
        while (!in_.at_end()) TRY(stream_option());
    }
    const bool is_csv = made.format == CopyFormat::csv;
    made.postgres_escapes = !is_csv;
    if (made.delimiter == '\0') made.delimiter = is_csv ? ',' : '\t';
    if (made.null_text == std::string(1, '\0')) made.null_text = is_csv ? "" : "\\N";
    made.quoted_is_never_null = true;
    if (made.header) made.ignore_header = 1;
    return std::move(made_);
}

}  // namespace

Answer<CopyStatement> read_copy(const std::vector<Token>& tokens) {
    return CopyReader(tokens).copy();
}

Answer<CopyStatement> read_stream_copy(std::string_view text, const std::vector<Token>& tokens) {
    return CopyReader(tokens).stream(text);
}

Answer<CopyStatement> read_unload(const std::vector<Token>& tokens) {
    return CopyReader(tokens).unload();
}

}  // namespace stroma::redshift
