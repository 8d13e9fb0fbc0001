#include "front/aws/chunked_body.h"

#include <fmt/format.h>

#include <algorithm>

#include "front/http/url.h"

namespace stroma::front::aws {
namespace {

constexpr std::size_t chunk_line_max = 8u << 10;
constexpr std::size_t trailers_max = 20;

tl::unexpected<Error> broken(std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("the aws-chunked body has {}", what));
}

}  // namespace

Result<void> ChunkedBody::feed(std::string_view bytes, Bytes& into) {
    while (!bytes.empty()) {
        if (state_ == State::done) return broken("bytes behind its end");
        if (state_ == State::data) {
            const std::size_t count =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
            const ByteSpan data = as_bytes(bytes.substr(0, count));
            into.insert(into.end(), data.begin(), data.end());
            if (hash_) hash_->update(data);
            bytes_ += count;
            left_ -= count;
            bytes.remove_prefix(count);
            if (left_ == 0) state_ = State::data_end;
            continue;
        }
        const std::size_t newline = bytes.find('\n');
        line_ += bytes.substr(0, newline);
        if (line_.size() > chunk_line_max) return broken("an endless line");
        if (newline == bytes.npos) return {};
        bytes.remove_prefix(newline + 1);
        if (line_.ends_with('\r')) line_.pop_back();
        const std::string line = std::exchange(line_, {});
        TRY(take_line(line));
    }
    return {};
}

Result<void> ChunkedBody::take_line(std::string_view line) {
    switch (state_) {
        case State::size: return begin_chunk(line);
        case State::data_end:
            if (!line.empty()) return broken("a chunk longer than it says");
            return end_chunk();
        case State::trailer: return take_trailer(line);
        case State::data:
        case State::done: break;
    }
    return broken("bytes behind its end");
}

Result<void> ChunkedBody::begin_chunk(std::string_view line) {
    const std::size_t semicolon = line.find(';');
    const std::string_view size = http::trimmed(line.substr(0, semicolon));
    if (size.empty() || size.size() > 15) return broken("a chunk without a size");
    left_ = 0;
    for (const char c : size) {
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0) return broken("a chunk's size that isn't hexadecimal");
        left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
    }
    constexpr std::string_view name = "chunk-signature=";
    const std::string_view extension =
        semicolon == line.npos ? std::string_view() : http::trimmed(line.substr(semicolon + 1));
    chunk_signature_ = extension.starts_with(name) ? extension.substr(name.size()) : "";
    if (signing_) hash_.emplace(DigestKind::sha256);
    if (left_ > 0) {
        state_ = State::data;
        return {};
    }
    TRY(end_chunk());
    state_ = State::trailer;
    return {};
}

Result<void> ChunkedBody::end_chunk() {
    state_ = State::size;
    if (!signing_) return {};
    const std::string hashes = sha256_hex("") + "\n" + hash_->hex();
    return check_signature("AWS4-HMAC-SHA256-PAYLOAD", hashes, chunk_signature_);
}

Result<void> ChunkedBody::check_signature(std::string_view kind, std::string_view hashes,
                                          std::string_view signature) {
    const std::string to_sign = fmt::format("{}\n{}\n{}\n{}\n{}", kind, signing_->timestamp,
                                            signing_->scope, signing_->seed, hashes);
    const std::string ours = to_hex(hmac_sha256(signing_->key, to_sign));
    if (!equal_in_constant_time(ours, signature))
        return fail(ErrorCode::denied, "the signature of a chunk is wrong");
    signing_->seed = ours;
    return {};
}

Result<void> ChunkedBody::take_trailer(std::string_view line) {
    if (line.empty()) return end_trailers();
    const std::size_t colon = line.find(':');
    if (colon == line.npos || trailers_.size() >= trailers_max) return broken("a bad trailer");
    std::string name = http::lower_case(http::trimmed(line.substr(0, colon)));
    const std::string_view value = http::trimmed(line.substr(colon + 1));
    if (name == "x-amz-trailer-signature") {
        trailer_signature_ = value;
        return {};
    }
    signed_trailers_ += fmt::format("{}:{}\n", name, value);
    trailers_.emplace_back(std::move(name), value);
    return {};
}

Result<void> ChunkedBody::end_trailers() {
    state_ = State::done;
    if (!signing_ || (trailers_.empty() && trailer_signature_.empty())) return {};
    return check_signature("AWS4-HMAC-SHA256-TRAILER", sha256_hex(signed_trailers_),
                           trailer_signature_);
}

}  // namespace stroma::front::aws
