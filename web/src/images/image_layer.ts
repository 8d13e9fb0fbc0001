import type { ImageDescription, TilePlace } from "../client/images";
import type { Screen } from "../explorer/camera";
import type { Camera } from "../explorer/view";
import { link } from "../plots/program";
import type { ImageLook } from "./image_look";
import { fragmentShader, vertexShader } from "./image_shaders";
import { clipOf, levelFor, type Part, partOf, textureOf, visibleTiles } from "./tile_geometry";
import { TileStore, tileKey } from "./tile_store";

export interface Shown {
  image: ImageDescription;
  look: ImageLook;
  /** For labels: one packed colour for each label from 0 on. */
  cellColours?: Uint32Array;
}

type Rgb = [number, number, number];
const rgbOf = (css: string): Rgb => [1, 3, 5].map((at) =>
  Number.parseInt(css.slice(at, at + 2), 16) / 255) as Rgb;

/** The pictures under the cells, by WebGL2 on a canvas of their own. */
export class ImageLayer {
  private readonly gl: WebGL2RenderingContext;
  private readonly tiles: TileStore;
  private readonly uniforms: Record<string, WebGLUniformLocation | null>;
  private readonly colours = new Map<string, { from: Uint32Array; texture: WebGLTexture }>();
  private shown: Shown[] = [];
  private camera: Camera | null = null;
  private screen: Screen = { width: 0, height: 0 };
  private ratio = 1;
  private frame = 0;
  /** Called when a frame was drawn: what it shows, and how many tiles of it are still to come. */
  onDrawn: ((frame: { shown: Shown[]; camera: Camera; missing: number }) => void) | null = null;

  /** `below`: the path that its images lie below. */
  constructor(private readonly canvas: HTMLCanvasElement, below: string) {
    const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser has no WebGL2, which images are drawn with.");
    this.gl = gl;
    this.tiles = new TileStore(gl, below, () => this.redraw());
    const program = link(gl, vertexShader, fragmentShader);
    gl.useProgram(program);
    this.uniforms = Object.fromEntries(["origin", "across", "down", "part", "kind", "colour",
      "range", "fill", "tile", "cells"].map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.uniform1i(this.uniforms.tile, 0);
    gl.uniform1i(this.uniforms.cells, 1);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.enable(gl.BLEND);
  }

  setShown(shown: Shown[]): void {
    this.shown = shown;
    this.redraw();
  }

  setCamera(camera: Camera, screen: Screen, ratio: number): void {
    this.camera = camera;
    if (screen !== this.screen || ratio !== this.ratio) {
      this.canvas.width = Math.max(1, Math.round(screen.width * ratio));
      this.canvas.height = Math.max(1, Math.round(screen.height * ratio));
    }
    this.screen = screen;
    this.ratio = ratio;
    this.redraw();
  }

  redraw(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw());
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.tiles.destroy();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  private draw(): void {
    this.frame = 0;
    const { gl, camera, screen } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!camera || screen.width === 0) return;
    const wanted: Parameters<TileStore["want"]>[0] = [];
    for (const shown of this.shown) {
      const { image, look } = shown;
      const level = levelFor(image, camera, screen, this.ratio);
      const places = visibleTiles(image, level, camera, screen);
      const channels = image.content === "rgb" ? ["rgb" as const]
        : look.channels.flatMap(({ on }, at) => on ? [at] : []);
      const whole = { level: image.levels.length - 1, x: 0, y: 0 };
      for (const channel of channels) wanted.push({ image, channel, place: whole });
      for (const place of places)
        for (const channel of channels) wanted.push({ image, channel, place });
      this.drawImage(shown, places, channels);
    }
    this.onDrawn?.({ shown: this.shown, camera, missing: this.tiles.want(wanted) });
  }

  private drawImage(shown: Shown, places: TilePlace[], channels: (number | "rgb")[]): void {
    const { gl } = this;
    const { image, look } = shown;
    if (image.content === "intensity") {
      gl.blendFunc(gl.ONE, gl.ZERO);
      gl.uniform1i(this.uniforms.kind, 0);
      gl.uniform3f(this.uniforms.colour, 0, 0, 0);
      this.drawPart(image, { left: -0.5, top: -0.5, right: image.width - 0.5,
        bottom: image.height - 0.5 }, null);
    }
    for (const channel of channels) {
      this.style(shown, look, channel);
      for (const place of places) {
        const holder = this.nearestHeld(image, channel, place);
        if (holder) this.drawPart(image, partOf(image, place), holder);
      }
    }
  }

  private style({ image, cellColours }: Shown, look: ImageLook, channel: number | "rgb"): void {
    const { gl } = this;
    if (image.content === "labels") {
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.uniform1i(this.uniforms.kind, 3);
      gl.uniform1f(this.uniforms.fill, 0.25);
      gl.activeTexture(gl.TEXTURE1);
      gl.bindTexture(gl.TEXTURE_2D, this.colourTexture(image, cellColours));
      gl.activeTexture(gl.TEXTURE0);
    } else if (channel === "rgb") {
      gl.blendFunc(gl.ONE, gl.ZERO);
      gl.uniform1i(this.uniforms.kind, 1);
    } else {
      const { colour, low, high } = look.channels[channel];
      gl.blendFunc(gl.ONE, gl.ONE);
      gl.uniform1i(this.uniforms.kind, 2);
      gl.uniform3f(this.uniforms.colour, ...rgbOf(colour));
      gl.uniform2f(this.uniforms.range, low, high > low ? high : low + 1);
    }
  }

  /** The colours of labels as rows of a texture. */
  private colourTexture(image: ImageDescription,
      colours: Uint32Array = new Uint32Array(1)): WebGLTexture | null {
    const known = this.colours.get(image.id);
    if (known?.from === colours) return known.texture;
    const { gl } = this;
    const texture = known?.texture ?? gl.createTexture();
    if (!texture) return null;
    const width = Math.min(4096, Math.max(1, colours.length));
    const rows = Math.ceil(colours.length / width);
    const bytes = new Uint8Array(width * rows * 4);
    bytes.set(new Uint8Array(colours.buffer, colours.byteOffset, colours.byteLength));
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, width, rows, 0, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    this.colours.set(image.id, { from: colours, texture });
    return texture;
  }

  /** The tile itself, or while it is coming the smallest one above that is here. */
  private nearestHeld(image: ImageDescription, channel: number | "rgb",
      place: TilePlace): { place: TilePlace; texture: WebGLTexture } | null {
    for (let up = 0; place.level + up < image.levels.length; up++) {
      const above = { level: place.level + up, x: place.x >> up, y: place.y >> up };
      const texture = this.tiles.find(tileKey(image, channel, above));
      if (texture) return { place: above, texture };
    }
    return null;
  }

  private drawPart(image: ImageDescription, part: Part,
      holder: { place: TilePlace; texture: WebGLTexture } | null): void {
    const { gl, camera } = this;
    if (!camera) return;
    const { origin, across, down } = clipOf(image, part, camera, this.screen);
    gl.uniform2f(this.uniforms.origin, origin[0], origin[1]);
    gl.uniform2f(this.uniforms.across, across[0], across[1]);
    gl.uniform2f(this.uniforms.down, down[0], down[1]);
    if (holder) {
      const { left, top, right, bottom } = textureOf(image, part, holder.place);
      gl.uniform4f(this.uniforms.part, left, top, right, bottom);
      gl.bindTexture(gl.TEXTURE_2D, holder.texture);
    }
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }
}
