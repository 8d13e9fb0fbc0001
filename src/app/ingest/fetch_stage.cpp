#include "app/ingest/fetch_stage.h"

#include <algorithm>

#include "base/json.h"
#include "front/http/fetch.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

constexpr int seconds_max = 12 * 3600;
constexpr std::size_t piece_bytes = 4u << 20;

/// The folder of one attempt, gone when it ends.
class FetchFolder {
public:
    explicit FetchFolder(fs::path path) : path_(std::move(path)) {}
    FetchFolder(const FetchFolder&) = delete;
    FetchFolder& operator=(const FetchFolder&) = delete;
    ~FetchFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

}  // namespace

std::string to_job_inputs(const FetchRequest& request) {
    auto import = parse_json(loading::to_job_inputs(request.import));
    Json json{{"url", request.url},
              {"object_key", request.object_key},
              {"name", request.import.path.filename().string()}};
    json["import"] = import ? *std::move(import) : Json(nullptr);
    return json.dump();
}

std::string fetched_name(std::string_view url) {
    std::string_view path = url.substr(0, url.find_first_of("?#"));
    if (const auto scheme = path.find("://"); scheme != path.npos) path.remove_prefix(scheme + 3);
    const auto slash = path.rfind('/');
    std::string name(slash == path.npos ? "" : path.substr(slash + 1));
    for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_' && c != '-')
            c = '_';
    name.erase(0, name.find_first_not_of('.'));
    if (name.size() > 200) name.erase(0, name.size() - 200);
    return name.empty() ? "file" : name;
}

Result<void> FetchStage::copy_object(std::string_view key, File& file,
                                     pipeline::StageContext& context) {
    const auto reader = TRY(objects_.open(key));
    const std::uint64_t size = reader->info().size_bytes;
    std::vector<std::byte> block(piece_bytes);
    for (std::uint64_t at = 0; at < size;) {
        const auto piece = std::span(block).first(
            static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, size - at)));
        TRY(reader->read_at(at, piece));
        TRY(file.write_at(at, piece));
        at += piece.size();
        context.progress(
            {"copying the selection", static_cast<double>(at), static_cast<double>(size), "bytes"});
        if (context.cancelled()) return fail(ErrorCode::cancelled, "the import was cancelled");
    }
    return {};
}

Result<std::string> FetchStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    const Json inputs = TRY(parse_json(job.inputs));
    auto request = TRY(loading::import_request_of(inputs["import"].dump()));
    const FetchFolder folder(folder_ / ("fetch-" + job.attempt_name()));
    TRY(make_folders(folder.path()));
    request.path = folder.path() / fetched_name("x://y/" + inputs.value("name", "file"));
    request.remove_source = true;
    const std::string step = "fetching " + request.path.filename().string();
    {
        File file = TRY(File::create(request.path));
        const std::string key = inputs.value("object_key", "");
        if (!key.empty()) {
            TRY(copy_object(key, file, context));
            file.close();
            return import_.import(request, job.attempt_name(), context);
        }
        front::http::FetchOptions options;
        options.bytes_max = limits_.bytes_max;
        options.seconds_max = seconds_max;
        options.allow_private = limits_.allow_private;
        TRY(front::http::fetch_to_file(
            inputs.value("url", ""), file, options, [&](std::uint64_t done, std::uint64_t total) {
                context.progress(
                    {step, static_cast<double>(done), static_cast<double>(total), "bytes"});
                return !context.cancelled();
            }));
    }
    return import_.import(request, job.attempt_name(), context);
}

}  // namespace stroma::app
