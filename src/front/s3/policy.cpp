#include <fmt/format.h>

#include "base/json.h"
#include "front/s3/operation.h"

// Who may do what with a bucket: its owner, administrators, and what its policy says.

namespace stroma::front::s3 {
namespace {

enum class Verdict { nothing, allows, denies };

/// "*" and "?" stand for what they do in AWS's policies.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t]) &&
            pattern[p] != '*') {
            ++p;
            ++t;
        } else if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool any_matches(const Json& patterns, const std::function<bool(const std::string&)>& fits) {
    if (patterns.is_string()) return fits(patterns.get_ref<const std::string&>());
    if (!patterns.is_array()) return false;
    for (const Json& one : patterns)
        if (one.is_string() && fits(one.get_ref<const std::string&>())) return true;
    return false;
}

/// "*", {"AWS": "*"}, an ARN that ends with the user's name or id, or either of them bare.
bool names_principal(const Json& named, const catalog::Principal& principal) {
    const auto fits = [&](const std::string& name) {
        if (name == "*") return true;
        if (principal.role == catalog::Role::anonymous) return false;
        const std::size_t slash = name.rfind('/');
        const std::string_view last =
            slash == name.npos ? std::string_view(name) : std::string_view(name).substr(slash + 1);
        return last == principal.name || last == principal.id;
    };
    if (named.is_object()) return named.contains("AWS") && any_matches(named["AWS"], fits);
    return any_matches(named, fits);
}

bool says(const Json& statement, const char* member, const char* not_member,
          const std::function<bool(const std::string&)>& fits) {
    if (statement.contains(member)) return any_matches(statement[member], fits);
    return statement.contains(not_member) && !any_matches(statement[not_member], fits);
}

Verdict verdict_of(const std::string& policy, const catalog::Principal& principal,
                   std::string_view action, const std::string& resource) {
    if (policy.empty()) return Verdict::nothing;
    const auto document = parse_json(policy);
    if (!document || !document->contains("Statement")) return Verdict::nothing;
    const Json& statements = (*document)["Statement"];
    Verdict verdict = Verdict::nothing;
    const auto judge = [&](const Json& statement) {
        const bool applies =
            statement.is_object() && statement.contains("Principal") &&
            names_principal(statement["Principal"], principal) &&
            says(statement, "Action", "NotAction",
                 [&](const std::string& pattern) { return matches(pattern, action); }) &&
            says(statement, "Resource", "NotResource",
                 [&](const std::string& pattern) { return matches(pattern, resource); });
        if (!applies) return;
        const bool denies = statement.value("Effect", "") == "Deny";
        // A condition that can't be judged here allows nothing and denies nothing away.
        if (statement.contains("Condition") && !denies) return;
        if (denies)
            verdict = Verdict::denies;
        else if (verdict != Verdict::denies)
            verdict = Verdict::allows;
    };
    if (statements.is_array())
        for (const Json& statement : statements) judge(statement);
    else
        judge(statements);
    return verdict;
}

catalog::Action action_of(std::string_view action) {
    if (action.starts_with("s3:Get") || action.starts_with("s3:List")) return catalog::Action::read;
    return action.starts_with("s3:Delete") ? catalog::Action::remove : catalog::Action::change;
}

}  // namespace

Outcome<void> allow_on(Operation& operation, const bucket::Bucket& bucket, std::string_view key,
                       std::string_view action) {
    const catalog::Principal& principal = operation.signature.principal;
    const catalog::Thing thing{
        .kind = catalog::ThingKind::bucket, .id = bucket.name, .owner = bucket.owner};
    const bool owns = *S3_TRY(operation.catalog.may(principal, action_of(action), thing));
    const std::string policy = *S3_TRY(operation.buckets.setting(bucket.name, "policy"));
    const std::string resource = key.empty() ? "arn:aws:s3:::" + bucket.name
                                             : fmt::format("arn:aws:s3:::{}/{}", bucket.name, key);
    const bool is_about_policy = action.ends_with("BucketPolicy");
    const Verdict verdict = verdict_of(policy, principal, action, resource);
    // Owners can always take back a policy that shut them out.
    if (owns && (verdict != Verdict::denies || is_about_policy)) return {};
    if (verdict == Verdict::allows && !principal.disabled) return {};
    return refuse("AccessDenied", "Access Denied", 403);
}

Outcome<void> allow(Operation& operation, std::string_view action) {
    return allow_on(operation, operation.about, operation.key, action);
}

Outcome<void> enter(Operation& operation, std::string_view action) {
    operation.about = *S3_TRY(operation.buckets.find(operation.bucket));
    return allow(operation, action);
}

Outcome<void> check_policy(std::string_view document, std::string_view bucket) {
    const auto malformed = [](std::string why) {
        return refuse("MalformedPolicy", std::move(why));
    };
    const auto policy = parse_json(document);
    if (!policy || !policy->is_object())
        return malformed("Policies must be valid JSON and the first byte must be '{'");
    if (!policy->contains("Statement")) return malformed("Missing required field Statement");
    Json statements = (*policy)["Statement"];
    if (!statements.is_array()) statements = Json::array({statements});
    const std::string ours = "arn:aws:s3:::" + std::string(bucket);
    for (const Json& statement : statements) {
        if (!statement.is_object()) return malformed("A statement must be an object");
        for (const char* const needed : {"Effect", "Principal"})
            if (!statement.contains(needed))
                return malformed(fmt::format("Missing required field {}", needed));
        const std::string effect =
            statement["Effect"].is_string() ? statement.value("Effect", "") : "";
        if (effect != "Allow" && effect != "Deny") return malformed("Invalid effect");
        if (!statement.contains("Action") && !statement.contains("NotAction"))
            return malformed("Missing required field Action");
        const Json resources = statement.value("Resource", Json(nullptr));
        const auto is_foreign = [&](const std::string& resource) {
            return !matches(resource.substr(0, resource.find('/')), ours);
        };
        if (!statement.contains("NotResource") &&
            (resources.is_null() || any_matches(resources, is_foreign)))
            return malformed("Policy has invalid resource");
    }
    return {};
}

}  // namespace stroma::front::s3
