#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>

#include "app/aws/aws_verbs.h"
#include "app/aws/demo_live.h"
#include "app/aws/demo_pipe.h"
#include "app/aws/stream_writer.h"
#include "app/demo/quote_feed.h"
#include "app/terminal/progress_line.h"
#include "app/verbs/verbs.h"

namespace stroma::app {
namespace {

constexpr std::string_view name = "quotes", landed_name = "quotes-landed", prefix = "daily_price/";
constexpr Milliseconds look_interval{500};
constexpr std::int64_t landing_seconds_max = 120;

struct DemoStreamOptions {
    std::int64_t records = QuoteFeed::days_of_a_year * QuoteFeed::symbols;
    std::int64_t rate = 0, duration = 0, interval = 2, seed = 1;
    std::string user, aws, http;
    bool stay = false, live = false;
};

/// Says nothing: of a server in this process only its failure is told.
class SilentTerminal final : public Terminal {
public:
    void print(std::string_view) override {}
    void print_error(std::string_view) override {}
};

/// A server in this process, for as long as this lives.
class ServedHere {
public:
    Result<void> start(const DemoStreamOptions& options, const Invocation& invocation) {
        invocation_ = invocation;
        invocation_.terminal = &silent_;
        invocation_.stop = stop_.get_token();
        if (invocation_.settings.origin("log.level") == "default")
            TRY(invocation_.settings.set("log.level", "warning", "stroma demo stream"));
        ServeOptions serve;
        serve.http = options.http.empty() ? "127.0.0.1:0" : options.http;
        serve.aws = options.aws.empty() ? "127.0.0.1:0" : options.aws;
        thread_ = std::thread([this, serve] {
            served_ = run_serve(serve, invocation_);
            has_ended_ = true;
        });
        constexpr Milliseconds look{20};
        while (true) {
            if (has_ended_) return served_ ? fail(ErrorCode::unavailable, "it ended") : served_;
            const auto address = TRY(read_server_address(invocation.data));
            if (address && !address->aws.empty()) return {};
            TRY(pause_for(look, invocation.stop));
        }
    }
    ~ServedHere() {
        stop_.request_stop();
        if (thread_.joinable()) thread_.join();
    }

private:
    SilentTerminal silent_;
    Invocation invocation_;
    std::stop_source stop_;
    std::atomic<bool> has_ended_{false};
    Result<void> served_;
    std::thread thread_;
};

/// The feed at its rate, five requests a second, or more where they are full.
Result<void> play(const DemoStreamOptions& options, StreamWriter& writer, ProgressLine& progress,
                  const std::stop_token& stop) {
    constexpr std::int64_t batches_a_second = 5;
    QuoteFeed feed(static_cast<std::uint64_t>(options.seed));
    const std::int64_t records =
        options.duration > 0 ? options.duration * options.rate : options.records;
    const std::int64_t batch = std::clamp<std::int64_t>(options.rate / batches_a_second, 1, 500);
    const std::int64_t begun = system_clock().steady_ms();
    for (std::int64_t done = 0; done < records;) {
        for (std::int64_t n = 0; n < batch && done < records; ++n, ++done) {
            Quote quote = feed.next();
            TRY(writer.put(std::move(quote.symbol), std::move(quote.line)));
        }
        TRY(writer.flush());
        progress.update({"playing", static_cast<double>(writer.records()),
                         static_cast<double>(records), "records"});
        const std::int64_t due = begun + done * 1000 / options.rate;
        if (const std::int64_t early = due - system_clock().steady_ms(); early > 0)
            TRY(pause_for(Milliseconds{early}, stop));
    }
    return {};
}

/// Keys below the prefix, page by page.
Result<std::set<std::string>> keys_there(AwsClient& client) {
    std::set<std::string> keys;
    std::string after;
    while (true) {
        const auto page = TRY(answered_well(client.s3("GET", fmt::format("/{}", name),
                                                      {.query = {{"list-type", "2"},
                                                                 {"prefix", std::string(prefix)},
                                                                 {"start-after", after}}}),
                                            "listing the bucket"));
        constexpr std::string_view open = "<Key>", close = "</Key>";
        for (std::size_t at = page.body.find(open); at != std::string::npos;
             at = page.body.find(open, at)) {
            at += open.size();
            const std::size_t end = page.body.find(close, at);
            if (end == std::string::npos) break;
            after = page.body.substr(at, end - at);
            keys.insert(after);
        }
        if (page.body.find("<IsTruncated>true") == std::string::npos) return keys;
    }
}

struct Landed {
    std::set<std::string> objects;
    std::int64_t records = 0, bytes = 0;
};

/// Until as many lines as were put have landed in objects that weren't `there`.
Result<Landed> wait_for_landing(AwsClient& client, std::set<std::string> there, std::int64_t sent,
                                ProgressLine& progress, const DemoStreamOptions& options,
                                const std::stop_token& stop) {
    Landed landed;
    const std::int64_t give_up =
        system_clock().steady_ms() + 1000 * (landing_seconds_max + 2 * options.interval);
    while (true) {
        for (const std::string& key : TRY(keys_there(client))) {
            if (!there.insert(key).second) continue;
            const auto object = TRY(answered_well(
                client.s3("GET", fmt::format("/{}/{}", name, key)), "reading an object"));
            landed.records += std::ranges::count(object.body, '\n');
            landed.bytes += static_cast<std::int64_t>(object.body.size());
            landed.objects.insert(key);
        }
        progress.update(
            {"landing", static_cast<double>(landed.records), static_cast<double>(sent), "records"});
        if (landed.records >= sent) return landed;
        if (system_clock().steady_ms() > give_up)
            return fail(ErrorCode::unavailable,
                        fmt::format("{} of {} records have landed after {} s; 'stroma watch' and "
                                    "s3://{}/errors/ say why",
                                    landed.records, sent, landing_seconds_max, name));
        TRY(pause_for(look_interval, stop));
    }
}

/// How to look, where the server stays; else how to have one first.
std::string hints(const Invocation& invocation, const std::string& url, const AwsAccess& access,
                  bool stays) {
    const std::string serve = fmt::format("  stroma serve --data {} --aws {}\n", invocation.data,
                                          url.substr(url.find("://") + 3));
    return fmt::format(
        "Each is told of in the queue {2}. To look:\n{6}"
        "  stroma watch --data {0}\n"
        "  eval \"$(stroma env --data {0})\"; eval \"$(stroma key create local --data {0})\"\n"
        "  aws --endpoint-url {1} s3 ls --recursive s3://{3}/{4}\n"
        "  aws --endpoint-url {1} sqs receive-message --queue-url {1}/{5}/{2}\n",
        invocation.data, url, landed_name, name, prefix, access.account, stays ? "" : serve);
}

void tell(const StreamWriter& writer, const Landed& landed, const AwsAccess& access, bool stays,
          const Invocation& invocation) {
    if (invocation.json) {
        invocation.terminal->print(Json{{"stream", name},
                                        {"delivery", name},
                                        {"bucket", name},
                                        {"prefix", prefix},
                                        {"queue", landed_name},
                                        {"sent", writer.records()},
                                        {"requests", writer.requests()},
                                        {"landed", landed.records},
                                        {"bytes", landed.bytes},
                                        {"objects", landed.objects}}
                                       .dump() +
                                   "\n");
        return;
    }
    std::string text =
        fmt::format("{} records sent in {} requests, {} landed in {} objects:\n", writer.records(),
                    writer.requests(), landed.records, landed.objects.size());
    constexpr std::size_t shown_max = 5;
    std::size_t shown = 0;
    for (const std::string& key : landed.objects)
        if (++shown <= shown_max) text += fmt::format("  s3://{}/{}\n", name, key);
    if (landed.objects.size() > shown_max) text += "  ...\n";
    text += hints(invocation, stays ? access.url : "http://127.0.0.1:4566", access, stays);
    invocation.terminal->print(text);
}

Result<void> check(const DemoStreamOptions& options) {
    const std::tuple<const char*, std::int64_t, std::int64_t, std::int64_t> limits[] = {
        {"--records", options.records, 1, 1'000'000'000},
        {"--rate", options.rate, 0, 1'000'000},
        {"--duration", options.duration, 0, 86'400},
        {"--interval", options.interval, 0, 900}};
    for (const auto& [option, value, least, most] : limits)
        if (value < least || value > most)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} {} is outside {} … {}", option, value, least, most));
    return {};
}

Result<void> run_demo_stream(DemoStreamOptions options, Invocation& invocation) {
    TRY(check(options));
    constexpr std::int64_t usual_rate = 1000, usual_live_rate = 50;
    if (options.rate == 0) options.rate = options.live ? usual_live_rate : usual_rate;
    ServedHere here;
    const bool is_served = TRY(read_server_address(invocation.data)).has_value();
    if (!is_served) TRY(here.start(options, invocation));
    AwsClient client(TRY(access_for(invocation, options.user)), system_clock(), invocation.stop);
    if (options.live)
        return run_demo_live(client, {options.rate, options.duration, options.seed}, invocation);
    StreamWriter writer(client, std::string(name), invocation.stop);
    Landed landed;
    {
        ProgressLine progress(*invocation.terminal, system_clock(), "quotes");
        TRY(make_pipe(client, {std::string(name), std::string(landed_name), std::string(prefix),
                               options.interval}));
        const auto there = TRY(keys_there(client));
        TRY(play(options, writer, progress, invocation.stop));
        landed = TRY(
            wait_for_landing(client, there, writer.records(), progress, options, invocation.stop));
    }
    tell(writer, landed, client.access(), is_served || options.stay, invocation);
    if (!options.stay) return {};
    invocation.terminal->say("serving at " + client.access().url + " until Ctrl-C");
    while (pause_for(Milliseconds{60'000}, invocation.stop)) {
    }
    return {};
}

}  // namespace

Verb demo_stream_verb() {
    auto options = std::make_shared<DemoStreamOptions>();
    return {
        .name = "stream",
        .summary = "Play made-up quotes onto a stream, whose delivery makes objects of them",
        .text =
            "Makes what isn't there: the stream quotes, the bucket quotes, a delivery of the one "
            "into the other below daily_price/, and the queue quotes-landed that is told of each "
            "object. A record is a line of CSV: symbol, date, close, volume, open, high, low; the "
            "delivery puts a line end behind each. Ends once all have landed. Without a running "
            "server it is one itself meanwhile. With --live the way goes on to its end: offers of "
            "this moment (time, symbol, venue, bid, ask) pass the stream ticks, its delivery, the "
            "bucket and the queue ticks-landed into the table ticks, and the dashboard Quotes "
            "shows "
            "the best bid over time, the age of the newest row and the loads.",
        .examples =
            "  stroma demo stream --data lab\n"
            "  stroma demo stream --data lab --rate 20000 --duration 30\n"
            "  stroma demo stream --data lab --live --duration 60\n",
        .options = {{"--records", &options->records, "N",
                     "how many; 2520 (ten symbols in a year) when left out"},
                    {"--rate", &options->rate, "N",
                     "records a second; 1000 when left out, 50 with --live"},
                    {"--duration", &options->duration, "SECONDS",
                     "play so long, in place of --records"},
                    {"--interval", &options->interval, "SECONDS",
                     "of a delivery that is made: how long records are gathered; 2 when left out"},
                    {"--seed", &options->seed, "N", "another seed makes other prices"},
                    {"--user", &options->user, "USER",
                     "who owns what is made (default: the local administrator)"},
                    {"--aws", &options->aws, "ADDR:PORT",
                     "where to listen when no server runs (default: a free port of this machine)"},
                    {"--http", &options->http, "ADDR:PORT",
                     "where its pages are when no server runs (default: a free port)"},
                    {"--live", &options->live, "",
                     "play offers of this moment until Ctrl-C or --duration, load them into a "
                     "table, and draw them on a dashboard"},
                    {"--stay", &options->stay, "", "go on serving afterwards, until Ctrl-C"}},
        .run = [options](Invocation& invocation) { return run_demo_stream(*options, invocation); },
    };
}

}  // namespace stroma::app
