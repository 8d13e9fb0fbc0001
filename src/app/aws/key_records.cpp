#include "app/aws/key_records.h"

#include "base/json.h"

namespace stroma::app {
namespace {

Json described_key(const account::AccessKey& key) {
    return {{"id", key.id},
            {"principal", key.principal},
            {"label", key.label},
            {"created", iso_time(key.created_ms)}};
}

Result<catalog::Principal> user_named(Site& site, std::string_view user) {
    auto found = TRY(site.catalog().find_principal(user));
    if (found) return *std::move(found);
    return fail(ErrorCode::not_found,
                "no user '" + std::string(user) + "'; 'stroma user list' shows them");
}

Result<void> note_key(Site& site, std::string_view action, const std::string& id) {
    return site.audit().note(catalog::local_administrator(), action, "access_key", id, true);
}

}  // namespace

Result<std::string> create_key(Site& site, std::string_view user, std::string_view label) {
    const auto owner = TRY(user_named(site, user));
    const auto made = TRY(site.access_keys().create(owner.id, label));
    TRY(note_key(site, "create", made.key.id));
    Json json = described_key(made.key);
    json["secret"] = made.secret;
    return json.dump();
}

Result<std::string> list_keys(Site& site, std::string_view user) {
    const auto owner = TRY(user_named(site, user));
    Json list = Json::array();
    for (const auto& key : TRY(site.access_keys().keys_of(owner.id)))
        list.push_back(described_key(key));
    return list.dump();
}

Result<std::string> revoke_key(Site& site, std::string_view id) {
    TRY(site.access_keys().revoke(id));
    TRY(note_key(site, "remove", std::string(id)));
    return std::string("{}");
}

Result<std::string> issue_key(Site& site, AwsServer& server, std::string_view user) {
    const catalog::Principal principal =
        user.empty() ? catalog::local_administrator() : TRY(user_named(site, user));
    const auto issued = server.issue_key(principal);
    return Json{{"id", issued.id},
                {"secret", issued.secret},
                {"token", issued.token},
                {"region", server.region()},
                {"account", server.account()}}
        .dump();
}

}  // namespace stroma::app
