// write_sample <rich|dense|plain> <cells> <genes> <format> <path> [layout] [compression]
// Writes the sample and prints what the writer counted as JSON.

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "expression/csv/csv_writer.h"
#include "expression/h5ad/h5ad_writer.h"
#include "expression/loom/loom_writer.h"
#include "expression/mtx/mtx_writer.h"
#include "expression/zarr/zarr_writer.h"
#include "sample_data.h"

using namespace stroma;
using namespace stroma::expression;

namespace {

std::unique_ptr<FormatWriter> writer_named(std::string_view name) {
    std::unique_ptr<FormatWriter> writers[5];
    writers[0] = std::make_unique<H5adWriter>();
    writers[1] = std::make_unique<ZarrWriter>();
    writers[2] = std::make_unique<LoomWriter>();
    writers[3] = std::make_unique<CsvWriter>();
    writers[4] = std::make_unique<MtxWriter>();
    for (auto& writer : writers)
        if (writer->name() == name) return std::move(writer);
    return nullptr;
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 6) return 2;
    const std::string_view kind = arguments[1];
    const std::uint64_t cells = std::strtoull(arguments[2], nullptr, 10);
    const std::uint64_t genes = std::strtoull(arguments[3], nullptr, 10);
    const auto writer = writer_named(arguments[4]);
    if (!writer) return 2;
    const AnnotatedData data =
        kind == "plain" ? plain_sample(cells, genes) : rich_sample(cells, genes, kind == "dense");
    WriteOptions options;
    if (count > 6) options.layout = arguments[6];
    if (count > 7) options.compression = arguments[7];
    const auto written = writer->write(data, arguments[5], options, {});
    if (!written) {
        std::fprintf(stderr, "%s: %s\n", std::string(name_of(written.error().code)).c_str(),
                     written.error().message.c_str());
        return 1;
    }
    std::printf(
        "{\"cells\": %llu, \"genes\": %llu, \"nonzeros\": %llu, \"sum\": %.17g, "
        "\"bytes\": %llu}\n",
        static_cast<unsigned long long>(written->cells),
        static_cast<unsigned long long>(written->genes),
        static_cast<unsigned long long>(written->nonzeros), written->sum,
        static_cast<unsigned long long>(written->bytes));
    return 0;
}
