#include "expression/zarr/zarr_writer.h"

#include <algorithm>

#include "expression/output/output_files.h"
#include "expression/output/pending_output.h"
#include "expression/zarr/hca_layout.h"
#include "expression/zarr/zarr_output.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t file_bytes_max = std::uint64_t{2} << 30;

/// Packs the files of a finished folder, in the order of their names, into one archive. They are
/// compressed already.
Result<std::uint64_t> zip_folder(const fs::path& folder, const fs::path& path,
                                 std::string_view stem, bool durable) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder))
        if (entry.is_regular_file())
            names.push_back(entry.path().lexically_relative(folder).generic_string());
    std::sort(names.begin(), names.end());
    const auto archive = TRY(OutputFiles::create(path, Bundling::stored_zip, stem));
    for (const std::string& name : names) {
        const std::string content = TRY(read_file(folder / name, file_bytes_max));
        TRY(archive->add(name, as_bytes(content)));
    }
    return archive->commit(durable);
}

/// The folder that becomes an archive; gone when that is done, however it ends.
struct FolderOnTheWay {
    explicit FolderOnTheWay(const fs::path& output) : path(output.string() + ".folder") {
        remove();
    }
    FolderOnTheWay(const FolderOnTheWay&) = delete;
    FolderOnTheWay& operator=(const FolderOnTheWay&) = delete;
    ~FolderOnTheWay() { remove(); }
    void remove() const {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    fs::path path;
};

}  // namespace

Result<WrittenMatrix> ZarrWriter::write(const AnnotatedData& data, const fs::path& path,
                                        const WriteOptions& options, const Watch& watch) const {
    const ZarrCodec codec = TRY(zarr_codec(options.compression));
    if (options.layout == "zip" || options.layout == "hca-v1-zip") {
        const FolderOnTheWay folder(path);
        WriteOptions plain = options;
        plain.layout = options.layout == "zip" ? "" : "hca-v1";
        plain.durable = false;
        WrittenMatrix written = TRY(write(data, folder.path, plain, watch));
        const std::string stem = TRY(stem_of(options.stem, path));
        written.bytes = TRY(zip_folder(folder.path, path, stem, options.durable));
        return written;
    }
    const bool hca = options.layout == "hca-v1";
    if (!hca && !options.layout.empty() && options.layout != "anndata")
        return fail(ErrorCode::unsupported,
                    "zarr layout '" + options.layout + "' is not known; use anndata or hca-v1");
    TRY(check_data(data));
    PendingOutput output = TRY(PendingOutput::start(path));
    const std::uint64_t cells = data.obs.row_count();
    Tally tally(cells);
    Progress progress(watch, static_cast<double>(cells * (hca ? 1 : data.matrices.size())));
    ZarrFolder folder(output, options.durable);
    if (hca) {
        MatrixSource* source = TRY(main_matrix(data, "zarr of layout hca-v1"));
        TRY(write_hca_layout(data, *source, folder, codec, watch, tally, progress));
    } else {
        ZarrOutput store(folder, codec, watch, tally, progress);
        TRY(write_anndata_layout(data, store));
        TRY(folder.consolidate());
    }
    TRY(output.commit(options.durable));
    return WrittenMatrix{cells, data.var.row_count(), tally.nonzeros(), tally.sum(),
                         folder.bytes()};
}

}  // namespace stroma::expression
