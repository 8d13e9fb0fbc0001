#include <algorithm>

#include "base/json.h"
#include "flow/told/told.h"

namespace stroma::flow {

Json estimate_json(const Estimate& estimate, int cores) {
    Json json{{"pipeline", estimate.pipeline},
              {"files", estimate.files},
              {"bytes", estimate.bytes},
              {"stages", Json::array()}};
    double core_seconds = 0, bytes = 0;
    bool is_whole = true;
    for (const StageEstimate& stage : estimate.stages) {
        Json one{{"stage", stage.stage}, {"runs", stage.runs}};
        if (stage.runs > 0) {
            one.update({{"tasks", stage.tasks},
                        {"core_seconds", stage.core_seconds},
                        {"bytes_read", stage.bytes_read}});
            core_seconds += stage.core_seconds;
            bytes += stage.bytes_read;
        } else {
            is_whole = false;
        }
        json["stages"].push_back(std::move(one));
    }
    // Some stages alone would be less than it takes.
    json["core_seconds"] = is_whole ? Json(core_seconds) : Json(nullptr);
    json["bytes_read"] = is_whole ? Json(bytes) : Json(nullptr);
    json["seconds"] = is_whole ? Json(core_seconds / std::max(1, cores)) : Json(nullptr);
    return json;
}

Result<Json> intakes_json(Intakes& intakes) {
    Json json{{"intakes", Json::array()}};
    for (const Intake& intake : TRY(intakes.all())) {
        const auto parsed = read_definition(intake.definition, {}, nullptr, {}).definition;
        json["intakes"].push_back({{"name", intake.name},
                                   {"pipeline", parsed.name},
                                   {"kind", name_of(intake.kind)},
                                   {"location", intake.location},
                                   {"pattern", intake.pattern},
                                   {"parameters", Json::parse(intake.changes)},
                                   {"priority", intake.priority},
                                   {"quiet_ms", intake.quiet.count()},
                                   {"owner", intake.owner},
                                   {"created", iso_time(intake.created_ms)}});
    }
    return json;
}

Result<Json> arrivals_json(Intakes& intakes, Engine& engine, std::string_view intake, int most) {
    Json json{{"arrivals", Json::array()}};
    for (const Arrival& arrival : TRY(intakes.arrivals(intake, most))) {
        Json one{{"intake", arrival.intake},
                 {"location", arrival.source},
                 {"hash", arrival.hash},
                 {"bytes", arrival.bytes},
                 {"at", iso_time(arrival.at_ms)},
                 {"first", arrival.is_first},
                 {"name", nullptr},
                 {"run", nullptr},
                 {"state", "failed"},
                 {"stages_left", Json::array()},
                 {"error", arrival.error}};
        if (const auto run =
                arrival.run.empty() ? Result<Json>(Json()) : run_detail(engine, arrival.run);
            run && run->is_object()) {
            one["name"] = (*run)["name"];
            one["run"] = (*run)["id"];
            one["state"] = state_for_people(*run);
            one["stages_left"] = (*run)["stages_left"];
        }
        json["arrivals"].push_back(std::move(one));
    }
    return json;
}

std::string state_for_people(const Json& run) {
    const std::string state = run.value("state", "");
    if (state == "succeeded") return "complete";
    if (state != "running") return state;
    const Json& states = run["total"]["states"];
    const bool has_begun = states.value("running", 0) > 0 || states.value("done", 0) > 0 ||
                           states.value("review", 0) > 0;
    return has_begun ? "running" : "pending";
}

Result<Intake> intake_from_json(const Json& json) {
    Intake intake;
    const auto text = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_string() ? found->get<std::string>() : "";
    };
    intake.name = text("name");
    intake.owner = text("owner");
    intake.definition = text("definition");
    intake.folder = text("folder");
    intake.pattern = text("pattern");
    const std::string folder = text("watch_folder"), bucket = text("bucket");
    if (folder.empty() == bucket.empty())
        return fail(ErrorCode::invalid_input,
                    "give either 'watch_folder', a whole path, or 'bucket', like slides/raw");
    intake.kind = bucket.empty() ? IntakeKind::folder : IntakeKind::bucket;
    intake.location = bucket.empty() ? folder : bucket;
    if (intake.kind == IntakeKind::folder && !fs::path(folder).is_absolute())
        return fail(ErrorCode::invalid_input, "'watch_folder' must be a whole path");
    if (!intake.folder.empty() && !intake.folder.is_absolute())
        return fail(ErrorCode::invalid_input, "'folder' must be a whole path");
    const Json changes = json.value("parameters", Json::object());
    if (!changes.is_object())
        return fail(ErrorCode::invalid_input, "'parameters' must be an object");
    intake.changes = changes.dump();
    intake.priority = json.value("priority", 0);
    const auto quiet = json.value("quiet_ms", std::int64_t{10'000});
    constexpr std::int64_t quiet_max = 24LL * 3600 * 1000;
    if (quiet < 0 || quiet > quiet_max)
        return fail(ErrorCode::invalid_input, "'quiet_ms' must be 0 to 86400000");
    intake.quiet = Milliseconds{quiet};
    return intake;
}

}  // namespace stroma::flow
