#include "front/aws/cbor.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/json.h"

namespace stroma::front::aws {
namespace {

constexpr int cbor_depth_max = 64;

enum class Major { number, negative, bytes, text, list, map, tag, simple };

/// Reads one value; every length is checked against what is left before it is believed.
class CborReader {
public:
    explicit CborReader(std::string_view bytes) : left_(bytes) {}

    Result<Json> whole() {
        Json value = TRY(read(0));
        if (!left_.empty()) return damaged("more bytes behind the value");
        return value;
    }

private:
    struct Head {
        Major major = Major::number;
        unsigned info = 0;
        std::uint64_t argument = 0;
        bool indefinite() const { return info == 31; }
    };

    static tl::unexpected<Error> damaged(std::string_view what) {
        return fail(ErrorCode::invalid_input, "the CBOR has " + std::string(what));
    }

    Result<Head> head() {
        if (left_.empty()) return damaged("an early end");
        const auto first = static_cast<unsigned char>(left_[0]);
        left_.remove_prefix(1);
        Head head{static_cast<Major>(first >> 5), first & 31u, first & 31u};
        if (head.info < 24 || head.info == 31) return head;
        if (head.info > 27) return damaged("a reserved length");
        const std::size_t size = std::size_t{1} << (head.info - 24);
        if (left_.size() < size) return damaged("an early end");
        head.argument = 0;
        for (std::size_t i = 0; i < size; ++i)
            head.argument = head.argument << 8 | static_cast<unsigned char>(left_[i]);
        left_.remove_prefix(size);
        return head;
    }

    bool at_break() {
        if (left_.empty() || static_cast<unsigned char>(left_[0]) != 0xff) return false;
        left_.remove_prefix(1);
        return true;
    }

    Result<std::string> string_of(const Head& head) {
        if (!head.indefinite()) {
            if (head.argument > left_.size()) return damaged("an early end");
            std::string piece(left_.substr(0, head.argument));
            left_.remove_prefix(head.argument);
            return piece;
        }
        std::string pieces;
        while (!at_break()) {
            const Head piece = TRY(this->head());
            if (piece.major != head.major || piece.indefinite())
                return damaged("a string of other things");
            pieces += TRY(string_of(piece));
        }
        return pieces;
    }

    Result<Json> list_of(const Head& head, int depth) {
        Json list = Json::array();
        for (std::uint64_t i = 0; head.indefinite() ? !at_break() : i < head.argument; ++i)
            list.push_back(TRY(read(depth + 1)));
        return list;
    }

    Result<Json> map_of(const Head& head, int depth) {
        Json map = Json::object();
        for (std::uint64_t i = 0; head.indefinite() ? !at_break() : i < head.argument; ++i) {
            const Head name = TRY(this->head());
            if (name.major != Major::text) return damaged("a key that isn't text");
            std::string key = TRY(string_of(name));
            map[std::move(key)] = TRY(read(depth + 1));
        }
        return map;
    }

    static double half(std::uint64_t bits) {
        const double fraction = static_cast<double>(bits & 0x3ff);
        const int exponent = static_cast<int>(bits >> 10 & 0x1f);
        double value = exponent == 0    ? std::ldexp(fraction, -24)
                       : exponent == 31 ? (fraction == 0 ? std::numeric_limits<double>::infinity()
                                                         : std::nan(""))
                                        : std::ldexp(fraction + 1024, exponent - 25);
        return bits >> 15 != 0 ? -value : value;
    }

    Result<Json> simple_of(const Head& head) {
        switch (head.info) {
            case 20: return Json(false);
            case 21: return Json(true);
            case 22:
            case 23: return Json(nullptr);
            case 25: return Json(half(head.argument));
            case 26:
                return Json(static_cast<double>(
                    std::bit_cast<float>(static_cast<std::uint32_t>(head.argument))));
            case 27: return Json(std::bit_cast<double>(head.argument));
            default: return damaged("an unknown simple value");
        }
    }

    Result<Json> read(int depth) {
        if (depth > cbor_depth_max) return damaged("values nested too deep");
        Head head = TRY(this->head());
        while (head.major == Major::tag) {
            if (head.indefinite()) return damaged("a tag without a number");
            head = TRY(this->head());
        }
        switch (head.major) {
            case Major::number:
                if (head.indefinite()) break;
                return Json(head.argument);
            case Major::negative:
                if (head.indefinite() || head.argument >> 63 != 0) break;
                return Json(-1 - static_cast<std::int64_t>(head.argument));
            case Major::bytes: {
                const std::string bytes = TRY(string_of(head));
                return Json::binary(Json::binary_t::container_type(bytes.begin(), bytes.end()));
            }
            case Major::text: return Json(TRY(string_of(head)));
            case Major::list: return list_of(head, depth);
            case Major::map: return map_of(head, depth);
            case Major::simple: return simple_of(head);
            case Major::tag: break;
        }
        return damaged("a number out of range");
    }

    std::string_view left_;
};

void put_head(std::string& out, Major major, std::uint64_t argument) {
    const auto top = static_cast<unsigned>(major) << 5;
    if (argument < 24) {
        out += static_cast<char>(top | argument);
        return;
    }
    const unsigned info = argument < 0x100      ? 24
                          : argument < 0x10000  ? 25
                          : argument >> 32 == 0 ? 26
                                                : 27;
    out += static_cast<char>(top | info);
    for (int shift = 8 * (1 << (info - 24)) - 8; shift >= 0; shift -= 8)
        out += static_cast<char>(argument >> shift & 255);
}

void put_value(std::string& out, const Json& value) {
    switch (value.type()) {
        case Json::value_t::null:
        case Json::value_t::discarded: out += '\xf6'; break;
        case Json::value_t::boolean: out += value.get<bool>() ? '\xf5' : '\xf4'; break;
        case Json::value_t::number_unsigned:
            put_head(out, Major::number, value.get<std::uint64_t>());
            break;
        case Json::value_t::number_integer: {
            const auto number = value.get<std::int64_t>();
            if (number >= 0)
                put_head(out, Major::number, static_cast<std::uint64_t>(number));
            else
                put_head(out, Major::negative, static_cast<std::uint64_t>(-1 - number));
            break;
        }
        case Json::value_t::number_float: {
            const auto bits = std::bit_cast<std::uint64_t>(value.get<double>());
            out += '\xfb';
            for (int shift = 56; shift >= 0; shift -= 8)
                out += static_cast<char>(bits >> shift & 255);
            break;
        }
        case Json::value_t::string: {
            const auto& text = value.get_ref<const std::string&>();
            put_head(out, Major::text, text.size());
            out += text;
            break;
        }
        case Json::value_t::binary: {
            const auto& bytes = value.get_binary();
            put_head(out, Major::bytes, bytes.size());
            out.append(bytes.begin(), bytes.end());
            break;
        }
        case Json::value_t::array:
            put_head(out, Major::list, value.size());
            for (const auto& item : value) put_value(out, item);
            break;
        case Json::value_t::object:
            put_head(out, Major::map, value.size());
            for (const auto& [name, item] : value.items()) {
                put_head(out, Major::text, name.size());
                out += name;
                put_value(out, item);
            }
    }
}

}  // namespace

Result<Json> read_cbor(std::string_view bytes) { return CborReader(bytes).whole(); }

std::string write_cbor(const Json& value) {
    std::string out;
    put_value(out, value);
    return out;
}

}  // namespace stroma::front::aws
