#include "app/verbs/verbs.h"

// Verbs whose work isn't wired to a data directory yet. Each says so. A function moves out of here
// when it is written; the file goes with the last one.

namespace stroma::app {
namespace {

Result<void> unwired(std::string_view verb) {
    return fail(ErrorCode::unsupported,
                "stroma " + std::string(verb) + " isn't built in this version");
}

}  // namespace

Result<void> run_serve(const ServeOptions&, Invocation&) { return unwired("serve"); }
Result<void> run_import(const ImportOptions&, Invocation&) { return unwired("import"); }
Result<void> run_matrix(const MatrixOptions&, Invocation&) { return unwired("matrix"); }
Result<void> run_sql(const SqlOptions&, Invocation&) { return unwired("sql"); }
Result<void> run_dataset_list(const DatasetOptions&, Invocation&) {
    return unwired("dataset list");
}
Result<void> run_dataset_show(const DatasetOptions&, Invocation&) {
    return unwired("dataset show");
}
Result<void> run_dataset_change(const DatasetOptions&, Invocation&) {
    return unwired("dataset change");
}
Result<void> run_dataset_remove(const DatasetOptions&, Invocation&) {
    return unwired("dataset remove");
}
Result<void> run_job_list(const JobOptions&, Invocation&) { return unwired("job list"); }
Result<void> run_job_show(const JobOptions&, Invocation&) { return unwired("job show"); }
Result<void> run_job_follow(const JobOptions&, Invocation&) { return unwired("job follow"); }
Result<void> run_job_cancel(const JobOptions&, Invocation&) { return unwired("job cancel"); }
Result<void> run_job_retry(const JobOptions&, Invocation&) { return unwired("job retry"); }
Result<void> run_user_list(const UserOptions&, Invocation&) { return unwired("user list"); }
Result<void> run_user_add(const UserOptions&, Invocation&) { return unwired("user add"); }
Result<void> run_token_list(const TokenOptions&, Invocation&) { return unwired("token list"); }
Result<void> run_token_create(const TokenOptions&, Invocation&) { return unwired("token create"); }
Result<void> run_token_revoke(const TokenOptions&, Invocation&) { return unwired("token revoke"); }
Result<void> run_backup(const BackupOptions&, Invocation&) { return unwired("backup"); }
Result<void> run_restore(const BackupOptions&, Invocation&) { return unwired("restore"); }
Result<void> run_verify(const VerifyOptions&, Invocation&) { return unwired("verify"); }

}  // namespace stroma::app
