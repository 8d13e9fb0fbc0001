#include "image/tiff/ome_xml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace stroma::image {
namespace {

std::string with_pixels(std::string_view attributes, std::string_view inside) {
    return fmt::format(
        R"(<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">)"
        R"(<Image ID="Image:0"><Pixels SizeX="30" SizeY="20" SizeZ="1" SizeT="1" {}>{}</Pixels>)"
        R"(</Image></OME>)",
        attributes, inside);
}

TEST(OmeXml, ChannelsNamesColoursAndSizesAreRead) {
    const auto image = ome_image_of(
        with_pixels(R"(SizeC="2" DimensionOrder="XYZCT" PhysicalSizeX="325" PhysicalSizeXUnit="nm")"
                    R"( PhysicalSizeY="0.5")",
                    R"(<Channel Name="DNA" Color="65535"/><Channel Name="CD8" Color="-16776961"/>)"
                    R"(<TiffData/>)"));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->channels[0].name, "DNA");
    EXPECT_EQ(image->channels[0].color, "#0000ff");
    EXPECT_EQ(image->channels[1].color, "#ff0000");
    EXPECT_DOUBLE_EQ(image->micrometres_x.value(), 0.325);
    EXPECT_DOUBLE_EQ(image->micrometres_y.value(), 0.5);
    EXPECT_EQ(image->planes[1].ifd, 1u);
}

TEST(OmeXml, PlanesAreFoundByTheirOrder) {
    for (const auto& [order, ifd] :
         {std::pair{"XYZCT", 3u}, std::pair{"XYCZT", 1u}, std::pair{"XYTCZ", 2u}}) {
        const std::string xml =
            fmt::format(R"(<OME><Image><Pixels SizeX="8" SizeY="8" SizeZ="3" SizeC="2" SizeT="2")"
                        R"( DimensionOrder="{}"><TiffData/></Pixels></Image></OME>)",
                        order);
        EXPECT_EQ(ome_image_of(xml).value().planes[1].ifd, ifd) << order;
    }
}

TEST(OmeXml, APlaneMayBeAnywhere) {
    const auto image = ome_image_of(
        with_pixels(R"(SizeC="2" DimensionOrder="XYZCT")",
                    R"(<TiffData FirstC="1" IFD="0"/><TiffData FirstC="0" IFD="5" PlaneCount="1">)"
                    R"(<UUID FileName="other.tif">urn:uuid:1</UUID></TiffData>)"));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->planes[0].ifd, 5u);
    EXPECT_EQ(image->planes[0].file, "other.tif");
    EXPECT_EQ(image->planes[1].ifd, 0u);
}

TEST(OmeXml, AChannelOfThreeSamplesIsOneChannel) {
    const auto image =
        ome_image_of(with_pixels(R"(SizeC="3")", R"(<Channel SamplesPerPixel="3"/><TiffData/>)"));
    ASSERT_TRUE(image) << image.error().message;
    EXPECT_EQ(image->channels.size(), 1u);
}

TEST(OmeXml, EntitiesAreNeverExpanded) {
    for (const char* entity :
         {R"(<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">)",
          R"(<!ENTITY a SYSTEM "file:///etc/passwd">)"}) {
        const auto image = ome_image_of(
            fmt::format("<!DOCTYPE OME [{}]>{}", entity,
                        R"(<OME><Image><Pixels SizeX="&a;" SizeY="1"/></Image></OME>)"));
        ASSERT_FALSE(image);
        EXPECT_EQ(image.error().code, ErrorCode::invalid_input);
        EXPECT_NE(image.error().message.find("document type"), std::string::npos);
    }
}

TEST(OmeXml, WhatCannotBeIsRefused) {
    for (const char* attributes : {R"(SizeC="0")", R"(SizeC="-1")", R"(SizeC="99999999999")",
                                   R"(SizeC="70000")", R"(SizeC="2" DimensionOrder="XYZC")"})
        EXPECT_FALSE(ome_image_of(with_pixels(attributes, "<TiffData/>"))) << attributes;
    EXPECT_FALSE(ome_image_of(with_pixels(R"(SizeC="2")", R"(<TiffData IFD="0"/>)")));
    EXPECT_FALSE(ome_image_of(with_pixels(R"(SizeC="3")", R"(<Channel/><Channel/>)")));
    EXPECT_FALSE(ome_image_of("<OME><Image/></OME>"));
    EXPECT_FALSE(ome_image_of("<OME><Image>"));
}

}  // namespace
}  // namespace stroma::image
