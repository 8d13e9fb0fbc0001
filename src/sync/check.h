#pragma once

#include <string>
#include <vector>

#include "sync/sending.h"

namespace stroma::sync {

/// How a folder and what lies in its bucket differ.
struct CheckReport {
    std::int64_t same = 0, bytes = 0;
    std::vector<std::string> only_here;  ///< not in the bucket
    std::vector<std::string>
        only_there;                   ///< in the bucket, below the prefix, and not in the folder
    std::vector<std::string> differ;  ///< size, ETag or bytes aren't what was sent
    std::vector<std::string> unsent;  ///< changed since, or not sent by this agent
    bool is_clean() const {
        return only_here.empty() && only_there.empty() && differ.empty() && unsent.empty();
    }
};

/// Reads every file of the folder and lists the bucket; nothing is changed. `tell` is called after
/// each file with the bytes read so far. errors  as scan_folder and Destination::list
Result<CheckReport> check_both_sides(const SendSite& site,
                                     const std::function<void(std::int64_t bytes)>& tell,
                                     const std::stop_token& stop);

}  // namespace stroma::sync
