#include "expression/zarr/zarr_writer.h"

#include "expression/output/pending_output.h"
#include "expression/zarr/hca_layout.h"
#include "expression/zarr/zarr_output.h"

namespace stroma::expression {

Result<WrittenMatrix> ZarrWriter::write(const AnnotatedData& data, const fs::path& path,
                                        const WriteOptions& options, const Watch& watch) const {
    const ZarrCodec codec = TRY(zarr_codec(options.compression));
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
