#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "redshift/failure.h"

namespace stroma::redshift {

enum class StatementKind {
    empty,   ///< nothing but comments
    select,  ///< also VALUES, TABLE, WITH … SELECT: gives rows
    insert,
    update,
    remove,  ///< DELETE
    merge,
    truncate,
    create_table,
    create_table_as,  ///< also SELECT INTO
    create_view,
    create_schema,
    create_other,  ///< what else can be created
    alter,
    drop,
    comment,
    grant,  ///< also REVOKE
    begin,
    commit,  ///< also END
    rollback,
    set,
    reset,
    show,
    copy_from_s3,
    copy_from_stdin,
    copy_to_stdout,
    unload,
    lock,
    vacuum,
    analyze,
    analyze_compression,
    explain,
    declare_cursor,
    fetch,
    close_cursor,
    prepare,
    execute,
    deallocate,
    call,
    copy_job,
    other,  ///< not known: refused with 42601 when it runs
};

/// One statement as it was written, without its semicolon.
struct Statement {
    std::string text;
    StatementKind kind = StatementKind::empty;
    std::size_t offset = 0;  ///< of the text in what was split
};

/// The statements of a script. Knows quotes, dollar quotes and comments, so that a semicolon in
/// them ends nothing. Empty ones are left out; a script without any gives one that is empty.
/// errors  42601  a quote or comment that doesn't end; 54000 more than 16 MiB
Answer<std::vector<Statement>> split(std::string_view script);
/// The one query within a DECLARE, a COPY TO or an UNLOAD: it reads, and nothing else.
/// errors  42601  it isn't one
Answer<Statement> one_query(std::string_view text);

/// PostgreSQL's command tag: "SELECT 3", "INSERT 0 3", "COPY 5", "CREATE TABLE".
std::string command_tag(StatementKind kind, std::int64_t rows);
/// Whether it gives rows (a RowDescription), not only a tag.
bool gives_rows(StatementKind kind);

}  // namespace stroma::redshift
