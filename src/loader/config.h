#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/result.h"

namespace stroma::loader {

/// How rows of objects come into a table.
enum class LoadMode {
    append,   ///< as they are
    latest,   ///< of each key the row with the greatest timestamp
    history,  ///< of each key every timestamp once
};

/// What becomes of objects whose columns aren't the table's.
enum class DriftPolicy {
    ignore,      ///< as COPY: by place, unknown members of JSON are passed over
    fail,        ///< the queue waits until somebody acts
    quarantine,  ///< the object goes to the dead letters
    add_column,  ///< the table gets the columns that it lacks
};

/// How rows meet the table: the seed's "options", and ours.
struct MergeOptions {
    LoadMode mode = LoadMode::append;
    std::vector<std::string> keys;
    std::string timestamp;   ///< "" in append without one
    std::string late_table;  ///< where rows go that are older than the table's; "" is nowhere
};

/// Whose rows an object holds: those whose column says what `*` is in the object's key.
struct Owner {
    std::string column;   ///< "bundle_key"; "": objects may hold any rows
    std::string pattern;  ///< of keys, with one *: "cells/*.psv.gz"; * isn't a /
    bool operator==(const Owner&) const = default;
    /// Who owns what the object of that key holds; nothing where the key isn't of the pattern.
    std::optional<std::string> of(std::string_view key) const;
};

struct LoaderConfig {
    std::string name;  ///< of the queue
    std::string manifest_bucket, manifest_prefix;
    std::string copy_options, role, table;
    std::string cluster, database;
    MergeOptions merge;
    DriftPolicy drift = DriftPolicy::ignore;
    Owner owner;
    std::size_t batch_files = 500;
    std::uint64_t batch_bytes = 256u << 20;
    Milliseconds batch_wait{0};  ///< for company, after the first message
    std::size_t workers = 1;
    int attempts = 8;  ///< at a conflict
    bool operator==(const LoaderConfig&) const;
};

/// One path of a bulk load.
struct BulkPath {
    std::string path;  ///< s3://bucket/folder, an object, or with * at its end all that begins so
    std::string table;
    std::string copy_options, role;
    MergeOptions merge;
    DriftPolicy drift = DriftPolicy::ignore;
    bool replaces = false;
    /// The partition that is replaced: columns and their values, as text. Empty with `replaces`:
    /// what the path's parts name=value say; "*" alone is the whole table.
    std::vector<std::pair<std::string, std::string>> partition;
    bool replaces_all = false;
};

struct BulkConfig {
    std::vector<BulkPath> paths;
    std::string cluster, database;
};

/// Reads a configuration as loader.handler has them; `file` is what errors call it, `queue` the
/// name (its file's, without .json). `role` stands in where the file has none.
/// errors  invalid_input  file, field, and what to write instead
Result<LoaderConfig> read_config(std::string_view text, const std::string& file,
                                 const std::string& queue, const std::string& role = {});
/// The same of bulk_loader.handler's input.
Result<BulkConfig> read_bulk(std::string_view text, const std::string& file,
                             const std::string& role = {});
/// "s3://bucket/" or "path/orders_queue.json" → "orders_queue"
std::string queue_of_file(std::string_view file);

/// COPY as it is run: from a manifest, into the staging table.
std::string copy_statement(const std::string& table, const std::string& columns,
                           const std::string& manifest, const std::string& role,
                           const std::string& options);

}  // namespace stroma::loader
