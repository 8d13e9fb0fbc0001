#include "expression/h5ad/hdf5_driver.h"

#include <fmt/format.h>
#include <hdf5.h>

#include <mutex>

namespace stroma::expression {
namespace {

/// What the library carries from the access list to open(); copied by value.
struct DriverInfo {
    const File* file;
    std::uint64_t size;
    bool* used;  ///< a second file, asked for by the first one's contents, is refused
};

struct OpenFile {
    H5FD_t library;  // must be first: the library's part
    const File* file;
    haddr_t size;
    haddr_t end_of_addresses;
};

OpenFile* own(H5FD_t* file) { return reinterpret_cast<OpenFile*>(file); }
const OpenFile* own(const H5FD_t* file) { return reinterpret_cast<const OpenFile*>(file); }

H5FD_t* driver_open(const char*, unsigned flags, hid_t access, haddr_t) {
    const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access));
    if (info == nullptr || *info->used || (flags & H5F_ACC_RDWR) != 0) return nullptr;
    *info->used = true;
    auto* file = new OpenFile{};
    file->file = info->file;
    file->size = info->size;
    return &file->library;
}

herr_t driver_close(H5FD_t* file) {
    delete own(file);
    return 0;
}

int driver_compare(const H5FD_t* a, const H5FD_t* b) { return a < b ? -1 : a > b ? 1 : 0; }

herr_t driver_query(const H5FD_t*, unsigned long* flags) {
    if (flags != nullptr) *flags = H5FD_FEAT_ACCUMULATE_METADATA;
    return 0;
}

haddr_t driver_end_of_addresses(const H5FD_t* file, H5FD_mem_t) {
    return own(file)->end_of_addresses;
}
herr_t driver_set_end_of_addresses(H5FD_t* file, H5FD_mem_t, haddr_t address) {
    own(file)->end_of_addresses = address;
    return 0;
}
haddr_t driver_end_of_file(const H5FD_t* file, H5FD_mem_t) { return own(file)->size; }

herr_t driver_read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t address, std::size_t size,
                   void* buffer) {
    const OpenFile* open = own(file);
    auto* out = static_cast<std::byte*>(buffer);
    // The library probes past the end of small files and expects zeros, as from a sparse file.
    const std::size_t there =
        address >= open->size ? 0 : std::min<std::uint64_t>(size, open->size - address);
    std::fill(out + there, out + size, std::byte{0});
    if (there == 0) return 0;
    return open->file->read_at(address, {out, there}) ? 0 : -1;
}

herr_t driver_write(H5FD_t*, H5FD_mem_t, hid_t, haddr_t, std::size_t, const void*) { return -1; }

// Filled by assignment: the struct's later members differ between versions of the library.
hid_t driver() {
    static const hid_t id = [] {
        H5FD_class_t driver{};
        driver.name = "stroma";
        driver.maxaddr = (haddr_t{1} << 62) - 1;
        driver.fc_degree = H5F_CLOSE_STRONG;
        driver.fapl_size = sizeof(DriverInfo);
        driver.open = driver_open;
        driver.close = driver_close;
        driver.cmp = driver_compare;
        driver.query = driver_query;
        driver.get_eoa = driver_end_of_addresses;
        driver.set_eoa = driver_set_end_of_addresses;
        driver.get_eof = driver_end_of_file;
        driver.read = driver_read;
        driver.write = driver_write;
        const H5FD_mem_t map[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
        std::copy(std::begin(map), std::end(map), std::begin(driver.fl_map));
        H5PLset_loading_state(0);  // no filter of a file may load a plug-in
        return H5FDregister(&driver);
    }();
    return id;
}

/// Where the superblock is allowed to stand: 0, 512, 1024, 2048...
bool has_signature(const File& file, std::uint64_t size) {
    constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
    for (std::uint64_t at = 0; at + 8 <= size; at = at == 0 ? 512 : at * 2) {
        std::byte found[8];
        if (!file.read_at(at, found)) return false;
        if (as_text(found) == signature) return true;
    }
    return false;
}

herr_t keep_innermost(unsigned number, const H5E_error2_t* error, void* into) {
    auto& text = *static_cast<std::string*>(into);
    if (number == 0 || text.empty()) text = error->desc == nullptr ? "" : error->desc;
    return 0;
}

}  // namespace

void quiet_hdf5() {
    thread_local const herr_t quiet = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    static_cast<void>(quiet);
}

std::string hdf5_failure() {
    std::string text;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &text);
    H5Eclear2(H5E_DEFAULT);
    return text.empty() ? "no reason given" : text;
}

Hdf5Id::~Hdf5Id() {
    if (id_ < 0) return;
    const hid_t id = id_;
    switch (H5Iget_type(id)) {
        case H5I_FILE: H5Fclose(id); break;
        case H5I_GROUP: H5Gclose(id); break;
        case H5I_DATASET: H5Dclose(id); break;
        case H5I_DATATYPE: H5Tclose(id); break;
        case H5I_DATASPACE: H5Sclose(id); break;
        case H5I_ATTR: H5Aclose(id); break;
        case H5I_GENPROP_LST: H5Pclose(id); break;
        default: break;
    }
}

Result<Hdf5Id> open_hdf5(const File& file) {
    static_assert(sizeof(hid_t) == sizeof(std::int64_t));
    quiet_hdf5();
    const std::uint64_t size = TRY(file.size());
    if (!has_signature(file, size))
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} is not an HDF5 file ({} bytes)", file.name(), size));
    bool used = false;
    const DriverInfo info{&file, size, &used};
    const Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS));
    if (H5Pset_driver(access.get(), driver(), &info) < 0)
        return fail(ErrorCode::unavailable, "HDF5: " + hdf5_failure());
    // An absolute name: for others the library asks for the working directory.
    Hdf5Id opened(H5Fopen("/input", H5F_ACC_RDONLY, access.get()));
    if (opened.is_open()) return opened;
    const std::string reason = hdf5_failure();
    if (reason.find("truncated") != std::string::npos)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} is truncated: {}; copy it again", file.name(), reason));
    return fail(ErrorCode::invalid_input,
                fmt::format("{} is a damaged HDF5 file: {}", file.name(), reason));
}

}  // namespace stroma::expression
