#include "app/session.h"
#include "app/terminal/text_table.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "front/account/account_front.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

/// The lines, from this process's own site or the server that has the directory.
Result<Json> audit_entries(const AuditOptions& options, Invocation& invocation) {
    Session session = TRY(open_session(invocation));
    if (session.remote) {
        const std::string path = "/v1/audit?who=" + front::http::percent_encode(options.who) +
                                 "&action=" + front::http::percent_encode(options.action) +
                                 "&thing=" + front::http::percent_encode(options.thing) +
                                 "&outcome=" + options.outcome +
                                 "&limit=" + std::to_string(options.limit);
        const std::string answer = TRY(session.remote->get(path));
        Json json = TRY(parse_json(answer));
        return json["entries"];
    }
    Json entries = Json::array();
    for (const auto& entry : TRY(session.site->audit().entries({.who = options.who,
                             .action = options.action,
                             .thing = options.thing,
                             .outcome = options.outcome,
                             .limit = options.limit})))
        entries.push_back(front::account::audit_entry_json(entry));
    return entries;
}

}  // namespace

Result<void> run_audit(const AuditOptions& options, Invocation& invocation) {
    if (options.limit < 1 || options.limit > 1000)
        return fail(ErrorCode::invalid_input, "--limit must be 1 to 1000");
    const Json entries = TRY(audit_entries(options, invocation));
    TextTable table({{"time"}, {"who"}, {"action"}, {"kind"}, {"thing"}, {"outcome"}, {"from"}});
    for (const Json& entry : entries)
        table.add({entry.value("time", ""), entry.value("name", ""), entry.value("action", ""),
                   entry.value("kind", ""), entry.value("thing", ""), entry.value("outcome", ""),
                   entry.value("address", "")});
    invocation.terminal->print(invocation.json ? entries.dump() + "\n"
                                               : table.text(invocation.terminal->output().columns));
    return {};
}

}  // namespace stroma::app
