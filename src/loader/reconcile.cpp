#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "loader/loader.h"

namespace stroma::loader {

Result<void> Loader::compare(Reconciliation& made, const std::string& target,
                             std::vector<Notice>& absent) {
    const auto connection = TRY(parts_.load.ledger().connect());
    auto& lake = *parts_.load.engine.options().lake;
    std::set<std::string> there;
    for (const NotificationSource& source : made.sources) {
        std::set<std::string> loaded, dead;
        const auto of_ledger = TRY(connection->execute(
            "SELECT \"key\", etag, 0 FROM stroma_system.load_ledger WHERE target = $1 AND bucket = "
            "$2 AND status = 'loaded' AND starts_with(\"key\", $3) UNION ALL SELECT \"key\", etag, "
            "1 FROM stroma_system.dead_letters WHERE target = $1 AND bucket = $2",
            {target, source.bucket, source.prefix}));
        while (TRY(of_ledger->next()))
            (of_ledger->integer(2) == 0 ? loaded : dead)
                .insert(of_ledger->text(0) + "#" + of_ledger->text(1));
        const auto objects =
            TRY(lake.list(catalog::local_administrator(), {source.bucket, source.prefix}));
        std::set<std::string> keys;
        for (const auto& object : objects) {
            const std::string& key = object.address.key;
            keys.insert(key);
            if (!key.ends_with(source.suffix) || key.ends_with('/')) continue;
            if (!there.insert(object.address.url()).second) continue;
            ++made.objects;
            const std::string content = key + "#" + object.etag;
            if (loaded.contains(content)) {
                ++made.loaded;
                continue;
            }
            made.dead += dead.contains(content) ? 1 : 0;
            made.lost.push_back(object.address.url());
            absent.push_back({source.bucket, key, object.etag, object.modified_ms, true});
        }
        std::set<std::string> gone;
        for (const std::string& content : loaded)
            if (const std::string key = content.substr(0, content.rfind('#')); !keys.contains(key))
                gone.insert(key);
        made.gone += static_cast<std::int64_t>(gone.size());
    }
    std::sort(made.lost.begin(), made.lost.end());
    return {};
}

Result<Reconciliation> Loader::reconcile(const std::string& table, const std::string& from,
                                         bool loads, std::stop_token stop) {
    TableLoad load(parts_.load);
    const auto administrator = catalog::local_administrator();
    const std::string target = TRY(load.target_of(administrator, table));
    std::vector<LoaderConfig> configs;
    for (const ConfigStatus& one : status()) {
        if (!one.config) continue;
        const auto same = load.target_of(administrator, one.config->table);
        if (same && *same == target) configs.push_back(*one.config);
    }
    if (configs.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("no configuration of the loader loads into {}", target));
    Reconciliation made;
    made.table = target;
    catalog::Principal principal = administrator;
    for (const LoaderConfig& config : configs) {
        const auto queue = parts_.queues.find(config.name);
        if (queue == nullptr) continue;
        principal = TRY(parts_.principal_of(queue->owner));
        const auto counts = TRY(parts_.queues.counts(*queue));
        made.waiting += counts.visible + counts.in_flight + counts.delayed;
        if (!from.empty()) continue;
        for (auto& source : TRY(parts_.sources_of(queue->arn)))
            made.sources.push_back(std::move(source));
    }
    if (!from.empty()) {
        const auto address = redshift::parse_address(from);
        if (!address) return fail(redshift::error_of(address.error()));
        made.sources.push_back({address->bucket, address->key, ""});
    }
    std::vector<Notice> absent;
    TRY(compare(made, target, absent));
    const LoaderConfig& config = configs.front();
    const auto is_manifest = [&](const std::string& bucket, const std::string& key) {
        return bucket == config.manifest_bucket && key.starts_with(config.manifest_prefix);
    };
    for (const Notice& notice : absent)
        if (is_manifest(notice.bucket, notice.key)) {
            --made.objects;
            std::erase(made.lost, "s3://" + notice.bucket + "/" + notice.key);
        }
    std::erase_if(absent, [&](const Notice& each) { return is_manifest(each.bucket, each.key); });
    if (!loads || absent.empty()) return made;
    LoadOrder order = order_of(config);
    order.principal = principal;
    order.source = "reconcile";
    made.report = TRY(load.run(order, absent, stop));
    count_load(target, *made.report);
    return made;
}

}  // namespace stroma::loader
