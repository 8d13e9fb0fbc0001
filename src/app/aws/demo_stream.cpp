#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>

#include "app/aws/aws_verbs.h"
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
    std::int64_t rate = 1000, duration = 0, interval = 2, seed = 1;
    std::string user, aws;
    bool stay = false;
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
        serve.http = "127.0.0.1:0";
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

/// An answer of S3 that is no error, or one of those.
Result<AwsAnswer> well(Result<AwsAnswer> answer, const char* what,
                       std::initializer_list<std::string_view> fine = {}) {
    if (!answer || answer->error.empty() || std::ranges::find(fine, answer->error) != fine.end())
        return answer;
    return fail(ErrorCode::unavailable,
                fmt::format("{}: {}: {}", what, answer->error, answer->message));
}

std::string arn(const AwsAccess& access, const char* service, std::string_view what) {
    return fmt::format("arn:aws:{}:{}:{}:{}", service, access.region, access.account, what);
}

/// Objects are told of in a queue, unless somebody has set the bucket to tell otherwise.
Result<void> have_landings_told(AwsClient& client) {
    const std::string bucket = fmt::format("/{}", name);
    const auto now =
        TRY(well(client.s3("GET", bucket, {.query = {{"notification", ""}}}), "the bucket"));
    if (now.body.find("<Event>") != std::string::npos ||
        now.body.find("EventBridgeConfiguration") != std::string::npos)
        return {};
    const std::string asked = fmt::format(
        "<NotificationConfiguration><QueueConfiguration><Id>{1}</Id><Queue>{0}</Queue>"
        "<Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name>"
        "<Value>{2}</Value></FilterRule></S3Key></Filter></QueueConfiguration>"
        "</NotificationConfiguration>",
        arn(client.access(), "sqs", landed_name), landed_name, prefix);
    return well(client.s3("PUT", bucket, {.query = {{"notification", ""}}, .body = asked}),
                "the notification")
        .map([](const AwsAnswer&) {});
}

/// Makes what isn't there: stream, bucket, queue, delivery.
Result<void> make_ready(AwsClient& client, const DemoStreamOptions& options) {
    TRY(client.json("kinesis", "Kinesis_20131202.CreateStream",
                    {{"StreamName", name}, {"ShardCount", 2}}, {"ResourceInUseException"}));
    TRY(well(client.s3("PUT", fmt::format("/{}", name)), "the bucket",
             {"BucketAlreadyOwnedByYou"}));
    TRY(client.json("sqs", "AmazonSQS.CreateQueue", {{"QueueName", landed_name}},
                    {"QueueNameExists"}));
    TRY(have_landings_told(client));
    const std::string role = fmt::format("arn:aws:iam::{}:role/any", client.access().account);
    const Json processors = {{"Enabled", true},
                             {"Processors", {{{"Type", "AppendDelimiterToRecord"}}}}};
    TRY(client.json(
        "firehose", "Firehose_20150804.CreateDeliveryStream",
        {{"DeliveryStreamName", name},
         {"DeliveryStreamType", "KinesisStreamAsSource"},
         {"KinesisStreamSourceConfiguration",
          {{"KinesisStreamARN", arn(client.access(), "kinesis", fmt::format("stream/{}", name))},
           {"RoleARN", role}}},
         {"ExtendedS3DestinationConfiguration",
          {{"RoleARN", role},
           {"BucketARN", fmt::format("arn:aws:s3:::{}", name)},
           {"Prefix", prefix},
           {"ErrorOutputPrefix", "errors/"},
           {"BufferingHints", {{"SizeInMBs", 5}, {"IntervalInSeconds", options.interval}}},
           {"ProcessingConfiguration", processors}}}},
        {"ResourceInUseException"}));
    return {};
}

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
        const auto page = TRY(well(client.s3("GET", fmt::format("/{}", name),
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
            const auto object =
                TRY(well(client.s3("GET", fmt::format("/{}/{}", name, key)), "reading an object"));
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
        "  eval \"$(stroma env --data {0})\"; eval \"$(stroma key create USER --data {0})\"\n"
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
        {"--rate", options.rate, 1, 1'000'000},
        {"--duration", options.duration, 0, 86'400},
        {"--interval", options.interval, 0, 900}};
    for (const auto& [option, value, least, most] : limits)
        if (value < least || value > most)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} {} is outside {} … {}", option, value, least, most));
    return {};
}

Result<void> run_demo_stream(const DemoStreamOptions& options, Invocation& invocation) {
    TRY(check(options));
    ServedHere here;
    const bool is_served = TRY(read_server_address(invocation.data)).has_value();
    if (!is_served) TRY(here.start(options, invocation));
    AwsClient client(TRY(access_for(invocation, options.user)), system_clock(), invocation.stop);
    StreamWriter writer(client, std::string(name), invocation.stop);
    Landed landed;
    {
        ProgressLine progress(*invocation.terminal, system_clock(), "quotes");
        TRY(make_ready(client, options));
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
            "server it is one itself meanwhile.",
        .examples =
            "  stroma demo stream --data lab\n"
            "  stroma demo stream --data lab --rate 20000 --duration 30\n",
        .options = {{"--records", &options->records, "N",
                     "how many; 2520 (ten symbols in a year) when left out"},
                    {"--rate", &options->rate, "N", "records a second; 1000 when left out"},
                    {"--duration", &options->duration, "SECONDS",
                     "play so long, in place of --records"},
                    {"--interval", &options->interval, "SECONDS",
                     "of a delivery that is made: how long records are gathered; 2 when left out"},
                    {"--seed", &options->seed, "N", "another seed makes other prices"},
                    {"--user", &options->user, "USER",
                     "who owns what is made (default: the local administrator)"},
                    {"--aws", &options->aws, "ADDR:PORT",
                     "where to listen when no server runs (default: a free port of this machine)"},
                    {"--stay", &options->stay, "", "go on serving afterwards, until Ctrl-C"}},
        .run = [options](Invocation& invocation) { return run_demo_stream(*options, invocation); },
    };
}

}  // namespace stroma::app
