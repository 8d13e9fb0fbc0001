#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb sql_verb() {
    auto options = std::make_shared<SqlOptions>();
    return {
        .name = "sql",
        .summary = "Ask a SQL question about cells, genes and everything around them",
        .text =
            "One SELECT, read only, within the limits of the query settings. Tables: cells "
            "(everything known of each cell), cell, feature, donor, specimen, project, ... "
            "and expression, which takes genes and cells.",
        .examples =
            "  stroma sql --data lab \"SELECT cell_type, count(*) FROM cells GROUP BY 1\"\n"
            "  stroma sql --data lab \"SELECT * FROM cells\" --format parquet -o "
            "cells.parquet\n"
            "  stroma sql --data lab - < question.sql\n"
            "  stroma sql --data lab --wait \"COPY t FROM 's3://lake/t/' IAM_ROLE default CSV\"\n"
            "  stroma sql --data lab 'SELECT count(*) FROM cells WHERE cell_type = $t' -p "
            "'t=B cell'\n",
        .options = {{"statement",
                     &options->statement,
                     "SQL",
                     "the statement; - reads it from standard input",
                     {},
                     true},
                    {"-f,--format",
                     &options->format,
                     "FORMAT",
                     "default: table on a terminal, csv elsewhere",
                     {"table", "csv", "json", "parquet", "arrow"}},
                    {"-p,--parameter", &options->parameters, "NAME=VALUE",
                     "the value of $NAME, or of the n-th ? with n=VALUE; a number, true, false, "
                     "null or a text (in \"\" when it looks like one of those); may be repeated"},
                    {"-o,--output", &options->output, "FILE", "instead of standard output"},
                    {"--wait", &options->wait, "",
                     "run it on the user database of the running server, through its Data API, and "
                     "wait for the end; several statements are one transaction; Ctrl-C calls it "
                     "off"},
                    {"--database", &options->database, "NAME", "with --wait (default dev)"},
                    {"--user", &options->user, "USER",
                     "with --wait: as whom (default: the local administrator)"}},
        .run = [options](Invocation& invocation) { return run_sql(*options, invocation); },
    };
}

}  // namespace stroma::app
