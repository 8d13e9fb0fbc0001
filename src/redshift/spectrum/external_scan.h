#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "catalog/principal.h"
#include "redshift/lake.h"
#include "sql/embedded_database.h"

namespace stroma::redshift {

enum class ExternalFormat { parquet, csv, json, regex };

/// One place of an external table: what a branch of its view names, as text.
struct ExternalPlace {
    std::string table;  ///< "schema.table", for people
    std::string location;
    ExternalFormat format = ExternalFormat::parquet;
    std::vector<std::pair<std::string, std::string>> columns;  ///< name, engine type
    std::string delimiter = ",", quote, escape, null_text = "\\N";
    std::string regex;  ///< of lines: a group for each column
    std::int64_t skipped_lines = 0;
    /// Of text: "gzip", "bzip2", "zstd"; "" goes by the object's name, and "none" is none.
    std::string compression;

    std::string text() const;
    static Result<ExternalPlace> from(std::string_view text);
};

/// What was read of external tables lately, in memory. Any thread.
class ExternalReads {
public:
    struct Read {
        std::int64_t query = 0, files = 0, bytes = 0, rows = 0, columns = 0;
        std::string table, location;
    };
    void add(Read read);
    /// As a relation: query, external_table_name, location, files, s3_scanned_bytes,
    /// s3_scanned_rows, columns.
    std::shared_ptr<sql::TableScan> scan() const;

private:
    static constexpr std::size_t kept_max = 10'000;
    mutable std::mutex mutex_;
    std::deque<Read> reads_;
};

/// What is known of a row beside its columns, by the names that Redshift has for it.
constexpr std::string_view path_column = "$path", size_column = "$size";

struct ExternalReader {
    std::shared_ptr<Lake> lake;
    fs::path staging;
    std::weak_ptr<sql::EmbeddedDatabase> database;
    std::shared_ptr<ExternalReads> reads;
};

/// stroma_external('place'): the rows of its objects, whose values are as the columns say; dates,
/// times and decimals as text; behind them "$path", the object's address, and "$size", its bytes.
/// Objects are found when it is read: below the location as a folder, or that one object; where
/// that is a manifest, what it names. Each is copied to a file and read by the engine, only the
/// columns that are asked for; of Parquet only their pages are copied. Errors name the object.
/// errors  denied  nobody is asking (AskingAs);  unsupported  there is no lake
///         not_found  an object that a manifest says is mandatory
Result<std::shared_ptr<sql::TableScan>> scan_external(const ExternalReader& reader,
                                                      std::string_view place);

}  // namespace stroma::redshift
