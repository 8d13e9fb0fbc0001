#pragma once

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <set>

#include "base/file.h"
#include "flow/engine.h"
#include "front/flow/pictures.h"

namespace stroma::app {

/// Pictures of runs as pyramids of tiles: each file is read once by the parser's child, and kept
/// below `folder` until others need the room. Any thread.
class RunPictures final : public front::flow::PictureAnswers {
public:
    /// `bytes_max` of kept pyramids; those that were made first go first. The engine outlives it.
    RunPictures(flow::Engine& engine, fs::path folder,
                std::uint64_t bytes_max = std::uint64_t{8} << 30)
        : engine_(engine), folder_(std::move(folder)), bytes_max_(bytes_max) {}

    Result<std::vector<front::flow::RunPicture>> list(const flow::Run& run) override;
    Result<std::shared_ptr<const image::StoredImage>> open(const flow::Run& run,
                                                           const std::string& id) override;
    Result<std::vector<flow::Edit>> edits(const flow::Run& run, const std::string& id) override;
    Result<void> edit(const flow::Run& run, const std::string& id, const std::string& edits,
                      const std::string& author) override;

private:
    using Stored = std::shared_ptr<const image::StoredImage>;
    struct Source {
        front::flow::RunPicture picture;
        fs::path path;
        std::string mark;       ///< another file has another one
        std::int64_t task = 0;  ///< that made it
        /// Of labels: the files of the output with the same cells, as nuclei and cells have them.
        std::vector<std::string> group;
    };
    Result<std::vector<Source>> sources(const flow::Run& run);
    Result<Source> source(const flow::Run& run, const std::string& id);
    Result<Source> editable(const flow::Run& run, const std::string& id);
    Result<Stored> made(const Source& source, const fs::path& kept);
    void keep(const std::string& mark, const Stored& stored);
    Stored find(const std::string& mark);
    Result<void> make_room();

    flow::Engine& engine_;
    const fs::path folder_;
    const std::uint64_t bytes_max_;
    std::mutex mutex_;  ///< guards the rest
    std::condition_variable is_made_;
    std::set<std::string> making_;
    std::list<std::pair<std::string, Stored>> open_;  ///< newest first
    /// Marks by run and picture, so that a tile asks no database for its file.
    std::map<std::pair<std::string, std::string>, std::string> marks_;
    std::uint64_t moves_ = 0;  ///< of outputs, when the marks were found
};

}  // namespace stroma::app
