#pragma once

#include "base/json.h"
#include "load/child/parser_child.h"

// What parent and child say to each other, as JSON. Included by their two sources only.

namespace stroma::loading {

/// Parent to child, first message.
struct ParseOrder {
    std::string name;  ///< of the input
    bool is_folder = false;
    std::string format;
    expression::ReadOptions read;
    bool sum_duplicates = false;
    bool durable = true;
    bool is_image = false;
    image::ImageOptions image;
    ParseLimits limits;
};

Json to_json(const ParseOrder& order);
Result<ParseOrder> order_from_json(const Json& json);

/// Child to parent, last message when all went well.
Json to_json(const ParseReport& report);
/// errors  invalid_input  a member is missing or of another type or size
Result<ParseReport> report_from_json(const Json& json);

Json to_json(const Error& error);
/// Whatever the child wrote, as an error of limited length.
Error error_from_json(const Json& json);

}  // namespace stroma::loading
