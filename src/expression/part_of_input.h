#pragma once

#include "expression/input_files.h"

namespace stroma::expression {

/// One file, or one folder, of a folder that is being read, as if it alone were the input.
class PartOfInput final : public InputFiles {
public:
    /// `path` is a name that `whole` lists, or a folder before such names. `whole` outlives this.
    PartOfInput(InputFiles& whole, std::string path, bool is_folder);
    const std::string& name() const override { return name_; }
    bool is_folder() const override { return is_folder_; }
    Result<std::vector<std::string>> list() override;
    Result<File> open(std::string_view name) override;

private:
    InputFiles& whole_;
    std::string path_, name_;
    bool is_folder_;
};

}  // namespace stroma::expression
