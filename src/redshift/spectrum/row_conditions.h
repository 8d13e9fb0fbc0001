#pragma once

#include <span>
#include <string>
#include <vector>

#include "redshift/lexer.h"

namespace stroma::redshift {

/// column = value, and so on, with values that were written as literals.
struct RowCondition {
    enum class How { equal, less, at_most, more, at_least, among, is_null };
    struct Literal {
        std::string text;
        bool is_number = false;
    };
    std::string column;  ///< in lower case
    How how = How::equal;
    std::vector<Literal> values;
};

/// What every row of a relation fulfils that a statement has a use for.
struct RowConditions {
    std::string table;  ///< "schema.table" as it was written
    std::vector<RowCondition> all;
};

/// Of SELECT … FROM schema.table [alias] WHERE … AND …: those conditions that are a column, an
/// operator and literals. None of any other statement: not of joins, subqueries, OR or CASE.
RowConditions conditions_of(std::span<const Token> tokens);

/// Those of the statement that runs on this thread (AskingFor), where it asks the table.
std::vector<RowCondition> asked_conditions(std::string_view table);

/// SQL over the engine's parquet_metadata and `is_text`, whether a column holds texts: true of a
/// column's part of a row group that holds no row for the condition, as its statistics say; ""
/// where the column's type, an engine's, isn't one whose statistics are surely in its order (whole
/// numbers, dates, timestamps, texts).
std::string excludes(const RowCondition& condition, std::string_view engine_type);

}  // namespace stroma::redshift
