#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "expression/h5ad/h5ad_reader.h"
#include "expression/h5ad/tenx_h5_reader.h"

// A whole HDF5 file, read as h5ad and as a 10x matrix: what is read must be consistent with
// itself. The library is fuzzed along; what crashes inside it is the parser child's to contain.

namespace stroma::expression {
namespace {

/// The fuzzer's bytes as the one file of an input.
class BytesInMemory final : public InputFiles {
public:
    explicit BytesInMemory(ByteSpan bytes) : file_(::memfd_create("fuzz", MFD_CLOEXEC), "fuzz") {
        if (::write(file_.descriptor(), bytes.data(), bytes.size()) < 0) std::abort();
    }
    const std::string& name() const override { return name_; }
    bool is_folder() const override { return false; }
    Result<std::vector<std::string>> list() override { return std::vector<std::string>{name_}; }
    Result<File> open(std::string_view) override {
        return File(::fcntl(file_.descriptor(), F_DUPFD_CLOEXEC, 3), name_);
    }

private:
    File file_;
    std::string name_ = "fuzz.h5ad";
};

void require(bool holds) {
    if (!holds) std::abort();
}

void read_matrix(MatrixSource& source) {
    const std::uint64_t across =
        source.order() == Order::by_cell ? source.gene_count() : source.cell_count();
    LineBlock block;
    for (std::uint64_t first = 0; first < std::min<std::uint64_t>(source.line_count(), 64);
         first += 3) {
        const std::uint64_t count = std::min<std::uint64_t>(3, source.line_count() - first);
        if (!source.read_lines(first, count, block)) return;
        require(block.line_count() == count && block.starts[0] == 0);
        require(block.starts.back() == block.places.size());
        require(block.values.size() == block.places.size() * size_of(source.value_type()));
        for (const std::uint32_t place : block.places) require(place < across);
    }
}

void read_as(const FormatReader& reader, InputFiles& files) {
    ReadOptions options;
    options.unpacked_bytes_max = 16u << 20;
    const Result<AnnotatedData> data = reader.read(files, options);
    static_cast<void>(reader.recognises(files));
    if (!data) {
        require(!data.error().message.empty());
        return;
    }
    for (const Frame* frame : {&data->obs, &data->var})
        for (const Column& column : frame->columns) require(column.size() == frame->row_count());
    for (const NamedMatrix& matrix : data->matrices) read_matrix(*matrix.source);
}

}  // namespace
}  // namespace stroma::expression

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace stroma::expression;
    BytesInMemory files(std::as_bytes(std::span(data, size)));
    read_as(H5adReader(), files);
    read_as(TenxH5Reader(), files);
    return 0;
}
