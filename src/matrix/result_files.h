#pragma once

#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "matrix/request_store.h"
#include "object/object_store.h"

namespace stroma::matrix {

/// Past its time, whether its file is swept away yet or not.
bool is_expired(const MatrixResult& result, std::int64_t now_ms);

/// The files of results, each beside its record. A result that is made again has the key that it
/// had, so making and removing exclude each other. Any thread; one process at a time.
class ResultFiles {
public:
    ResultFiles(RequestStore& records, object::ObjectStore& objects, const Clock& clock)
        : records_(records), objects_(objects), clock_(clock) {}

    /// The record of a result_key(). One whose file is gone, whatever took it (a process that ended
    /// between removing it and saying so, a restored backup), is told as expired.
    Result<std::optional<MatrixResult>> find(std::string_view key);
    /// Takes the finished file in (an empty path: the result has none), then records the result:
    /// after a crash between them the file is nobody's until its job, repeated, writes it again.
    /// result's object_key and sha256 are set.
    Result<void> keep(const fs::path& staged, MatrixResult& result);
    /// Removes a result's file and notes it, unless the result was made again since it was read.
    /// Gives whether it was removed.
    Result<bool> drop(const MatrixResult& result);
    /// Drops every result past its time; gives how many.
    Result<std::int64_t> expire();
    /// Every result that should have a file.
    Result<std::vector<MatrixResult>> live();

private:
    RequestStore& records_;
    object::ObjectStore& objects_;
    const Clock& clock_;
    /// Held shared from a file's put to its record's, alone from a look at a record to its removal.
    std::shared_mutex making_;
};

}  // namespace stroma::matrix
