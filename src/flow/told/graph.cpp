#include "flow/told/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

namespace stroma::flow {
namespace {

struct Edge {
    std::string from, to, label;
    friend auto operator<=>(const Edge&, const Edge&) = default;
};

std::set<Edge> edges_of(const Definition& definition) {
    std::set<Edge> edges;
    const auto add = [&](const Reference& from, const Stage& to) {
        if (from.stage.empty())
            edges.insert({"in_" + from.output, to.name, ""});
        else
            edges.insert({from.stage, to.name, from.output});
    };
    for (const Stage& stage : definition.stages) {
        for (const StageInput& input : stage.inputs)
            for (const Reference& from : input.from) add(from, stage);
        for (const std::string& name : stage.scatter)
            if (const auto found = definition.dimensions.find(name);
                found != definition.dimensions.end() && found->second.from)
                add(*found->second.from, stage);
    }
    return edges;
}

std::string work_of(const Stage& stage) {
    std::string text = stage.step.empty() ? stage.command.front() : stage.step;
    if (stage.step.empty() && stage.command.size() > 1)
        text = fs::path(stage.command[1]).filename();
    for (const std::string& name : stage.scatter) text += " · each " + name;
    return text;
}

struct Box {
    double x = 0, y = 0;
    std::string title, text;
    bool is_input = false;
};

constexpr double width = 190, height = 52, gap_x = 60, gap_y = 22, margin = 16;

/// Columns by the longest way from an input.
std::map<std::string, Box> placed(const Definition& definition, const std::set<Edge>& edges,
                                  const std::map<std::string, std::string>& notes) {
    std::map<std::string, int> column;
    std::map<std::string, Box> boxes;
    for (const RunInput& input : definition.inputs) {
        column["in_" + input.name] = 0;
        boxes["in_" + input.name] = {.title = input.name, .text = input.pattern, .is_input = true};
    }
    for (const Stage& stage : definition.stages) {
        int at = 1;
        for (const Edge& edge : edges)
            if (edge.to == stage.name) at = std::max(at, column[edge.from] + 1);
        column[stage.name] = at;
        const auto note = notes.find(stage.name);
        boxes[stage.name] = {.title = stage.name,
                             .text = note == notes.end() ? work_of(stage) : note->second};
    }
    std::map<int, int> filled;
    const auto place = [&](const std::string& name) {
        Box& box = boxes[name];
        box.x = margin + column[name] * (width + gap_x);
        box.y = margin + filled[column[name]]++ * (height + gap_y);
    };
    for (const RunInput& input : definition.inputs) place("in_" + input.name);
    for (const Stage& stage : definition.stages) place(stage.name);
    return boxes;
}

std::string shortened(const std::string& text) {
    constexpr std::size_t most = 30;
    return text.size() <= most ? text : text.substr(0, most - 1) + "…";
}

}  // namespace

std::string escaped(std::string_view text) {
    std::string out;
    for (const char character : text) {
        switch (character) {
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '&': out += "&amp;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += character;
        }
    }
    return out;
}

std::string dot_of(const Definition& definition) {
    std::string text =
        fmt::format("digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box];\n", definition.name);
    for (const RunInput& input : definition.inputs)
        text += fmt::format("  \"in_{0}\" [label=\"{0}\", shape=folder];\n", input.name);
    for (const Stage& stage : definition.stages)
        text += fmt::format("  \"{0}\" [label=\"{0}\\n{1}\"];\n", stage.name, work_of(stage));
    for (const Edge& edge : edges_of(definition))
        text += fmt::format("  \"{}\" -> \"{}\" [label=\"{}\"];\n", edge.from, edge.to, edge.label);
    return text + "}\n";
}

std::string mermaid_of(const Definition& definition) {
    std::string text = "flowchart LR\n";
    for (const RunInput& input : definition.inputs)
        text += fmt::format("  in_{0}[/\"{0}\"/]\n", input.name);
    for (const Stage& stage : definition.stages)
        text += fmt::format("  {0}[\"{0}<br/>{1}\"]\n", stage.name, escaped(work_of(stage)));
    for (const Edge& edge : edges_of(definition))
        text += edge.label.empty()
                    ? fmt::format("  {} --> {}\n", edge.from, edge.to)
                    : fmt::format("  {} -->|{}| {}\n", edge.from, edge.label, edge.to);
    return text;
}

std::string svg_of(const Definition& definition, const std::map<std::string, std::string>& notes) {
    const std::set<Edge> edges = edges_of(definition);
    const auto boxes = placed(definition, edges, notes);
    double right = 0, bottom = 0;
    std::string lines, frames;
    for (const Edge& edge : edges) {
        const Box &from = boxes.at(edge.from), &to = boxes.at(edge.to);
        const double x = from.x + width, y = from.y + height / 2, end = to.y + height / 2;
        const double middle = (x + to.x) / 2;
        lines += fmt::format(
            "<path d=\"M{0} {1}C{2} {1} {2} {3} {4} {3}\" fill=\"none\" stroke=\"#888\" "
            "marker-end=\"url(#a)\"/>\n",
            x, y, middle, end, to.x - 4);
        if (!edge.label.empty())
            lines += fmt::format(
                "<text x=\"{}\" y=\"{}\" font-size=\"10\" fill=\"#666\" "
                "text-anchor=\"middle\">{}</text>\n",
                middle, (y + end) / 2 - 4, escaped(shortened(edge.label)));
    }
    for (const auto& [name, box] : boxes) {
        right = std::max(right, box.x + width + margin);
        bottom = std::max(bottom, box.y + height + margin);
        frames += fmt::format(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"{}\" "
            "stroke=\"#446\"/>\n<text x=\"{}\" y=\"{}\" font-weight=\"600\">{}</text>\n<text "
            "x=\"{}\" y=\"{}\" font-size=\"11\" fill=\"#555\">{}</text>\n",
            box.x, box.y, width, height, box.is_input ? 2 : 8, box.is_input ? "#eef" : "#fff",
            box.x + 10, box.y + 21, escaped(shortened(box.title)), box.x + 10, box.y + 39,
            escaped(shortened(box.text)));
    }
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
        "height=\"{1}\" font-family=\"system-ui,sans-serif\" font-size=\"13\">\n<defs><marker "
        "id=\"a\" markerWidth=\"8\" markerHeight=\"8\" refX=\"6\" refY=\"3\" "
        "orient=\"auto\"><path d=\"M0 0L6 3L0 6z\" fill=\"#888\"/></marker></defs>\n{2}{3}</svg>\n",
        right, bottom, lines, frames);
}

}  // namespace stroma::flow
