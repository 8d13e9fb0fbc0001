#include "expression/keeping_source.h"

namespace stroma::expression {
namespace {

class KeepingSource final : public MatrixSource {
public:
    KeepingSource(std::shared_ptr<const void> kept, std::unique_ptr<MatrixSource> source)
        : kept_(std::move(kept)), source_(std::move(source)) {}
    std::uint64_t cell_count() const override { return source_->cell_count(); }
    std::uint64_t gene_count() const override { return source_->gene_count(); }
    ValueType value_type() const override { return source_->value_type(); }
    Order order() const override { return source_->order(); }
    bool was_dense() const override { return source_->was_dense(); }
    std::optional<std::uint64_t> nonzero_count() const override { return source_->nonzero_count(); }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        return source_->line_lengths();
    }
    bool is_random_access() const override { return source_->is_random_access(); }
    std::uint64_t lines_per_read() const override { return source_->lines_per_read(); }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        return source_->read_lines(first, count, out);
    }

private:
    std::shared_ptr<const void> kept_;
    std::unique_ptr<MatrixSource> source_;
};

}  // namespace

std::unique_ptr<MatrixSource> keeping(std::shared_ptr<const void> kept,
                                      std::unique_ptr<MatrixSource> source) {
    return std::make_unique<KeepingSource>(std::move(kept), std::move(source));
}

}  // namespace stroma::expression
