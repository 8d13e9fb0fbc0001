#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/base64.h"
#include "base/json.h"
#include "flow/size_text.h"
#include "flow/told/graph.h"
#include "flow/told/told.h"

namespace stroma::flow {
namespace {

constexpr std::uint64_t picture_bytes_max = 2u << 20, pictures_bytes_max = 24u << 20;
constexpr std::size_t items_max = 200, log_bytes_shown = 4000;

constexpr const char* style =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;"
    "color:#223}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:"
    "collapse}td,th{border-bottom:1px solid #ccd;padding:.25rem .8rem .25rem 0;text-align:left;"
    "vertical-align:top}figure{display:inline-block;margin:.5rem;max-width:22rem}figure img{"
    "max-width:100%;border:1px solid #ccd}figcaption{font-size:.8rem;color:#556}pre{background:"
    "#f4f4f8;padding:.6rem;overflow:auto;font-size:.8rem}.bad{color:#a00}svg{max-width:100%}";

std::string end_of_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.size() <= log_bytes_shown ? text : "…" + text.substr(text.size() - log_bytes_shown);
}

std::string kind_of(const std::string& picture) {
    const std::string ending = fs::path(picture).extension();
    if (ending == ".png") return "image/png";
    if (ending == ".jpg" || ending == ".jpeg") return "image/jpeg";
    if (ending == ".svg") return "image/svg+xml";
    return "";
}

class Report {
public:
    Report(Engine& engine, Run run) : engine_(engine), run_(std::move(run)) {}

    Result<std::string> write() {
        tasks_ = TRY(engine_.tasks(run_.id));
        const Json detail = TRY(run_detail(engine_, run_.id));
        definition_ = read_definition(run_.definition, {}, nullptr, {}).definition;
        head(detail);
        for (const Stage& stage : definition_.stages) TRY(stage_part(stage));
        TRY(reviews());
        return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
               escaped(run_.name) + "</title><style>" + style + "</style></head><body>\n" + text_ +
               "</body></html>\n";
    }

private:
    void head(const Json& detail);
    Result<void> stage_part(const Stage& stage);
    Result<void> item_part(const Task& task);
    void picture(const Task& task, const std::string& name);
    Result<void> reviews();

    Engine& engine_;
    const Run run_;
    Definition definition_;
    std::vector<Task> tasks_;
    std::string text_;
    std::uint64_t pictures_bytes_ = 0;
};

void Report::head(const Json& detail) {
    text_ += fmt::format(
        "<h1>{} <small>{} {}</small></h1>\n<p>State: <b>{}</b>. Input: {}. Begun {}. {}</p>\n",
        escaped(run_.name), escaped(run_.pipeline), escaped(run_.version), name_of(run_.state),
        escaped(run_.location.string()), iso_time(run_.created_ms),
        run_.ended_ms == 0 ? "" : "Ended " + iso_time(run_.ended_ms) + ".");
    if (!run_.error.empty()) text_ += "<p class=bad>" + escaped(run_.error) + "</p>\n";
    std::map<std::string, std::string> notes;
    std::string rows;
    for (const Json& stage : detail["stages"]) {
        std::string states;
        for (const auto& [state, count] : stage["states"].items())
            states += fmt::format("{}{} {}", states.empty() ? "" : ", ", count.get<int>(), state);
        const auto name = stage["stage"].get<std::string>();
        notes[name] = states.empty() ? "not begun" : states;
        rows += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1f}</td><td>{}</td></tr>\n",
            escaped(name), stage["tasks"].get<int>(), escaped(states), stage["cached"].get<int>(),
            stage["core_seconds"].get<double>(), size_text(stage["bytes_in"].get<std::uint64_t>()));
    }
    text_ += svg_of(definition_, notes);
    text_ +=
        "<table><tr><th>Stage</th><th>Tasks</th><th>States</th><th>From before</th><th>Core "
        "seconds</th><th>Read</th></tr>\n" +
        rows + "</table>\n";
    const Json& cost = detail["cost"];
    text_ += fmt::format("<p>{} input files; {:.2f} core seconds and {} read for each.</p>\n",
                         cost["images"].get<int>(), cost["core_seconds_each"].get<double>(),
                         size_text(static_cast<std::uint64_t>(cost["bytes_each"].get<double>())));
}

void Report::picture(const Task& task, const std::string& name) {
    const std::string kind = kind_of(name);
    const auto path = engine_.file_of(task.key, name);
    if (kind.empty() || !path) return;
    const auto bytes = read_file(*path, picture_bytes_max);
    if (!bytes || pictures_bytes_ + bytes->size() > pictures_bytes_max) {
        text_ += fmt::format("<p>{}: too large for this page</p>\n", escaped(name));
        return;
    }
    pictures_bytes_ += bytes->size();
    text_ += fmt::format(
        "<figure><img alt=\"{0}\" src=\"data:{1};base64,{2}\"><figcaption>{3} "
        "{0}</figcaption></figure>\n",
        escaped(name), kind, base64(*bytes), escaped(task.item));
}

Result<void> Report::item_part(const Task& task) {
    if (task.state == TaskState::dead) {
        text_ += fmt::format("<p class=bad>{}: {}</p>\n", escaped(task.item), escaped(task.error));
        const std::string log = end_of_file(engine_.log_of(task, task.attempt));
        if (!log.empty()) text_ += "<pre>" + escaped(log) + "</pre>\n";
        return {};
    }
    if (task.state != TaskState::done && task.state != TaskState::review) return {};
    const auto manifest = TRY(engine_.manifest(task.key));
    if (!manifest) return {};
    for (const std::string& name : manifest->pictures) picture(task, name);
    if (manifest->summary.empty() || manifest->summary == "null") return {};
    const auto summary = parse_json(manifest->summary);
    if (summary)
        text_ += fmt::format("<details><summary>{} summary</summary><pre>{}</pre></details>\n",
                             escaped(task.item), escaped(summary->dump(2)));
    return {};
}

Result<void> Report::stage_part(const Stage& stage) {
    text_ += "<h2>" + escaped(stage.name) + "</h2>\n";
    std::size_t shown = 0;
    for (const Task& task : tasks_) {
        if (task.stage != stage.name) continue;
        if (++shown > items_max) {
            text_ += "<p>… and further ones.</p>\n";
            break;
        }
        TRY(item_part(task));
    }
    return {};
}

Result<void> Report::reviews() {
    const auto list = TRY(engine_.reviews(run_.id));
    if (list.empty()) return {};
    text_ += "<h2>Reviews</h2>\n<table>\n";
    for (const Review& review : list)
        text_ += fmt::format(
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            iso_time(review.at_ms), escaped(review.reviewer), escaped(review.stage),
            escaped(review.item), review.accepted ? "accepted" : "rejected",
            escaped(review.comment));
    text_ += "</table>\n";
    return {};
}

}  // namespace

Result<std::string> report_html(Engine& engine, std::string_view id) {
    return Report(engine, TRY(engine.find(id))).write();
}

}  // namespace stroma::flow
