#include "redshift/load/loading.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/threads.h"
#include "redshift/load/copy_job.h"
#include "redshift/rights.h"

namespace stroma::redshift {
namespace {

/// A manifest's entries: {"entries": [{"url": …, "mandatory": …, "meta": {"content_length": …}}]}.
struct ManifestEntry {
    std::string url;
    bool is_mandatory = false;
    std::optional<std::uint64_t> bytes;
};

Answer<std::vector<ManifestEntry>> read_manifest(const std::string& text, const std::string& url) {
    const auto malformed = [&] {
        return refuse("XX000", fmt::format("The S3 manifest file {} is malformed", url));
    };
    const auto parsed = parse_json(text, {.bytes_max = 64u << 20});
    if (!parsed || !parsed->is_object() || !parsed->contains("entries") ||
        !(*parsed)["entries"].is_array())
        return malformed();
    std::vector<ManifestEntry> entries;
    for (const Json& entry : (*parsed)["entries"]) {
        if (!entry.is_object() || !entry.contains("url") || !entry["url"].is_string())
            return malformed();
        ManifestEntry made;
        made.url = entry["url"].get<std::string>();
        const auto mandatory = entry.find("mandatory");
        made.is_mandatory =
            mandatory != entry.end() && mandatory->is_boolean() && mandatory->get<bool>();
        const auto meta = entry.find("meta");
        if (meta != entry.end() && meta->is_object() && meta->contains("content_length") &&
            (*meta)["content_length"].is_number_unsigned())
            made.bytes = (*meta)["content_length"].get<std::uint64_t>();
        entries.push_back(std::move(made));
    }
    return entries;
}

/// No row more, from a relation whose rows have no order. The engine inserts by one thread what
/// comes in the order of a scan, and by all what comes in none.
std::string in_any_order(std::size_t columns) {
    std::string nulls = "NULL";
    for (std::size_t at = 1; at < columns; ++at) nulls += ", NULL";
    return fmt::format(
        " UNION ALL SELECT {} FROM (SELECT 1 FROM range(1) GROUP BY random() "
        "HAVING random() < -1)",
        nulls);
}

}  // namespace

LoadColumn load_column(const TableColumn& column, const TableAttributes& attributes) {
    LoadColumn made;
    made.name = column.name;
    made.is_nullable = column.is_nullable;
    const auto kept = attributes.columns.find(column.name);
    const bool is_declared = kept != attributes.columns.end() && !kept->second.type.empty();
    const TypeName type =
        type_named(is_declared ? kept->second.type : column.engine_type).value_or(TypeName{});
    made.type = type.declared.substr(0, type.declared.find('('));
    const std::string& engine = column.engine_type;
    made.kind = ValueKind::other;
    const auto whole = [&](std::int64_t most, const char* name) {
        made.kind = ValueKind::integer;
        made.most = most;
        made.least = -most - 1;
        made.type = name;
    };
    if (engine == "SMALLINT") whole(32767, "Short");
    if (engine == "INTEGER") whole(2147483647, "Integer");
    if (engine == "BIGINT") whole(std::numeric_limits<std::int64_t>::max(), "Long");
    if (engine == "FLOAT" || engine == "DOUBLE") made.kind = ValueKind::real;
    if (engine == "BOOLEAN") made.kind = ValueKind::boolean;
    if (engine == "DATE") made.kind = ValueKind::date;
    if (engine == "TIMESTAMP" || engine == "TIMESTAMPTZ") made.kind = ValueKind::timestamp;
    made.has_zone = engine == "TIMESTAMPTZ";
    if (engine == "JSON") made.kind = ValueKind::json;
    if (engine.starts_with("DECIMAL(")) {
        made.kind = ValueKind::decimal;
        const Column shown = column_of("", engine);
        made.precision = static_cast<unsigned>((shown.typmod - 4) >> 16);
        made.scale = static_cast<unsigned>((shown.typmod - 4) & 0xFFFF);
    }
    if (engine == "VARCHAR") {
        made.kind = ValueKind::text;
        made.length = is_declared ? type.length : 0;
        made.is_char = type.oid == oid::bpchar;
        if (made.type.empty() || !is_declared) made.type = "varchar";
    }
    return made;
}

LoadFile file_of(std::shared_ptr<LakeReader> object) {
    LoadFile file;
    file.url = object->object().address.url();
    file.etag = object->object().etag;
    file.bytes = object->object().size;
    file.object = object;
    file.open = [object = std::move(object)]() -> Result<std::unique_ptr<ByteSource>> {
        return bytes_of(object);
    };
    return file;
}

Result<Bytes> LakeReader::read(std::uint64_t offset, std::size_t count) {
    const std::uint64_t left = object().size - std::min(offset, object().size);
    Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(count, left)));
    if (!bytes.empty()) TRY(fill(offset, bytes));
    return bytes;
}

Result<void> LakeReader::read_at(std::uint64_t offset, std::span<std::byte> into) {
    const std::uint64_t size = object().size;
    if (offset > size || into.size() > size - offset)
        return fail(ErrorCode::invalid_input,
                    fmt::format("bytes {} to {} pass the end of {}, which has {}", offset,
                                offset + into.size(), object().address.url(), size));
    return into.empty() ? Result<void>() : fill(offset, into);
}

Answer<Address> parse_address(std::string_view url) {
    const auto slash = url.find('/', 5);
    for (const std::string_view other : {"emr://", "dynamodb://", "ssh://"})
        if (url.starts_with(other))
            return refuse("0A000", fmt::format("COPY from {} is not there: put the data into a "
                                               "bucket, s3://bucket/key",
                                               other));
    if (!url.starts_with("s3://") || slash == 5 || url.size() == 5)
        return refuse("22023", fmt::format("'{}' is no address as s3://bucket/key", url));
    Address made;
    made.bucket = url.substr(5, slash == std::string_view::npos ? slash : slash - 5);
    if (slash != std::string_view::npos) made.key = url.substr(slash + 1);
    return made;
}

std::string LoadTarget::column_list() const {
    std::string list;
    for (const LoadColumn& column : columns)
        list += (list.empty() ? "" : ", ") + quoted_name(column.name);
    return list;
}

Answer<LoadTarget> load_target(EngineSession& session, const std::vector<Token>& tokens,
                               std::size_t at, const std::vector<std::string>& listed,
                               bool explicit_ids) {
    LoadTarget target;
    target.table = TRY(session.read_table(tokens, at));
    const auto denied = [&] {
        return refuse("42501", fmt::format("permission denied for relation {}", target.table.name));
    };
    if (target.table.schema.starts_with("stroma_")) return denied();
    target.attributes = TRY(attributes_of(session, target.table));
    if (target.table.schema == "main") return denied();
    TRY(demand_on(session, target.table, {"INSERT"}));
    target.all = TRY(columns_of_known(session, target.table));
    if (listed.empty()) {
        for (const TableColumn& column : target.all) {
            const bool is_identity = column.default_value.find("nextval('") != std::string::npos;
            if (!is_identity || explicit_ids)
                target.columns.push_back(load_column(column, target.attributes));
        }
        return target;
    }
    for (const std::string& name : listed) {
        const auto found = std::find_if(target.all.begin(), target.all.end(),
                                        [&](const TableColumn& each) { return each.name == name; });
        if (found == target.all.end())
            return refuse("42703", fmt::format("column \"{}\" of relation \"{}\" does not exist",
                                               name, target.table.name));
        const auto kept = target.attributes.columns.find(found->name);
        const bool is_own = kept != target.attributes.columns.end() && kept->second.identity_always;
        if (is_own && !explicit_ids) {
            Failure failure("428C9", "cannot set an identity column to a value");
            failure.detail = fmt::format("column {} numbers itself", name);
            failure.hint = "EXPLICIT_IDS loads its values from the files.";
            return fail(std::move(failure));
        }
        for (const LoadColumn& each : target.columns)
            if (each.name == found->name)
                return refuse("42701", fmt::format("column \"{}\" specified more than once", name));
        target.columns.push_back(load_column(*found, target.attributes));
    }
    return target;
}

Answer<std::int64_t> insert_rows(EngineSession& session, const LoadTarget& target,
                                 const std::shared_ptr<LoadScan>& scan, bool is_dry) {
    std::vector<TableColumn> loaded;
    for (const LoadColumn& column : target.columns) loaded.push_back({column.name, "", "", true});
    const std::string order = sort_order(target.attributes, loaded, "");
    // A temporary table keeps its rows in the order of the files: loaders number them by it.
    if (!target.table.is_temporary) scan->read_by_several(thread_count());
    const RowSources::Ticket ticket(*session.engine().rows, scan);
    if (is_dry) {
        const auto count =
            TRY(session.text_of(fmt::format("SELECT count(*) FROM {}", ticket.relation())));
        return std::strtoll(count.value_or("0").c_str(), nullptr, 10);
    }
    std::string behind = order.empty() ? "" : " ORDER BY " + order;
    if (scan->thread_max() > 1 && order.empty()) behind = in_any_order(target.columns.size());
    return session.change(fmt::format("INSERT INTO {} ({}) SELECT {} FROM {}{}", target.table.sql(),
                                      target.column_list(), scan->select_list(), ticket.relation(),
                                      behind));
}

Result<void> keep_errors(EngineSession& session, const LoadTarget& target,
                         const std::vector<LoadError>& errors) {
    if (errors.empty()) return {};
    const auto connection = TRY(session.engine().database->connect());
    const std::shared_lock no_backup(session.engine().commits);
    return connection->in_transaction([&]() -> Result<void> {
        std::int64_t user = 100;
        {
            const auto found = TRY(connection->execute(
                "SELECT \"number\" FROM stroma_system.users WHERE id = ?", {session.user_id()}));
            if (TRY(found->next())) user = found->integer(0);
        }
        const auto appender = TRY(connection->append_to("stroma_system.load_errors"));
        const auto now = iso_time(session.engine().options.clock->unix_ms());
        const std::int64_t zero = 0;
        for (const LoadError& error : errors) {
            const sql::Value row[] = {
                user,
                zero,
                target.table.is_temporary ? target.table.name : target.table.key(),
                now.substr(0, 23),
                std::int64_t{session.options().process},
                session.query_number(),
                error.file,
                static_cast<std::int64_t>(error.line),
                error.column,
                error.type,
                error.length,
                std::int64_t{error.position},
                error.raw_line,
                error.raw_value,
                std::int64_t{error.code},
                error.reason,
                zero,
                zero,
                sql::Value{}};
            TRY(appender->append(row));
        }
        return appender->finish();
    });
}

Answer<std::string> read_object(EngineSession& session, const Address& address,
                                std::size_t bytes_max) {
    const auto& lake = session.engine().options.lake;
    if (lake == nullptr) return refuse("0A000", "no buckets are served here");
    const auto object = lake->open(session.options().principal, address);
    if (!object)
        return refuse(object.error().code == ErrorCode::denied ? "42501" : "XX000",
                      fmt::format("The specified S3 object {} cannot be read: {}", address.url(),
                                  object.error().message));
    if ((*object)->object().size > bytes_max)
        return refuse("54000", fmt::format("{} is too large", address.url()));
    std::string text;
    while (text.size() < (*object)->object().size) {
        const Bytes block = TRY((*object)->read(text.size(), 1u << 20));
        if (block.empty()) break;
        text += as_text(block);
    }
    return text;
}

Answer<std::vector<LoadFile>> find_files(EngineSession& session, const CopyStatement& copy) {
    const auto& lake = session.engine().options.lake;
    if (lake == nullptr) return refuse("0A000", "no buckets are served here");
    const auto& principal = session.options().principal;
    const Address source = TRY(parse_address(copy.source));
    std::vector<LoadFile> files;
    if (!copy.options.manifest) {
        const auto listed = lake->list(principal, source);
        if (!listed) return fail(Failure(listed.error()));
        for (const LakeObject& each : *listed) {
            if (each.address.key.ends_with('/') && each.size == 0) continue;
            std::shared_ptr<LakeReader> object = TRY(lake->open(principal, each.address));
            files.push_back(file_of(object));
        }
        if (files.empty())
            return refuse("XX000",
                          fmt::format("The specified S3 prefix '{}' does not exist", source.key));
        return files;
    }
    const std::string text = TRY(read_object(session, source, 64u << 20));
    for (const ManifestEntry& entry : TRY(read_manifest(text, copy.source))) {
        const Address address = TRY(parse_address(entry.url));
        auto opened = lake->open(principal, address);
        if (!opened) {
            if (opened.error().code == ErrorCode::not_found && !entry.is_mandatory) continue;
            return refuse(opened.error().code == ErrorCode::denied ? "42501" : "XX000",
                          fmt::format("Problem reading manifest file - the file {} is not there "
                                      "or cannot be read: {}",
                                      entry.url, opened.error().message));
        }
        std::shared_ptr<LakeReader> object = std::move(*opened);
        if (entry.bytes && *entry.bytes != object->object().size)
            return refuse("XX000",
                          fmt::format("Unexpected file size: {} has {} bytes, the manifest says {}",
                                      entry.url, object->object().size, *entry.bytes));
        files.push_back(file_of(object));
    }
    if (files.empty())
        return refuse("XX000", fmt::format("no file of the manifest {} is there", copy.source));
    return files;
}

Answer<std::vector<LoadFile>> new_files(EngineSession& session, const CopyStatement& copy,
                                        const JobRun& job) {
    const auto& lake = session.engine().options.lake;
    if (lake == nullptr) return refuse("0A000", "no buckets are served here");
    const auto& principal = session.options().principal;
    // By name alone where a rewritten object isn't a new one. One that couldn't be loaded is tried
    // again when it is another.
    std::set<std::pair<std::string, std::string>> known, failed;
    const auto read = [&](std::string_view sql, auto& into, bool with_etag) -> Answer<void> {
        const auto rows = TRY(session.query(sql, std::vector<sql::Value>{sql::Value(job.id)}));
        while (TRY(rows->next()))
            into.emplace(rows->text(0), with_etag ? rows->text(1) : std::string());
        return {};
    };
    TRY(read("SELECT filename, etag FROM stroma_system.load_commits WHERE copy_job_id = ?", known,
             job.loads_rewritten));
    TRY(read("SELECT filename, etag FROM stroma_system.copy_job_failures WHERE job_id = ?", failed,
             true));
    const auto listed = lake->list(principal, TRY(parse_address(copy.source)));
    if (!listed) return fail(Failure(listed.error()));
    std::vector<LoadFile> files;
    for (const LakeObject& each : *listed) {
        const std::string url = each.address.url();
        const bool is_folder = each.address.key.ends_with('/') && each.size == 0;
        if (is_folder || (!job.only.empty() && url != job.only)) continue;
        if (known.contains({url, job.loads_rewritten ? each.etag : std::string()}) ||
            failed.contains({url, each.etag}))
            continue;
        auto opened = lake->open(principal, each.address);
        if (!opened && opened.error().code == ErrorCode::not_found) continue;  // gone meanwhile
        std::shared_ptr<LakeReader> object = TRY(std::move(opened));
        files.push_back(file_of(object));
    }
    return files;
}

}  // namespace stroma::redshift
