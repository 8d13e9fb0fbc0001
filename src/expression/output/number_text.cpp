#include "expression/output/number_text.h"

namespace stroma::expression {

void append_field(std::string& to, std::string_view text, char separator, Quoting quoting) {
    bool quote = false;
    for (const char c : text) quote |= c == separator || c == '"' || c == '\n' || c == '\r';
    if (!text.empty()) {
        quote |= text.front() == ' ' || text.back() == ' ';
        if (quoting == Quoting::formulas)
            quote |= std::string_view("=+-@\t").find(text.front()) != std::string_view::npos;
    }
    if (!quote) {
        to += text;
        return;
    }
    to += '"';
    for (const char c : text) {
        if (c == '"') to += '"';
        to += c;
    }
    to += '"';
}

}  // namespace stroma::expression
