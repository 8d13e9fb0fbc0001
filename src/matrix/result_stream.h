#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::matrix {

class MatrixService;

/// Which bytes of which file.
struct StreamOrder {
    std::string request;  ///< its id
    std::string tag;      ///< MatrixRequest::tag: never bytes of another file
    std::uint64_t offset = 0, count = ~std::uint64_t{0};
};

/// Hands over the bytes of a request's file from `offset` on, at most `count`, as soon as they are
/// final: of a format that is written forward (csv, mtx, h5ad, arrow) while its job works, of the
/// others once the file is whole. Goes on where it was when the job's attempt is repeated. Gives
/// the whole file's sha256 when its last byte was handed over, else "".
/// errors  not_found    no cell matched, or the request is gone
///         unavailable  the job failed, with its message; it was asked for again and changed
///         cancelled    by `stop`; and those of `take`
Result<std::string> stream_result(MatrixService& service, const StreamOrder& order,
                                  const std::function<Result<void>(ByteSpan)>& take,
                                  std::stop_token stop);

}  // namespace stroma::matrix
