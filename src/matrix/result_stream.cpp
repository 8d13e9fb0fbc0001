#include "matrix/result_stream.h"

#include <algorithm>

#include "matrix/matrix_service.h"
#include "matrix/progress/growing_result.h"

namespace stroma::matrix {
namespace {

constexpr std::uint64_t piece_bytes = 256u << 10;
// A job's end is also looked for, since a job may end before it has a file.
constexpr Milliseconds look_again{200};

class Follower {
public:
    Follower(MatrixService& service, const StreamOrder& order,
             const std::function<Result<void>(ByteSpan)>& take, std::stop_token stop)
        : service_(service),
          order_(order),
          take_(take),
          stop_(std::move(stop)),
          at_(order.offset),
          end_(order.offset + std::min(order.count, ~std::uint64_t{0} - order.offset)) {}

    Result<std::string> run() {
        while (at_ < end_) {
            if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "the reader left");
            const auto request = TRY(service_.find(order_.request));
            if (!request) return fail(ErrorCode::not_found, "the request is gone");
            if (request->state == RequestState::failed || request->state == RequestState::expired)
                return fail(ErrorCode::unavailable, request->message);
            if (request->tag != order_.tag)
                return fail(ErrorCode::unavailable,
                            "data changed while the cells were selected; ask again");
            if (request->state == RequestState::complete) return rest_of(*request);
            const auto growing = service_.growing().wait_for(request->job, look_again, stop_);
            // It may have moved on to other data since the request was read.
            if (growing && growing->key() == request->result_key) TRY(follow(*growing));
        }
        return std::string();
    }

private:
    Result<void> follow(GrowingResult& growing) {
        while (at_ < end_ && !stop_.stop_requested()) {
            const GrowingResult::View view = growing.wait_past(at_, stop_);
            if (view.file && view.bytes > at_) TRY(copy(*view.file, std::min(end_, view.bytes)));
            if (view.ended) return {};
        }
        return {};
    }

    Result<void> copy(const File& file, std::uint64_t to) {
        while (at_ < to) {
            piece_.resize(std::min(piece_bytes, to - at_));
            TRY(file.read_at(at_, piece_));
            TRY(take_(piece_));
            at_ += piece_.size();
        }
        return {};
    }

    Result<std::string> rest_of(const MatrixRequest& request) {
        const auto reader = TRY(service_.open_result(request));
        const std::uint64_t size = reader->info().size_bytes;
        const std::uint64_t to = std::min(end_, size);
        while (at_ < to) {
            piece_.resize(std::min(piece_bytes, to - at_));
            TRY(reader->read_at(at_, piece_));
            TRY(take_(piece_));
            at_ += piece_.size();
        }
        return end_ >= size ? request.sha256 : std::string();
    }

    MatrixService& service_;
    const StreamOrder& order_;
    const std::function<Result<void>(ByteSpan)>& take_;
    const std::stop_token stop_;
    std::uint64_t at_;
    const std::uint64_t end_;
    Bytes piece_;
};

}  // namespace

Result<std::string> stream_result(MatrixService& service, const StreamOrder& order,
                                  const std::function<Result<void>(ByteSpan)>& take,
                                  std::stop_token stop) {
    return Follower(service, order, take, std::move(stop)).run();
}

}  // namespace stroma::matrix
