#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "expression/frame.h"

// Everything of a dataset but its matrices as bytes: docs/formats/expression.md, "Elements".

namespace stroma::expression {

Bytes encode(const Element& element);
Bytes encode(const Column& column);
Bytes encode(const TextArray& texts);

/// errors  corrupt  bytes that aren't such a thing, or hold more behind it
Result<Element> decode_element(ByteSpan bytes);
Result<Column> decode_column(ByteSpan bytes);
Result<TextArray> decode_texts(ByteSpan bytes);

/// Whether the pieces of an element fit each other (bytes and shape, codes and categories).
/// errors  invalid_input  names the place
Result<void> check(const Element& element);
Result<void> check(const Column& column);

}  // namespace stroma::expression
