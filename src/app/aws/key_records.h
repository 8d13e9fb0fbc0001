#pragma once

#include <string>
#include <string_view>

#include "app/aws/aws_server.h"
#include "app/site.h"

namespace stroma::app {

/// Access keys as JSON, for the verb and for the route that it asks while a server runs. `user` is
/// a name or an id.
Result<std::string> create_key(Site& site, std::string_view user, std::string_view label);
Result<std::string> list_keys(Site& site, std::string_view user);
Result<std::string> revoke_key(Site& site, std::string_view id);
/// Keys for an hour, gone with the server, of that user or, when it is "", of the local
/// administrator: {id, secret, token, region, account}.
Result<std::string> issue_key(Site& site, AwsServer& server, std::string_view user);

}  // namespace stroma::app
