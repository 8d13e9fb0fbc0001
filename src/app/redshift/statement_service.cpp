#include "app/redshift/statement_service.h"

#include <fmt/format.h>

#include "app/redshift/auto_copy.h"
#include "app/redshift/user_database.h"
#include "base/json.h"
#include "event/events.h"
#include "front/redshift_data/data_api.h"
#include "statement/statements.h"

namespace stroma::app {
namespace {

/// "Redshift Data Statement Status Change", as AWS tells it.
event::Event event_of(const statement::Statement& statement, const std::string& region,
                      const std::string& account) {
    event::Event event;
    event.source = "aws.redshift-data";
    event.detail_type = "Redshift Data Statement Status Change";
    event.region = region;
    const bool has_workgroup = !statement.target.workgroup.empty();
    event.resources = {has_workgroup ? fmt::format("arn:aws:redshift-serverless:{}:{}:workgroup/{}",
                                                   region, account, statement.target.workgroup)
                                     : fmt::format("arn:aws:redshift:{}:{}:cluster:{}", region,
                                                   account, statement.target.cluster)};
    const auto& first = statement.parts.front();
    event.detail = {
        {"principal", fmt::format("arn:aws:iam::{}:user/{}", account, statement.owner_name)},
        {"statementName", statement.name},
        {"statementId", statement.id},
        {"redshiftQueryId", statement.is_batch ? 0 : first.query},
        {"state", statement::name_of(statement.status)},
        {"rows", statement.is_batch ? -1 : first.rows},
        {"expireAt", statement.expires_ms / 1000}};
    return event;
}

}  // namespace

struct StatementService::State {
    std::unique_ptr<statement::Statements> statements;
    std::unique_ptr<front::aws::Service> service;
    std::unique_ptr<AutoCopy> auto_copy;
};

StatementService::StatementService(std::unique_ptr<State> state) : state_(std::move(state)) {}
StatementService::~StatementService() = default;

Result<std::unique_ptr<StatementService>> StatementService::open(Site& site,
                                                                 redshift::Engine& engine,
                                                                 AwsServer& aws) {
    statement::StatementsOptions options;
    options.folder = site.data() / "redshift" / "results";
    options.tell = [&events = aws.events(), region = aws.region(), account = aws.account()](
                       sql::Connection& connection,
                       const statement::Statement& statement) -> Result<void> {
        if (!statement.tells) return {};
        TRY(events.publish_in(connection, event_of(statement, region, account)));
        return {};
    };
    options.find_principal = [&site](std::string_view id) {
        return site.catalog().find_principal(id);
    };
    options.marks = [&engine] { return engine.marks(); };
    options.drop_marks = [&engine](const std::vector<std::string>& ids) {
        return engine.drop_marks(ids);
    };
    const auto connect = [&site, &engine](redshift::SessionOptions asked) {
        return connect_user(site, engine, std::move(asked));
    };
    auto state = std::make_unique<State>();
    state->statements = TRY(statement::Statements::open(aws.writes(), connect, site.clock(),
                                                        site.ids(), std::move(options)));
    const auto asking = [&catalog = site.catalog()](auto method) {
        return [&catalog, method](const catalog::Principal& principal, catalog::Action action,
                                  const catalog::Thing& thing) {
            return (catalog.*method)(principal, action, thing);
        };
    };
    state->service = front::redshift_data::make_service(
        *state->statements,
        {.decide = asking(&catalog::Catalog::decide), .may = asking(&catalog::Catalog::may)});
    aws.add(*state->service);
    state->auto_copy = std::make_unique<AutoCopy>(site, engine);
    aws.follow_objects(
        [&jobs = *state->auto_copy](const std::string& bucket, const std::string& key) {
            jobs.note(bucket, key);
        });
    return std::unique_ptr<StatementService>(new StatementService(std::move(state)));
}

void StatementService::start() {
    state_->statements->start();
    state_->auto_copy->start();
}

void StatementService::stop() {
    state_->auto_copy->ask_to_stop();
    state_->statements->stop();
}

}  // namespace stroma::app
