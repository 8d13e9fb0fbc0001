#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/verb.h"

// The options of each verb and the function that does it. Declared in verb_<name>.cpp (names,
// help, examples); done by the function, which stands where its work is wired.

namespace stroma::app {

/// Every verb of the program, in the order of --help.
std::vector<Verb> all_verbs();

struct ServeOptions {
    std::string http, aws, postgres;  ///< "ADDRESS:PORT"; "" takes the setting, or doesn't listen
    bool any_credentials = false;     ///< of the AWS and PostgreSQL ports
};
Result<void> run_serve(const ServeOptions& options, Invocation& invocation);

struct ImportOptions {
    std::vector<std::string> paths;
    std::string name;  ///< "" takes the file's; only with one path
    std::string title, collection;
    bool is_public = false;
    std::string orientation;  ///< "", "cells-are-rows", "cells-are-columns"
    bool make_ids_unique = false;
    bool sum_duplicates = false;
    bool strict = false;   ///< bundles: metadata that differs from the manifest is an error too
    std::string image_of;  ///< the dataset that the picture belongs under; "": no picture
    std::string embedding = "spatial", transform, cell_column;
    bool are_labels = false;
    std::string symbols;  ///< bundles: a table of Ensembl ids and gene symbols
};
Result<void> run_import(const ImportOptions& options, Invocation& invocation);

struct MatrixOptions {
    std::string where, sql, filter_file;  ///< exactly one is set, or none with datasets
    std::vector<std::string> datasets;    ///< names or ids; empty is all
    std::string revision;                 ///< id of one, instead of all these
    std::string selection;                ///< id of kept cells, likewise
    std::vector<std::string> genes, fields;
    std::string feature = "gene", matrix = "X";
    std::string format, layout, compression;
    std::string output;
    bool durable = false;
};
Result<void> run_matrix(const MatrixOptions& options, Invocation& invocation);
/// errors  invalid_input  none or several of --where, --sql and --filter; --genes is a file that
///                        can't be read. Also reads the names in "@FILE" values.
Result<void> check_matrix_options(MatrixOptions& options);

struct SqlOptions {
    std::string statement;                ///< "-" reads standard input
    std::string format;                   ///< "table", "csv", "json", "parquet", "arrow"
    std::string output;                   ///< "" is standard output
    std::vector<std::string> parameters;  ///< "name=value", the value as JSON or else a text
    bool wait = false;                    ///< statements for the user database, supervised
    std::string database = "dev", user;   ///< of those
};
Result<void> run_sql(const SqlOptions& options, Invocation& invocation);

struct OriginOptions {
    std::string cell, gene, dataset;  ///< matrix::OriginQuestion
};
Result<void> run_origin(const OriginOptions& options, Invocation& invocation);

struct DiffOptions {
    std::string from, to;  ///< snapshots, as matrix::Snapshots calls them
};
Result<void> run_diff(const DiffOptions& options, Invocation& invocation);

struct DatasetOptions {
    std::string dataset;                              ///< name or id
    std::string name, title, collection, visibility;  ///< change: "" leaves it as it is
};
Result<void> run_dataset_list(const DatasetOptions& options, Invocation& invocation);
Result<void> run_dataset_show(const DatasetOptions& options, Invocation& invocation);
Result<void> run_dataset_change(const DatasetOptions& options, Invocation& invocation);
Result<void> run_dataset_remove(const DatasetOptions& options, Invocation& invocation);

struct JobOptions {
    std::string job;
    std::string state, stage;  ///< list: "" is any
    std::int64_t limit = 50;
};
Result<void> run_job_list(const JobOptions& options, Invocation& invocation);
Result<void> run_job_show(const JobOptions& options, Invocation& invocation);
Result<void> run_job_follow(const JobOptions& options, Invocation& invocation);
Result<void> run_job_cancel(const JobOptions& options, Invocation& invocation);
Result<void> run_job_retry(const JobOptions& options, Invocation& invocation);

struct UserOptions {
    std::string name, email;
    bool is_administrator = false;
    bool has_password = false;  ///< read from standard input
};
Result<void> run_user_list(const UserOptions& options, Invocation& invocation);
Result<void> run_user_add(const UserOptions& options, Invocation& invocation);
Result<void> run_user_disable(const UserOptions& options, Invocation& invocation);
Result<void> run_user_enable(const UserOptions& options, Invocation& invocation);
/// Reads the password from standard input: of a terminal twice, without showing it.
Result<void> run_user_passwd(const UserOptions& options, Invocation& invocation);
Result<void> run_user_invite(const UserOptions& options, Invocation& invocation);

struct AuditOptions {
    std::string who, action, thing, outcome;  ///< "" is any
    std::int64_t limit = 100;
};
Result<void> run_audit(const AuditOptions& options, Invocation& invocation);

struct TokenOptions {
    std::string user, token, label;
    std::vector<std::string> scopes;
    std::int64_t days = 90;  ///< 0 never expires
};
Result<void> run_token_list(const TokenOptions& options, Invocation& invocation);
Result<void> run_token_create(const TokenOptions& options, Invocation& invocation);
Result<void> run_token_revoke(const TokenOptions& options, Invocation& invocation);

struct OntologyOptions {
    std::string file, prefix;
};
Result<void> run_ontology_import(const OntologyOptions& options, Invocation& invocation);
Result<void> run_ontology_list(const OntologyOptions& options, Invocation& invocation);
Result<void> run_ontology_remove(const OntologyOptions& options, Invocation& invocation);

struct BackupOptions {
    std::string folder;  ///< backup: to; restore: from
};
Result<void> run_backup(const BackupOptions& options, Invocation& invocation);
Result<void> run_restore(const BackupOptions& options, Invocation& invocation);

struct VerifyOptions {
    std::vector<std::string> datasets;  ///< empty is everything
    bool repair = false;
};
Result<void> run_verify(const VerifyOptions& options, Invocation& invocation);

Result<void> run_purge(Invocation& invocation);

struct DemoOptions {
    std::string output;
    std::int64_t cells = 5000, genes = 2000, seed = 1;
};
/// Writes the demo dataset as an h5ad file.
Result<void> run_demo(const DemoOptions& options, Invocation& invocation);

// One for each file verb_<name>.cpp.
Verb serve_verb();
Verb import_verb();
Verb matrix_verb();
Verb sql_verb();
Verb dataset_verb();
Verb job_verb();
Verb user_verb();
Verb audit_verb();
Verb ontology_verb();
Verb token_verb();
Verb backup_verb();
Verb restore_verb();
Verb verify_verb();
Verb purge_verb();
Verb origin_verb();
Verb diff_verb();
Verb demo_verb();
Verb config_verb();
Verb completion_verb();
Verb help_verb();
Verb version_verb();

}  // namespace stroma::app
