#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catalog/principal.h"

namespace stroma::statement {

enum class Status { submitted, picked, started, finished, failed, aborted };
std::string_view name_of(Status status);  ///< "SUBMITTED"
std::optional<Status> status_named(std::string_view name);
bool is_over(Status status);

enum class ResultFormat { json, csv };

/// Where the client wants it to run. There is one database; what it is called is told back.
struct Target {
    std::string cluster, workgroup, database, user, secret;
};

/// What is asked for.
struct Order {
    catalog::Principal principal;
    std::vector<std::string> sqls;  ///< one statement each
    bool is_batch = false;
    bool one_transaction = true;                                  ///< of a batch
    std::vector<std::pair<std::string, std::string>> parameters;  ///< values of :name
    std::string name;
    std::string token;    ///< the same token again, by the same owner, is the same statement
    std::string session;  ///< id of an open session; "" for none
    std::int64_t keep_session_s = -1;  ///< the session stays so long after it; -1 for not given
    Target target;
    bool tells = false;  ///< an event when it is over
    ResultFormat format = ResultFormat::json;
};

/// One statement of a batch, or the only one. -1 is unknown.
struct Part {
    std::string sql;  ///< secrets are blanked
    Status status = Status::submitted;
    std::string error;
    std::int64_t duration_ns = 0, query = 0, rows = -1, bytes = -1;
    std::int64_t created_ms = 0, updated_ms = 0;
    bool has_result = false;
};

struct Statement {
    std::string id, owner, owner_name, name, session;
    Target target;
    bool is_batch = false, one_transaction = true, tells = false;
    ResultFormat format = ResultFormat::json;
    std::vector<std::pair<std::string, std::string>> parameters;
    std::int64_t keep_session_s = -1;
    Status status = Status::submitted;
    std::string error;
    std::int64_t created_ms = 0, updated_ms = 0, expires_ms = 0;
    std::int64_t duration_ns = 0;
    std::int32_t process = 0;  ///< pg_backend_pid() of its session
    std::vector<Part> parts;
};

}  // namespace stroma::statement
