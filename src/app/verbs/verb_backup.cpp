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
            "data directory: datasets of one moment; what came in through the AWS port (streams, "
            "deliveries, buckets, queues, events) of another. No such folder may be there yet. "
            "Users' own tables are copied after it, of one moment of their own; commits wait "
            "meanwhile.",
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
