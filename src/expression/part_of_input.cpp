#include "expression/part_of_input.h"

namespace stroma::expression {

PartOfInput::PartOfInput(InputFiles& whole, std::string path, bool is_folder)
    : whole_(whole), path_(std::move(path)), is_folder_(is_folder) {
    const std::size_t slash = path_.rfind('/');
    name_ = slash == std::string::npos ? path_ : path_.substr(slash + 1);
}

Result<std::vector<std::string>> PartOfInput::list() {
    if (!is_folder_) return std::vector<std::string>{name_};
    std::vector<std::string> names;
    const std::string prefix = path_ + "/";
    for (const std::string& name : TRY(whole_.list()))
        if (name.starts_with(prefix)) names.push_back(name.substr(prefix.size()));
    return names;
}

Result<File> PartOfInput::open(std::string_view name) {
    if (is_folder_) return whole_.open(path_ + "/" + std::string(name));
    if (name == name_) return whole_.open(path_);
    return fail(ErrorCode::not_found, "no '" + std::string(name) + "' beside " + name_);
}

}  // namespace stroma::expression
