#include "expression/sealed_dataset.h"

#include <fmt/format.h>

#include <atomic>

#include "base/threads.h"
#include "expression/sealed/annotations_codec.h"
#include "expression/sealed/sealed_matrix.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t annotation_bytes_max = std::uint64_t{64} << 30;
constexpr std::uint64_t description_bytes_max = std::uint64_t{1} << 30;

class StoredDataset final : public SealedDataset {
public:
    explicit StoredDataset(std::shared_ptr<const ContainerReader> container)
        : container_(std::move(container)) {}

    Result<void> read_description() {
        const Element meta = TRY(element("meta"));
        summary_.cells = TRY(integer_in(meta, "cells"));
        summary_.genes = TRY(integer_in(meta, "genes"));
        summary_.bytes = container_->size();
        const Element* matrices = meta.find("matrices");
        if (matrices == nullptr || matrices->dict() == nullptr)
            return fail(ErrorCode::corrupt, "the description lacks 'matrices'");
        for (const auto& [name, description] : *matrices->dict()) {
            MatrixRecord record = TRY_WITH(matrix_record(description), name);
            const std::size_t number = matrices_.size();
            matrices_.push_back(TRY(StoredMatrix::open(container_, number, std::move(record))));
            summary_.matrices.push_back(matrices_.back()->summary());
            if (matrices_.back()->cell_count() != summary_.cells)
                return fail(ErrorCode::corrupt,
                            fmt::format("{} has another number of cells", name));
        }
        obs_columns_ = TRY(column_names("obs"));
        return {};
    }

    const DatasetSummary& summary() const override { return summary_; }
    Result<Frame> obs() const override { return frame("obs", summary_.cells); }
    Result<Frame> var() const override { return frame("var", summary_.genes); }
    Result<std::optional<Frame>> raw_var() const override {
        if (container_->find("raw_var") == nullptr) return std::optional<Frame>();
        return std::optional<Frame>(TRY(frame("raw_var", std::nullopt)));
    }

    std::vector<std::string> obs_column_names() const override { return obs_columns_; }

    Result<Column> obs_column(std::string_view name) const override {
        for (std::size_t i = 0; i < obs_columns_.size(); ++i)
            if (obs_columns_[i] == name) return column("obs", i, summary_.cells);
        return fail(ErrorCode::not_found, fmt::format("obs has no column '{}'", name));
    }

    Result<TextArray> cell_ids() const override { return index("obs", summary_.cells); }
    Result<TextArray> gene_ids() const override { return index("var", summary_.genes); }

    Result<Dict> annotations(std::string_view which) const override {
        if (container_->find(which) == nullptr) return Dict{};
        Element found = TRY(element(which));
        if (auto* dict = std::get_if<Dict>(&found.value)) return std::move(*dict);
        return damaged(which, "it holds no named elements");
    }

    Result<std::shared_ptr<const SealedMatrix>> matrix(std::string_view name) const override {
        for (const auto& matrix : matrices_)
            if (matrix->summary().name == name) return matrix;
        return fail(ErrorCode::not_found, fmt::format("there is no matrix '{}'", name));
    }

    Result<void> verify(const Watch& watch) const override {
        TRY(verify_blocks(watch));
        TRY(obs());
        TRY(var());
        TRY(raw_var());
        for (const std::string_view which : {"obsm", "varm", "obsp", "varp", "uns", "raw_varm"})
            TRY(annotations(which));
        for (const auto& matrix : matrices_) TRY(matrix->verify(watch));
        return {};
    }

private:
    tl::unexpected<Error> damaged(std::string_view section, std::string_view what) const {
        return fail(ErrorCode::corrupt, fmt::format("sealed dataset '{}', section '{}': {}",
                                                    container_->name(), section, what));
    }

    Result<Bytes> bytes(std::string_view section) const {
        return container_->read_bytes(section, annotation_bytes_max);
    }

    Result<Element> element(std::string_view section) const {
        const Bytes stored = TRY(container_->read_bytes(
            section, section == "meta" ? description_bytes_max : annotation_bytes_max));
        auto found = decode_element(stored);
        if (!found) return damaged(section, found.error().message);
        return *std::move(found);
    }

    Result<std::vector<std::string>> column_names(std::string_view frame) const {
        const Element description = TRY(element(frame));
        const Element* columns = description.find("columns");
        const auto* grid = columns == nullptr ? nullptr : std::get_if<TextGrid>(&columns->value);
        if (grid == nullptr) return damaged(frame, "it names no columns");
        std::vector<std::string> names;
        for (std::size_t i = 0; i < grid->texts.size(); ++i) names.emplace_back(grid->texts[i]);
        return names;
    }

    Result<TextArray> index(std::string_view frame, std::optional<std::uint64_t> rows) const {
        const std::string section = fmt::format("{}/index", frame);
        auto texts = decode_texts(TRY(bytes(section)));
        if (!texts) return damaged(section, texts.error().message);
        if (rows && texts->size() != *rows)
            return damaged(section, "it has another number of rows");
        return texts;
    }

    Result<Column> column(std::string_view frame, std::size_t number, std::uint64_t rows) const {
        const std::string section = fmt::format("{}/{}", frame, number);
        auto found = decode_column(TRY(bytes(section)));
        if (!found) return damaged(section, found.error().message);
        if (found->size() != rows) return damaged(section, "it has another number of rows");
        return found;
    }

    Result<Frame> frame(std::string_view name, std::optional<std::uint64_t> rows) const {
        Frame frame;
        const Element description = TRY(element(name));
        frame.index_name = TRY(text_in(description, "index_name"));
        const std::vector<std::string> names = TRY(column_names(name));
        frame.columns.resize(names.size());
        if (!rows) frame.index = TRY(index(name, rows));
        const std::uint64_t count = rows.value_or(frame.row_count());
        // Each is a section of its own; the ids, the longest of them, are begun first.
        const auto read_piece = [&](std::size_t i) -> Result<void> {
            if (i == 0) {
                if (rows) frame.index = TRY(index(name, rows));
                return {};
            }
            frame.columns[i - 1] = TRY(column(name, i - 1, count));
            if (frame.columns[i - 1].name == names[i - 1]) return {};
            return damaged(name, "a column is not the one that is named");
        };
        TRY(parallel_for(names.size() + 1, read_piece));
        return frame;
    }

    Result<void> verify_blocks(const Watch& watch) const {
        std::atomic<std::uint64_t> bytes_checked{0};
        for (const auto& section : container_->sections()) {
            if (watch.cancelled && watch.cancelled())
                return fail(ErrorCode::cancelled, "verifying was stopped");
            const auto check_block = [&](std::size_t block) -> Result<void> {
                bytes_checked += TRY(container_->read_block(section, block)).bytes().size();
                return {};
            };
            TRY(parallel_for(section.block_count, check_block));
            if (watch.progress)
                watch.progress(double(bytes_checked), double(container_->size()), "bytes checked");
        }
        return {};
    }

    std::shared_ptr<const ContainerReader> container_;
    DatasetSummary summary_;
    std::vector<std::shared_ptr<const StoredMatrix>> matrices_;
    std::vector<std::string> obs_columns_;
};

}  // namespace

Result<std::shared_ptr<const SealedDataset>> SealedDataset::open(
    std::unique_ptr<object::ObjectReader> reader) {
    std::shared_ptr<const ContainerReader> container =
        TRY(ContainerReader::open(std::move(reader)));
    auto dataset = std::make_shared<StoredDataset>(container);
    TRY_WITH(dataset->read_description(), fmt::format("sealed dataset '{}'", container->name()));
    return dataset;
}

}  // namespace stroma::expression
