#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "expression/input_files.h"

namespace stroma::expression {

/// Input files that live in memory: what tests and fuzz targets read from.
class MemoryFiles final : public InputFiles {
public:
    /// A folder of those files.
    MemoryFiles(std::string name, std::map<std::string, std::string> files)
        : name_(std::move(name)), files_(std::move(files)), is_folder_(true) {}
    /// A single file.
    MemoryFiles(std::string name, std::string content) : name_(std::move(name)) {
        files_[name_] = std::move(content);
    }
    const std::string& name() const override { return name_; }
    bool is_folder() const override { return is_folder_; }
    Result<std::vector<std::string>> list() override {
        std::vector<std::string> names;
        for (const auto& [name, content] : files_) names.push_back(name);
        return names;
    }
    Result<File> open(std::string_view name) override {
        const auto found = files_.find(std::string(name));
        if (found == files_.end())
            return fail(ErrorCode::not_found, "no file " + std::string(name));
        File file(::memfd_create("input", MFD_CLOEXEC), found->first);
        if (!file.is_open()) return fail(ErrorCode::exhausted, "no memory for a file");
        if (!found->second.empty()) TRY(file.write_at(0, as_bytes(found->second)));
        return file;
    }
    std::map<std::string, std::string>& files() { return files_; }

private:
    std::string name_;
    std::map<std::string, std::string> files_;
    bool is_folder_ = false;
};

}  // namespace stroma::expression
