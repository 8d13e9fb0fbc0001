#pragma once

#include "base/file.h"
#include "base/result.h"

namespace stroma::app {

/// The version of the data directory's layout that this binary writes. A binary opens any up to
/// its own; each rise has its migration in site.cpp.
inline constexpr int store_format = 1;

/// Holds a data directory for this process until it goes.
class DataLock {
public:
    /// Makes the directory when it isn't there, checks store.json, takes the lock.
    /// errors  unavailable  another process has it: tells its number
    ///         unsupported  a later binary wrote it; nothing was touched
    static Result<DataLock> take(const fs::path& data);

private:
    explicit DataLock(File file) : file_(std::move(file)) {}
    File file_;
};

}  // namespace stroma::app
