#include <fmt/format.h>

#include "app/demo/demo_data.h"
#include "app/terminal/output_mode.h"
#include "app/terminal/progress_line.h"
#include "app/verbs/verbs.h"
#include "base/json.h"
#include "expression/h5ad/h5ad_writer.h"

namespace stroma::app {
namespace {

Result<DemoShape> shape_of(const DemoOptions& options) {
    constexpr std::int64_t cells_max = 100'000'000, genes_min = 100, genes_max = 99'999;
    if (options.cells < 1 || options.cells > cells_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("--cells {} is outside 1 … {}", options.cells, cells_max));
    if (options.genes < genes_min || options.genes > genes_max)
        return fail(ErrorCode::invalid_input, fmt::format("--genes {} is outside {} … {}",
                                                          options.genes, genes_min, genes_max));
    return DemoShape{static_cast<std::uint32_t>(options.cells),
                     static_cast<std::uint32_t>(options.genes),
                     static_cast<std::uint64_t>(options.seed)};
}

std::string outcome(const expression::WrittenMatrix& written, const DemoOptions& options,
                    bool json) {
    if (!json)
        return fmt::format("{}: {} cells, {} genes, {} non-zeros, {}\n", options.output,
                           written.cells, written.genes, written.nonzeros,
                           short_bytes(static_cast<double>(written.bytes)));
    const Json result = {{"file", options.output}, {"cells", written.cells},
                         {"genes", written.genes}, {"nonzeros", written.nonzeros},
                         {"sum", written.sum},     {"bytes", written.bytes}};
    return result.dump(2) + "\n";
}

}  // namespace

Result<void> run_demo(const DemoOptions& options, Invocation& invocation) {
    if (options.output.empty())
        return fail(ErrorCode::invalid_input, "which file to write: give -o FILE");
    const DemoShape shape = TRY(shape_of(options));
    ProgressLine line(*invocation.terminal, system_clock(), "demo dataset");
    line.update({"drawing cells", 0, 0, "cells"});
    const auto data = make_demo_data(shape);
    const expression::Watch watch{[&](double done, double total, std::string_view unit) {
                                      line.update({"writing", done, total, std::string(unit)});
                                  },
                                  [&] { return invocation.stop.stop_requested(); }};
    const auto written = TRY(expression::H5adWriter().write(data, options.output, {}, watch));
    line.clear();
    TRY(apply_umask(options.output));
    invocation.terminal->print(outcome(written, options, invocation.json));
    return {};
}

}  // namespace stroma::app
