#include "event/pattern.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace stroma::event {
namespace {

bool fits(std::string_view pattern, std::string_view event) {
    return Pattern::read(pattern).value().matches(FlatEvent(parse_json(event).value()));
}

std::string why_not(std::string_view pattern) {
    const auto read = Pattern::read(pattern);
    return read ? "it is one" : read.error().message;
}

TEST(Pattern, ExactValuesOfAnyKindMatchAndNumbersByTheirValue) {
    EXPECT_TRUE(fits(R"({"a":["x","y"]})", R"({"a":"y","b":1})"));
    EXPECT_FALSE(fits(R"({"a":["x"],"b":["y"]})", R"({"a":"x","b":"z"})"));
    EXPECT_TRUE(fits(R"({"n":[300]})", R"({"n":300.0})"));
    EXPECT_FALSE(fits(R"({"n":[300]})", R"({"n":"300"})"));
    EXPECT_TRUE(fits(R"({"n":[null,false]})", R"({"n":false})"));
    EXPECT_FALSE(fits(R"({"n":[null]})", R"({"n":"null"})"));
    EXPECT_TRUE(fits(R"({"a":["first"],"a":["last"]})", R"({"a":"last"})")) << "the last one wins";
}

TEST(Pattern, ListsMatchByAnyElementAndEmptyOnesByNone) {
    EXPECT_TRUE(fits(R"({"r":["b","z"]})", R"({"r":["a","b"]})"));
    EXPECT_FALSE(fits(R"({"r":[null]})", R"({"r":[]})"));
    EXPECT_FALSE(fits(R"({"r":[{"exists":true}]})", R"({"r":[]})"));
    // What is said of an element's members must hold for one and the same element.
    constexpr auto pattern = R"({"l":{"k":["v"],"m":[1]}})";
    EXPECT_TRUE(fits(pattern, R"({"l":[{"k":"v","m":2},{"k":"v","m":1}]})"));
    EXPECT_FALSE(fits(pattern, R"({"l":[{"k":"v","m":2},{"k":"w","m":1}]})"));
}

TEST(Pattern, NamesJoinedByDotsLeadIntoObjects) {
    EXPECT_TRUE(fits(R"({"d":{"s.t":["r"]}})", R"({"d":{"s":{"t":"r"}}})"));
    EXPECT_TRUE(fits(R"({"d":{"s":{"t":["r"]}}})", R"({"d":{"s.t":"r"}})"));
}

TEST(Pattern, EachOperatorDoesWhatItSays) {
    EXPECT_TRUE(fits(R"({"a":[{"prefix":"ab"}]})", R"({"a":"abc"})"));
    EXPECT_FALSE(fits(R"({"a":[{"prefix":"ab"}]})", R"({"a":"ba"})"));
    EXPECT_TRUE(fits(R"({"a":[{"suffix":{"equals-ignore-case":".PNG"}}]})", R"({"a":"i.png"})"));
    EXPECT_TRUE(fits(R"({"a":[{"equals-ignore-case":"AbC"}]})", R"({"a":"aBc"})"));
    EXPECT_TRUE(fits(R"({"a":[{"wildcard":"a*c*"}]})", R"({"a":"axxcyy"})"));
    EXPECT_FALSE(fits(R"({"a":[{"wildcard":"a*c"}]})", R"({"a":"axxcyy"})"));
    EXPECT_TRUE(fits(R"({"a":[{"wildcard":"a\\*c"}]})", R"({"a":"a*c"})"));
    EXPECT_FALSE(fits(R"({"a":[{"wildcard":"a\\*c"}]})", R"({"a":"abc"})"));
    EXPECT_TRUE(fits(R"({"a":[{"numeric":[">",0,"<=",5]}]})", R"({"a":5})"));
    EXPECT_FALSE(fits(R"({"a":[{"numeric":[">",0,"<",5]}]})", R"({"a":5})"));
    EXPECT_FALSE(fits(R"({"a":[{"numeric":["=",5]}]})", R"({"a":"5"})"));
    EXPECT_TRUE(fits(R"({"a":[{"cidr":"10.0.0.0/23"}]})", R"({"a":"10.0.1.255"})"));
    EXPECT_FALSE(fits(R"({"a":[{"cidr":"10.0.0.0/23"}]})", R"({"a":"10.0.2.0"})"));
    EXPECT_TRUE(fits(R"({"a":[{"cidr":"2001:db8::/33"}]})", R"({"a":"2001:db8:7fff::1"})"));
    EXPECT_TRUE(fits(R"({"a":[{"exists":false}]})", R"({"b":1})"));
    EXPECT_FALSE(fits(R"({"a":[{"exists":true}]})", R"({"a":{"b":1}})")) << "only of leaves";
}

TEST(Pattern, AnythingButTakesWhatIsThereAndIsNotNamed) {
    EXPECT_TRUE(fits(R"({"a":[{"anything-but":"x"}]})", R"({"a":"y"})"));
    EXPECT_TRUE(fits(R"({"a":[{"anything-but":"x"}]})", R"({"a":null})"));
    EXPECT_FALSE(fits(R"({"a":[{"anything-but":"x"}]})", R"({"b":1})"));
    EXPECT_FALSE(fits(R"({"a":[{"anything-but":[1,2]}]})", R"({"a":2.0})"));
    for (const char* pattern : {R"({"a":[{"anything-but":{"prefix":["x","in"]}}]})",
                                R"({"a":[{"anything-but":{"suffix":"it"}}]})",
                                R"({"a":[{"anything-but":{"equals-ignore-case":["INIT"]}}]})",
                                R"({"a":[{"anything-but":{"wildcard":"i*t"}}]})"}) {
        EXPECT_FALSE(fits(pattern, R"({"a":"init"})")) << pattern;
        EXPECT_TRUE(fits(pattern, R"({"a":"other"})")) << pattern;
        EXPECT_TRUE(fits(pattern, R"({"a":12})")) << pattern;
    }
}

TEST(Pattern, ChoicesAreJoinedToWhatStandsBesideThem) {
    constexpr auto pattern = R"({"s":["x"],"$or":[{"a":[1]},{"b":{"c":[{"exists":true}]}}]})";
    EXPECT_TRUE(fits(pattern, R"({"s":"x","a":1})"));
    EXPECT_TRUE(fits(pattern, R"({"s":"x","b":{"c":null}})"));
    EXPECT_FALSE(fits(pattern, R"({"s":"x","a":2})"));
    EXPECT_FALSE(fits(pattern, R"({"s":"y","a":1})"));
}

TEST(Pattern, WhatIsNoPatternIsRefusedWithTheReason) {
    EXPECT_EQ(why_not(R"({"a":1})"), "\"a\" must be an object or an array");
    EXPECT_EQ(why_not(R"({"a":[]})"), "Empty arrays are not allowed");
    EXPECT_EQ(why_not(R"([1])"), "Filter is not an object");
    EXPECT_EQ(why_not(R"({"a":[{"EXISTS":true}]})"), "Unrecognized match type EXISTS");
    EXPECT_EQ(why_not(R"({"a":[{"prefix":1}]})"), "prefix match pattern must be a string");
    EXPECT_EQ(why_not(R"({"a":[{"cidr":"bad-filter"}]})"), "Malformed CIDR, one '/' required");
    EXPECT_EQ(why_not(R"({"a":[{"cidr":"xx.11.xx/8"}]})"), "Nonstandard IP address: xx.11.xx");
    EXPECT_EQ(why_not(R"({"a":[{"numeric":[">",0,"<"]}]})"), "Value of < must be numeric");
    EXPECT_EQ(why_not(R"({"a":[{"numeric":[">",0,">",0]}]})"), "Bad numeric range operator: >");
    EXPECT_EQ(why_not(R"({"a":[{"wildcard":"a**b"}]})"),
              "Consecutive wildcard characters at pos 2");
    EXPECT_EQ(why_not(R"({"a":[{"anything-but":{"prefix":""}}]})"),
              "Null prefix/suffix not allowed");
    EXPECT_NE(why_not(R"({"a":[{"wildcard":"*:*:*:*:*:*"}]})"), "it is one");
    EXPECT_NE(why_not("{"), "it is one");
    EXPECT_NE(why_not(""), "it is one");
    EXPECT_NE(why_not(std::string(5000, '[')), "it is one");
    std::string deep, end;
    for (int level = 0; level < 200; ++level) {
        deep += R"({"a":)";
        end += '}';
    }
    EXPECT_NE(why_not(deep + "[1]" + end), "it is one");
}

TEST(Pattern, WorkIsBoundedWhateverPatternAndEventSay) {
    std::string pattern = "{", event = R"({"l":[)";
    for (int choice = 0; choice < 9; ++choice)
        pattern += R"("$or)" + std::to_string(choice) + R"(":[1],)";
    pattern += R"("l":{)";
    for (int name = 0; name < 30; ++name)
        pattern += (name > 0 ? "," : "") + ("\"k" + std::to_string(name)) + "\":[1]";
    pattern += "}}";
    for (int element = 0; element < 2000; ++element)
        event += std::string(element > 0 ? "," : "") + R"({"k0":1,"k1":1})";
    EXPECT_FALSE(fits(pattern, event + "]}"));
}

}  // namespace
}  // namespace stroma::event
