import { shuffled } from "../base/order";
import { Linking } from "./program";
import { fragmentShader, vertexShader } from "./scatter_shaders";

/** Points by WebGL2. Cells are drawn in a fixed shuffled order, so any first part of them is a fair
 *  sample: while the picture moves, as many are drawn as fit the frame; when it rests, the rest
 *  follows piece by piece over what is there. So a machine without a graphics card stays usable. */
export interface ScatterCamera {
  x: number;
  y: number;
  /** Units of the plane across the shorter side of the canvas. */
  span: number;
  yaw: number;
  pitch: number;
  /** The second axis runs down. */
  down?: boolean;
}

export interface ScatterStyle {
  /** Diameter of a point in CSS pixels. */
  size: number;
  opacity: number;
  /** Colour of the cells that lie behind, and of the canvas: red, green, blue, 0 to 1. */
  behind: [number, number, number];
  background: [number, number, number];
}

/** What one piece may take from its order to its last pixel. */
const pieceMs = 35;
const firstPiece = 50_000;
const leastPiece = 20_000;

/** Gives the canvas as many pixels as it covers; false when it has them. Setting either number, also
 *  to what it is, makes the drawing buffer anew. */
function sized(canvas: HTMLCanvasElement, cssWidth: number, cssHeight: number, ratio: number): boolean {
  const width = Math.max(1, Math.round(cssWidth * ratio));
  const height = Math.max(1, Math.round(cssHeight * ratio));
  const isNew = canvas.width !== width || canvas.height !== height;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return isNew;
}

export class Scatter {
  private readonly gl: WebGL2RenderingContext;
  private readonly linking: Linking;
  private linked: { program: WebGLProgram; uniforms: Record<string, WebGLUniformLocation | null> } |
    null = null;
  private readonly places: WebGLBuffer;
  private readonly colours: WebGLBuffer;
  private readonly states: WebGLBuffer;
  private readonly lifts: WebGLBuffer;
  private order: Uint32Array = new Uint32Array(0);
  private length = 0;
  private flat = true;
  private camera: ScatterCamera = { x: 0, y: 0, span: 1, yaw: 0, pitch: 0 };
  private centreZ = 0;
  private style: ScatterStyle = {
    size: 3, opacity: 1, behind: [0.8, 0.8, 0.8], background: [1, 1, 1],
  };
  private piece = firstPiece;
  /** Points of this picture so far; below 0: the canvas is still the last one's. */
  private drawn = -1;
  private frame = 0;
  private moving = false;
  /** Of the piece that the graphics process is still at. */
  private fence: { sync: WebGLSync; begin: number; points: number } | null = null;
  private readonly view = new Float32Array(16);
  /** Called when the canvas shows what was, when a first fair sample of the points is to be seen, and
   *  when all are. */
  onRestart: (() => void) | null = null;
  onFirst: (() => void) | null = null;
  onComplete: (() => void) | null = null;
  /** Told why nothing can be drawn. */
  onFailure: ((why: string) => void) | null = null;

  /** `seeThrough`: what lies under the canvas is seen between the points. */
  constructor(private readonly canvas: HTMLCanvasElement, private readonly seeThrough = false) {
    sized(canvas, canvas.clientWidth, canvas.clientHeight, window.devicePixelRatio || 1);
    const gl = canvas.getContext("webgl2", {
      antialias: false, alpha: seeThrough, depth: true, preserveDrawingBuffer: true, powerPreference: "high-performance",
    });
    if (!gl) throw new Error("This browser has no WebGL2, which the Explorer draws cells with.");
    this.gl = gl;
    this.linking = new Linking(gl, vertexShader, fragmentShader);
    const buffer = () => {
      const made = gl.createBuffer();
      if (!made) throw new Error("The graphics memory is exhausted.");
      return made;
    };
    this.places = buffer();
    this.colours = buffer();
    this.states = buffer();
    this.lifts = buffer();
  }

  /** Places of the cells; NaN is not drawn. `zs` makes it a turning cloud. */
  setPlaces(xs: Float32Array, ys: Float32Array, zs: Float32Array | null): void {
    if (this.length !== xs.length) {
      this.length = xs.length;
      this.order = shuffled(xs.length);
    }
    this.flat = zs === null;
    const packed = new Float32Array(this.length * 3);
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let at = 0; at < this.length; at++) {
      const cell = this.order[at];
      packed[at * 3] = xs[cell];
      packed[at * 3 + 1] = ys[cell];
      const z = zs ? zs[cell] : 0;
      packed[at * 3 + 2] = z;
      if (z < low) low = z;
      if (z > high) high = z;
    }
    this.centreZ = high >= low ? (low + high) / 2 : 0;
    this.upload(this.places, packed);
  }

  /** One packed colour a cell; of two cells in one place the one with more `lift` is seen. */
  setColours(colours: Uint32Array, lift: Uint8Array | null): void {
    const packed = new Uint32Array(this.length);
    const packedLift = new Uint8Array(this.length);
    for (let at = 0; at < this.length; at++) {
      packed[at] = colours[this.order[at]];
      if (lift) packedLift[at] = lift[this.order[at]];
    }
    this.upload(this.lifts, packedLift);
    this.upload(this.colours, packed);
  }

  /** 0 hidden, 1 behind, 2 in front. */
  setStates(states: Uint8Array): void {
    const packed = new Uint8Array(this.length);
    for (let at = 0; at < this.length; at++) packed[at] = states[this.order[at]];
    this.upload(this.states, packed);
  }

  setStyle(style: ScatterStyle): void {
    this.style = style;
    this.redraw();
  }

  /** `moving`: more changes follow at once, so only a sample is drawn. */
  setCamera(camera: ScatterCamera, moving = false): void {
    this.camera = camera;
    this.moving = moving;
    this.redraw();
  }

  /** Fits the drawing buffer to the canvas' size on the page. */
  resize(width: number, height: number, ratio: number): void {
    if (sized(this.canvas, width, height, ratio)) this.redraw();
  }

  /** Of a selected cell's point, in CSS pixels. */
  get radius(): number {
    return Math.max(0.5, this.style.size / 2);
  }

  redraw(): void {
    this.drawn = -1;
    this.onRestart?.();
    this.nextFrame();
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /** From the plane's units to clip space, column by column. */
  matrix(): Float32Array {
    const { x, y, span, yaw, pitch, down } = this.camera;
    const shorter = Math.min(this.canvas.width, this.canvas.height);
    const scaleX = (2 / span) * (shorter / this.canvas.width);
    const scaleY = (2 / span) * (shorter / this.canvas.height);
    const scaleUp = down ? -scaleY : scaleY;
    if (this.flat)
      return this.columns(scaleX, 0, 0, 0, 0, scaleUp, 0, 0, 0, 0, 0, 0,
        -x * scaleX, -y * scaleUp, 0, 1);
    const [cosYaw, sinYaw] = [Math.cos(yaw), Math.sin(yaw)];
    const [cosPitch, sinPitch] = [Math.cos(pitch), Math.sin(pitch)];
    const rows = [
      [cosYaw * scaleX, 0, sinYaw * scaleX],
      [sinYaw * sinPitch * scaleY, cosPitch * scaleY, -cosYaw * sinPitch * scaleY],
      [(-sinYaw * cosPitch) / (span * 4), sinPitch / (span * 4), (cosYaw * cosPitch) / (span * 4)],
    ];
    const centre = [x, y, this.centreZ];
    const shift = rows.map((row) => -row.reduce((sum, factor, at) => sum + factor * centre[at], 0));
    return this.columns(rows[0][0], rows[1][0], rows[2][0], 0, rows[0][1], rows[1][1],
      rows[2][1], 0, rows[0][2], rows[1][2], rows[2][2], 0, shift[0], shift[1], shift[2], 1);
  }

  private columns(...numbers: number[]): Float32Array {
    this.view.set(numbers);
    return this.view;
  }

  private upload(buffer: WebGLBuffer, bytes: ArrayBufferView): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, bytes, this.gl.DYNAMIC_DRAW);
    this.redraw();
  }

  private nextFrame(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(this.drawPiece);
  }

  /** One piece a frame, and none before the last one is on the canvas: whoever draws by software
   *  would be given more and more, and every frame would wait for all of it. */
  private readonly drawPiece = (): void => {
    this.frame = 0;
    if (!this.isRested() || (this.length > 0 && !this.linked && !this.linking.done))
      return this.nextFrame();
    if (this.drawn < 0) {
      this.clear();
      this.drawn = 0;
      if (this.length === 0) return;
    } else {
      this.onFirst?.();
      if (this.drawn === this.length) this.onComplete?.();
      if (this.drawn === this.length || this.moving) return;
    }
    const end = Math.min(this.length, this.drawn + this.piece);
    try {
      this.draw(this.drawn, end);
    } catch (failure) {
      this.onFailure?.(failure instanceof Error ? failure.message : String(failure));
      return;
    }
    const sync = this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (sync) this.fence = { sync, begin: performance.now(), points: end - this.drawn };
    this.gl.flush();
    this.drawn = end;
    this.nextFrame();
  };

  private isRested(): boolean {
    if (!this.fence) return true;
    const { sync, begin, points } = this.fence;
    const lost = this.gl.isContextLost();
    if (!lost && this.gl.getSyncParameter(sync, this.gl.SYNC_STATUS) !== this.gl.SIGNALED)
      return false;
    this.gl.deleteSync(sync);
    this.fence = null;
    if (!lost) this.adapt(performance.now() - begin, points);
    return true;
  }

  /** The next piece is as large as fits its time, judged by the last one. */
  private adapt(tookMs: number, points: number): void {
    if (points < 1000) return;
    const wanted = (points * pieceMs) / Math.max(1, tookMs);
    this.piece = Math.round(Math.min(4e6, 2 * this.piece,
      Math.max(leastPiece, (this.piece + wanted) / 2)));
  }

  private clear(): void {
    const gl = this.gl;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    if (this.seeThrough) gl.clearColor(0, 0, 0, 0);
    else gl.clearColor(...this.style.background, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  }

  private settled() {
    if (this.linked) return this.linked;
    const program = this.linking.linked();
    const uniforms = Object.fromEntries(
      ["view", "size", "opacity", "ground", "round_points"].map((name) =>
        [name, this.gl.getUniformLocation(program, name)]));
    this.linked = { program, uniforms };
    return this.linked;
  }

  private draw(first: number, end: number): void {
    if (first === end) return;
    const gl = this.gl;
    const { program, uniforms } = this.settled();
    gl.useProgram(program);
    this.attribute(0, this.places, 3, gl.FLOAT, false);
    this.attribute(1, this.colours, 4, gl.UNSIGNED_BYTE, true);
    this.attribute(2, this.states, 1, gl.UNSIGNED_BYTE, false);
    this.attribute(3, this.lifts, 1, gl.UNSIGNED_BYTE, true);
    const pixels = this.style.size * (this.canvas.width / Math.max(1, this.canvas.clientWidth));
    gl.uniformMatrix4fv(uniforms.view, false, this.matrix());
    gl.uniform1f(uniforms.size, Math.max(1, pixels));
    gl.uniform1f(uniforms.opacity, this.style.opacity);
    gl.uniform4f(uniforms.ground, ...this.style.behind, 0.7);
    gl.uniform1i(uniforms.round_points, pixels >= 3 ? 1 : 0);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.drawArrays(gl.POINTS, first, end - first);
  }

  private attribute(at: number, buffer: WebGLBuffer, size: number, type: number,
      norm: boolean): void {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.enableVertexAttribArray(at);
    this.gl.vertexAttribPointer(at, size, type, norm, 0, 0);
  }
}
