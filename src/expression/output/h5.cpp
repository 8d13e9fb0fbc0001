#include "expression/output/h5.h"

#include <algorithm>
#include <cassert>

#include "expression/output/value_types.h"

namespace stroma::expression {
namespace {

H5Handle space_of(std::span<const std::uint64_t> shape) {
    if (shape.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    return {H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose};
}

/// Groups without times: equal datasets must give equal bytes.
H5Handle group_properties() {
    H5Handle properties{H5Pcreate(H5P_GROUP_CREATE), H5Pclose};
    H5Pset_obj_track_times(properties.id(), false);
    return properties;
}

herr_t innermost(unsigned, const H5E_error2_t* entry, void* into) {
    if (entry->desc != nullptr) *static_cast<std::string*>(into) = entry->desc;
    return 1;
}

}  // namespace

Error h5_error(std::string_view doing, std::string_view part) {
    std::string why;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &why);
    if (why.empty()) why = "the HDF5 library refused";
    return {ErrorCode::unavailable, std::string(doing) + " " + std::string(part) + ": " + why};
}

Result<H5Handle> h5_create_file(const fs::path& path) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    const H5Handle properties{H5Pcreate(H5P_FILE_CREATE), H5Pclose};
    H5Pset_obj_track_times(properties.id(), false);
    H5Handle file{H5Fcreate(path.c_str(), H5F_ACC_EXCL, properties.id(), H5P_DEFAULT), H5Fclose};
    if (!file.is_open()) return fail(h5_error("creating", path.string()));
    // As private as every other file of ours.
    std::error_code ignored;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, ignored);
    return file;
}

Result<H5Handle> h5_make_group(hid_t file, const std::string& path) {
    const H5Handle properties = group_properties();
    H5Handle group{H5Gcreate2(file, path.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
                   H5Gclose};
    if (!group.is_open()) return fail(h5_error("making group", path));
    return group;
}

H5Handle h5_type(ValueType type) {
    switch (type) {
        case ValueType::boolean: {
            H5Handle boolean{H5Tenum_create(H5T_STD_I8LE), H5Tclose};
            const std::int8_t no = 0, yes = 1;
            H5Tenum_insert(boolean.id(), "FALSE", &no);
            H5Tenum_insert(boolean.id(), "TRUE", &yes);
            return boolean;
        }
        case ValueType::int8: return {H5Tcopy(H5T_STD_I8LE), H5Tclose};
        case ValueType::int16: return {H5Tcopy(H5T_STD_I16LE), H5Tclose};
        case ValueType::int32: return {H5Tcopy(H5T_STD_I32LE), H5Tclose};
        case ValueType::int64: return {H5Tcopy(H5T_STD_I64LE), H5Tclose};
        case ValueType::uint8: return {H5Tcopy(H5T_STD_U8LE), H5Tclose};
        case ValueType::uint16: return {H5Tcopy(H5T_STD_U16LE), H5Tclose};
        case ValueType::uint32: return {H5Tcopy(H5T_STD_U32LE), H5Tclose};
        case ValueType::uint64: return {H5Tcopy(H5T_STD_U64LE), H5Tclose};
        case ValueType::float32: return {H5Tcopy(H5T_IEEE_F32LE), H5Tclose};
        case ValueType::float64: break;
    }
    return {H5Tcopy(H5T_IEEE_F64LE), H5Tclose};
}

H5Handle h5_text_type() {
    H5Handle type{H5Tcopy(H5T_C_S1), H5Tclose};
    H5Tset_size(type.id(), H5T_VARIABLE);
    H5Tset_cset(type.id(), H5T_CSET_UTF8);
    return type;
}

Result<H5Handle> h5_make_dataset(hid_t file, const std::string& path, hid_t type,
                                 std::span<const std::uint64_t> shape, const H5Storage& storage) {
    const H5Handle properties{H5Pcreate(H5P_DATASET_CREATE), H5Pclose};
    H5Pset_obj_track_times(properties.id(), false);
    H5Pset_fill_time(properties.id(), H5D_FILL_TIME_IFSET);
    if (storage.chunk.empty()) {
        H5Pset_alloc_time(properties.id(), H5D_ALLOC_TIME_EARLY);
    } else {
        H5Pset_chunk(properties.id(), static_cast<int>(storage.chunk.size()), storage.chunk.data());
        if (storage.gzip_level > 0) H5Pset_deflate(properties.id(), storage.gzip_level);
    }
    const H5Handle space = space_of(shape);
    H5Handle dataset{
        H5Dcreate2(file, path.c_str(), type, space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
        H5Dclose};
    if (!dataset.is_open()) return fail(h5_error("making dataset", path));
    return dataset;
}

Result<void> h5_write(const H5Handle& dataset, hid_t type, const void* values,
                      const std::string& path) {
    if (H5Dwrite(dataset.id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        return fail(h5_error("writing dataset", path));
    return {};
}

Result<void> h5_write_rows(const H5Handle& dataset, hid_t type, std::uint64_t first,
                           std::uint64_t count, const void* values, const std::string& path) {
    const H5Handle room{H5Dget_space(dataset.id()), H5Sclose};
    const hsize_t at[] = {first}, size[] = {count};
    const H5Handle memory{H5Screate_simple(1, size, nullptr), H5Sclose};
    H5Sselect_hyperslab(room.id(), H5S_SELECT_SET, at, nullptr, size, nullptr);
    if (H5Dwrite(dataset.id(), type, memory.id(), room.id(), H5P_DEFAULT, values) < 0)
        return fail(h5_error("writing dataset", path));
    return {};
}

Result<H5Handle> h5_write_array(hid_t file, const std::string& path, const Array& values,
                                const H5Storage& storage) {
    const H5Handle type = h5_type(values.type);
    H5Handle dataset = TRY(h5_make_dataset(file, path, type.id(), values.shape, storage));
    if (values.value_count() > 0) TRY(h5_write(dataset, type.id(), values.bytes.data(), path));
    return dataset;
}

Result<H5Handle> h5_write_texts(hid_t file, const std::string& path,
                                std::span<const std::uint64_t> shape, const TextArray& texts) {
    const H5Handle type = h5_text_type();
    H5Handle dataset = TRY(h5_make_dataset(file, path, type.id(), shape));
    if (texts.text_bytes().find('\0') != std::string::npos)
        return fail(ErrorCode::invalid_input,
                    path + " holds a text with a zero byte, which HDF5 cannot hold");
    // The library wants ends of zero; the texts lie behind each other without any.
    std::string ended;
    ended.reserve(texts.text_bytes().size() + texts.size());
    std::vector<std::size_t> begins;
    begins.reserve(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        begins.push_back(ended.size());
        ended.append(texts[i]);
        ended += '\0';
    }
    std::vector<const char*> pointers;
    pointers.reserve(texts.size());
    for (const std::size_t begin : begins) pointers.push_back(ended.data() + begin);
    if (pointers.empty()) return dataset;
    // The library clears two buffers of 1 MiB for every dataset of texts, however few they are.
    constexpr std::size_t stored_text_bytes = 16, buffer_most = 64u << 10;
    const H5Handle how{H5Pcreate(H5P_DATASET_XFER), H5Pclose};
    const std::size_t room = std::min(pointers.size() * stored_text_bytes, buffer_most);
    if (H5Pset_buffer(how.id(), room, nullptr, nullptr) < 0 ||
        H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, how.id(), pointers.data()) < 0)
        return fail(h5_error("writing dataset", path));
    return dataset;
}

Result<void> h5_write_attribute(const H5Handle& object, const std::string& name, hid_t type,
                                std::span<const std::uint64_t> shape, const void* values) {
    const H5Handle space = space_of(shape);
    const H5Handle attribute{
        H5Acreate2(object.id(), name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose};
    if (!attribute.is_open()) return fail(h5_error("making attribute", name));
    if (values != nullptr && H5Awrite(attribute.id(), type, values) < 0)
        return fail(h5_error("writing attribute", name));
    return {};
}

Result<void> h5_write_text_attribute(const H5Handle& object, const std::string& name,
                                     const std::string& text) {
    const H5Handle type = h5_text_type();
    const char* pointer = text.c_str();
    return h5_write_attribute(object, name, type.id(), {}, &pointer);
}

}  // namespace stroma::expression
