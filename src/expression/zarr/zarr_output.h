#pragma once

#include <string>

#include "expression/output/anndata_layout.h"
#include "expression/output/matrix_lines.h"
#include "expression/output/ordered_work.h"
#include "expression/zarr/zarr_folder.h"

namespace stroma::expression {

/// An AnndataStore in a Zarr folder. Small arrays are one chunk; matrices are cut into chunks of
/// 262,144 values (dense: about 1 MiB of whole rows).
class ZarrOutput final : public AnndataStore {
public:
    ZarrOutput(ZarrFolder& folder, ZarrCodec codec, const Watch& watch, Tally& tally,
               Progress& progress)
        : folder_(folder), codec_(codec), watch_(watch), tally_(tally), progress_(progress) {}

    Result<void> group(const std::string& path, const Attributes& attributes) override;
    Result<void> array(const std::string& path, const Array& values,
                       const Attributes& attributes) override;
    Result<void> texts(const std::string& path, std::span<const std::uint64_t> shape,
                       const TextArray& texts, const Attributes& attributes) override;
    Result<void> records(const std::string& path, const Records& records,
                         const Attributes& attributes) override;
    Result<void> matrix(const std::string& path, const NamedMatrix& matrix,
                        const Attributes& attributes) override;

private:
    Result<void> write_sparse(const std::string& path, MatrixSource& source, bool is_main);
    Result<void> write_dense(const std::string& path, MatrixSource& source, bool is_main,
                             const Attributes& attributes);
    Result<void> write_starts(const std::string& path, const std::vector<std::uint64_t>& starts);

    ZarrFolder& folder_;
    ZarrCodec codec_;
    const Watch& watch_;
    Tally& tally_;
    Progress& progress_;
};

/// numpy's name of a text of that many characters, in JSON's quotes: "\"<U64\"".
std::string unicode_dtype(std::size_t characters);
/// How many characters a UTF-8 text has.
std::size_t character_count(std::string_view utf8);
/// Texts as numpy's "<U<characters>": four bytes a character, each text filled up to the longest
/// (at least `characters_min`).
struct FixedTexts {
    std::size_t characters = 1;
    Bytes bytes;
};
FixedTexts fixed_texts(const std::vector<std::string_view>& texts, std::size_t characters_min = 1);

}  // namespace stroma::expression
