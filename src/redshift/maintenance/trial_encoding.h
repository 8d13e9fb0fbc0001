#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::redshift {

/// What a column's values are, as encodings see them.
enum class EncodedKind { whole, real, flag, text };

/// Values of a sample, encoded in each way that Redshift has for such a column, so that the bytes
/// are counted and not guessed. Blocks of 1 MiB are encoded by themselves, as there. Of the
/// encodings that AWS describes sizes are theirs to the byte (Redshift's guide, "Compression
/// encodings"); az64 isn't published: groups of 64 values as differences to the least of them or to
/// the value before, in as few bits as they need, stand for it. lzo isn't tried: zstd takes less
/// wherever it does.
class EncodingTrial {
public:
    /// `width`: bytes of a value as it is; of text it doesn't matter.
    EncodingTrial(EncodedKind kind, std::size_t width) : kind_(kind), width_(width) {}
    void add(std::int64_t value);      ///< of whole and flag
    void add(double value);            ///< of real
    void add(std::string_view value);  ///< of text
    /// Bytes of all values in each encoding that may be; raw is the first.
    struct Size {
        std::string encoding;
        std::uint64_t bytes = 0;
    };
    std::vector<Size> sizes();
    /// The encoding of the least bytes, where it saves a twentieth at least; else raw.
    Size best();

private:
    void end_block();
    void count(std::string_view encoding, std::uint64_t bytes);
    void count_wholes();
    void count_texts();
    std::uint64_t bytes_by_dictionary() const;
    std::uint64_t bytes_by_words(std::size_t words_max, std::size_t code_bytes) const;
    std::uint64_t bytes_by_runs() const;

    EncodedKind kind_;
    std::size_t width_;
    std::string raw_;                   ///< of the block: all values, one behind the other
    std::vector<std::string> values_;   ///< of the block
    std::vector<std::int64_t> wholes_;  ///< the same, where they are numbers
    std::vector<Size> sizes_;
};

}  // namespace stroma::redshift
