#include "front/s3/lifecycle.h"

#include <algorithm>

#include "base/log.h"

// What a bucket's lifecycle rules have done. A day counts as S3 counts it: until the next midnight.

namespace stroma::front::s3 {
namespace {

constexpr std::size_t page_keys = 1000;
constexpr std::uint64_t transition_bytes_min = 128u << 10;
const bucket::Cause lifecycle_cause{"lifecycle", "", "lifecycle", true};

/// How cold a class is: rules move objects only down.
int rank_of(std::string_view storage_class) {
    constexpr std::string_view order[] = {"STANDARD",    "INTELLIGENT_TIERING", "STANDARD_IA",
                                          "ONEZONE_IA",  "GLACIER_IR",          "GLACIER",
                                          "DEEP_ARCHIVE"};
    const auto* const found = std::find(std::begin(order), std::end(order), storage_class);
    return found == std::end(order) ? 0 : static_cast<int>(found - std::begin(order));
}

/// The rules of one bucket at one moment.
class Follower {
public:
    Follower(bucket::Buckets& buckets, const std::string& name,
             const std::vector<LifecycleRule>& rules, std::string minimum, std::int64_t now,
             const std::function<bool()>& stops)
        : buckets_(buckets),
          name_(name),
          rules_(rules),
          minimum_(std::move(minimum)),
          now_(now),
          stops_(stops) {}

    Outcome<std::size_t> follow() {
        S3_TRY(follow_versions());
        S3_TRY(follow_uploads());
        return done_;
    }

private:
    /// All versions, by key and the newest first: what a version is due for follows from when the
    /// one before it came.
    Outcome<void> follow_versions() {
        const bool needs = std::any_of(rules_.begin(), rules_.end(), [](const LifecycleRule& rule) {
            return rule.is_enabled &&
                   (rule.expiry.is_set() || rule.ends_lone_markers || rule.old_days ||
                    !rule.transitions.empty() || !rule.old_transitions.empty());
        });
        if (!needs) return {};
        bucket::ListQuery query{name_, "", "", "", "", page_keys};
        for (bool more = true; more && !stops_();) {
            const auto page = *S3_TRY(buckets_.list_versions(query));
            for (const auto& object : page.objects) S3_TRY(follow_one(object));
            query.after = page.next_key;
            query.after_version = page.next_version;
            more = page.is_cut;
        }
        return finish_marker();
    }

    Outcome<void> follow_one(const bucket::ObjectVersion& object) {
        const bool is_same_key = object.key == key_;
        if (is_same_key) lone_marker_.reset();
        if (!is_same_key) {
            S3_TRY(finish_marker());
            old_seen_ = 0;
        }
        key_ = object.key;
        if (object.is_latest) {
            if (object.is_marker)
                lone_marker_ = object;
            else
                S3_TRY(follow_current(object));
        } else {
            ++old_seen_;
            S3_TRY(follow_old(object));
        }
        newer_ms_ = object.modified_ms;
        return {};
    }

    Outcome<void> follow_current(const bucket::ObjectVersion& object) {
        std::string to;
        for (const LifecycleRule& rule : rules_) {
            if (!rule.is_about(object)) continue;
            if (rule.expiry.is_set() && rule.expiry.at(object.modified_ms) <= now_) {
                bucket::Condition unchanged;
                unchanged.if_etag = object.etag;
                return remove(object.key, "", unchanged);
            }
            add_transitions(rule, rule.transitions, object, object.modified_ms, to);
        }
        return move(object, to);
    }

    Outcome<void> follow_old(const bucket::ObjectVersion& object) {
        std::string to;
        for (const LifecycleRule& rule : rules_) {
            if (!rule.is_about(object)) continue;
            const Due due{rule.old_days, {}};
            if (rule.old_days && due.at(newer_ms_) <= now_ && old_seen_ > rule.old_kept.value_or(0))
                return remove(object.key, object.version, {});
            if (!object.is_marker)
                add_transitions(rule, rule.old_transitions, object, newer_ms_, to);
        }
        return move(object, to);
    }

    /// A marker that stands alone hides nothing any more.
    Outcome<void> finish_marker() {
        const auto marker = std::exchange(lone_marker_, std::nullopt);
        if (!marker) return {};
        for (const LifecycleRule& rule : rules_)
            if (rule.is_about(*marker) &&
                (rule.ends_lone_markers ||
                 (rule.expiry.is_set() && rule.expiry.at(marker->modified_ms) <= now_)))
                return remove(marker->key, marker->version, {});
        return {};
    }

    /// Small objects stay where they are, unless the rule itself speaks of sizes.
    bool is_too_small(const LifecycleRule& rule, const bucket::ObjectVersion& object,
                      const std::string& storage_class) const {
        if (rule.larger_than || rule.smaller_than || object.size >= transition_bytes_min)
            return false;
        return minimum_ == transition_minimum_all ||
               (minimum_ == transition_minimum_varies && !bucket::is_archive(storage_class));
    }

    void add_transitions(const LifecycleRule& rule, const std::vector<Transition>& transitions,
                         const bucket::ObjectVersion& object, std::int64_t from_ms,
                         std::string& to) const {
        for (const Transition& one : transitions)
            if (one.due.at(from_ms) <= now_ && !is_too_small(rule, object, one.storage_class) &&
                rank_of(one.storage_class) > rank_of(to.empty() ? object.storage_class : to))
                to = one.storage_class;
    }

    Outcome<void> move(const bucket::ObjectVersion& object, const std::string& to) {
        if (to.empty()) return {};
        return count(buckets_.transition(object, to, lifecycle_cause));
    }
    Outcome<void> remove(const std::string& key, const std::string& version,
                         const bucket::Condition& condition) {
        return count(buckets_.remove_object(name_, key, version, condition, lifecycle_cause));
    }
    template <class T>
    Outcome<void> count(const bucket::Outcome<T>& done) {
        // Somebody was faster: then it isn't due any more.
        if (!done && done.error().why == bucket::Why::failed) return refused(done.error());
        done_ += done ? 1 : 0;
        return {};
    }

    Outcome<void> follow_uploads() {
        for (const LifecycleRule& rule : rules_) {
            if (!rule.is_enabled || !rule.upload_days) continue;
            const Due due{rule.upload_days, {}};
            std::string after, after_id;
            for (bool more = true; more && !stops_();) {
                const auto uploads =
                    *S3_TRY(buckets_.uploads(name_, rule.prefix, after, after_id, page_keys));
                for (const bucket::Upload& upload : uploads)
                    if (due.at(upload.started_ms) <= now_)
                        S3_TRY(count(buckets_.abort_upload(upload)));
                more = uploads.size() == page_keys;
                if (!more) break;
                after = uploads.back().key;
                after_id = uploads.back().id;
            }
        }
        return {};
    }

    bucket::Buckets& buckets_;
    const std::string& name_;
    const std::vector<LifecycleRule>& rules_;
    const std::string minimum_;
    const std::int64_t now_;
    const std::function<bool()>& stops_;
    std::size_t done_ = 0;
    std::string key_;
    std::int64_t newer_ms_ = 0;
    std::int64_t old_seen_ = 0;
    std::optional<bucket::ObjectVersion> lone_marker_;
};

}  // namespace

Result<std::size_t> follow_lifecycles(bucket::Buckets& buckets, const Clock& clock,
                                      const std::function<bool()>& stops) {
    std::size_t done = 0;
    for (const auto& [name, text] : TRY(buckets.settings_named("lifecycle"))) {
        const Element document = TRY(read_xml(text));
        const auto rules = read_lifecycle(document);
        if (!rules) continue;  // only what was checked is kept
        const auto minimum = buckets.setting(name, transition_minimum_setting);
        if (!minimum) return fail(ErrorCode::unavailable, fault_of(minimum.error()).message);
        const auto followed =
            Follower(buckets, name, *rules, *minimum, clock.unix_ms(), stops).follow();
        if (!followed) return fail(ErrorCode::unavailable, followed.error().message);
        done += *followed;
    }
    return done + TRY(buckets.work_on_tiers(stops));
}

}  // namespace stroma::front::s3
