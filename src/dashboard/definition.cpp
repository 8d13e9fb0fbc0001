#include "dashboard/definition.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "base/json.h"
#include "dashboard/parameters.h"

namespace stroma::dashboard {
namespace {

constexpr std::size_t panels_max = 100, parameters_max = 20, choices_max = 1000;
constexpr std::size_t statement_bytes_max = 64u << 10, words_bytes_max = 16u << 10;
constexpr std::size_t title_bytes_max = 200, columns_drawn_max = 20;
constexpr std::int64_t refresh_seconds_max = 86'400, grid_columns = 12, grid_rows_max = 10'000;

tl::unexpected<Error> wrong(std::string_view place, std::string_view why) {
    return fail(ErrorCode::invalid_input, fmt::format("at {}: {}", place, why));
}

/// The members of one object, by the place where it stands ("/panels/2").
class Members {
public:
    Members(const Json& object, std::string place) : object_(object), place_(std::move(place)) {}

    const Json* find(std::string_view name) {
        asked_.emplace(name);
        const auto found = object_.find(name);
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }
    Result<std::string> text(std::string_view name, std::size_t bytes_max) {
        const Json* const value = find(name);
        if (value == nullptr) return std::string();
        if (!value->is_string() || value->get_ref<const std::string&>().size() > bytes_max)
            return wrong(at(name),
                         fmt::format("'{}' must be a text of at most {} bytes", name, bytes_max));
        return value->get<std::string>();
    }
    Result<std::int64_t> integer(std::string_view name, std::int64_t low, std::int64_t high,
                                 std::int64_t otherwise) {
        const Json* const value = find(name);
        if (value == nullptr) return otherwise;
        const bool fits = value->is_number_integer() && *value >= low && *value <= high;
        if (!fits)
            return wrong(at(name),
                         fmt::format("'{}' must be a whole number, {} to {}", name, low, high));
        return value->get<std::int64_t>();
    }
    Result<bool> boolean(std::string_view name) {
        const Json* const value = find(name);
        if (value == nullptr) return false;
        if (!value->is_boolean()) return wrong(at(name), "it must be true or false");
        return value->get<bool>();
    }
    Result<std::string> one_of(std::string_view name, std::span<const std::string_view> words,
                               std::string_view otherwise) {
        const std::string word = TRY(text(name, title_bytes_max));
        if (word.empty()) return std::string(otherwise);
        if (std::ranges::find(words, word) == words.end())
            return wrong(at(name),
                         fmt::format("'{}' must be one of: {}", name, fmt::join(words, ", ")));
        return word;
    }
    /// Texts in a list; empty where it isn't there.
    Result<std::vector<std::string>> texts(std::string_view name, std::size_t most) {
        std::vector<std::string> read;
        const Json* const list = find(name);
        if (list == nullptr) return read;
        if (!list->is_array() || list->size() > most)
            return wrong(at(name), fmt::format("'{}' must be a list of at most {}", name, most));
        for (const Json& one : *list) {
            if (!one.is_string() || one.get_ref<const std::string&>().size() > title_bytes_max)
                return wrong(at(name), fmt::format("'{}' takes texts of at most {} bytes", name,
                                                   title_bytes_max));
            read.push_back(one.get<std::string>());
        }
        return read;
    }
    /// The objects in a list.
    Result<std::vector<Members>> objects(std::string_view name, std::size_t most) {
        std::vector<Members> read;
        const Json* const list = find(name);
        if (list == nullptr) return read;
        if (!list->is_array()) return wrong(at(name), "it must be a list of objects");
        if (list->size() > most)
            return fail(ErrorCode::exhausted,
                        fmt::format("at {}: a dashboard has at most {}", at(name), most));
        for (std::size_t index = 0; index < list->size(); ++index) {
            if (!(*list)[index].is_object()) return wrong(at(name), "it must be a list of objects");
            read.emplace_back((*list)[index], fmt::format("{}/{}", at(name), index));
        }
        return read;
    }
    /// Refuses members that nobody asked for.
    Result<void> finish() const {
        for (const auto& [name, value] : object_.items())
            if (!asked_.contains(name))
                return wrong(at(name), fmt::format("there is no '{}' here", name));
        return {};
    }
    std::string at(std::string_view name) const { return fmt::format("{}/{}", place_, name); }

private:
    const Json& object_;
    std::string place_;
    std::set<std::string, std::less<>> asked_;
};

Result<Question> question_in(Members& members) {
    constexpr std::string_view sources[] = {"relations", "tables"};
    Question question;
    const std::string source = TRY(members.one_of("source", sources, "relations"));
    question.source = TRY(source_named(source));
    question.statement = TRY(members.text("statement", statement_bytes_max));
    return question;
}

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= 60 && name.front() >= 'a' && name.front() <= 'z' &&
           std::ranges::all_of(name, [](char one) {
               return (one >= 'a' && one <= 'z') || (one >= '0' && one <= '9') || one == '_';
           });
}

bool is_panel_id(std::string_view id) {
    return !id.empty() && id.size() <= 60 && std::ranges::all_of(id, [](char one) {
        return (one >= 'a' && one <= 'z') || (one >= 'A' && one <= 'Z') ||
               (one >= '0' && one <= '9') || one == '-' || one == '_';
    });
}

Result<Parameter> parameter_in(Members& members) {
    constexpr std::string_view kinds[] = {"text", "number", "date", "choice"};
    Parameter parameter;
    parameter.name = TRY(members.text("name", title_bytes_max));
    if (!is_name(parameter.name))
        return wrong(members.at("name"),
                     "a parameter's name has a to z, 0 to 9 and _, and begins with a letter");
    TRY(members.text("label", title_bytes_max));
    const std::string kind = TRY(members.one_of("kind", kinds, "text"));
    parameter.kind = static_cast<ParameterKind>(std::ranges::find(kinds, kind) - kinds);
    parameter.choices = TRY(members.texts("choices", choices_max));
    parameter.question = TRY(question_in(members));
    const bool is_choice = parameter.kind == ParameterKind::choice;
    const bool has_choices = !parameter.choices.empty() || !parameter.question.statement.empty();
    if (is_choice != has_choices)
        return wrong(members.at("choices"),
                     "a parameter of the kind choice, and no other, has 'choices' or a 'statement' "
                     "whose first column they are");
    if (const Json* const usual = members.find("default")) {
        const auto value = value_of(parameter, *usual);
        if (!value)
            return wrong(members.at("default"),
                         value.error().message.substr(value.error().message.find(": ") + 2));
        parameter.usual = *value;
    }
    TRY(members.finish());
    return parameter;
}

/// Where it lies in the grid.
Result<void> check_place(Members& members) {
    const Json* const json = members.find("place");
    if (json == nullptr) return {};
    if (!json->is_object()) return wrong(members.at("place"), "it must be an object");
    Members place(*json, members.at("place"));
    const std::int64_t left = TRY(place.integer("x", 0, grid_columns - 1, 0));
    TRY(place.integer("y", 0, grid_rows_max, 0));
    const std::int64_t width = TRY(place.integer("width", 1, grid_columns, 4));
    TRY(place.integer("height", 1, 100, 4));
    if (left + width > grid_columns)
        return wrong(members.at("place"), "it reaches beyond the grid's 12 columns");
    return place.finish();
}

/// How it is drawn: nobody but the pages needs to know.
Result<void> check_drawing(Members& members) {
    constexpr std::string_view layouts[] = {"stacked", "grouped"};
    TRY(members.text("x", title_bytes_max));
    TRY(members.texts("y", columns_drawn_max));
    TRY(members.text("series", title_bytes_max));
    TRY(members.one_of("layout", layouts, ""));
    TRY(members.text("unit", 20));
    TRY(members.boolean("points"));
    TRY(members.boolean("from_zero"));
    return check_place(members);
}

Result<Panel> panel_in(Members& members, std::int64_t usual_refresh) {
    constexpr std::string_view kinds[] = {"line",  "area",   "bar", "scatter",
                                          "table", "number", "text"};
    Panel panel;
    panel.id = TRY(members.text("id", title_bytes_max));
    if (!is_panel_id(panel.id))
        return wrong(members.at("id"), "a panel's id has 1 to 60 letters, digits, - and _");
    panel.title = TRY(members.text("title", title_bytes_max));
    panel.has_question = TRY(members.one_of("kind", kinds, "table")) != "text";
    panel.question = TRY(question_in(members));
    panel.refresh_seconds =
        TRY(members.integer("refresh_seconds", 0, refresh_seconds_max, usual_refresh));
    TRY(members.text("text", words_bytes_max));
    if (panel.has_question && panel.question.statement.empty())
        return wrong(members.at("statement"), "the panel needs a SELECT statement");
    TRY(check_drawing(members));
    TRY(members.finish());
    return panel;
}

template <class Things, class Name>
Result<void> check_distinct(const Things& things, Name name, std::string_view place) {
    std::set<std::string, std::less<>> seen;
    for (const auto& thing : things)
        if (!seen.insert(thing.*name).second)
            return wrong(place, fmt::format("'{}' is there twice", thing.*name));
    return {};
}

}  // namespace

const Panel* Definition::panel(std::string_view id) const {
    const auto found = std::ranges::find(panels, id, &Panel::id);
    return found == panels.end() ? nullptr : &*found;
}

const Parameter* Definition::parameter(std::string_view name) const {
    const auto found = std::ranges::find(parameters, name, &Parameter::name);
    return found == parameters.end() ? nullptr : &*found;
}

Result<Source> source_named(std::string_view name) {
    if (name == "relations") return Source::relations;
    if (name == "tables") return Source::tables;
    return wrong("/source", "'source' must be relations or tables");
}

Result<Definition> read_definition(std::string_view text) {
    const Json json = TRY(parse_json(text, {.bytes_max = definition_bytes_max, .depth_max = 16}));
    if (!json.is_object()) return wrong("", "a dashboard must be one JSON object");
    Members members(json, "");
    Definition definition;
    definition.title = TRY(members.text("title", title_bytes_max));
    if (definition.title.empty()) return wrong("/title", "a dashboard needs a title");
    TRY(members.text("description", words_bytes_max));
    definition.refresh_seconds = TRY(members.integer("refresh_seconds", 0, refresh_seconds_max, 0));
    definition.as_owner = TRY(members.boolean("as_owner"));
    for (Members& one : TRY(members.objects("parameters", parameters_max)))
        definition.parameters.push_back(TRY(parameter_in(one)));
    for (Members& one : TRY(members.objects("panels", panels_max)))
        definition.panels.push_back(TRY(panel_in(one, definition.refresh_seconds)));
    TRY(members.finish());
    TRY(check_distinct(definition.parameters, &Parameter::name, "/parameters"));
    TRY(check_distinct(definition.panels, &Panel::id, "/panels"));
    definition.json = json.dump();
    return definition;
}

}  // namespace stroma::dashboard
