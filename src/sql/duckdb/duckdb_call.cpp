#include "sql/duckdb/duckdb_call.h"

#include "sql/duckdb/duckdb_instance.h"

namespace stroma::sql {
namespace {

struct KeptCall {
    NumberCall call;
    std::size_t numbers;
};

void destroy_call(void* pointer) { delete static_cast<KeptCall*>(pointer); }

void call_rows(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    const auto& kept = *static_cast<KeptCall*>(duckdb_scalar_function_get_extra_info(info));
    auto* const answers = static_cast<bool*>(duckdb_vector_get_data(output));
    std::vector<std::optional<std::int64_t>> given(kept.numbers);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        for (std::size_t at = 0; at < kept.numbers; ++at) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(input, at);
            std::uint64_t* const valid = duckdb_vector_get_validity(vector);
            const auto* const numbers =
                static_cast<const std::int64_t*>(duckdb_vector_get_data(vector));
            const bool is_null = valid != nullptr && !duckdb_validity_row_is_valid(valid, row);
            given[at] = is_null ? std::nullopt : std::optional(numbers[row]);
        }
        const auto answer = kept.call(given);
        if (!answer) {
            duckdb_scalar_function_set_error(info, answer.error().message.c_str());
            return;
        }
        answers[row] = *answer;
    }
}

struct KeptTextCall {
    TextCall call;
    std::size_t texts;
    bool gives_numbers;
};

void destroy_text_call(void* pointer) { delete static_cast<KeptTextCall*>(pointer); }

void text_call_rows(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
    auto& kept = *static_cast<KeptTextCall*>(duckdb_scalar_function_get_extra_info(info));
    std::vector<std::string_view> given(kept.texts);
    duckdb_vector_ensure_validity_writable(output);
    std::uint64_t* const answered = duckdb_vector_get_validity(output);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); ++row) {
        bool is_null = false;
        for (std::size_t at = 0; at < kept.texts; ++at) {
            duckdb_vector vector = duckdb_data_chunk_get_vector(input, at);
            std::uint64_t* const valid = duckdb_vector_get_validity(vector);
            is_null = is_null || (valid != nullptr && !duckdb_validity_row_is_valid(valid, row));
            if (is_null) break;
            auto& text = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector))[row];
            given[at] = {duckdb_string_t_data(&text), duckdb_string_t_length(text)};
        }
        duckdb_validity_set_row_validity(answered, row, !is_null);
        if (is_null) continue;
        const auto answer = kept.call(given);
        if (!answer) {
            duckdb_scalar_function_set_error(info, answer.error().message.c_str());
            return;
        }
        if (kept.gives_numbers) {
            static_cast<std::int64_t*>(duckdb_vector_get_data(output))[row] =
                std::get<std::int64_t>(*answer);
        } else {
            const auto& text = std::get<std::string>(*answer);
            duckdb_vector_assign_string_element_len(output, row, text.data(), text.size());
        }
    }
}

}  // namespace

Result<void> add_duckdb_text_call(EmbeddedDatabase& database, const std::string& name,
                                  std::size_t texts, bool gives_numbers, TextCall call) {
    const auto connection = TRY(database.connect());
    duckdb_scalar_function made = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(made, name.c_str());
    duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    for (std::size_t at = 0; at < texts; ++at) duckdb_scalar_function_add_parameter(made, text);
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_scalar_function_set_return_type(made, gives_numbers ? number : text);
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_logical_type(&text);
    duckdb_scalar_function_set_special_handling(made);
    duckdb_scalar_function_set_extra_info(
        made, new KeptTextCall{std::move(call), texts, gives_numbers}, destroy_text_call);
    duckdb_scalar_function_set_function(made, text_call_rows);
    const auto state = duckdb_register_scalar_function(handle_of(*connection), made);
    duckdb_destroy_scalar_function(&made);
    if (state == DuckDBSuccess) return {};
    return fail(ErrorCode::already_exists, "a function '" + name + "' is there already");
}

Result<void> add_duckdb_call(EmbeddedDatabase& database, const std::string& name,
                             std::size_t numbers, NumberCall call) {
    const auto connection = TRY(database.connect());
    duckdb_scalar_function made = duckdb_create_scalar_function();
    duckdb_scalar_function_set_name(made, name.c_str());
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    for (std::size_t at = 0; at < numbers; ++at) duckdb_scalar_function_add_parameter(made, number);
    duckdb_destroy_logical_type(&number);
    duckdb_logical_type truth = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
    duckdb_scalar_function_set_return_type(made, truth);
    duckdb_destroy_logical_type(&truth);
    // It does something: not to be worked out beforehand, nor once for all rows.
    duckdb_scalar_function_set_volatile(made);
    duckdb_scalar_function_set_special_handling(made);
    duckdb_scalar_function_set_extra_info(made, new KeptCall{std::move(call), numbers},
                                          destroy_call);
    duckdb_scalar_function_set_function(made, call_rows);
    const auto state = duckdb_register_scalar_function(handle_of(*connection), made);
    duckdb_destroy_scalar_function(&made);
    if (state == DuckDBSuccess) return {};
    return fail(ErrorCode::already_exists, "a function '" + name + "' is there already");
}

}  // namespace stroma::sql
