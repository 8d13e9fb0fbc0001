#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stroma::tissue {

/// The fields of one protobuf message, in order: wire types 0 (varint), 1 (64 bits), 2 (bytes) and
/// 5 (32 bits) of protobuf's encoding; groups are refused.
class WireReader {
public:
    explicit WireReader(std::string_view message) : rest_(message) {}

    enum class Kind { whole, fixed64, bytes, fixed32 };
    std::uint64_t field = 0;  ///< of what next() found
    Kind kind = Kind::whole;
    std::uint64_t whole = 0;  ///< of varints and of both fixed ones, as their bits
    std::string_view bytes;

    /// False at the end. errors  invalid_input  cut off or no such wire type
    Result<bool> next() {
        if (rest_.empty()) return false;
        const std::uint64_t key = TRY(varint());
        field = key >> 3;
        switch (key & 7) {
            case 0:
                kind = Kind::whole;
                whole = TRY(varint());
                return true;
            case 1: kind = Kind::fixed64; return fixed(8);
            case 2: {
                kind = Kind::bytes;
                const std::uint64_t size = TRY(varint());
                if (size > rest_.size()) return cut();
                bytes = rest_.substr(0, size);
                rest_.remove_prefix(size);
                return true;
            }
            case 5: kind = Kind::fixed32; return fixed(4);
            default: return fail(ErrorCode::invalid_input, "it isn't protobuf's encoding");
        }
    }
    /// The field's bytes; of another kind none.
    std::string text() const { return std::string(kind == Kind::bytes ? bytes : ""); }
    float number() const {
        const auto bits = static_cast<std::uint32_t>(whole);
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }
    /// Adds a repeated field of varints, packed or alone.
    Result<void> add_wholes(std::vector<std::int64_t>& to) const {
        if (kind != Kind::bytes) {
            to.push_back(static_cast<std::int64_t>(whole));
            return {};
        }
        constexpr std::size_t bytes_max = 64u << 20;
        if (bytes.size() > bytes_max)
            return fail(ErrorCode::exhausted, "a list of whole numbers is over 64 MiB");
        WireReader packed(bytes);
        while (!packed.rest_.empty()) to.push_back(static_cast<std::int64_t>(TRY(packed.varint())));
        return {};
    }
    /// Adds a repeated field of 32-bit floats, packed or alone.
    Result<void> add_numbers(std::vector<float>& to) const {
        if (kind != Kind::bytes) {
            to.push_back(number());
            return {};
        }
        if (bytes.size() % 4 != 0) return cut();
        const std::size_t before = to.size();
        to.resize(before + bytes.size() / 4);
        if (!bytes.empty()) std::memcpy(to.data() + before, bytes.data(), bytes.size());
        return {};
    }

private:
    static tl::unexpected<Error> cut() {
        return fail(ErrorCode::invalid_input, "it is cut off or damaged");
    }
    Result<bool> fixed(std::size_t size) {
        if (rest_.size() < size) return cut();
        whole = 0;
        std::memcpy(&whole, rest_.data(), size);
        rest_.remove_prefix(size);
        return true;
    }
    Result<std::uint64_t> varint() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (rest_.empty()) return cut();
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= std::uint64_t{byte & 127u} << shift;
            if (byte < 128) return value;
        }
        return cut();
    }

    std::string_view rest_;
};

}  // namespace stroma::tissue
