#include "delivery/batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/digest.h"
#include "base/json.h"
#include "delivery/kpl.h"
#include "delivery/prefix.h"

namespace stroma::delivery {
namespace {

/// "" where the value isn't an object, or its member isn't text.
std::string text_of(const Json& value, const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

constexpr std::size_t transform_bytes_max = 6u << 20;
constexpr int transform_attempts = 3;

/// A record on its way through the processors.
struct Item {
    std::string data;
    std::int64_t arrived_ms = 0;
    std::string id;
    std::map<std::string, std::string> from_query, from_transform;
    std::size_t record = 0;  ///< the one that held it
};

struct Refused {
    Item item;
    std::string code, message;
    int attempts = 1;
};

/// Records of one prefix, or errors of one type.
struct Group {
    std::vector<const Item*> items;
    std::int64_t oldest_ms = INT64_MAX;
};

class Making {
public:
    Making(const BatchName& name, const Destination& destination, const BatchTools& tools,
           const Chosen* chosen)
        : name_(name), destination_(destination), tools_(tools), chosen_(chosen) {}
    Result<Batch> make(const std::vector<RawRecord>& records);
    Result<std::vector<ItemPlace>> places(const std::vector<RawRecord>& records);

private:
    void take_apart(const std::vector<RawRecord>& records);
    Result<void> back_up(const std::vector<RawRecord>& records);
    Result<void> transform();
    Result<void> transform_some(std::size_t from, std::size_t to, std::vector<Item>& kept);
    void take_answer(const Json& answer, std::size_t from, std::size_t to, std::vector<Item>& kept);
    Result<void> find_partitions();
    void take_forced(const std::vector<RawRecord>& records);
    void keep_chosen(const std::vector<RawRecord>& records);
    Result<void> write_groups();
    void write_post();
    Result<void> write_manifest(const std::vector<MadeObject>& of);
    Result<void> write_group(const std::map<std::string, std::string>& query,
                             const std::map<std::string, std::string>& transformed,
                             const Group& group);
    Result<std::string> table_bytes(const Group& group);
    Result<void> write_errors(std::string_view type, const std::vector<Refused>& refused);
    std::string object_key(const std::string& prefix, std::string_view kind,
                           std::string_view extension);
    PrefixValues values(std::int64_t oldest_ms, std::string_view seed);
    void refuse(Item item, std::string code, std::string message, int attempts = 1) {
        failed_.push_back({std::move(item), std::move(code), std::move(message), attempts});
    }

    const BatchName& name_;
    const Destination& destination_;
    const BatchTools& tools_;
    const Chosen* const chosen_;
    std::vector<Item> items_;
    std::vector<Refused> failed_, unconverted_, unposted_;
    Batch batch_;
};

// ---- names --------------------------------------------------------------------------------------

/// A UUID of the name: as version 3 has it, an MD5 with the version and the variant put in.
std::string named_uuid(std::string_view name) {
    std::string hex = md5_hex(name);
    hex[12] = '3';
    hex[16] = "89ab"[hex[16] % 4];
    return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                       hex.substr(16, 4), hex.substr(20));
}

std::string Making::object_key(const std::string& prefix, std::string_view kind,
                               std::string_view extension) {
    const std::string uuid = named_uuid(
        fmt::format("{}/{}/{}/{}/{}", name_.delivery_id, name_.version, name_.range, prefix, kind));
    const std::string time = format_time("yyyy-MM-dd-HH-mm-ss", "", name_.planned_ms).value();
    return fmt::format("{}{}-{}-{}-{}{}", prefix, name_.delivery, name_.version, time, uuid,
                       extension);
}

PrefixValues Making::values(std::int64_t oldest_ms, std::string_view seed) {
    auto drawn = std::make_shared<int>(0);
    return {.unix_ms = oldest_ms,
            .zone = destination_.zone,
            .error_type = {},
            .from_query = {},
            .from_transform = {},
            .random = [this, drawn, text = std::string(seed)] {
                return md5_hex(fmt::format("{}/{}/{}/{}", name_.delivery_id, name_.range, text,
                                           ++*drawn))
                    .substr(0, 11);
            }};
}

// ---- records ------------------------------------------------------------------------------------

/// The JSON values that stand one behind the other.
std::vector<std::string> json_values(const std::string& data) {
    std::vector<std::string> found;
    std::size_t from = std::string::npos;
    int depth = 0;
    bool quoted = false, escaped = false;
    for (std::size_t at = 0; at < data.size(); ++at) {
        const char c = data[at];
        if (quoted) {
            if (escaped)
                escaped = false;
            else if (c == '\\')
                escaped = true;
            else if (c == '"')
                quoted = false;
            continue;
        }
        if (c == '"') quoted = true;
        if (c == '{' && depth++ == 0) from = at;
        if (c == '}' && depth > 0 && --depth == 0)
            found.push_back(data.substr(from, at - from + 1));
    }
    if (found.empty() || depth != 0) return {data};
    return found;
}

void Making::take_apart(const std::vector<RawRecord>& records) {
    for (std::size_t r = 0; r < records.size(); ++r) {
        const RawRecord& record = records[r];
        std::vector<std::string> parts;
        if (const auto aggregated = deaggregate(record.data)) {
            for (const KplRecord& each : *aggregated) parts.emplace_back(each.data);
        } else {
            parts.push_back(record.data);
        }
        std::size_t number = 0;
        for (const std::string& part : parts)
            for (std::string& value :
                 destination_.takes_apart ? json_values(part) : std::vector<std::string>{part}) {
                const std::string id =
                    number == 0 ? record.id : fmt::format("{}.{}", record.id, number);
                ++number;
                items_.push_back({std::move(value), record.arrived_ms, id, {}, {}, r});
            }
    }
}

Result<void> Making::back_up(const std::vector<RawRecord>& records) {
    if (!destination_.backup || records.empty()) return {};
    std::string bytes;
    std::int64_t oldest = INT64_MAX;
    for (const RawRecord& record : records) {
        if (chosen_ && !is_chosen(*chosen_, std::string(raw_buffer), record.shard, record.number))
            continue;
        bytes += record.data;
        if (destination_.delimiter) bytes += *destination_.delimiter;
        oldest = std::min(oldest, record.arrived_ms);
    }
    if (oldest == INT64_MAX) return {};
    const std::string prefix =
        TRY(evaluate_prefix(destination_.backup->prefix, values(oldest, "backup")));
    auto packed = TRY(compress(bytes, destination_.backup->compression));
    batch_.objects.push_back(
        {destination_.backup->bucket,
         object_key(prefix, "backup", extension_of(destination_.backup->compression)),
         std::move(packed)});
    return {};
}

// ---- the user's transform -----------------------------------------------------------------------

Result<void> Making::transform() {
    if (destination_.transform.empty()) return {};
    std::vector<Item> kept;
    for (std::size_t from = 0; from < items_.size();) {
        std::size_t to = from, bytes = 0;
        while (to < items_.size() && (to == from || bytes < transform_bytes_max / 2))
            bytes += items_[to++].data.size();
        TRY(transform_some(from, to, kept));
        from = to;
    }
    items_ = std::move(kept);
    return {};
}

Result<void> Making::transform_some(std::size_t from, std::size_t to, std::vector<Item>& kept) {
    Json records = Json::array();
    for (std::size_t i = from; i < to; ++i)
        records.push_back({{"recordId", items_[i].id},
                           {"approximateArrivalTimestamp", items_[i].arrived_ms},
                           {"data", base64(items_[i].data)}});
    const Json request = {
        {"invocationId", named_uuid(fmt::format("{}/{}/{}", name_.delivery_id, name_.range, from))},
        {"deliveryStreamArn", name_.arn},
        {"region", name_.region},
        {"records", std::move(records)}};
    std::string why = "no transforms are set up here";
    for (int attempt = 0; attempt < transform_attempts && tools_.transform; ++attempt) {
        const auto output = tools_.transform(destination_.transform, request.dump());
        if (!output) {
            why = output.error().message;
            continue;
        }
        const auto answer =
            parse_json(*output, {.bytes_max = 16u << 20, .string_bytes_max = 16u << 20});
        if (answer && answer->is_object() && answer->contains("records") &&
            (*answer)["records"].is_array()) {
            take_answer(*answer, from, to, kept);
            return {};
        }
        why = "the transform's answer has no records";
    }
    for (std::size_t i = from; i < to; ++i)
        refuse(std::move(items_[i]), "Lambda.FunctionError", why, transform_attempts);
    return {};
}

void Making::take_answer(const Json& answer, std::size_t from, std::size_t to,
                         std::vector<Item>& kept) {
    std::map<std::string, const Json*> by_id;
    for (const Json& each : answer["records"]) by_id[text_of(each, "recordId")] = &each;
    for (std::size_t i = from; i < to; ++i) {
        Item& item = items_[i];
        const auto found = by_id.find(item.id);
        const std::string result = found == by_id.end() ? "" : text_of(*found->second, "result");
        if (result == "Dropped") {
            ++batch_.dropped;
            continue;
        }
        if (result != "Ok") {
            const bool is_told = result == "ProcessingFailed";
            refuse(std::move(item),
                   is_told ? "Lambda.ProcessingFailedStatus" : "Lambda.MissingRecordId",
                   is_told ? "ProcessingFailed status set for record"
                           : "the transform's answer lacks the record");
            continue;
        }
        const auto answered = found->second->find("data");
        std::string data;
        if (answered == found->second->end() || !answered->is_string() ||
            !base64_decode(answered->get<std::string>(), data)) {
            refuse(std::move(item), "Lambda.FunctionError",
                   "the transform's answer has no text in base64 as the record's data");
            continue;
        }
        item.data = std::move(data);
        const auto metadata = found->second->find("metadata");
        const Json keys = metadata != found->second->end() && metadata->is_object()
                              ? metadata->value("partitionKeys", Json())
                              : Json();
        if (keys.is_object())
            for (const auto& [key, value] : keys.items())
                item.from_transform[key] =
                    value.is_string() ? value.get<std::string>() : value.dump();
        kept.push_back(std::move(item));
    }
}

// ---- partitions ---------------------------------------------------------------------------------

Result<void> Making::find_partitions() {
    if (!destination_.partitions) return {};
    std::vector<Item> kept;
    std::vector<Result<PartitionKeys>> keys;
    if (destination_.query) {
        std::vector<std::string_view> records;
        for (const Item& item : items_) records.push_back(item.data);
        keys = destination_.query->keys_of(records);
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
        Item& item = items_[i];
        if (!keys.empty() && !keys[i]) {
            const Error& error = keys[i].error();
            const bool is_stopped = error.code == ErrorCode::exhausted;
            if (error.code != ErrorCode::invalid_input && !is_stopped) return fail(error);
            // When buffers were filled it went well: it will again.
            if (is_stopped && chosen_) return fail(ErrorCode::unavailable, error.message);
            refuse(std::move(item),
                   is_stopped ? std::string(stopped_code)
                              : "DynamicPartitioning.MetadataExtractionFailed",
                   error.message);
            continue;
        }
        if (!keys.empty()) item.from_query = *std::move(keys[i]);
        PrefixValues tried = values(item.arrived_ms, "tried");
        tried.from_query = item.from_query;
        tried.from_transform = item.from_transform;
        if (const auto prefix = evaluate_prefix(destination_.prefix, tried); !prefix) {
            refuse(std::move(item), "DynamicPartitioning.PartitionKeyMissing",
                   prefix.error().message);
            continue;
        }
        kept.push_back(std::move(item));
    }
    items_ = std::move(kept);
    return {};
}

std::string buffer_of(const Item& item) {
    return Json(item.from_query).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::vector<ItemPlace>> Making::places(const std::vector<RawRecord>& records) {
    std::vector<ItemPlace> found;
    const std::string raw(raw_buffer);
    for (std::size_t r = 0; r < records.size() && destination_.backup; ++r)
        if (!chosen_ || is_chosen(*chosen_, raw, records[r].shard, records[r].number))
            found.push_back({r, records[r].id, raw, records[r].data.size(), ""});
    take_apart(records);
    take_forced(records);
    TRY(find_partitions());
    keep_chosen(records);
    for (const Item& item : items_)
        found.push_back({item.record, item.id, buffer_of(item), item.data.size(), ""});
    for (const Refused& refused : failed_)
        found.push_back({refused.item.record, refused.item.id, std::string(errors_buffer),
                         refused.item.data.size(),
                         refused.code == stopped_code ? refused.code : ""});
    std::ranges::stable_sort(found, {}, &ItemPlace::record);
    return found;
}

/// Of items whose buffer was settled when they came: leaves those that are chosen.
void Making::take_forced(const std::vector<RawRecord>& records) {
    if (chosen_ == nullptr) return;
    std::vector<Item> others;
    for (Item& item : items_) {
        const auto forced = chosen_->forced.find(item.id);
        const RawRecord& record = records[item.record];
        if (forced == chosen_->forced.end())
            others.push_back(std::move(item));
        else if (is_chosen(*chosen_, std::string(errors_buffer), record.shard, record.number))
            refuse(std::move(item), forced->second.code,
                   forced->second.code == too_many_code
                       ? fmt::format("{} partitions were open", partitions_max)
                       : "the query was stopped: it took too much time or memory");
    }
    items_ = std::move(others);
}

/// Leaves what belongs to the chosen buffers.
void Making::keep_chosen(const std::vector<RawRecord>& records) {
    if (chosen_ == nullptr) return;
    const auto is_taken = [&](const Item& item, const std::string& buffer) {
        const RawRecord& record = records[item.record];
        return is_chosen(*chosen_, buffer, record.shard, record.number);
    };
    std::erase_if(failed_, [&](const Refused& each) {
        return !is_taken(each.item, std::string(errors_buffer));
    });
    std::erase_if(items_, [&](const Item& item) { return !is_taken(item, buffer_of(item)); });
}

// ---- objects ------------------------------------------------------------------------------------

Result<void> Making::write_groups() {
    using Keys = std::map<std::string, std::string>;
    std::map<std::pair<Keys, Keys>, Group> groups;
    std::vector<const Item*> overflowing;
    for (const Item& item : items_) {
        const auto keys = std::pair(item.from_query, item.from_transform);
        if (groups.size() >= partitions_max && !groups.contains(keys)) {
            overflowing.push_back(&item);
            continue;
        }
        Group& group = groups[keys];
        group.items.push_back(&item);
        group.oldest_ms = std::min(group.oldest_ms, item.arrived_ms);
    }
    for (const auto& [keys, group] : groups) TRY(write_group(keys.first, keys.second, group));
    for (const Item* item : overflowing)
        refuse(*item, "DynamicPartitioning.ActivePartitionsLimitExceeded",
               fmt::format("a batch has at most {} partitions", partitions_max));
    return {};
}

Result<void> Making::write_group(const std::map<std::string, std::string>& query,
                                 const std::map<std::string, std::string>& transformed,
                                 const Group& group) {
    std::string seed;
    for (const auto* keys : {&query, &transformed})
        for (const auto& [key, value] : *keys) seed += key + "=" + value + ";";
    PrefixValues known = values(group.oldest_ms, seed);
    known.from_query = query;
    known.from_transform = transformed;
    const std::string prefix = TRY(evaluate_prefix(destination_.prefix, known));
    std::string bytes;
    std::string_view extension = extension_of(destination_.compression);
    if (destination_.table) {
        const std::size_t before = unconverted_.size();
        bytes = TRY(table_bytes(group));
        batch_.delivered += group.items.size() - (unconverted_.size() - before);
        if (bytes.empty()) return {};
        extension = ".parquet";
    } else {
        for (const Item* item : group.items) {
            bytes += item->data;
            if (destination_.delimiter) bytes += *destination_.delimiter;
        }
        bytes = TRY(compress(bytes, destination_.compression));
        batch_.delivered += group.items.size();
    }
    if (!destination_.extension.empty()) extension = destination_.extension;
    batch_.objects.push_back(
        {destination_.bucket, object_key(prefix, seed, extension), std::move(bytes)});
    return {};
}

/// "" when no record became a row.
Result<std::string> Making::table_bytes(const Group& group) {
    std::vector<TextRow> rows;
    for (const Item* item : group.items) {
        auto row = row_of(item->data, *destination_.table);
        if (row)
            rows.push_back(*std::move(row));
        else
            unconverted_.push_back({*item, "DataFormatConversion.ParseError", row.error().message});
    }
    if (rows.empty()) return std::string();
    if (!tools_.open_engine)
        return fail(ErrorCode::unsupported, "Parquet needs a database in this process");
    const auto engine = TRY(tools_.open_engine());
    return parquet_of(*engine, *destination_.table, std::move(rows), tools_.scratch);
}

Result<void> Making::write_errors(std::string_view type, const std::vector<Refused>& refused) {
    if (refused.empty()) return {};
    std::string lines;
    std::int64_t oldest = INT64_MAX;
    for (const Refused& each : refused) {
        Json line = {{"attemptsMade", each.attempts},
                     {"arrivalTimestamp", each.item.arrived_ms},
                     {"errorCode", each.code},
                     {"errorMessage", each.message},
                     {"attemptEndingTimestamp", name_.planned_ms},
                     {"rawData", base64(each.item.data)}};
        if (each.code.starts_with("Lambda.")) line["lambdaArn"] = destination_.transform;
        lines += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
        oldest = std::min(oldest, each.item.arrived_ms);
    }
    PrefixValues known = values(oldest, type);
    known.error_type = type;
    // Without a prefix of their own they lie beside what was delivered, under their type.
    const std::string& wanted =
        destination_.error_prefix.empty() ? destination_.prefix : destination_.error_prefix;
    const std::string prefix = TRY(evaluate_prefix(wanted, known));
    batch_.objects.push_back({destination_.bucket, object_key(prefix, type, ""), lines});
    batch_.refused += refused.size();
    return {};
}

/// All records in one request, whose id is the same each time it is made.
void Making::write_post() {
    if (items_.empty()) return;
    if (!name_.given_up.empty()) {
        for (Item& item : items_)
            unposted_.push_back(
                {std::move(item), "HttpEndpoint.RequestFailed", name_.given_up, name_.attempts});
        return;
    }
    Json records = Json::array();
    for (const Item& item : items_) {
        std::string data = item.data;
        if (destination_.delimiter) data += *destination_.delimiter;
        records.push_back({{"data", base64(data)}});
    }
    const std::string id =
        named_uuid(fmt::format("{}/{}/{}/post", name_.delivery_id, name_.version, name_.range));
    batch_.posts.push_back(
        {id,
         Json{{"requestId", id}, {"timestamp", name_.planned_ms}, {"records", std::move(records)}}
             .dump()});
    batch_.delivered += items_.size();
}

/// What a COPY reads; of one that was given up it lies under the errors, for a later one.
Result<void> Making::write_manifest(const std::vector<MadeObject>& of) {
    Json entries = Json::array();
    for (const MadeObject& object : of)
        entries.push_back(
            {{"url", fmt::format("s3://{}/{}", object.bucket, object.key)}, {"mandatory", true}});
    const std::string prefix =
        TRY(evaluate_prefix(name_.given_up.empty() ? "manifests/" : "errors/manifests/",
                            values(name_.planned_ms, "manifest")));
    MadeObject manifest{destination_.bucket, object_key(prefix, "manifest", ""),
                        Json{{"entries", std::move(entries)}}.dump()};
    if (name_.given_up.empty()) batch_.manifest = manifest.key;
    batch_.objects.push_back(std::move(manifest));
    return {};
}

Result<Batch> Making::make(const std::vector<RawRecord>& records) {
    TRY(back_up(records));
    take_apart(records);
    TRY(transform());
    take_forced(records);
    TRY(find_partitions());
    keep_chosen(records);
    const std::size_t before = batch_.objects.size();
    if (destination_.http)
        write_post();
    else
        TRY(write_groups());
    const std::vector<MadeObject> data(batch_.objects.begin() + static_cast<std::ptrdiff_t>(before),
                                       batch_.objects.end());
    if (destination_.warehouse && !data.empty()) TRY(write_manifest(data));
    TRY(write_errors("processing-failed", failed_));
    TRY(write_errors("http-endpoint-failed", unposted_));
    TRY(write_errors("format-conversion-failed", unconverted_));
    return std::move(batch_);
}

}  // namespace

Result<Batch> make_batch(const BatchName& name, const Destination& destination,
                         const std::vector<RawRecord>& records, const BatchTools& tools,
                         const Chosen* chosen) {
    return Making(name, destination, tools, chosen).make(records);
}

Result<std::vector<ItemPlace>> places_of(const BatchName& name, const Destination& destination,
                                         const std::vector<RawRecord>& records,
                                         const Chosen* chosen) {
    return Making(name, destination, {}, chosen).places(records);
}

bool is_chosen(const Chosen& chosen, const std::string& buffer, std::uint32_t shard,
               std::uint64_t number) {
    const auto found = chosen.from.find(buffer);
    if (found == chosen.from.end()) return false;
    const auto from = found->second.find(shard);
    return from == found->second.end() || number >= from->second;
}

bool endpoint_took(std::string_view answer, const std::string& post_id) {
    const auto read = parse_json(answer);
    return read && text_of(*read, "requestId") == post_id;
}

}  // namespace stroma::delivery
