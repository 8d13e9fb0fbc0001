#include <fmt/format.h>

#include "base/json.h"
#include "front/http/url.h"
#include "front/s3/acl.h"
#include "front/s3/attributes.h"
#include "front/s3/operation.h"
#include "front/s3/policy_condition.h"

// Who may do what with a bucket: its owner, administrators, and what its policy says.

namespace stroma::front::s3 {
namespace {

enum class Verdict { nothing, allows, denies };

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

/// What a statement asks of a request, looked up where a condition names it.
class Facts {
public:
    Facts(Operation& operation, const bucket::Bucket& bucket, std::string_view key,
          std::string_view action)
        : operation_(operation), bucket_(bucket), key_(key), action_(action) {}

    Fact of(const std::string& named) const {
        const std::size_t slash = named.find('/');
        const std::string key = http::lower_case(named.substr(0, slash));
        const std::string rest = slash == named.npos ? "" : named.substr(slash + 1);
        if (key == "s3:existingobjecttag") return tag(tags_of_object(), rest);
        if (key == "s3:requestobjecttag") return tag(tags_in(asked_tags_text()), rest);
        if (key == "s3:requestobjecttagkeys") {
            std::vector<std::string> names;
            for (const auto& [name, value] : tags_in(asked_tags_text())) names.push_back(name);
            return names;
        }
        // Whether a missing key may be told depends on the list that would show it.
        if (key == "s3:prefix")
            return !operation_.key.empty() && action_ == "s3:ListBucket" ? one(operation_.key)
                                                                         : in_query("prefix");
        if (key == "s3:delimiter") return in_query("delimiter");
        if (key == "s3:max-keys") return in_query("max-keys");
        if (key == "s3:versionid") return in_query("versionId");
        if (key == "s3:x-amz-copy-source") {
            auto source = operation_.request.header("x-amz-copy-source");
            if (source) source = source_path(*source).value_or(*source);
            return maybe(source);
        }
        if (key.starts_with("s3:x-amz-")) return maybe(operation_.request.header(key.substr(3)));
        if (key == "aws:sourceip") return one(operation_.request.client);
        if (key == "aws:securetransport") return one(operation_.request.secure ? "true" : "false");
        if (key == "aws:referer") return maybe(operation_.request.header("referer"));
        if (key == "aws:useragent") return maybe(operation_.request.header("user-agent"));
        if (key == "aws:currenttime") return one(iso_time(operation_.clock.unix_ms()));
        if (key == "aws:epochtime") return one(std::to_string(operation_.clock.unix_ms() / 1000));
        if (key == "aws:username") return name_of_sender(&catalog::Principal::name);
        if (key == "aws:userid") return name_of_sender(&catalog::Principal::id);
        return std::nullopt;
    }

private:
    static Fact one(std::string value) { return std::vector<std::string>{std::move(value)}; }
    static Fact maybe(const std::optional<std::string>& value) {
        return value ? one(*value) : std::vector<std::string>();
    }
    Fact in_query(const char* name) const { return maybe(operation_.request.query_value(name)); }
    Fact name_of_sender(std::string catalog::Principal::*member) const {
        const catalog::Principal& sender = operation_.signature.principal;
        return sender.role == catalog::Role::anonymous ? std::vector<std::string>()
                                                       : one(sender.*member);
    }
    static Fact tag(const std::vector<std::pair<std::string, std::string>>& tags,
                    const std::string& wanted) {
        for (const auto& [name, value] : tags)
            if (name == wanted) return one(value);
        return std::vector<std::string>();
    }
    std::string asked_tags_text() const { return operation_.header("x-amz-tagging"); }
    std::vector<std::pair<std::string, std::string>> tags_of_object() const {
        if (key_.empty()) return {};
        const auto object = operation_.buckets.get(bucket_.name, key_, operation_.version(), false);
        return object ? tags_in(object->tags) : std::vector<std::pair<std::string, std::string>>();
    }

    Operation& operation_;
    const bucket::Bucket& bucket_;
    const std::string_view key_, action_;
};

Verdict verdict_of(const std::string& policy, const catalog::Principal& principal,
                   std::string_view action, const std::string& resource, const Facts& facts) {
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
        if (statement.contains("Condition")) {
            const auto holds = conditions_hold(
                statement["Condition"], [&](const std::string& key) { return facts.of(key); });
            // What can't be judged here allows nothing, and still denies.
            if (!holds.value_or(denies)) return;
        }
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

bool policy_is_public(const std::string& policy) {
    const auto document = parse_json(policy);
    if (policy.empty() || !document || !document->contains("Statement")) return false;
    Json statements = (*document)["Statement"];
    if (!statements.is_array()) statements = Json::array({statements});
    for (const Json& statement : statements)
        if (statement.is_object() && statement.value("Effect", "") == "Allow" &&
            !statement.contains("Condition") && statement.contains("Principal") &&
            names_principal(statement["Principal"], catalog::anonymous_principal()))
            return true;
    return false;
}

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
    const Verdict verdict =
        verdict_of(policy, principal, action, resource, Facts(operation, bucket, key, action));
    // Owners can always take back a policy that shut them out.
    if (owns && (verdict != Verdict::denies || is_about_policy)) return {};
    const auto refused = refuse("AccessDenied", "Access Denied", 403);
    if (owns || verdict == Verdict::denies || principal.disabled) return refused;
    const PublicAccessBlock block = *S3_TRY(public_access_block(operation, bucket.name));
    const bool is_restricted = block.restricts && policy_is_public(policy);
    if (verdict == Verdict::allows && !is_restricted) return {};
    if (*S3_TRY(acl_allows(operation, bucket, key, action, block))) return {};
    return refused;
}

Outcome<void> allow(Operation& operation, std::string_view action) {
    return allow_on(operation, operation.about, operation.key, action);
}

Outcome<void> enter(Operation& operation, std::string_view action) {
    operation.about = *S3_TRY(operation.buckets.find(operation.bucket));
    const auto expected = operation.request.header("x-amz-expected-bucket-owner");
    if (expected && *expected != operation.about.owner &&
        *expected != operation.signature.account) {
        if (expected->size() != 12 || expected->find_first_not_of("0123456789") != expected->npos)
            return refuse("InvalidBucketOwnerAWSAccountID",
                          fmt::format("The value of the expected bucket owner parameter must be an "
                                      "AWS Account ID... [{}]",
                                      *expected));
        return refuse("AccessDenied", "Access Denied", 403);
    }
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
