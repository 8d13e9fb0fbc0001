#include "front/s3/acl.h"

#include <fmt/format.h>

#include <algorithm>

#include "front/http/url.h"
#include "front/s3/attributes.h"
#include "front/s3/intake.h"

// Access control lists of buckets and objects: read, written, judged.

namespace stroma::front::s3 {
namespace {

constexpr std::string_view all_users = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr std::string_view authenticated_users =
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
constexpr std::string_view log_delivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";
constexpr std::string_view permissions[] = {"READ", "WRITE", "READ_ACP", "WRITE_ACP",
                                            "FULL_CONTROL"};
constexpr std::size_t grants_max = 100;

AclGrant to_group(std::string_view group, const char* permission) {
    return {true, std::string(group), permission};
}

tl::unexpected<Fault> unknown_id(std::string where, const std::string& id) {
    return refuse_about({{"ArgumentName", std::move(where)}, {"ArgumentValue", id}},
                        "InvalidArgument", "Invalid id");
}

/// "id=…", "uri=…" or "emailAddress=…" of a header, or an element's likewise.
Outcome<AclGrant> grant_to(const Operation& operation, const std::string& kind,
                           const std::string& grantee, std::string permission) {
    if (http::equal_ignoring_case(kind, "uri")) {
        for (const std::string_view known : {all_users, authenticated_users, log_delivery})
            if (grantee == known) return AclGrant{true, grantee, std::move(permission)};
        return refuse_about(
            {{"ArgumentName", kind == "URI" ? "Group/URI" : "uri"}, {"ArgumentValue", grantee}},
            "InvalidArgument", "Invalid group uri");
    }
    // Addresses of mail aren't known here: a name stands for one.
    const bool by_mail = http::equal_ignoring_case(kind, "emailAddress");
    const auto found = *S3_TRY(operation.catalog.find_principal(
        by_mail ? std::string_view(grantee).substr(0, grantee.find('@')) : grantee));
    if (!found && by_mail)
        return refuse("UnresolvableGrantByEmailAddress",
                      "The e-mail address you provided does not match any account on record.");
    if (!found) return unknown_id(kind == "ID" ? "CanonicalUser/ID" : "id", grantee);
    return AclGrant{false, found->id, std::move(permission)};
}

Outcome<void> add_header_grants(const Operation& operation, const std::string& value,
                                const std::string& permission, AclGrants& grants) {
    std::size_t from = 0;
    while (from <= value.size()) {
        const std::size_t end = std::min(value.find(',', from), value.size());
        const std::string_view one =
            http::trimmed(std::string_view(value).substr(from, end - from));
        from = end + 1;
        const std::size_t equals = one.find('=');
        const std::string_view kind = http::trimmed(one.substr(0, equals));
        const auto is_kind = [&](const char* name) {
            return http::equal_ignoring_case(kind, name);
        };
        if (equals == one.npos || (!is_kind("id") && !is_kind("uri") && !is_kind("emailAddress"))) {
            std::string header = "x-amz-grant-" + http::lower_case(permission);
            std::replace(header.begin(), header.end(), '_', '-');
            return refuse_about(
                {{"ArgumentName", std::move(header)}, {"ArgumentValue", std::string(one)}},
                "InvalidArgument", "Argument format not recognized");
        }
        std::string_view grantee = http::trimmed(one.substr(equals + 1));
        if (grantee.size() >= 2 && grantee.starts_with('"') && grantee.ends_with('"'))
            grantee = grantee.substr(1, grantee.size() - 2);
        grants.push_back(
            *S3_TRY(grant_to(operation, http::lower_case(kind), std::string(grantee), permission)));
        if (grants.size() > grants_max)
            return refuse("InvalidRequest", "The list has more than 100 grants");
    }
    return {};
}

/// What the permission is that an action needs; "" where no list can give it.
struct Needed {
    std::string_view of_bucket, of_object;
};
Needed needed_for(std::string_view action) {
    constexpr std::pair<std::string_view, Needed> needs[] = {
        {"s3:ListBucket", {"READ", ""}},
        {"s3:ListBucketVersions", {"READ", ""}},
        {"s3:ListBucketMultipartUploads", {"READ", ""}},
        {"s3:GetBucketAcl", {"READ_ACP", ""}},
        {"s3:PutBucketAcl", {"WRITE_ACP", ""}},
        {"s3:PutObject", {"WRITE", ""}},
        {"s3:DeleteObject", {"WRITE", ""}},
        {"s3:AbortMultipartUpload", {"WRITE", ""}},
        {"s3:ListMultipartUploadParts", {"WRITE", ""}},
        {"s3:GetObject", {"", "READ"}},
        {"s3:GetObjectVersion", {"", "READ"}},
        {"s3:GetObjectAttributes", {"", "READ"}},
        {"s3:GetObjectAcl", {"", "READ_ACP"}},
        {"s3:PutObjectAcl", {"", "WRITE_ACP"}},
    };
    for (const auto& [name, needed] : needs)
        if (name == action) return needed;
    return {};
}

std::string bucket_acl_text(const Operation& operation, const std::string& bucket) {
    return operation.buckets.setting(bucket, "acl").value_or("");
}

/// The document or the headers of a request that sets a list.
Outcome<AclGrants> asked_new_acl(Operation& operation, const std::string& owner) {
    const auto by_header = *S3_TRY(asked_acl(operation, owner, operation.about.owner));
    const std::string text = *S3_TRY(document_body(operation));
    if (by_header && !text.empty())
        return refuse("UnexpectedContent", "This request does not support content");
    if (by_header) return *by_header;
    if (text.empty())
        return refuse_about({{"MissingHeaderName", "x-amz-acl"}}, "MissingSecurityHeader",
                            "Your request was missing a required header");
    const auto document = read_xml(text);
    if (!document || document->name != "AccessControlPolicy")
        return refuse("MalformedACLError",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    return read_acl(operation, *document);
}

Outcome<void> check_block(const Operation& operation, const AclGrants& grants) {
    if (!is_public(grants)) return {};
    if (S3_TRY(public_access_block(operation, operation.bucket))->blocks_acls)
        return refuse("AccessDenied", "Access Denied", 403);
    return {};
}

}  // namespace

AclGrants private_acl(const std::string& owner) { return {{false, owner, "FULL_CONTROL"}}; }

Outcome<AclGrants> canned_acl(std::string_view name, const std::string& owner,
                              const std::string& bucket_owner) {
    AclGrants grants = private_acl(owner);
    if (name == "public-read" || name == "public-read-write")
        grants.push_back(to_group(all_users, "READ"));
    if (name == "public-read-write") grants.push_back(to_group(all_users, "WRITE"));
    if (name == "authenticated-read") grants.push_back(to_group(authenticated_users, "READ"));
    if (name == "bucket-owner-read") grants.push_back({false, bucket_owner, "READ"});
    if (name == "bucket-owner-full-control")
        grants.push_back({false, bucket_owner, "FULL_CONTROL"});
    if (name == "log-delivery-write") {
        grants.push_back(to_group(log_delivery, "WRITE"));
        grants.push_back(to_group(log_delivery, "READ_ACP"));
    }
    if (grants.size() == 1 && name != "private" && name != "aws-exec-read")
        return refuse_about({{"ArgumentName", "x-amz-acl"}, {"ArgumentValue", std::string(name)}},
                            "InvalidArgument", "");
    return grants;
}

Outcome<std::optional<AclGrants>> asked_acl(const Operation& operation, const std::string& owner,
                                            const std::string& bucket_owner) {
    std::optional<AclGrants> grants;
    if (const auto canned = operation.request.header("x-amz-acl"))
        grants = *S3_TRY(canned_acl(*canned, owner, bucket_owner));
    AclGrants named;
    for (const std::string_view permission : permissions) {
        std::string header = "x-amz-grant-" + http::lower_case(permission);
        std::replace(header.begin(), header.end(), '_', '-');
        if (const auto value = operation.request.header(header))
            S3_TRY(add_header_grants(operation, *value, std::string(permission), named));
    }
    if (named.empty()) return grants;
    if (grants)
        return refuse("InvalidRequest",
                      "Specifying both Canned ACLs and Header Grants is not allowed");
    return std::optional<AclGrants>(std::move(named));
}

Outcome<AclGrants> read_acl(const Operation& operation, const Element& document) {
    const auto malformed = [] {
        return refuse("MalformedACLError",
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    };
    const Element* const list = document.child("AccessControlList");
    const Element* const owner = document.child("Owner");
    if (list == nullptr || owner == nullptr) return malformed();
    AclGrants grants;
    for (const Element* const one : list->all("Grant")) {
        const Element* const grantee = one->child("Grantee");
        const std::string permission = one->text_of("Permission");
        if (grantee == nullptr || grants.size() == grants_max ||
            std::find(std::begin(permissions), std::end(permissions), permission) ==
                std::end(permissions))
            return malformed();
        const Element* named = nullptr;
        for (const char* const kind : {"ID", "URI", "EmailAddress"})
            if (const Element* const child = grantee->child(kind)) named = child;
        if (named == nullptr) return malformed();
        grants.push_back(*S3_TRY(grant_to(operation, named->name, named->text, permission)));
    }
    const std::string owner_id = owner->text_of("ID");
    if (!*S3_TRY(operation.catalog.find_principal(owner_id)))
        return unknown_id("CanonicalUser/ID", owner_id);
    return grants;
}

std::string acl_document(const std::string& owner, const AclGrants& given) {
    AclGrants grants = given;  // groups stand first
    std::stable_partition(grants.begin(), grants.end(),
                          [](const AclGrant& grant) { return grant.is_group; });
    XmlWriter xml;
    xml.open("AccessControlPolicy xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
        .open("Owner")
        .put("ID", owner)
        .put("DisplayName", owner)
        .close("Owner")
        .open("AccessControlList");
    for (const AclGrant& grant : grants) {
        xml.open("Grant").open(
            fmt::format("Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                        "xsi:type=\"{}\"",
                        grant.is_group ? "Group" : "CanonicalUser"));
        if (grant.is_group)
            xml.put("URI", grant.grantee);
        else
            xml.put("ID", grant.grantee).put("DisplayName", grant.grantee);
        xml.close("Grantee").put("Permission", grant.permission).close("Grant");
    }
    return std::move(xml.close("AccessControlList").close("AccessControlPolicy")).document();
}

std::string acl_text(const AclGrants& grants) {
    std::string text = "\n";  // an empty list is one, too
    for (const AclGrant& grant : grants)
        text +=
            fmt::format("{} {} {}\n", grant.is_group ? 'g' : 'i', grant.grantee, grant.permission);
    return text;
}

AclGrants acl_in(std::string_view text) {
    AclGrants grants;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t space = line.rfind(' ');
        if (line.size() < 4 || space == line.npos || space < 3) continue;
        grants.push_back({line[0] == 'g', std::string(line.substr(2, space - 2)),
                          std::string(line.substr(space + 1))});
    }
    return grants;
}

bool is_public(const AclGrants& grants) {
    return std::any_of(grants.begin(), grants.end(), [](const AclGrant& grant) {
        return grant.is_group && grant.grantee != log_delivery;
    });
}

bool gives(const AclGrants& grants, const catalog::Principal& principal,
           std::string_view permission, bool ignores_groups) {
    const bool is_somebody = principal.role != catalog::Role::anonymous;
    return std::any_of(grants.begin(), grants.end(), [&](const AclGrant& grant) {
        if (grant.permission != permission && grant.permission != "FULL_CONTROL") return false;
        if (!grant.is_group) return is_somebody && grant.grantee == principal.id;
        if (ignores_groups) return false;
        return grant.grantee == all_users || (grant.grantee == authenticated_users && is_somebody);
    });
}

Outcome<PublicAccessBlock> public_access_block(const Operation& operation,
                                               const std::string& bucket) {
    PublicAccessBlock block;
    const std::string text = *S3_TRY(operation.buckets.setting(bucket, "publicAccessBlock"));
    if (text.empty()) return block;
    const Element document = *S3_TRY(read_xml(text));
    const auto says = [&](const char* name) {
        return http::equal_ignoring_case(document.text_of(name), "true");
    };
    block.blocks_acls = says("BlockPublicAcls");
    block.ignores_acls = says("IgnorePublicAcls");
    block.blocks_policy = says("BlockPublicPolicy");
    block.restricts = says("RestrictPublicBuckets");
    return block;
}

Outcome<bool> acl_allows(Operation& operation, const bucket::Bucket& bucket, std::string_view key,
                         std::string_view action, const PublicAccessBlock& block) {
    const Needed needed = needed_for(action);
    const catalog::Principal& principal = operation.signature.principal;
    if (!needed.of_bucket.empty())
        return gives(acl_in(bucket_acl_text(operation, bucket.name)), principal, needed.of_bucket,
                     block.ignores_acls);
    if (needed.of_object.empty() || key.empty()) return false;
    const auto object = operation.buckets.get(bucket.name, key, operation.version(), false);
    if (!object) return false;
    // What a stranger put here is still whose they are.
    const auto grants = Attributes::of(object->attributes).acl;
    return gives(grants.empty() ? private_acl(object->owner) : acl_in(grants), principal,
                 needed.of_object, block.ignores_acls);
}

Outcome<std::string> asked_acl_text(const Operation& operation) {
    const auto grants =
        *S3_TRY(asked_acl(operation, operation.signature.principal.id, operation.about.owner));
    if (!grants) return std::string();
    S3_TRY(check_block(operation, *grants));
    return acl_text(*grants);
}

Answer bucket_acl(Operation& operation) {
    const bool puts = operation.request.method == "PUT";
    S3_TRY(enter(operation, puts ? "s3:PutBucketAcl" : "s3:GetBucketAcl"));
    const std::string owner = operation.about.owner;
    if (!puts) {
        const std::string text = bucket_acl_text(operation, operation.bucket);
        return xml_response(acl_document(owner, text.empty() ? private_acl(owner) : acl_in(text)));
    }
    const AclGrants grants = *S3_TRY(asked_new_acl(operation, owner));
    S3_TRY(check_block(operation, grants));
    S3_TRY(operation.buckets.set_setting(operation.bucket, "acl", acl_text(grants)));
    return http::Response();
}

Answer object_acl(Operation& operation) {
    const bool puts = operation.request.method == "PUT";
    S3_TRY(enter(operation, puts ? "s3:PutObjectAcl" : "s3:GetObjectAcl"));
    auto found = operation.buckets.get(operation.bucket, operation.key, operation.version(), false);
    // A marker on top has a name, but no list that could be set.
    if (!found && puts && !found.error().version.empty())
        return refused(bucket::Refusal(bucket::Why::is_marker));
    const auto object = *S3_TRY(std::move(found));
    Attributes attributes = Attributes::of(object.attributes);
    http::Response response;
    if (!puts) {
        response = xml_response(acl_document(object.owner, attributes.acl.empty()
                                                               ? private_acl(object.owner)
                                                               : acl_in(attributes.acl)));
    } else {
        const AclGrants grants = *S3_TRY(asked_new_acl(operation, object.owner));
        S3_TRY(check_block(operation, grants));
        attributes.acl = acl_text(grants);
        S3_TRY(operation.buckets.set_attributes(object, attributes.text()));
    }
    if (!operation.about.versioning.empty())
        response.headers.emplace_back("x-amz-version-id", object.version);
    return response;
}

}  // namespace stroma::front::s3
