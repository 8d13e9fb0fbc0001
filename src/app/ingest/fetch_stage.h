#pragma once

#include <string>
#include <string_view>

#include "load/import_stage.h"
#include "object/object_store.h"
#include "pipeline/stage.h"

namespace stroma::app {

/// A file somewhere on the web, or an object of this site, that is to be imported.
struct FetchRequest {
    std::string url;
    std::string object_key;         ///< instead of a URL
    loading::ImportRequest import;  ///< its path is the file's name only
};
std::string to_job_inputs(const FetchRequest& request);
/// The file's name in a URL's path; letters, digits, '.', '_' and '-' of it.
std::string fetched_name(std::string_view url);

/// Reads a URL or an object into a file, then imports that. A URL is checked as http::fetch does.
class FetchStage final : public pipeline::Stage {
public:
    struct Limits {
        std::uint64_t bytes_max;
        bool allow_private;
    };
    FetchStage(loading::ImportStage& import, object::ObjectStore& objects, fs::path folder,
               Limits limits)
        : import_(import), objects_(objects), folder_(std::move(folder)), limits_(limits) {}
    std::string_view name() const override { return "fetch"; }
    Result<std::string> run(const pipeline::Job& job, pipeline::StageContext& context) override;

private:
    Result<void> copy_object(std::string_view key, File& file, pipeline::StageContext& context);

    loading::ImportStage& import_;
    object::ObjectStore& objects_;
    const fs::path folder_;
    const Limits limits_;
};

}  // namespace stroma::app
