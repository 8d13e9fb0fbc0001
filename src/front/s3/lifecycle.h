#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "front/s3/operation.h"
#include "front/s3/xml.h"

namespace stroma::front::s3 {

/// When something of a rule is due: so many days after, or at a moment.
struct Due {
    std::optional<std::int64_t> days, date_ms;
    bool is_set() const { return days || date_ms; }
    /// The midnight (UTC) behind so many days from then, or the moment.
    std::int64_t at(std::int64_t from_ms) const;
};

struct Transition {
    Due due;
    std::string storage_class;
};

/// One rule of a bucket's lifecycle: what ends or moves, and when.
struct LifecycleRule {
    std::string id;
    bool is_enabled = false;
    std::string prefix;
    std::vector<std::pair<std::string, std::string>> tags;
    std::optional<std::uint64_t> larger_than, smaller_than;
    Due expiry;                               ///< of current objects
    bool ends_lone_markers = false;           ///< markers with no version behind them
    std::optional<std::int64_t> old_days;     ///< of versions that were replaced
    std::optional<std::int64_t> old_kept;     ///< so many of the newest of them stay
    std::optional<std::int64_t> upload_days;  ///< of uploads that were never completed
    std::vector<Transition> transitions;      ///< of current objects
    std::vector<Transition> old_transitions;  ///< of replaced versions, by days

    bool is_about(const bucket::ObjectVersion& object) const;
};

/// Which small objects a bucket's rules don't move: those under 128 KiB, to any class or to any but
/// an archive. A bucket whose rules are older than this has none of both, and no minimum.
constexpr std::string_view transition_minimum_setting = "transitionMinimum",
                           transition_minimum_all = "all_storage_classes_128K",
                           transition_minimum_varies = "varies_by_storage_class";

/// errors  MalformedXML, InvalidArgument, InvalidRequest
Outcome<std::vector<LifecycleRule>> read_lifecycle(const Element& document);
/// The document with an ID for each rule that had none.
std::string lifecycle_document(const Element& document);

/// What the header x-amz-expiration says of an object by the bucket's rules; "" where none is about
/// it.
std::string expiration_of(const std::string& document, const bucket::ObjectVersion& object);

/// Removes and moves what is due by the rules of every bucket, and does the work of tiers; gives
/// how many things it was.
Result<std::size_t> follow_lifecycles(bucket::Buckets& buckets, const Clock& clock,
                                      const std::function<bool()>& stops);

}  // namespace stroma::front::s3
