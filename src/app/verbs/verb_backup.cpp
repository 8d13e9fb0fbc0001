#include <memory>

#include "app/verbs/verbs.h"

namespace stroma::app {

Verb backup_verb() {
    auto options = std::make_shared<BackupOptions>();
    return {
        .name = "backup",
        .summary = "Copy everything, consistently, also while others write",
        .text =
            "The copy is a folder that stroma restore takes, and that holds a moment of the "
            "data directory. A repeat into the same folder copies only what is new. Records in "
            "streams and deliveries (the AWS port's Kinesis and Firehose) are not in it yet. "
            "Nor are users' own tables (the PostgreSQL port's): copy redshift/ of the data "
            "directory while no server runs.",
        .examples = "  stroma backup --data lab backups/monday\n",
        .options = {{"folder", &options->folder, "DIR", "where the copy goes", {}, true}},
        .run = [options](Invocation& invocation) { return run_backup(*options, invocation); },
    };
}

Verb restore_verb() {
    auto options = std::make_shared<BackupOptions>();
    return {
        .name = "restore",
        .summary = "Make a data directory from a backup",
        .text = "The data directory must be absent or empty. Every checksum is verified.",
        .examples = "  stroma restore --data lab2 backups/monday\n",
        .options = {{"folder", &options->folder, "DIR", "the backup", {}, true}},
        .run = [options](Invocation& invocation) { return run_restore(*options, invocation); },
    };
}

}  // namespace stroma::app
