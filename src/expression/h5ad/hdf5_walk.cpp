#include "expression/h5ad/hdf5_walk.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>

namespace stroma::expression {
namespace {

constexpr std::uint64_t always_allowed_bytes = std::uint64_t{64} << 20;

struct Links {
    std::vector<std::pair<std::string, H5L_type_t>> found;
    std::uint64_t room;  ///< how many more the limit allows
    bool too_many = false;
};

herr_t note_link(hid_t, const char* name, const H5L_info_t* info, void* into) {
    auto& links = *static_cast<Links*>(into);
    links.too_many = links.found.size() >= links.room;
    if (links.too_many) return 1;
    links.found.emplace_back(name, info->type);
    return 0;
}

}  // namespace

Result<void> Hdf5Walk::run() {
    pending_.push_back({"", 0});
    while (!pending_.empty()) {
        const Group group = std::move(pending_.back());
        pending_.pop_back();
        TRY(visit_group(group));
    }
    const std::uint64_t allowed =
        std::max(always_allowed_bytes, file_->file_bytes() * limits_.unpacked_ratio_max);
    if (unpacked_bytes_ > allowed)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: bomb: unpacks to {} bytes, over {} times its size",
                                file_->name(), unpacked_bytes_, limits_.unpacked_ratio_max));
    if (unpacked_bytes_ > limits_.unpacked_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: bomb: unpacks to {} bytes; the limit is {} "
                                "(unpacked_bytes_max)",
                                file_->name(), unpacked_bytes_, limits_.unpacked_bytes_max));
    return {};
}

Result<void> Hdf5Walk::visit_group(const Group& group) {
    quiet_hdf5();
    const Hdf5Id id = file_->open_object(group.path);
    if (!id.is_open())
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{}: a damaged group: {}", file_->place(group.path), hdf5_failure()));
    Links links{{}, limits_.objects_max - objects_};
    hsize_t at = 0;
    if (H5Literate(id.get(), H5_INDEX_NAME, H5_ITER_NATIVE, &at, note_link, &links) < 0)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{}: a damaged group: {}", file_->place(group.path), hdf5_failure()));
    if (links.too_many)
        return fail(ErrorCode::exhausted,
                    fmt::format("{}: holds more than {} groups and datasets, which is the limit",
                                file_->name(), limits_.objects_max));
    objects_ += links.found.size();
    for (const auto& [name, type] : links.found) {
        const std::string path = join_path(group.path, name);
        if (type == H5L_TYPE_SOFT) {  // read inside the file when it is asked for
            if (H5Oexists_by_name(id.get(), name.c_str(), H5P_DEFAULT) > 0) continue;
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: is a link that leads nowhere", file_->place(path)));
        }
        if (type != H5L_TYPE_HARD)
            return fail(ErrorCode::unsupported,
                        fmt::format("{}: is an external link; copy what it points to into the file",
                                    file_->place(path)));
        H5O_info_t info{};
        if (H5Oget_info_by_name2(id.get(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT) < 0)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: damaged: {}", file_->place(path), hdf5_failure()));
        if (!seen_.insert(info.addr).second) continue;  // a second name, or a circle
        if (info.type == H5O_TYPE_DATASET) TRY(visit_dataset(path));
        if (info.type != H5O_TYPE_GROUP) continue;
        if (group.depth + 1 > limits_.depth_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("{}: groups nested deeper than {}, which is the limit",
                                    file_->name(), limits_.depth_max));
        pending_.push_back({path, group.depth + 1});
    }
    return {};
}

Result<void> Hdf5Walk::visit_dataset(const std::string& path) {
    const auto dataset = TRY(file_->dataset(path));
    const std::uint64_t bytes = dataset->unpacked_bytes();
    if (__builtin_add_overflow(unpacked_bytes_, bytes, &unpacked_bytes_))
        unpacked_bytes_ = ~std::uint64_t{0};
    return {};
}

}  // namespace stroma::expression
