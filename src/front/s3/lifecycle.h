#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "front/s3/operation.h"
#include "front/s3/xml.h"

namespace stroma::front::s3 {

/// One rule of a bucket's lifecycle: what ends, and when.
struct LifecycleRule {
    bool is_enabled = false;
    std::string prefix;
    std::optional<std::int64_t> days, date_ms;  ///< of current objects: age, or a moment
    std::optional<std::int64_t> old_days;       ///< of versions that were replaced
    std::optional<std::int64_t> upload_days;    ///< of uploads that were never completed
};

/// errors  MalformedXML, InvalidArgument; NotImplemented of transitions and other filters
Outcome<std::vector<LifecycleRule>> read_lifecycle(const Element& document);

/// Removes what is over by the rules of every bucket; gives how many things went.
Result<std::size_t> expire_objects(bucket::Buckets& buckets, const Clock& clock);

}  // namespace stroma::front::s3
