#pragma once

#include <memory>
#include <string>
#include <vector>

#include "expression/output/anndata_layout.h"
#include "expression/output/h5.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/ordered_work.h"

namespace stroma::expression {

/// A matrix whose datasets lie in the file, still without their values.
struct MatrixPlace {
    MatrixSource* source = nullptr;
    bool is_main = false;  ///< X, which is tallied
    std::vector<std::uint64_t> starts;
    /// Where the values and the gene numbers begin in the file, by bytes. Dense: values only.
    std::uint64_t values_at = 0, places_at = 0;
};

/// An AnndataStore in an HDF5 file. Uncompressed matrices get their room only: `places` tells
/// where, so that the file can be filled without the library once it is closed. Compressed ones
/// are written at once.
class H5adStore final : public AnndataStore {
public:
    /// The tally and the progress are told of X, and must outlive the store.
    static Result<std::unique_ptr<H5adStore>> create(const fs::path& path, bool gzip,
                                                     const Watch& watch, Tally& tally,
                                                     Progress& progress);

    Result<void> group(const std::string& path, const Attributes& attributes) override;
    Result<void> array(const std::string& path, const Array& values,
                       const Attributes& attributes) override;
    Result<void> texts(const std::string& path, std::span<const std::uint64_t> shape,
                       const TextArray& texts, const Attributes& attributes) override;
    Result<void> records(const std::string& path, const Records& records,
                         const Attributes& attributes) override;
    Result<void> matrix(const std::string& path, const NamedMatrix& matrix,
                        const Attributes& attributes) override;

    /// Closes the file; what the library still held is written.
    Result<void> close();
    std::vector<MatrixPlace>& places() { return places_; }

private:
    H5adStore(H5Handle file, bool gzip, const Watch& watch, Tally& tally, Progress& progress)
        : file_(std::move(file)), gzip_(gzip), watch_(watch), tally_(tally), progress_(progress) {}
    Result<void> write_attributes(const H5Handle& object, const Attributes& attributes);
    Result<std::uint64_t> reserve(const std::string& path, ValueType type,
                                  std::span<const std::uint64_t> shape,
                                  const Attributes& attributes);
    Result<void> write_starts(const std::string& path, const std::vector<std::uint64_t>& starts);
    Result<void> write_sparse_chunks(const std::string& path, const MatrixPlace& place);
    Result<void> write_dense_chunks(const std::string& path, const MatrixPlace& place,
                                    const Attributes& attributes);
    H5Storage storage_for(std::span<const std::uint64_t> shape, ValueType type) const;

    H5Handle file_;
    bool gzip_;
    const Watch& watch_;
    Tally& tally_;
    Progress& progress_;
    std::vector<MatrixPlace> places_;
};

}  // namespace stroma::expression
