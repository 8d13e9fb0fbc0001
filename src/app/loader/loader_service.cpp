#include "app/loader/loader_service.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "base/json.h"
#include "base/log.h"
#include "bucket/notification.h"
#include "sql/postgres/postgres_database.h"

namespace stroma::app {
namespace {

std::string environment_text(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? "" : text;
}

/// loader.configs, or what the seed's handler is told by its environment.
std::string configs_place(const Settings& settings) {
    const std::string place = settings.text("loader.configs");
    const std::string bucket = environment_text("CONFIG_BUCKET");
    if (!place.empty() || bucket.empty()) return place;
    return "s3://" + bucket + "/" + environment_text("CONFIG_PREFIX");
}

Result<catalog::Principal> principal_of_owner(Site& site, const std::string& owner) {
    if (owner == catalog::local_administrator().id) return catalog::local_administrator();
    const auto found = TRY(site.catalog().find_principal(owner));
    if (!found || found->disabled)
        return fail(ErrorCode::denied, fmt::format("the queue's owner '{}' is no user", owner));
    return *found;
}

Result<std::vector<loader::NotificationSource>> sources_of_queue(bucket::Buckets& buckets,
                                                                 const std::string& arn) {
    std::vector<loader::NotificationSource> found;
    for (const auto& [bucket, document] : TRY(buckets.settings_named(bucket::notification_rules))) {
        const Json rules = TRY(parse_json(document));
        for (const Json& rule : rules)
            if (rule.value("arn", "") == arn)
                found.push_back({bucket, rule.value("prefix", ""), rule.value("suffix", "")});
    }
    return found;
}

Result<void> tell_end(event::Events& events, const std::string& region, const std::string& account,
                      const Clock& clock, const loader::StatementEnd& end) {
    event::Event event;
    event.source = "aws.redshift-data";
    event.detail_type = "Redshift Data Statement Status Change";
    event.resources = {
        fmt::format("arn:aws:redshift:{}:{}:cluster:{}", region, account, end.cluster)};
    event.detail = {{"principal", "stroma loader"},
                    {"statementName", end.name},
                    {"statementId", end.id},
                    {"redshiftQueryId", 0},
                    {"state", end.state},
                    {"rows", end.rows},
                    {"expireAt", clock.unix_ms() / 1000 + 86'400}};
    if (!end.error.empty()) event.detail["error"] = end.error;
    for (const auto& published : events.publish(std::span(&event, 1))) TRY(published);
    return {};
}

/// The database that loader.database names; null for the user database.
Result<std::shared_ptr<sql::Database>> other_database(const Settings& settings) {
    const std::string place = settings.text("loader.database");
    if (place.empty()) return nullptr;
    if (!place.starts_with("postgres://") && !place.starts_with("postgresql://"))
        return fail(ErrorCode::invalid_input,
                    "loader.database: write postgres://user@host/database, or nothing");
    return std::shared_ptr<sql::Database>(TRY_WITH(
        sql::PostgresDatabase::open(place, {.concurrent_writers = true}), "loader.database"));
}

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "";
}

Json outcome_json(const loader::LoadReport& report) {
    Json refused = Json::array();
    std::int64_t loaded = 0, known = 0;
    for (const auto& outcome : report.objects) {
        loaded += outcome.state == loader::ObjectState::loaded ? 1 : 0;
        known += outcome.state == loader::ObjectState::known ? 1 : 0;
        if (outcome.state == loader::ObjectState::refused)
            refused.push_back(
                {{"object", "s3://" + outcome.notice.bucket + "/" + outcome.notice.key},
                 {"reason", outcome.reason}});
    }
    return {{"loaded", loaded},
            {"known", known},
            {"rows", report.counts.inserted + report.counts.updated},
            {"refused", refused}};
}

}  // namespace

Result<std::unique_ptr<loader::Loader>> open_loader(Site& site, const Settings& settings,
                                                    AwsServer& aws, redshift::Engine& engine) {
    loader::LoadParts load{engine, site.clock(), site.ids(), {}, {}, {}, {}};
    load.elsewhere = {TRY(other_database(settings)), &loader::postgres_dialect()};
    load.teller = host_name() + ":" + fs::absolute(site.data()).string();
    load.tell = [&events = aws.events(), region = aws.region(), account = aws.account(),
                 &clock = site.clock()](const loader::StatementEnd& end) {
        return tell_end(events, region, account, clock, end);
    };
    site.add_gauges([&engine, elsewhere = load.elsewhere.database] {
        return loader::publish_freshness(elsewhere != nullptr ? *elsewhere : engine.database());
    });
    loader::LoaderParts parts{
        std::move(load), aws.queues(),
        [&site](const std::string& owner) { return principal_of_owner(site, owner); },
        [&buckets = aws.buckets()](const std::string& arn) {
            return sources_of_queue(buckets, arn);
        }};
    loader::LoaderOptions options;
    options.configs = configs_place(settings);
    options.role = environment_text("COPY_IAM_ROLE_ARN");
    options.interval = settings.duration("loader.interval");
    auto made = TRY(loader::Loader::open(std::move(parts), std::move(options)));
    return made;
}

Result<std::string> loader_status_json(loader::Loader& loader, AwsServer& aws) {
    Json list = Json::array();
    for (const loader::ConfigStatus& one : loader.status()) {
        const loader::WorkerStatus& work = one.work;
        Json json = {{"name", one.name},
                     {"origin", one.origin},
                     {"table", one.config ? one.config->table : ""},
                     {"state", one.config ? work.state : "wrong"},
                     {"error", one.config ? work.error : one.error},
                     {"messages", work.messages},
                     {"loaded", work.loaded},
                     {"known", work.known},
                     {"missing", work.missing},
                     {"refused", work.refused},
                     {"rows", work.rows},
                     {"loads", work.loads},
                     {"retries", work.retries},
                     {"waiting", nullptr}};
        if (const auto queue = aws.queues().find(one.name)) {
            const auto counts = TRY(aws.queues().counts(*queue));
            json["waiting"] = counts.visible + counts.in_flight + counts.delayed;
        }
        list.push_back(std::move(json));
    }
    return Json{{"configs", list}}.dump();
}

Result<std::string> bulk_json(loader::Loader& loader, const std::string& id) {
    Json list = Json::array();
    for (const loader::BulkRow& row : TRY(loader.bulks(id)))
        list.push_back({{"id", row.id},
                        {"state", row.state},
                        {"paths", row.paths},
                        {"paths_done", row.paths_done},
                        {"given", iso_time(row.given_ms)},
                        {"error", row.error},
                        {"answer", TRY(parse_json(row.answer))}});
    if (id.empty()) return Json{{"bulks", list}}.dump();
    if (list.empty()) return fail(ErrorCode::not_found, "there is no bulk load " + id);
    return list[0].dump();
}

Result<std::string> reconcile_json(loader::Loader& loader, const std::string& request) {
    const Json json = TRY(parse_json(request));
    const auto made = TRY(loader.reconcile(json.value("table", ""), json.value("from", ""),
                                           json.value("load", false)));
    Json sources = Json::array();
    for (const auto& source : made.sources)
        sources.push_back(
            {{"bucket", source.bucket}, {"prefix", source.prefix}, {"suffix", source.suffix}});
    return Json{{"table", made.table},
                {"sources", sources},
                {"objects", made.objects},
                {"loaded", made.loaded},
                {"lost", made.lost},
                {"dead", made.dead},
                {"gone", made.gone},
                {"waiting", made.waiting},
                {"load", made.report ? outcome_json(*made.report) : Json(nullptr)}}
        .dump();
}

}  // namespace stroma::app
