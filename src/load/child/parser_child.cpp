#include "load/child/parser_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>

#include "base/process_fence.h"
#include "expression/part_of_input.h"
#include "image/pyramid_writer.h"
#include "load/child/parser_channel.h"
#include "load/child/parser_messages.h"
#include "load/child/parser_spawn.h"

namespace stroma::loading {
namespace {

using expression::AnnotatedData;
using expression::FormatReader;
using expression::InputFiles;

constexpr std::chrono::milliseconds between_progress{100};

/// The input as the parent shows it: every file is asked for by name.
class FilesOfParent final : public InputFiles {
public:
    FilesOfParent(ParserChannel& channel, std::mutex& mutex, const ParseOrder& order)
        : channel_(channel), mutex_(mutex), name_(order.name), is_folder_(order.is_folder) {}

    const std::string& name() const override { return name_; }
    bool is_folder() const override { return is_folder_; }
    Result<std::vector<std::string>> list() override;
    Result<File> open(std::string_view name) override;

private:
    Result<ParserChannel::Message> answer();

    ParserChannel& channel_;
    std::mutex& mutex_;
    std::string name_;
    bool is_folder_;
};

Result<ParserChannel::Message> FilesOfParent::answer() {
    auto message = TRY(channel_.receive());
    if (!message) return fail(ErrorCode::cancelled, "the parser's parent is gone");
    if (const auto error = message->json.find("error"); error != message->json.end())
        return fail(error_from_json(*error));
    return std::move(*message);
}

Result<std::vector<std::string>> FilesOfParent::list() {
    const std::lock_guard lock(mutex_);
    TRY(channel_.send({{"list", true}}));
    std::vector<std::string> names;
    while (true) {
        const ParserChannel::Message message = TRY(answer());
        for (const Json& name : message.json["names"]) names.push_back(name.get<std::string>());
        if (message.json["last"].get<bool>()) return names;
        TRY(channel_.send({{"more", true}}));
    }
}

Result<File> FilesOfParent::open(std::string_view name) {
    const std::lock_guard lock(mutex_);
    TRY(channel_.send({{"open", name}}));
    ParserChannel::Message message = TRY(answer());
    const int descriptor = ::fcntl(message.file.descriptor(), F_DUPFD_CLOEXEC, 3);
    if (descriptor < 0) return fail(error_from_errno("opening", name, errno));
    return File(descriptor, std::string(name));
}

/// Writes its answer without any memory, as there is none left, and ends.
[[noreturn]] void out_of_memory() {
    constexpr std::string_view answer =
        R"({"failed":{"code":"exhausted",)"
        R"("message":"limit: memory: it needs more than the parser may use"}})";
    static_cast<void>(
        ::send(spawned_socket, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    ::_exit(0);
}

class ChildLife {
public:
    ChildLife(const std::vector<const FormatReader*>& readers,
              const std::vector<const image::ImageReader*>& pictures)
        : channel_(File(spawned_socket, "the parser's socket")),
          output_(spawned_output, "the sealed file"),
          scratch_(spawned_scratch, "the scratch file"),
          readers_(readers),
          pictures_(pictures) {}

    Result<ParseReport> run();
    void answer(const Result<ParseReport>& result);

private:
    Result<const FormatReader*> choose_reader(InputFiles& files);
    Result<ParseReport> run_image(InputFiles& files);
    expression::Watch watch();

    ParserChannel channel_;
    std::mutex mutex_;  ///< of the channel
    File output_, scratch_;
    const std::vector<const FormatReader*>& readers_;
    const std::vector<const image::ImageReader*>& pictures_;
    ParseOrder order_;
    std::atomic<std::int64_t> last_progress_ms_{0};
};

/// The format that a name promises, to explain why such a file can't be read.
std::string_view promised_format(std::string_view name) {
    constexpr std::pair<std::string_view, std::string_view> endings[] = {
        {".h5ad", "h5ad"}, {".loom", "loom"}, {".h5", "10x-h5"}, {".zarr", "zarr"}};
    for (const auto& [ending, format] : endings)
        if (name.ends_with(ending)) return format;
    return "";
}

/// What to do with a file that no reader knows.
std::string_view advice(InputFiles& files) {
    constexpr std::string_view mark = "ustar";
    constexpr std::uint64_t mark_at = 257;
    std::byte found[mark.size()];
    if (files.is_folder()) return "";
    const auto file = files.open(files.name());
    if (!file || !file->read_at(mark_at, found)) return "";
    return as_text(found) == mark ? "; unpack a tar archive and import what it holds" : "";
}

Result<const FormatReader*> ChildLife::choose_reader(InputFiles& files) {
    std::string wanted = order_.format;
    if (wanted.empty())
        for (const FormatReader* reader : readers_)
            if (reader->recognises(files)) return reader;
    if (wanted.empty()) wanted = promised_format(order_.name);
    std::string known;
    for (const FormatReader* reader : readers_) {
        if (reader->name() == wanted) return reader;
        known += fmt::format("{}{}", known.empty() ? "" : ", ", reader->name());
    }
    return fail(ErrorCode::invalid_input, fmt::format("{} isn't of a known format ({}){}",
                                                      order_.name, known, advice(files)));
}

expression::Watch ChildLife::watch() {
    expression::Watch watch;
    watch.progress = [this](double done, double total, std::string_view unit) {
        const auto since = std::chrono::steady_clock::now().time_since_epoch();
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
        if (now - last_progress_ms_ < between_progress.count() && done < total) return;
        last_progress_ms_ = now;
        const std::lock_guard lock(mutex_);
        static_cast<void>(channel_.send(
            {{"progress", {{"done", done}, {"total", total}, {"unit", unit.substr(0, 40)}}}}));
    };
    return watch;
}

Result<ParseReport> ChildLife::run_image(InputFiles& files) {
    std::string& element = order_.image.element;
    if (!element.empty() && files.is_folder() && files.open(element)) {
        expression::PartOfInput file(files, std::exchange(element, ""), false);
        return run_image(file);
    }
    const auto reader =
        std::find_if(pictures_.begin(), pictures_.end(),
                     [&](const image::ImageReader* one) { return one->recognises(files); });
    if (reader == pictures_.end()) {
        std::string known;
        for (const image::ImageReader* one : pictures_)
            known += fmt::format("{}{}", known.empty() ? "" : ", ", one->name());
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} isn't a picture of a known kind ({})", order_.name, known));
    }
    ParseReport report;
    report.format = (*reader)->name();
    const auto source = TRY((*reader)->open(files, order_.image, report.notes));
    auto written = image::write_pyramid(*source, output_, order_.image, order_.durable, watch());
    if (!written && !written.error().message.starts_with(order_.name))
        return fail(std::move(written.error()).with(order_.name));
    TRY(std::move(written));
    return report;
}

Result<ParseReport> ChildLife::run() {
    const auto first = TRY(channel_.receive());
    if (!first) return fail(ErrorCode::cancelled, "the parser's parent is gone");
    order_ = TRY(order_from_json(first->json));
    TRY(fence_in({order_.limits.memory_bytes, order_.limits.time, order_.limits.output_bytes}));

    order_.read.scratch = &scratch_;
    FilesOfParent files(channel_, mutex_, order_);
    if (order_.is_image) return run_image(files);
    const FormatReader* reader = TRY(choose_reader(files));
    AnnotatedData data = TRY(reader->read(files, order_.read));
    expression::SealOptions options;
    options.sum_duplicates = order_.sum_duplicates;
    options.memory_bytes = order_.limits.memory_bytes / 4;
    options.scratch = &scratch_;
    options.durable = order_.durable;
    ParseReport report;
    report.format = reader->name();
    auto sealed = expression::seal_dataset(data, output_, options, watch());
    // What the file's reader says while the sealer asks it names the file already.
    if (!sealed && !sealed.error().message.starts_with(order_.name))
        return fail(std::move(sealed.error()).with(order_.name));
    report.summary = TRY(std::move(sealed));
    report.notes = std::move(data.notes);
    for (const image::ImageReader* pictures : pictures_) {
        auto found = TRY(pictures->beside(files, report.notes));
        std::move(found.begin(), found.end(), std::back_inserter(report.pictures));
    }
    return report;
}

void ChildLife::answer(const Result<ParseReport>& result) {
    const Json message =
        result ? Json{{"result", to_json(*result)}} : Json{{"failed", to_json(result.error())}};
    const std::lock_guard lock(mutex_);
    if (channel_.send(message)) return;
    const Error error{ErrorCode::exhausted, "the parser's report is over 64 KiB"};
    static_cast<void>(channel_.send({{"failed", to_json(error)}}));
}

}  // namespace

bool is_parser_child(int argument_count, char** arguments) {
    SpawnedParser::allow();
    return argument_count == 3 && arguments[1] == parser_child_argument;
}

void run_parser_child(int, char** arguments, const std::vector<const FormatReader*>& readers,
                      const std::vector<const image::ImageReader*>& pictures) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != std::atoi(arguments[2])) ::_exit(1);  // it died before we asked
    std::set_new_handler(out_of_memory);
    ChildLife life(readers, pictures);
    life.answer(life.run());
    ::_exit(0);  // nothing that others registered for exit runs behind the fence
}

}  // namespace stroma::loading
