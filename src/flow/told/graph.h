#pragma once

#include <map>
#include <string>

#include "flow/definition.h"

namespace stroma::flow {

/// The pipeline as a graph in DOT, Mermaid, or drawn as SVG. `notes` stand under stages' names.
std::string dot_of(const Definition& definition);
std::string mermaid_of(const Definition& definition);
std::string svg_of(const Definition& definition,
                   const std::map<std::string, std::string>& notes = {});
/// "<" → "&lt;" and so on, for XML and HTML.
std::string escaped(std::string_view text);

}  // namespace stroma::flow
