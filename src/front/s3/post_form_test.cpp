#include <gtest/gtest.h>

#include "front/s3/form_reader.h"

namespace stroma::front::s3 {
namespace {

const std::string form_text =
    "--b\r\nContent-Disposition: form-data; name=\"Key\"\r\n\r\na \"b\"\r\n"
    "--b\r\ncontent-disposition: form-data; name=empty\r\n\r\n\r\n"
    "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\\\x\\\\p.txt\"\r\n"
    "Content-Type: text/plain\r\n\r\nline\r\n--c\r\n-\r\n--b--\r\n";

TEST(Form, ReadsAlikeHoweverItIsCut) {
    for (std::size_t step = 1; step < form_text.size() + 2; ++step) {
        FormReader form("b");
        Bytes file;
        for (std::size_t at = 0; at < form_text.size(); at += step)
            ASSERT_TRUE(form.feed(std::string_view(form_text).substr(at, step), file));
        ASSERT_TRUE(form.whole()) << step;
        EXPECT_EQ(form.field("key"), "a \"b\"");
        EXPECT_EQ(form.fields().size(), 2u);
        EXPECT_EQ(form.file_name(), "p.txt");
        EXPECT_EQ(as_text(file), "line\r\n--c\r\n-");
    }
}

TEST(Form, RefusesWhatHasNoFileNoNamesOrNoEnd) {
    const auto taken = [](const std::string& text) {
        FormReader form("b");
        Bytes file;
        return form.feed(text, file).has_value();
    };
    EXPECT_FALSE(taken("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\n"));
    EXPECT_FALSE(taken("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"));
    EXPECT_FALSE(taken("--b\r\n" + std::string(10'000, 'h')));
    EXPECT_FALSE(taken("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" +
                       std::string(FormReader::fields_bytes_max + 100, 'x')));
    EXPECT_EQ(form_boundary("multipart/form-data; boundary=\"x y\""), "x y");
    EXPECT_EQ(form_boundary("multipart/form-data"), "");
    EXPECT_EQ(form_boundary("text/plain; boundary=x"), "");
}

}  // namespace
}  // namespace stroma::front::s3
