#include <fmt/format.h>
#include <simdjson.h>

#include <array>
#include <cstring>

#include "front/kinesis/operation.h"

namespace stroma::front::kinesis {
namespace {

constexpr std::size_t records_max = 500, key_bytes_max = 256;
constexpr std::size_t record_bytes_max = 1u << 20, request_bytes_max = 10u << 20;

constexpr std::uint32_t no_letter = 0x8000'0000;
using Letters = std::array<std::array<std::uint32_t, 256>, 4>;

/// Of each letter its six bits, where they stand among the 24 of its place in a group of four.
constexpr Letters make_letters() {
    Letters letters{};
    for (auto& place : letters) place.fill(no_letter);
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::uint32_t value = 0; value < 64; ++value)
        for (std::size_t place = 0; place < 4; ++place)
            letters[place][static_cast<unsigned char>(alphabet[value])] = value << (18 - 6 * place);
    return letters;
}
constexpr Letters letters = make_letters();

/// Appends what the text stands for. False for anything but canonical base64.
bool decode(std::string_view text, std::string& to) {
    if (text.empty()) return true;
    if (text.size() % 4 != 0) return false;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    const std::size_t whole = text.size() / 4 - (padding > 0 ? 1 : 0);
    const std::size_t begin = to.size();
    to.resize(begin + text.size() / 4 * 3 - padding);
    const auto* from = reinterpret_cast<const unsigned char*>(text.data());
    char* out = to.data() + begin;
    std::uint32_t wrong = 0;
    for (std::size_t group = 0; group < whole; ++group, from += 4, out += 3) {
        const std::uint32_t bits =
            letters[0][from[0]] | letters[1][from[1]] | letters[2][from[2]] | letters[3][from[3]];
        wrong |= bits;
        out[0] = static_cast<char>(bits >> 16);
        out[1] = static_cast<char>(bits >> 8);
        out[2] = static_cast<char>(bits);
    }
    if (padding > 0) {
        const std::uint32_t bits =
            letters[0][from[0]] | letters[1][from[1]] | (padding == 1 ? letters[2][from[2]] : 0);
        wrong |= bits;
        if ((bits & (padding == 1 ? 0xff : 0xffff)) != 0) return false;
        *out++ = static_cast<char>(bits >> 16);
        if (padding == 1) *out = static_cast<char>(bits >> 8);
    }
    return (wrong & no_letter) == 0;
}

/// A request of the usual kind. Texts lie in the parser; data in `data`.
struct Usual {
    std::string_view stream;
    std::vector<stream::NewRecord> records;
};

bool take_name(simdjson::dom::element value, std::string_view& name) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS || text.empty() || text.size() > 128) return false;
    for (const char c : text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '-'))
            return false;
    name = text;
    return true;
}

/// A member of a record. `data` holds what Data stands for; where it lies is set when all is read.
bool take_member(std::string_view key, simdjson::dom::element value, stream::NewRecord& record,
                 std::string& data, std::size_t& data_bytes, bool& has_data) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return false;
    if (key == "Data") {
        const std::size_t before = data.size();
        if (has_data || !decode(text, data)) return false;
        has_data = true;
        data_bytes = data.size() - before;
        return data_bytes <= record_bytes_max;
    }
    if (key == "PartitionKey") {
        record.partition_key = text;
        return !text.empty() && text.size() <= key_bytes_max;
    }
    if (key != "ExplicitHashKey" || text.empty() || (text[0] == '0' && text.size() > 1))
        return false;
    record.hash = stream::parse_hash_key(text);
    return record.hash.has_value();
}

class Reader {
public:
    /// False when anything isn't as usual.
    bool read(std::string_view body, bool many, Usual& usual) {
        simdjson::dom::object request;
        if (parser_.parse(body.data(), body.size()).get(request) != simdjson::SUCCESS) return false;
        data_.clear();
        sizes_.clear();
        usual.records.clear();
        if (!many) usual.records.emplace_back();
        std::size_t bytes = 0;
        bool has_data = false;
        for (const auto& [key, value] : request) {
            if (key == "StreamName") {
                if (!take_name(value, usual.stream)) return false;
            } else if (many && key == "Records") {
                if (!usual.records.empty() || !take_records(value, usual)) return false;
            } else if (many || !take_member(key, value, usual.records[0], data_, bytes, has_data)) {
                return false;
            }
        }
        if (!many) {
            sizes_.push_back(bytes);
            if (!has_data || usual.records[0].partition_key.empty()) return false;
        }
        return !usual.stream.empty() && !usual.records.empty() && place(usual);
    }

private:
    bool take_records(simdjson::dom::element value, Usual& usual) {
        simdjson::dom::array list;
        if (value.get(list) != simdjson::SUCCESS || list.size() > records_max) return false;
        usual.records.reserve(list.size());
        for (const simdjson::dom::element entry : list) {
            simdjson::dom::object members;
            if (entry.get(members) != simdjson::SUCCESS) return false;
            stream::NewRecord& record = usual.records.emplace_back();
            std::size_t bytes = 0;
            bool has_data = false;
            for (const auto& [key, member] : members)
                if (!take_member(key, member, record, data_, bytes, has_data)) return false;
            if (!has_data || record.partition_key.empty()) return false;
            sizes_.push_back(bytes);
        }
        return true;
    }

    /// False when the records and their keys are too much for one call.
    bool place(Usual& usual) {
        std::size_t at = 0, keys = 0;
        for (std::size_t r = 0; r < usual.records.size(); ++r) {
            usual.records[r].data = std::string_view(data_).substr(at, sizes_[r]);
            at += sizes_[r];
            keys += usual.records[r].partition_key.size();
        }
        return at + keys <= request_bytes_max;
    }

    simdjson::dom::parser parser_;
    std::string data_;
    std::vector<std::size_t> sizes_;
};

void append_record(std::string& to, const stream::NewRecord& record) {
    to += "{\"SequenceNumber\":\"";
    const std::size_t at = to.size();
    to.resize(at + stream::sequence_text_bytes);
    stream::write_sequence(to.data() + at, record.number);
    to += "\",\"ShardId\":\"shardId-";
    char digits[12];
    std::uint32_t shard = record.shard;
    for (std::size_t i = sizeof digits; i-- > 0; shard /= 10)
        digits[i] = static_cast<char>('0' + shard % 10);
    to.append(digits, sizeof digits);
    to += "\"}";
}

std::string answer_text(const Usual& usual, bool many) {
    std::string text;
    text.reserve(64 + usual.records.size() * 128);
    if (!many) {
        append_record(text, usual.records[0]);
        return text;
    }
    text = "{\"FailedRecordCount\":0,\"Records\":[";
    for (const stream::NewRecord& record : usual.records) {
        append_record(text, record);
        text += ',';
    }
    text.back() = ']';
    text += '}';
    return text;
}

}  // namespace

std::optional<aws::Outcome<aws::Reply>> fast_put(stream::Streams& streams, const aws::Call& call,
                                                 const Decide& may) {
    const bool many = call.operation == "PutRecords";
    if ((!many && call.operation != "PutRecord") || !call.is_json() || streams.has_limits())
        return std::nullopt;
    thread_local Reader reader;
    Usual usual;
    if (!reader.read(call.body, many, usual)) return std::nullopt;
    const auto info = streams.find(usual.stream);
    if (!info || !(*info)->key_id.empty()) return std::nullopt;
    const auto allowed = may(call.principal, catalog::Action::change,
                             {catalog::ThingKind::stream, (*info)->name, (*info)->owner});
    if (!allowed || !*allowed) return std::nullopt;
    const auto put = streams.put(usual.stream, usual.records);
    if (!put) return aws::Outcome<aws::Reply>(refuse_for(call, usual.stream, put.error()));
    aws::Reply reply;
    reply.json = answer_text(usual, many);
    return aws::Outcome<aws::Reply>(std::move(reply));
}

}  // namespace stroma::front::kinesis
