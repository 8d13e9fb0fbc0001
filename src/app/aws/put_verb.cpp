#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <memory>

#include "app/aws/aws_verbs.h"
#include "app/aws/stream_writer.h"
#include "app/terminal/progress_line.h"

namespace stroma::app {
namespace {

struct PutOptions {
    std::string stream, lines, key, user;
    std::int64_t key_field = 0;
};

/// The n-th of the line's parts between commas, from 1; "" when there are fewer.
std::string_view field_of(std::string_view line, std::int64_t number) {
    for (; number > 1; --number) {
        const std::size_t comma = line.find(',');
        if (comma == line.npos) return {};
        line.remove_prefix(comma + 1);
    }
    return line.substr(0, line.find(','));
}

std::string key_of(const PutOptions& options, std::string_view line, std::int64_t number) {
    if (!options.key.empty()) return options.key;
    std::string key(options.key_field > 0 ? field_of(line, options.key_field) : "");
    return key.empty() ? std::to_string(number) : key;
}

/// The file's lines as they are, without their line ends; the last one needs none.
Result<void> put_lines(std::istream& lines, const PutOptions& options, StreamWriter& writer,
                       ProgressLine& progress, const std::stop_token& stop) {
    std::string line;
    for (std::int64_t number = 1; std::getline(lines, line); ++number) {
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, "interrupted");
        if (line.empty()) continue;  // no record is empty
        TRY(writer.put(key_of(options, line, number), line));
        progress.update({"putting", static_cast<double>(writer.records()), 0, "records"});
    }
    if (lines.bad()) return fail(ErrorCode::unavailable, options.lines + " could not be read");
    return writer.flush();
}

Result<void> run_put(const PutOptions& options, Invocation& invocation) {
    if (options.key_field < 0) return fail(ErrorCode::invalid_input, "--key-field counts from 1");
    std::ifstream file;
    if (options.lines != "-") {
        file.open(options.lines, std::ios::binary);
        if (!file) return fail(ErrorCode::not_found, options.lines + " can't be read");
    }
    AwsClient client(TRY(access_for(invocation, options.user)), system_clock(), invocation.stop);
    StreamWriter writer(client, options.stream, invocation.stop);
    const std::int64_t begun = system_clock().steady_ms();
    {
        ProgressLine progress(*invocation.terminal, system_clock(), options.stream);
        TRY(put_lines(options.lines == "-" ? std::cin : file, options, writer, progress,
                      invocation.stop));
    }
    const double seconds = static_cast<double>(system_clock().steady_ms() - begun) / 1000;
    if (invocation.json)
        invocation.terminal->print(Json{{"stream", options.stream},
                                        {"records", writer.records()},
                                        {"bytes", writer.bytes()},
                                        {"requests", writer.requests()},
                                        {"seconds", seconds}}
                                       .dump() +
                                   "\n");
    else
        invocation.terminal->print(fmt::format("{} records, {}, in {} requests and {}\n",
                                               writer.records(),
                                               short_bytes(static_cast<double>(writer.bytes())),
                                               writer.requests(), short_duration(seconds)));
    return {};
}

}  // namespace

Verb put_verb() {
    auto options = std::make_shared<PutOptions>();
    return {
        .name = "put",
        .summary = "Put the lines of a file on a stream",
        .text =
            "Each line becomes a record, byte for byte, without its line end; a last line that has "
            "none is put too, and empty lines are left out. Up to 500 go in one request, and what "
            "the stream refuses is put again. Works beside a running server.",
        .examples =
            "  stroma put --data lab quotes --lines prices.csv --key-field 1\n"
            "  tail -f app.log | stroma put --data lab logs --lines -\n",
        .options = {{"stream", &options->stream, "STREAM", "its name", {}, true},
                    {"--lines", &options->lines, "FILE", "the file; - is standard input", {}, true},
                    {"--key", &options->key, "TEXT", "the partition key of every record"},
                    {"--key-field", &options->key_field, "N",
                     "the n-th part between commas is the partition key; without this or --key "
                     "records spread over all shards"},
                    {"--user", &options->user, "USER",
                     "as whom (default: the local administrator)"}},
        .run = [options](Invocation& invocation) { return run_put(*options, invocation); },
    };
}

}  // namespace stroma::app
