#include "front/s3/intake.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "front/aws/chunked_body.h"
#include "front/http/url.h"
#include "front/s3/kept_body.h"

namespace stroma::front::s3 {
namespace {

using aws::PayloadKind;

/// The bytes of a request's body, without its framing.
class Payload {
public:
    explicit Payload(Operation& operation) : operation_(operation) {
        const aws::Claim& claim = operation.signature.claim;
        const bool chunked = claim.payload == PayloadKind::chunks ||
                             claim.payload == PayloadKind::chunks_trailer ||
                             claim.payload == PayloadKind::unsigned_trailer;
        const bool is_signed = claim.payload != PayloadKind::unsigned_trailer &&
                               !operation.signature.signing_key.empty();
        if (!chunked) return;
        std::optional<aws::ChunkedBody::Signing> signing;
        if (is_signed)
            signing = aws::ChunkedBody::Signing{operation.signature.signing_key, claim.timestamp,
                                                claim.scope(), claim.signature};
        chunks_.emplace(std::move(signing));
    }

    /// The next bytes; empty at the end.
    Outcome<Bytes> read() {
        Bytes bytes;
        while (bytes.empty()) {
            auto piece = operation_.request.body->read();
            if (!piece && piece.error().code == ErrorCode::cancelled)
                return refuse("RequestTimeout", piece.error().message);
            if (!piece && piece.error().code == ErrorCode::exhausted)
                return refuse("EntityTooLarge",
                              "Your proposed upload exceeds the maximum allowed size");
            if (!piece) return refuse("IncompleteBody", piece.error().message);
            if (piece->empty()) break;
            if (!chunks_) return *std::move(piece);
            const auto fed = chunks_->feed(as_text(*piece), bytes);
            if (!fed && fed.error().code == ErrorCode::denied)
                return refuse("SignatureDoesNotMatch",
                              "The request signature we calculated does not match the signature "
                              "you provided. Check your key and signing method.",
                              403);
            if (!fed) return refuse("InvalidRequest", fed.error().message);
        }
        if (bytes.empty() && chunks_ && !chunks_->whole())
            return refuse("IncompleteBody", "The request body terminated unexpectedly");
        return bytes;
    }

    std::string trailer(std::string_view name) const {
        if (chunks_)
            for (const auto& [key, value] : chunks_->trailers())
                if (key == name) return value;
        return {};
    }

private:
    Operation& operation_;
    std::optional<aws::ChunkedBody> chunks_;
};

/// What a request says of its body, and what the body is found to be.
class Check {
public:
    enum class Of { object, part, document, nothing };  ///< nothing: its checksums aren't its own
    Check(Operation& operation, Of of) : operation_(operation), of_(of) {
        const aws::Claim& claim = operation.signature.claim;
        has_sha256_ = claim.payload == PayloadKind::whole && claim.payload_sha256.size() == 64;
    }

    KeptBody::Sums sums() const { return {has_sha256_, kind_, of_ == Of::part}; }

    Outcome<void> begin() {
        const aws::Claim& claim = operation_.signature.claim;
        // Without its hash in the signature anybody on the way could change the body.
        if (claim.kind == aws::Claim::Kind::header_v4 && claim.payload == PayloadKind::whole &&
            !has_sha256_ && !operation_.signature.signing_key.empty())
            return refuse("InvalidRequest",
                          "Missing required header for this request: x-amz-content-sha256");
        if (of_ != Of::nothing) {
            if (auto read = read_checksums(); !read) return read;
        }
        const std::string md5 = operation_.header("content-md5");
        if (operation_.request.header("content-md5") &&
            (!aws::base64_decode(md5, md5_wanted_) || md5_wanted_.size() != 16))
            return refuse("InvalidDigest", "The Content-MD5 you specified was invalid.");
        return {};
    }

    Outcome<void> finish(const Payload& payload, KeptBody& kept, Taken& taken) {
        const std::string decoded = operation_.header("x-amz-decoded-content-length");
        if (!decoded.empty() && decoded != std::to_string(kept.size()))
            return refuse("IncompleteBody",
                          "You did not provide the number of bytes specified by the "
                          "x-amz-decoded-content-length HTTP header");
        const Bytes md5 = kept.md5();
        if (!md5_wanted_.empty() && as_text(md5) != md5_wanted_) {
            // S3 tells the expected one of an object in digits, of a part as it was sent.
            const std::string expected = operation_.has("uploadId")
                                             ? operation_.header("content-md5")
                                             : to_hex(as_bytes(md5_wanted_));
            return refuse_about(
                {{"ExpectedDigest", expected}, {"CalculatedDigest", aws::base64(as_text(md5))}},
                "BadDigest", "The Content-MD5 you specified did not match what we received.");
        }
        if (has_sha256_ && kept.sha256_hex() != operation_.signature.claim.payload_sha256)
            return refuse("XAmzContentSHA256Mismatch",
                          "The provided 'x-amz-content-sha256' header does not match what was "
                          "computed.");
        taken.size = kept.size();
        taken.md5 = to_hex(md5);
        taken.crc64 = kept.crc64();
        if (!kind_) return {};
        taken.checksum_kind = kind_;
        taken.checksum = kept.checksum();
        std::string wanted = operation_.header(header_of(*kind_));
        if (wanted.empty()) wanted = payload.trailer(header_of(*kind_));
        if (expects_value_) S3_TRY(check_value(*kind_, wanted));
        if (expects_value_ && wanted != taken.checksum)
            return refuse("BadDigest",
                          fmt::format("The {} you specified did not match the calculated checksum.",
                                      name_of(*kind_)));
        return {};
    }

private:
    /// Whether it is a checksum at all.
    static Outcome<void> check_value(ChecksumKind kind, const std::string& value) {
        std::string bytes;
        if (aws::base64_decode(value, bytes) && bytes.size() == bytes_of(kind)) return {};
        return refuse("InvalidRequest",
                      fmt::format("Value for {} header is invalid.", header_of(kind)));
    }

    /// What the headers say of checksums.
    Outcome<void> read_checksums() {
        std::string named = operation_.header("x-amz-sdk-checksum-algorithm");
        if (named.empty()) named = operation_.header("x-amz-checksum-algorithm");
        if (!named.empty()) {
            kind_ = checksum_named(named);
            if (!kind_) return unknown_checksum();
        }
        const std::string trailer = operation_.header("x-amz-trailer");
        int values = 0;
        for (const ChecksumKind kind :
             {ChecksumKind::crc32, ChecksumKind::crc32c, ChecksumKind::crc64nvme,
              ChecksumKind::sha1, ChecksumKind::sha256}) {
            const auto given = operation_.request.header(header_of(kind));
            const bool in_header = given.has_value();
            if (in_header) S3_TRY(check_value(kind, *given));
            if (!in_header && !http::equal_ignoring_case(trailer, header_of(kind))) continue;
            kind_ = kind;
            expects_value_ = true;
            ++values;
        }
        if (!kind_ && of_ == Of::object) kind_ = ChecksumKind::crc64nvme;
        if (values > 1)
            return refuse("InvalidRequest",
                          "Expecting a single x-amz-checksum- header. Multiple checksum Types are "
                          "not allowed.");
        return {};
    }

    Operation& operation_;
    const Of of_;
    bool has_sha256_ = false;
    std::optional<ChecksumKind> kind_;
    bool expects_value_ = false;
    std::string md5_wanted_;
};

}  // namespace

Outcome<Taken> take_body(Operation& operation, bool is_part) {
    Payload payload(operation);
    Check check(operation, is_part ? Check::Of::part : Check::Of::object);
    if (auto begun = check.begin(); !begun) return tl::unexpected<Fault>(begun.error());
    KeptBody kept(operation.buckets, check.sums(),
                  is_part ? KeptBody::Keeps::blob : KeptBody::Keeps::by_size);
    for (;;) {
        Bytes bytes = *S3_TRY(payload.read());
        if (bytes.empty()) break;
        S3_TRY(kept.write(std::move(bytes)));
    }
    Taken taken;
    // The disk is waited for while the sum is worked out; what proves wrong is dropped again.
    taken.body = *S3_TRY(kept.finish());
    auto checked = check.finish(payload, kept, taken);
    if (checked) return taken;
    for (const bucket::Piece& piece : taken.body.pieces) operation.buckets.drop(piece);
    return tl::unexpected<Fault>(checked.error());
}

Outcome<std::string> document_body(Operation& operation, std::uint64_t bytes_max, bool of_object) {
    Payload payload(operation);
    Check check(operation, of_object ? Check::Of::nothing : Check::Of::document);
    if (auto begun = check.begin(); !begun) return tl::unexpected<Fault>(begun.error());
    KeptBody sums(operation.buckets, check.sums(), KeptBody::Keeps::nothing);
    std::string text;
    for (;;) {
        Bytes bytes = *S3_TRY(payload.read());
        if (bytes.empty()) break;
        text += as_text(bytes);
        if (text.size() > bytes_max)
            return refuse("MaxMessageLengthExceeded", "Your request was too large.");
        S3_TRY(sums.write(std::move(bytes)));
    }
    Taken taken;
    if (auto checked = check.finish(payload, sums, taken); !checked)
        return tl::unexpected<Fault>(checked.error());
    return text;
}

}  // namespace stroma::front::s3
