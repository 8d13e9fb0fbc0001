// seal_file PATH OUTPUT [sum-duplicates]: parses a file of one of the HDF5 formats in a fenced
// child and seals it, as an import does; prints what the child reported and the time it took.

#include <chrono>
#include <cstdio>

#include "expression/h5ad/h5ad_reader.h"
#include "expression/h5ad/tenx_h5_reader.h"
#include "expression/loom/loom_reader.h"
#include "load/child/parser_child.h"

namespace {

std::vector<const stroma::expression::FormatReader*> readers() {
    static const stroma::expression::H5adReader h5ad;
    static const stroma::expression::TenxH5Reader tenx;
    static const stroma::expression::LoomReader loom;
    return {&h5ad, &tenx, &loom};
}

}  // namespace

int main(int count, char** arguments) {
    if (stroma::loading::is_parser_child(count, arguments))
        stroma::loading::run_parser_child(count, arguments, readers());
    if (count < 3) {
        std::fprintf(stderr, "usage: seal_file PATH OUTPUT [sum-duplicates]\n");
        return 2;
    }
    stroma::loading::ParseRequest request;
    request.input = arguments[1];
    request.output = arguments[2];
    request.scratch_folder = stroma::fs::absolute(request.output).parent_path();
    request.sum_duplicates = count > 3;
    const auto begin = std::chrono::steady_clock::now();
    const auto report = stroma::loading::parse_in_child(request, readers(), {});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!report) {
        std::fprintf(stderr, "%s: %s\n", std::string(name_of(report.error().code)).c_str(),
                     report.error().message.c_str());
        return 1;
    }
    std::printf("%s: %llu cells, %llu genes, %llu bytes, %.3f s\n", report->format.c_str(),
                static_cast<unsigned long long>(report->summary.cells),
                static_cast<unsigned long long>(report->summary.genes),
                static_cast<unsigned long long>(report->summary.bytes), seconds.count());
    for (const auto& matrix : report->summary.matrices)
        std::printf("%s: %llu values, sum %.17g\n", matrix.name.c_str(),
                    static_cast<unsigned long long>(matrix.nonzeros), matrix.sum);
    for (const auto& note : report->notes) std::printf("note: %s\n", note.c_str());
    return 0;
}
