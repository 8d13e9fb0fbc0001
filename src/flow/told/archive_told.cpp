#include "flow/told/archive_told.h"

#include <array>

#include "base/json.h"

namespace stroma::flow {

std::string_view place_of(Tier tier) {
    constexpr std::array<std::string_view, 4> places = {"here", "archived", "restored",
                                                        "restoring"};
    return places[static_cast<std::size_t>(tier)];
}

Result<Json> shelf_json(Engine& engine, std::string_view id) {
    const Run run = TRY(engine.find(id));
    Json outputs = Json::array();
    std::int64_t archived = 0, restoring = 0;
    std::uint64_t archived_bytes = 0, stored_bytes = 0;
    for (const Shelved& one : TRY(engine.shelf(run.id))) {
        outputs.push_back(
            {{"stage", one.stage},
             {"item", one.item},
             {"place", place_of(one.tier)},
             {"bytes", one.bytes},
             {"stored_bytes", one.stored_bytes},
             {"until", one.until_ms == 0 ? Json(nullptr) : Json(iso_time(one.until_ms))}});
        restoring += one.tier == Tier::restoring ? 1 : 0;
        if (one.tier != Tier::cold && one.tier != Tier::restoring) continue;
        ++archived;
        archived_bytes += one.bytes;
        stored_bytes += one.stored_bytes;
    }
    return Json{{"run", run.id},
                {"name", run.name},
                {"archived", archived},
                {"restoring", restoring},
                {"archived_bytes", archived_bytes},
                {"stored_bytes", stored_bytes},
                {"outputs", std::move(outputs)}};
}

Result<Json> archive_json(Engine& engine) {
    const ArchiveSums sums = TRY(engine.archive_sums());
    return Json{{"here", sums.hot},
                {"here_bytes", sums.hot_bytes},
                {"archived", sums.cold},
                {"archived_bytes", sums.cold_bytes},
                {"stored_bytes", sums.stored_bytes},
                {"restored", sums.restored},
                {"restoring", sums.restoring}};
}

}  // namespace stroma::flow
