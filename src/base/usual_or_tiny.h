#pragma once

namespace stroma {

/// A size that matters to speed only, of a block, batch, piece or buffer. In the preset "tiny" it
/// is so small that ordinary tests meet every edge between two of them.
template <class Size>
constexpr Size usual_or_tiny([[maybe_unused]] Size usual, [[maybe_unused]] Size tiny) {
#ifdef STROMA_TINY
    return tiny;
#else
    return usual;
#endif
}

}  // namespace stroma
