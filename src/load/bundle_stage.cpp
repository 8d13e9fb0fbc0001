#include "load/bundle_stage.h"

#include "base/json.h"

namespace stroma::loading {
namespace {

std::string fqid(const BundleNotice& notice) { return notice.uuid + "." + notice.version; }

std::string outcome(const BundleNotice& notice, std::string_view what) {
    return Json{{"bundle", fqid(notice)}, {"outcome", what}}.dump();
}

/// Ids become parts of paths, so they are what they say they are.
bool is_plain(std::string_view text) {
    for (const char c : text)
        if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.' && c != '_')
            return false;
    return !text.starts_with('.');
}

}  // namespace

std::string to_job_inputs(const BundleNotice& notice) {
    return Json{{"uuid", notice.uuid}, {"version", notice.version}, {"removal", notice.is_removal}}
        .dump();
}

Result<BundleNotice> bundle_notice_of(std::string_view job_inputs) {
    const Json json = TRY(parse_json(job_inputs));
    BundleNotice notice{json.value("uuid", ""), json.value("version", ""),
                        json.value("removal", false)};
    if (notice.uuid.empty() || !is_plain(notice.uuid) || !is_plain(notice.version))
        return fail(ErrorCode::invalid_input,
                    "the notice names no bundle: give its uuid and version");
    return notice;
}

Result<std::string> BundleStage::run(const pipeline::Job& job, pipeline::StageContext& context) {
    const BundleNotice notice = TRY(bundle_notice_of(job.inputs));
    if (!notice.is_removal) return load(notice, job, context);
    const std::lock_guard one_at_a_time(loader_.load_mutex());
    return remove(notice);
}

Result<std::string> BundleStage::load(const BundleNotice& notice, const pipeline::Job& job,
                                      pipeline::StageContext& context) {
    // Looked at again when the rows go in; here it only saves reading what is settled.
    const auto known = TRY(catalog_.bundles(notice.uuid));
    if (decide(known, notice) == BundleAction::nothing) return outcome(notice, "no change");
    if (source_.empty())
        return fail(ErrorCode::invalid_input,
                    "no bundle source is set; set dss.url to the folder that holds them");
    ImportRequest request;
    request.path = source_ / fqid(notice);
    request.owner = job.owner;
    request.format = "hca-bundle";
    if (!fs::exists(request.path))
        return fail(ErrorCode::unavailable,
                    "bundle " + fqid(notice) + " isn't at the bundle source");
    return import_.import(request, job.attempt_name(), context);
}

Result<std::string> BundleStage::remove(const BundleNotice& notice) {
    const auto known = TRY(catalog_.bundles(notice.uuid));
    const BundleAction action = decide(known, notice);
    if (action == BundleAction::nothing) return outcome(notice, "no change");
    for (const catalog::Bundle& bundle : known) {
        if (action != BundleAction::remove || bundle.state != "loaded") continue;
        if (const auto dataset = TRY(catalog_.find_dataset(bundle.dataset)))
            TRY(loader_.remove_dataset(*dataset));
        catalog::Bundle gone = bundle;
        gone.state = bundle.version == notice.version ? "deleted" : "replaced";
        TRY(catalog_.put_bundle(gone));
    }
    catalog::Bundle tombstone{notice.uuid, notice.version, "", "", "deleted", "{}", 0};
    TRY(catalog_.put_bundle(tombstone));
    return outcome(notice, action == BundleAction::remove ? "removed" : "remembered");
}

}  // namespace stroma::loading
