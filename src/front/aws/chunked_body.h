#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"

namespace stroma::front::aws {

/// Takes the framing "aws-chunked" off a body: "size[;chunk-signature=hex]\r\n data \r\n …
/// 0…\r\n [name:value\r\n]… \r\n". Pieces may be cut anywhere. One thread.
class ChunkedBody {
public:
    /// What the chunks' signatures follow from; each is chained to the one before.
    struct Signing {
        Bytes key;
        std::string timestamp, scope;
        std::string seed;  ///< the request's own signature
    };
    explicit ChunkedBody(std::optional<Signing> signing) : signing_(std::move(signing)) {}

    /// Appends what the bytes carry to `into`. It is only to be believed once whole() is true.
    /// errors  invalid_input  the framing is broken   denied  a chunk's signature is wrong
    Result<void> feed(std::string_view bytes, Bytes& into);
    bool whole() const { return state_ == State::done; }
    std::uint64_t bytes() const { return bytes_; }
    /// Names in lower case.
    const std::vector<std::pair<std::string, std::string>>& trailers() const { return trailers_; }

private:
    enum class State { size, data, data_end, trailer, done };
    Result<void> take_line(std::string_view line);
    Result<void> begin_chunk(std::string_view line);
    Result<void> end_chunk();
    Result<void> take_trailer(std::string_view line);
    Result<void> end_trailers();
    Result<void> check_signature(std::string_view kind, std::string_view hashes,
                                 std::string_view signature);

    std::optional<Signing> signing_;
    State state_ = State::size;
    std::string line_;
    std::uint64_t left_ = 0, bytes_ = 0;
    std::string chunk_signature_, trailer_signature_, signed_trailers_;
    std::optional<Digest> hash_;
    std::vector<std::pair<std::string, std::string>> trailers_;
};

}  // namespace stroma::front::aws
