#pragma once

#include <string>

#include "front/api/api_domain.h"
#include "front/http/message.h"

// Grants of "read" or "write" on a thing that is shared with others by name, as spaces and
// dashboards are. Whether who asks may share the thing is decided by the caller before.

namespace stroma::front::api {

/// {"grants": [{"principal", "access", "name"}, …]}; a name is missing when the principal is gone.
Result<http::Response> list_named_grants(AccessAnswers& access, const std::string& thing);

/// Body {"access": "read" | "write"}; the path's {principal} is an id or a name. One that was
/// granted before is replaced.
Result<http::Response> put_named_grant(AccessAnswers& access, http::Request& request,
                                       const std::string& thing);

/// 204, also when nothing was granted; not_found when there is no such principal.
Result<http::Response> delete_named_grant(AccessAnswers& access, http::Request& request,
                                          const std::string& thing);

/// Of a thing that is no more: everybody's.
Result<void> drop_named_grants(AccessAnswers& access, const std::string& thing);

}  // namespace stroma::front::api
