/** A part of the image as two triangles; `at` runs over the texture's part. */
export const vertexShader = `#version 300 es
uniform vec2 origin;
uniform vec2 across;
uniform vec2 down;
uniform vec4 part;
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(origin + across * corner.x + down * corner.y, 0.0, 1.0);
  at = mix(part.xy, part.zw, corner);
}`;

/** kind 0: a plain colour; 1: a photograph; 2: one channel in its colour between two values;
 *  3: labels, their outlines in the colours of their cells. */
export const fragmentShader = `#version 300 es
precision highp float;
precision highp sampler2D;
in vec2 at;
uniform int kind;
uniform vec3 colour;
uniform vec2 range;
uniform float fill;
uniform sampler2D tile;
uniform sampler2D cells;
out vec4 drawn;

float label_at(ivec2 place, ivec2 size) {
  return texelFetch(tile, clamp(place, ivec2(0), size - 1), 0).r;
}

vec4 outline() {
  ivec2 size = textureSize(tile, 0);
  ivec2 place = ivec2(at * vec2(size));
  float label = label_at(place, size);
  if (label < 0.5) return vec4(0.0);
  bool rim = label_at(place + ivec2(1, 0), size) != label || label_at(place - ivec2(1, 0), size) != label ||
    label_at(place + ivec2(0, 1), size) != label || label_at(place - ivec2(0, 1), size) != label;
  int index = int(label + 0.5);
  ivec2 held = textureSize(cells, 0);
  vec4 cell = index < held.x * held.y ? texelFetch(cells, ivec2(index % held.x, index / held.x), 0)
                                      : vec4(0.5, 0.5, 0.5, 1.0);
  float alpha = cell.a * (rim ? 1.0 : fill);
  return vec4(cell.rgb * alpha, alpha);
}

void main() {
  if (kind == 0) drawn = vec4(colour, 1.0);
  else if (kind == 1) drawn = vec4(texture(tile, at).rgb, 1.0);
  else if (kind == 2)
    drawn = vec4(colour * clamp((texture(tile, at).r - range.x) / (range.y - range.x), 0.0, 1.0), 0.0);
  else drawn = outline();
}`;
