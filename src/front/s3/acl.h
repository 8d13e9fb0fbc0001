#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "front/s3/operation.h"
#include "front/s3/xml.h"

namespace stroma::front::s3 {

/// What an access control list gives somebody.
struct AclGrant {
    bool is_group = false;
    std::string grantee;     ///< a principal's id, or a group's address
    std::string permission;  ///< "READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"
};
using AclGrants = std::vector<AclGrant>;

/// Of the headers x-amz-acl and x-amz-grant-…; nothing where the request has none. `owner` is
/// whose the thing is, `bucket_owner` whose the bucket.
/// errors  InvalidArgument, InvalidRequest, UnresolvableGrantByEmailAddress
Outcome<std::optional<AclGrants>> asked_acl(const Operation& operation, const std::string& owner,
                                            const std::string& bucket_owner);
/// By the name of a canned list. errors  InvalidArgument
Outcome<AclGrants> canned_acl(std::string_view name, const std::string& owner,
                              const std::string& bucket_owner);
/// errors  MalformedACLError, InvalidArgument
Outcome<AclGrants> read_acl(const Operation& operation, const Element& document);
std::string acl_document(const std::string& owner, const AclGrants& grants);
/// What is there when nothing was said: the owner may all.
AclGrants private_acl(const std::string& owner);

/// Lines "i id PERMISSION" and "g address PERMISSION": how a list is kept.
std::string acl_text(const AclGrants& grants);
AclGrants acl_in(std::string_view text);

bool is_public(const AclGrants& grants);
/// Whether the list gives the principal the permission; groups count unless they are ignored.
bool gives(const AclGrants& grants, const catalog::Principal& principal,
           std::string_view permission, bool ignores_groups);

/// What a bucket keeps the public from. All false where nothing was said.
struct PublicAccessBlock {
    bool blocks_acls = false, ignores_acls = false, blocks_policy = false, restricts = false;
};
Outcome<PublicAccessBlock> public_access_block(const Operation& operation,
                                               const std::string& bucket);

/// Whether the bucket's list or (of a key) the object's lets the sender do it.
Outcome<bool> acl_allows(Operation& operation, const bucket::Bucket& bucket, std::string_view key,
                         std::string_view action, const PublicAccessBlock& block);

Answer bucket_acl(Operation& operation);
Answer object_acl(Operation& operation);

}  // namespace stroma::front::s3
