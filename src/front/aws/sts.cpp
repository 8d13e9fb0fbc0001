#include "front/aws/sts.h"

#include <fmt/format.h>

namespace stroma::front::aws {
namespace {

std::string form_value(const Call& call, std::string_view name) {
    for (const auto& [key, value] : call.form)
        if (key == name) return value;
    return {};
}

std::string credentials_xml(const TemporaryKeys::Issued& issued) {
    return fmt::format(
        "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey>"
        "<SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>",
        issued.id, issued.secret, issued.token, iso_time(issued.expires_ms));
}

}  // namespace

Outcome<Reply> Sts::call(Call& call) {
    Reply answer;
    if (call.operation == "GetCallerIdentity") {
        answer.xml = fmt::format(
            "<Arn>arn:aws:iam::{0}:user/{1}</Arn><UserId>{2}</UserId><Account>{0}</Account>",
            call.account, xml_escape(call.principal.name), xml_escape(call.principal.id));
        return answer;
    }
    const bool assumes = call.operation == "AssumeRole";
    if (!assumes && call.operation != "GetSessionToken")
        return refuse("InvalidAction",
                      fmt::format("STS here has no '{}'; it has GetCallerIdentity, "
                                  "AssumeRole and GetSessionToken",
                                  call.operation));
    const std::string role = form_value(call, "RoleArn");
    const std::string session = form_value(call, "RoleSessionName");
    if (assumes && (role.empty() || session.empty()))
        return refuse("ValidationError", "AssumeRole needs RoleArn and RoleSessionName");
    const std::string asked = form_value(call, "DurationSeconds");
    const long seconds =
        asked.empty() ? (assumes ? 3600 : 43200) : std::strtol(asked.c_str(), nullptr, 10);
    if (seconds < 900 || seconds > 129600)
        return refuse("ValidationError", "DurationSeconds must be between 900 and 129600");
    const auto issued = keys_.issue(call.principal, Milliseconds{seconds * 1000});
    answer.xml = credentials_xml(issued);
    if (assumes) {
        const std::size_t slash = role.rfind('/');
        answer.xml += fmt::format(
            "<AssumedRoleUser><AssumedRoleId>{0}:{1}</AssumedRoleId><Arn>arn:aws:sts::{2}:"
            "assumed-role/{3}/{1}</Arn></AssumedRoleUser>",
            issued.id, xml_escape(session), call.account,
            xml_escape(slash == role.npos ? role : role.substr(slash + 1)));
    }
    return answer;
}

}  // namespace stroma::front::aws
