#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "redshift/lexer.h"

namespace stroma::redshift {

enum class CopyFormat { text, csv, fixed_width, json, parquet, binary };
enum class Compression { none, gzip, zstd, bzip2 };
enum class TextEncoding { utf8, utf16, utf16_little, utf16_big, latin1 };

/// How bytes are read as rows, or rows written.
struct CopyOptions {
    CopyFormat format = CopyFormat::text;
    Compression compression = Compression::none;
    TextEncoding encoding = TextEncoding::utf8;
    char delimiter = '|';
    char quote = '"', escape = '"';  ///< of CSV
    bool has_escapes = false;        ///< ESCAPE: a backslash takes the sign after it
    bool postgres_escapes = false;   ///< of PostgreSQL's text format: \t, \n, \N
    std::string null_text = "\\N";
    bool says_null = false;             ///< NULL AS was said
    bool quoted_is_never_null = false;  ///< CSV of PostgreSQL's
    std::uint64_t ignore_header = 0;
    bool blanks_as_null = false, empty_as_null = false, trim_blanks = false;
    bool truncate_columns = false, fill_record = false, round_decimals = false;
    bool ignore_blank_lines = false, remove_quotes = false, accept_any_date = false;
    bool explicit_ids = false, no_load = false, ignore_all_errors = false;
    bool manifest = false, serialize_to_json = false;
    std::optional<char> accept_invalid;    ///< ACCEPTINVCHARS: what stands for a bad byte
    std::string date_format, time_format;  ///< "" for ISO, "auto", "epochsecs", "epochmillisecs"
    std::uint64_t max_error = 0;
    std::vector<std::pair<std::string, std::size_t>> widths;  ///< of FIXEDWIDTH
    /// Of JSON: 'auto', 'auto ignorecase', 'noshred' or the address of a jsonpaths file.
    std::string json = "auto";

    // Of UNLOAD
    bool header = false, add_quotes = false, parallel = true, allow_overwrite = false;
    bool clean_path = false, manifest_verbose = false, include_partitions = false;
    std::vector<std::string> partition_by;
    bool encrypted = false;
    std::uint64_t max_file_bytes = std::uint64_t{6200} << 20;
    std::uint64_t row_group_bytes = 0;  ///< ROWGROUPSIZE; 0 where not said
    std::string extension;

    std::vector<std::string> forced_quotes;  ///< columns that CSV always quotes; "*" for all
};

/// JOB CREATE name [AUTO ON|OFF] [ON REWRITE LOAD|IGNORE]
struct CopyJobClause {
    std::size_t at = 0;  ///< token of JOB
    std::string name;
    bool is_automatic = true, loads_rewritten = false;
};

struct CopyStatement {
    std::size_t table_at = 0;          ///< token of the table's name
    std::vector<std::string> columns;  ///< of the list; none: all
    std::string source;                ///< s3://…, or where to UNLOAD
    std::string query;                 ///< of UNLOAD, and of COPY (query) TO STDOUT
    CopyOptions options;
    std::optional<CopyJobClause> job;
};

/// COPY … FROM 's3://…' and its options, in any order.
/// errors  42601;  0A000  an option that is known and not there, by its name
Answer<CopyStatement> read_copy(const std::vector<Token>& tokens);
/// COPY … FROM STDIN and TO STDOUT, as PostgreSQL writes them, old and new.
Answer<CopyStatement> read_stream_copy(std::string_view text, const std::vector<Token>& tokens);
/// UNLOAD ('query') TO 's3://…'
Answer<CopyStatement> read_unload(const std::vector<Token>& tokens);

}  // namespace stroma::redshift
