#include "loader/ends.h"

#include "base/json.h"
#include "base/log.h"

namespace stroma::loader {

std::string text_of_end(const StatementEnd& end) {
    return Json{{"name", end.name},   {"id", end.id},           {"state", end.state},
                {"error", end.error}, {"cluster", end.cluster}, {"database", end.database},
                {"rows", end.rows}}
        .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<StatementEnd> end_from(std::string_view document) {
    const Json json = TRY(parse_json(document));
    if (!json.is_object()) return fail(ErrorCode::corrupt, "a load's end is no JSON object");
    StatementEnd end;
    end.name = json.value("name", "");
    end.id = json.value("id", "");
    end.state = json.value("state", "");
    end.error = json.value("error", "");
    end.cluster = json.value("cluster", "");
    end.database = json.value("database", "");
    end.rows = json.value("rows", std::int64_t{0});
    return end;
}

Result<void> tell_left(const LoadParts& parts) {
    if (!parts.tell) return {};
    const auto connection = TRY(parts.ledger().connect());
    std::vector<std::string> told;
    {
        const auto rows = TRY(connection->execute(
            "SELECT load_id, document FROM stroma_system.load_ends WHERE teller = ?",
            {parts.teller}));
        while (TRY(rows->next())) {
            const StatementEnd end = TRY(end_from(rows->text(1)));
            if (const auto done = parts.tell(end); !done)
                log(LogLevel::warning, "a load's end can't be told",
                    {{"statement", end.name}, {"error", done.error().message}});
            else
                told.push_back(rows->text(0));
        }
    }
    return forget_ends(parts.ledger(), told);
}

Result<void> forget_ends(sql::Database& ledger, const std::vector<std::string>& ids) {
    if (ids.empty()) return {};
    const auto connection = TRY(ledger.connect());
    return connection->in_transaction([&]() -> Result<void> {
        for (const std::string& id : ids)
            TRY(connection->change("DELETE FROM stroma_system.load_ends WHERE load_id = ?", {id}));
        return {};
    });
}

}  // namespace stroma::loader
