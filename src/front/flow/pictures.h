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
    std::string mark;  ///< another one when it was made anew; "" of what it read
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
    /// Changes by hand of a picture of labels, in order, with the undone ones.
    /// errors  not_found; invalid_input: no labels that a stage made
    virtual Result<std::vector<stroma::flow::Edit>> edits(const stroma::flow::Run& run,
                                                          const std::string& id) = 0;
    /// Adds changes, a JSON list as POST …/edits has it; the picture and what follows from it are
    /// made anew, after this returns. Reads the picture once.
    /// errors  as above, and of a change that can't be; conflict: it is being made anew now
    virtual Result<void> edit(const stroma::flow::Run& run, const std::string& id,
                              const std::string& edits, const std::string& author) = 0;
};

}  // namespace stroma::front::flow
