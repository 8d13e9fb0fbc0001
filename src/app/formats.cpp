#include "app/site.h"
#include "expression/csv/csv_reader.h"
#include "expression/csv/csv_writer.h"
#include "expression/h5ad/h5ad_reader.h"
#include "expression/h5ad/h5ad_writer.h"
#include "expression/h5ad/tenx_h5_reader.h"
#include "expression/h5ad/tenx_h5_writer.h"
#include "expression/loom/loom_reader.h"
#include "expression/loom/loom_writer.h"
#include "expression/mtx/mtx_reader.h"
#include "expression/mtx/mtx_writer.h"
#include "expression/visium/space_ranger_reader.h"
#include "expression/zarr/zarr_reader.h"
#include "expression/zarr/zarr_writer.h"
#include "image/jpeg2000/jpeg_2000_reader.h"
#include "image/png/png_reader.h"
#include "image/shapes/outline_reader.h"
#include "image/tiff/tiff_reader.h"
#include "image/zarr/ome_zarr_reader.h"
#include "warehouse/formats/matrix_arrow.h"

namespace stroma::app {

/// Asked in this order; the first that recognises an input reads it.
std::vector<const expression::FormatReader*> format_readers() {
    static const expression::H5adReader h5ad;
    static const expression::TenxH5Reader tenx_h5;
    static const expression::LoomReader loom;
    static const auto mtx = expression::make_mtx_reader();
    static const auto zarr = expression::make_zarr_reader();
    static const auto csv = expression::make_csv_reader();
    static const auto space_ranger = expression::make_space_ranger_reader(tenx_h5, *mtx);
    return {&h5ad, &tenx_h5, &loom, space_ranger.get(), mtx.get(), zarr.get(), csv.get()};
}

std::vector<const image::ImageReader*> image_readers() {
    return {&image::tiff_reader(), &image::png_reader(), &image::jpeg_2000_reader(),
            &image::ome_zarr_reader(), &image::outline_reader()};
}

std::vector<const expression::FormatWriter*> format_writers(
    const expression::FormatWriter& parquet) {
    static const expression::TenxH5Writer tenx_h5;
    static const warehouse::ArrowMatrixWriter arrow;
    static const expression::LoomWriter loom;
    static const expression::CsvWriter csv;
    static const expression::MtxWriter mtx;
    static const expression::H5adWriter h5ad;
    static const expression::ZarrWriter zarr;
    return {&loom, &csv, &mtx, &h5ad, &zarr, &tenx_h5, &parquet, &arrow};
}

}  // namespace stroma::app
