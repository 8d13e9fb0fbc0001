/** One vertex a cell. `state`: 0 is not drawn, 1 lies behind (not selected), 2 is selected. */
export const vertexShader = `#version 300 es
layout(location = 0) in vec3 place;
layout(location = 1) in vec4 colour;
layout(location = 2) in float state;
layout(location = 3) in float lift;
uniform mat4 view;
uniform float size;
uniform float opacity;
uniform vec4 ground;
out vec4 shade;
void main() {
  bool front = state > 1.5;
  // What is selected lies in front, also of what is drawn after it.
  gl_Position = view * vec4(place, 1.0);
  gl_Position.z = clamp(gl_Position.z, -0.9, 0.9) * 0.3 - lift * 0.15 + (front ? -0.4 : 0.5);
  if (state < 0.5) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = front ? size : max(1.0, size * 0.6);
  shade = front ? vec4(colour.rgb, opacity) : vec4(ground.rgb, opacity * ground.a);
}`;

/** Round points with a soft rim; small ones are plain squares, which cost least. */
export const fragmentShader = `#version 300 es
precision mediump float;
in vec4 shade;
uniform bool round_points;
out vec4 drawn;
void main() {
  float alpha = shade.a;
  if (round_points) {
    float distance = length(gl_PointCoord - 0.5);
    if (distance > 0.5) discard;
    alpha *= 1.0 - smoothstep(0.40, 0.5, distance) * 0.7;
  }
  drawn = vec4(shade.rgb * alpha, alpha);
}`;
