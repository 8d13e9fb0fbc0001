#include "expression/h5ad/hdf5_file.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <algorithm>

#include "expression/h5ad/hdf5_heap.h"
#include "expression/h5ad/hdf5_walk.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t attribute_bytes_max = std::uint64_t{16} << 20;

herr_t collect_name(hid_t, const char* name, const H5L_info_t*, void* into) {
    static_cast<std::vector<std::string>*>(into)->emplace_back(name);
    return 0;
}

herr_t collect_attribute(hid_t, const char* name, const H5A_info_t*, void* into) {
    static_cast<std::vector<std::string>*>(into)->emplace_back(name);
    return 0;
}

/// The texts of an attribute; the library is the only way to those of varying length.
Result<TextArray> attribute_texts(hid_t attribute, const Hdf5Type& type, std::uint64_t count) {
    const Hdf5Id memory_type(H5Aget_type(attribute));
    TextArray texts;
    if (type.kind == Hdf5Type::Kind::fixed_text) {
        Bytes raw(count * type.size);
        if (count > 0 && H5Aread(attribute, memory_type.get(), raw.data()) < 0)
            return fail(ErrorCode::invalid_input, hdf5_failure());
        for (std::uint64_t i = 0; i < count; ++i)
            texts.push_back(without_padding(type, raw.data() + i * type.size));
        return texts;
    }
    std::vector<char*> pointers(count, nullptr);
    if (count > 0 && H5Aread(attribute, memory_type.get(), pointers.data()) < 0)
        return fail(ErrorCode::invalid_input, hdf5_failure());
    for (char* const text : pointers) {
        texts.push_back(text == nullptr ? "" : text);
        H5free_memory(text);
    }
    return texts;
}

}  // namespace

std::string join_path(std::string_view group, std::string_view name) {
    return group.empty() ? std::string(name) : fmt::format("{}/{}", group, name);
}

std::string Hdf5File::place(const std::string& path) const {
    return path.empty() ? name() : fmt::format("{}: {}", name(), path);
}

Result<void> Hdf5File::open_library() {
    file_bytes_ = TRY(file_.size());
    id_ = TRY(open_hdf5(file_));
    const Hdf5Id creation(H5Fget_create_plist(id_.get()));
    hsize_t user_block = 0;
    std::size_t address_bytes = 0, length_bytes = 0;
    if (H5Pget_userblock(creation.get(), &user_block) < 0 ||
        H5Pget_sizes(creation.get(), &address_bytes, &length_bytes) < 0)
        return fail(ErrorCode::invalid_input, place("") + ": " + hdf5_failure());
    base_address_ = user_block;
    if (address_bytes != 8 || length_bytes != 8)
        return fail(ErrorCode::unsupported,
                    fmt::format("{}: HDF5 with addresses of {} bytes isn't known; 8 are", name(),
                                address_bytes));
    return {};
}

Result<std::shared_ptr<Hdf5File>> Hdf5File::open(File file, const Hdf5Limits& limits) {
    std::shared_ptr<Hdf5File> opened(new Hdf5File(std::move(file)));
    TRY(opened->open_library());
    TRY(Hdf5Walk(*opened, limits).run());
    return opened;
}

std::shared_ptr<Hdf5File> Hdf5File::glance(File file) {
    std::shared_ptr<Hdf5File> opened(new Hdf5File(std::move(file)));
    if (!opened->open_library()) return nullptr;
    return opened;
}

Hdf5Id Hdf5File::open_object(const std::string& path) const {
    quiet_hdf5();
    return Hdf5Id(H5Oopen(id_.get(), path.empty() ? "/" : path.c_str(), H5P_DEFAULT));
}

Hdf5File::Part Hdf5File::part(const std::string& path) const {
    const Hdf5Id object = open_object(path);
    if (!object.is_open()) {
        H5Eclear2(H5E_DEFAULT);
        return Part::absent;
    }
    const H5I_type_t type = H5Iget_type(object.get());
    return type == H5I_GROUP ? Part::group : type == H5I_DATASET ? Part::dataset : Part::absent;
}

Result<std::vector<std::string>> Hdf5File::names(const std::string& path) const {
    const Hdf5Id group = open_object(path);
    if (!group.is_open() || H5Iget_type(group.get()) != H5I_GROUP)
        return fail(ErrorCode::not_found, place(path) + ": no such group");
    const Hdf5Id creation(H5Gget_create_plist(group.get()));
    unsigned order = 0;
    H5Pget_link_creation_order(creation.get(), &order);
    const H5_index_t index =
        (order & H5P_CRT_ORDER_TRACKED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    std::vector<std::string> names;
    hsize_t at = 0;
    if (H5Literate(group.get(), index, H5_ITER_INC, &at, collect_name, &names) < 0)
        return fail(ErrorCode::invalid_input, place(path) + ": " + hdf5_failure());
    return names;
}

Result<std::shared_ptr<Hdf5Dataset>> Hdf5File::dataset(const std::string& path) const {
    Hdf5Id object = open_object(path);
    if (!object.is_open()) {
        const std::string reason = hdf5_failure();
        const bool linked = H5Lexists(id_.get(), path.c_str(), H5P_DEFAULT) > 0;
        H5Eclear2(H5E_DEFAULT);
        if (linked)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: can't be opened: {}", place(path), reason));
        return fail(ErrorCode::not_found, place(path) + ": missing");
    }
    if (H5Iget_type(object.get()) != H5I_DATASET)
        return fail(ErrorCode::invalid_input, place(path) + ": must be a dataset, not a group");
    return Hdf5Dataset::open(std::move(object), file_, place(path));
}

bool Hdf5File::has_attribute(const std::string& path, const std::string& name) const {
    const Hdf5Id object = open_object(path);
    return object.is_open() && H5Aexists(object.get(), name.c_str()) > 0;
}

std::vector<std::string> Hdf5File::attribute_names(const std::string& path) const {
    const Hdf5Id object = open_object(path);
    std::vector<std::string> names;
    hsize_t at = 0;
    if (object.is_open())
        H5Aiterate2(object.get(), H5_INDEX_NAME, H5_ITER_INC, &at, collect_attribute, &names);
    return names;
}

Result<Element> Hdf5File::attribute(const std::string& path, const std::string& name) const {
    const std::string where = fmt::format("{}, attribute '{}'", place(path), name);
    const Hdf5Id object = open_object(path);
    const Hdf5Id attribute(object.is_open() ? H5Aopen(object.get(), name.c_str(), H5P_DEFAULT)
                                            : -1);
    if (!attribute.is_open()) {
        H5Eclear2(H5E_DEFAULT);
        return fail(ErrorCode::not_found, where + ": missing");
    }
    const Hdf5Id type_id(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
    const Hdf5Type type = TRY_WITH(read_hdf5_type(type_id.get()), where);
    const int rank = H5Sget_simple_extent_ndims(space.get());
    const hssize_t points = H5Sget_simple_extent_npoints(space.get());
    if (rank < 0 || rank > 8 || points < 0)
        return fail(ErrorCode::invalid_input, where + ": damaged");
    if (H5Sget_simple_extent_type(space.get()) == H5S_NULL) return Element{};
    const auto count = static_cast<std::uint64_t>(points);
    if (count > attribute_bytes_max / type.size)
        return fail(ErrorCode::exhausted, where + ": larger than 16 MiB, which is the limit");
    hsize_t dims[8] = {};
    H5Sget_simple_extent_dims(space.get(), dims, nullptr);
    const std::vector<std::uint64_t> shape(dims, dims + rank);
    if (type.is_text())
        return Element{
            TextGrid{shape, TRY_WITH(attribute_texts(attribute.get(), type, count), where)}};
    if (!type.is_number())
        return fail(ErrorCode::unsupported, fmt::format("{}: holds {}", where, type.name));
    Bytes raw(count * type.size);
    if (count > 0 && H5Aread(attribute.get(), type_id.get(), raw.data()) < 0)
        return fail(ErrorCode::invalid_input, where + ": " + hdf5_failure());
    Array array{type.value_type(), shape, Bytes(count * size_of(type.value_type()))};
    decode_numbers(type, {raw, type.size, count}, array.bytes.data());
    return Element{std::move(array)};
}

std::string Hdf5File::text_attribute(const std::string& path, const std::string& name) const {
    if (!has_attribute(path, name)) return "";
    const Result<Element> found = attribute(path, name);
    if (!found) return "";
    const auto* grid = std::get_if<TextGrid>(&found->value);
    return grid != nullptr && grid->texts.size() == 1 ? std::string(grid->texts[0]) : "";
}

std::string Hdf5File::referenced_path(const std::string& path, const std::string& name) const {
    const Hdf5Id object = open_object(path);
    if (!object.is_open() || H5Aexists(object.get(), name.c_str()) <= 0) return "";
    const Hdf5Id attribute(H5Aopen(object.get(), name.c_str(), H5P_DEFAULT));
    const Hdf5Id type(H5Aget_type(attribute.get())), space(H5Aget_space(attribute.get()));
    if (H5Tequal(type.get(), H5T_STD_REF_OBJ) <= 0 ||
        H5Sget_simple_extent_npoints(space.get()) != 1)
        return "";
    hobj_ref_t reference = 0;
    if (H5Aread(attribute.get(), type.get(), &reference) < 0) return "";
    const Hdf5Id target(H5Rdereference2(object.get(), H5P_DEFAULT, H5R_OBJECT, &reference));
    char text[1024] = {};
    const ssize_t length = target.is_open() ? H5Iget_name(target.get(), text, sizeof text) : 0;
    if (length <= 1 || static_cast<std::size_t>(length) >= sizeof text) {
        H5Eclear2(H5E_DEFAULT);
        return "";
    }
    return text + 1;
}

Result<TextArray> Hdf5File::heap_texts(const Hdf5Values& references,
                                       std::uint64_t bytes_max) const {
    Hdf5Heap heap(file_, file_bytes_, base_address_);
    TextArray texts;
    texts.reserve(references.count, references.count * 16);
    for (std::size_t i = 0; i < references.count; ++i) {
        const std::byte* at = references.at(i);
        const auto length = load<std::uint32_t>(at);
        const auto address = load<std::uint64_t>(at + 4);
        if (length == 0 || address == 0 || address == ~std::uint64_t{0}) {
            texts.push_back("");
            continue;
        }
        if (length > bytes_max)
            return fail(
                ErrorCode::exhausted,
                fmt::format("row {}: a text of {} bytes; the limit is {}", i, length, bytes_max));
        const std::string_view text =
            TRY_WITH(heap.object(address, load<std::uint32_t>(at + 12)), fmt::format("row {}", i));
        if (text.size() < length)
            return fail(ErrorCode::invalid_input,
                        fmt::format("row {}: a text longer than its place", i));
        // Some writers count the closing NUL of C.
        texts.push_back(text.substr(0, std::min<std::size_t>(length, text.find('\0'))));
    }
    return texts;
}

}  // namespace stroma::expression
