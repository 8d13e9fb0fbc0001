#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "flow/run.h"
#include "image/stored_image.h"

namespace stroma::front::flow {

/// A picture that a run read or made, as its viewer calls it.
struct RunPicture {
    std::string id;      ///< within the run: "in-3" a file it read, "12-0" of what task 12 made
    std::string stage;   ///< "" of what it read
    std::string item;    ///< of the task, or the slide that the file is named after
    std::string output;  ///< of the stage; the run input's name
    std::string name;    ///< of the file
    bool are_labels = false;
    stroma::flow::Tier tier = stroma::flow::Tier::hot;  ///< of what a task made
};

/// Pictures of runs, as tiles. Any thread.
class PictureAnswers {
public:
    virtual ~PictureAnswers() = default;
    /// Those that are there by now: inputs first, then by stage and item.
    virtual Result<std::vector<RunPicture>> list(const stroma::flow::Run& run) = 0;
    /// The first time its file is read by a child process, which may take as long as the file is
    /// large. errors  not_found  the run has no such picture; conflict: it is in the archive; what
    /// reading it says
    virtual Result<std::shared_ptr<const image::StoredImage>> open(const stroma::flow::Run& run,
                                                                   const std::string& id) = 0;
};

}  // namespace stroma::front::flow
