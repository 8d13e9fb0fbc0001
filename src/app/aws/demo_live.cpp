#include "app/aws/demo_live.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/aws/demo_pipe.h"
#include "app/aws/stream_writer.h"
#include "app/dashboard/dashboard_verb.h"
#include "app/demo/quote_feed.h"
#include "app/remote.h"
#include "app/terminal/progress_line.h"

namespace stroma::app {
namespace {

constexpr const char* ticks = "ticks";
constexpr const char* ticks_landed = "ticks-landed";

/// In the Data API, waiting for its end.
Result<void> run_sql(AwsClient& client, const std::string& statement) {
    const Json begun = TRY(
        client.json("redshift-data", "RedshiftData.ExecuteStatement",
                    {{"Database", "dev"}, {"ClusterIdentifier", "stroma"}, {"Sql", statement}}));
    while (true) {
        const Json now = TRY(client.json("redshift-data", "RedshiftData.DescribeStatement",
                                         {{"Id", begun["Id"]}, {"WaitTimeSeconds", 2}}));
        const std::string status = now.value("Status", "");
        if (status == "FINISHED") return {};
        if (status == "FAILED" || status == "ABORTED")
            return fail(ErrorCode::unavailable,
                        fmt::format("{}: {}", statement, now.value("Error", status)));
    }
}

/// What brings objects that the queue tells of into the table.
Result<void> have_them_loaded(Remote& server, const AwsClient& client) {
    const Json document = {
        {"output", {{"manifest_bucket", ticks}, {"manifest_prefix", "manifests/"}}},
        {"copy",
         {{"options", "CSV TIMEFORMAT 'auto'"},
          {"role_arn", fmt::format("arn:aws:iam::{}:role/any", client.access().account)},
          {"table_name", fmt::format("public.{}", ticks)}}},
        {"cluster", {{"identifier", "stroma"}, {"db_name", "dev"}}}};
    const Json config = {{"name", ticks_landed}, {"document", document.dump()}};
    TRY(server.post("/internal/loader/configs", config.dump()));
    return {};
}

Json panel_of(const char* id, const char* title, const char* kind, const char* statement, int left,
              int top, int width, int height) {
    return {{"id", id},
            {"title", title},
            {"kind", kind},
            {"source", "tables"},
            {"statement", statement},
            {"place", {{"x", left}, {"y", top}, {"width", width}, {"height", height}}}};
}

/// The last two minutes, as far as they were loaded.
constexpr const char* recent =
    "SELECT date_trunc('second', at) AS second, symbol, max(bid) AS best_bid\nFROM ticks\nWHERE at "
    "> "
    "dateadd(second, -120, (SELECT max(at) FROM ticks))\n  AND (symbol = :symbol OR :symbol IS "
    "NULL)\nGROUP BY 1, 2\nORDER BY 1, 2";
constexpr const char* best_now =
    "SELECT date_trunc('second', at) AS second, max(bid) AS best_bid\nFROM ticks\nWHERE at > "
    "dateadd(second, -60, (SELECT max(at) FROM ticks))\n  AND symbol = coalesce(:symbol, 'SPY')\n"
    "GROUP BY 1\nORDER BY 1";
constexpr const char* age =
    "SELECT greatest(0, round(datediff(ms, max(at), getdate()) / 1000.0, 2)) AS age\nFROM ticks";
constexpr const char* loaded =
    "SELECT rows_loaded\nFROM stroma_freshness\nWHERE table_name LIKE '%ticks'";
constexpr const char* lag =
    "SELECT round(last_seconds, 3) AS lag\nFROM stroma_freshness\nWHERE table_name LIKE '%ticks'";
constexpr const char* loads =
    "SELECT date_trunc('second', at) AS second, symbol, count(*) AS offers\nFROM ticks\nWHERE at > "
    "dateadd(second, -60, (SELECT max(at) FROM ticks))\nGROUP BY 1, 2\nORDER BY 1, 2";

std::string quotes_dashboard() {
    Json best = panel_of("best-bid", "Best bid over time", "line", recent, 0, 3, 12, 7);
    best.update({{"x", "second"}, {"y", {"best_bid"}}, {"series", "symbol"}, {"unit", "$"}});
    Json now =
        panel_of("best-now", "Best bid now (SPY, or the symbol)", "number", best_now, 0, 0, 3, 3);
    now["unit"] = "$";
    Json newest = panel_of("age", "Age of the newest row", "number", age, 3, 0, 3, 3);
    newest["unit"] = "s";
    const Json rows = panel_of("rows", "Rows loaded", "number", loaded, 6, 0, 3, 3);
    Json told = panel_of("lag", "From an object's event to its rows", "number", lag, 9, 0, 3, 3);
    told["unit"] = "s";
    Json offers = panel_of("offers", "Offers in each second", "bar", loads, 0, 10, 12, 5);
    offers.update({{"series", "symbol"}, {"y", {"offers"}}, {"layout", "stacked"}});
    return Json{{"title", "Quotes"},
                {"description",
                 "Made-up offers, live: producer, stream, delivery, object, event, queue, load, "
                 "chart. 'stroma demo stream --live' plays them."},
                {"refresh_seconds", 1},
                {"parameters",
                 {{{"name", "symbol"},
                   {"label", "Symbol"},
                   {"kind", "choice"},
                   {"source", "tables"},
                   {"statement", "SELECT DISTINCT symbol FROM ticks ORDER BY 1"}}}},
                {"panels", Json::array({now, newest, rows, told, best, offers})}}
        .dump();
}

/// Five requests a second until the time is over or somebody stops it, which is a good end.
Result<void> play_offers(const LiveDemo& demo, StreamWriter& writer, ProgressLine& progress,
                         const std::stop_token& stop) {
    constexpr std::int64_t batches_a_second = 5, second_ms = 1000;
    QuoteFeed feed(static_cast<std::uint64_t>(demo.seed));
    const std::int64_t begun = system_clock().steady_ms();
    std::int64_t done = 0;
    for (std::int64_t batch = 1; !stop.stop_requested(); ++batch) {
        const std::int64_t due = batch * second_ms / batches_a_second;
        if (demo.duration > 0 && due > demo.duration * second_ms) break;
        for (; done < due * demo.rate / second_ms; ++done) {
            Quote offer = feed.next_offer(system_clock().unix_ms());
            TRY(writer.put(std::move(offer.symbol), std::move(offer.line)));
        }
        TRY(writer.flush());
        progress.update({"playing", static_cast<double>(done),
                         static_cast<double>(demo.duration * demo.rate), "offers"});
        const std::int64_t early = begun + due - system_clock().steady_ms();
        if (early > 0 && !pause_for(Milliseconds{early}, stop)) break;
    }
    return {};
}

}  // namespace

Result<void> run_demo_live(AwsClient& client, const LiveDemo& demo, Invocation& invocation) {
    const auto address = TRY(read_server_address(invocation.data));
    if (!address) return fail(ErrorCode::unavailable, "the server has ended");
    Remote server(*address);
    TRY(make_pipe(client, {ticks, ticks_landed, "ticks/", 1}));
    TRY(run_sql(client,
                "CREATE TABLE IF NOT EXISTS ticks(at TIMESTAMP, symbol VARCHAR(8), venue "
                "VARCHAR(4), bid DECIMAL(10, 2), ask DECIMAL(10, 2)) SORTKEY(at)"));
    TRY(have_them_loaded(server, client));
    const std::string dashboard = TRY(keep_dashboard(server, quotes_dashboard()));
    invocation.terminal->print(fmt::format("{}/#/dashboards/{}\n", address->url, dashboard));
    invocation.terminal->say(fmt::format("signed in: {}/#/dashboards/{}?token={}", address->url,
                                         dashboard, address->token));
    StreamWriter writer(client, ticks, invocation.stop);
    ProgressLine progress(*invocation.terminal, system_clock(), "quotes");
    TRY(play_offers(demo, writer, progress, invocation.stop));
    progress.say(fmt::format("{} offers played", writer.records()));
    return {};
}

}  // namespace stroma::app
