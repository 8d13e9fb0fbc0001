#include "app/ingest/fetch_stage.h"

#include <algorithm>

#include "base/json.h"
#include "front/http/fetch.h"
#include "front/http/url.h"

namespace stroma::app {
namespace {

constexpr int seconds_max = 12 * 3600;

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
    Json json{{"url", request.url}, {"name", request.import.path.filename().string()}};
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
