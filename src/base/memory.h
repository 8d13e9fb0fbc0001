#pragma once

#include <cstdint>

#include "base/file.h"

namespace stroma {

/// Bytes of memory that this process may take: the machine's, or the least limit of the control
/// groups that it is in, as of a container.
std::uint64_t usable_memory();

/// The least limit in bytes that control groups of version 1 or 2 set: `groups` is a text as
/// /proc/self/cgroup's, `mounted` where their folders are. `unlimited` when none does, or when what
/// they say can't be read.
std::uint64_t control_group_memory(std::string_view groups, const fs::path& mounted,
                                   std::uint64_t unlimited);

}  // namespace stroma
