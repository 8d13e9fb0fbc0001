import {
  type ImageDescription, type TilePlace, tilePicture, tileValues, type TileValues,
} from "../client/images";

const atOnce = 6;
const keptBytes = 384 << 20;

interface Held {
  texture: WebGLTexture;
  bytes: number;
  used: number;
}

export const tileKey = (image: ImageDescription, channel: number | "rgb",
    { level, x, y }: TilePlace): string => `${image.id}/${image.mark ?? ""}/${channel}/${level}/${y}/${x}`;

/** Textures of tiles: what was asked for last is fetched first, what wasn't drawn longest goes. */
export class TileStore {
  private readonly held = new Map<string, Held>();
  private readonly coming = new Map<string, AbortController>();
  private readonly failed = new Set<string>();
  private bytes = 0;
  private clock = 0;

  constructor(private readonly gl: WebGL2RenderingContext, private readonly below: string,
    private readonly onCome: () => void) {}

  /** The texture, if it is here. */
  find(key: string): WebGLTexture | undefined {
    const found = this.held.get(key);
    if (found) found.used = ++this.clock;
    return found?.texture;
  }

  /** Fetches those of `wanted` that aren't here, in their order; others that were on their way are
   *  stopped. Answers how many are missing. */
  want(wanted: { image: ImageDescription; channel: number | "rgb"; place: TilePlace }[]): number {
    const missing = new Map(wanted.map((one) => [tileKey(one.image, one.channel, one.place), one]));
    for (const key of [...missing.keys()])
      if (this.held.has(key) || this.failed.has(key)) missing.delete(key);
    for (const [key, stop] of this.coming)
      if (!missing.has(key)) {
        stop.abort();
        this.coming.delete(key);
      }
    for (const [key, { image, channel, place }] of missing) {
      if (this.coming.size >= atOnce) break;
      if (!this.coming.has(key)) void this.fetch(key, image, channel, place);
    }
    return missing.size;
  }

  destroy(): void {
    for (const stop of this.coming.values()) stop.abort();
    this.coming.clear();
  }

  private async fetch(key: string, image: ImageDescription, channel: number | "rgb",
      place: TilePlace): Promise<void> {
    const stop = new AbortController();
    this.coming.set(key, stop);
    try {
      if (channel === "rgb")
        this.keep(key, await tilePicture(this.below, image, place, stop.signal));
      else this.keep(key, await tileValues(this.below, image, channel, place, stop.signal),
        Math.min(image.tile_side, image.levels[place.level].width - place.x * image.tile_side));
    } catch {
      if (!stop.signal.aborted) this.failed.add(key);
    }
    if (this.coming.get(key) === stop) this.coming.delete(key);
    if (!stop.signal.aborted) this.onCome();
  }

  private keep(key: string, pixels: ImageBitmap | TileValues, width = 0): void {
    const { gl } = this;
    const texture = gl.createTexture();
    if (!texture) return;
    gl.bindTexture(gl.TEXTURE_2D, texture);
    const isPicture = pixels instanceof ImageBitmap;
    for (const [name, value] of [[gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE], [gl.TEXTURE_MAG_FILTER, gl.NEAREST],
      [gl.TEXTURE_MIN_FILTER, isPicture ? gl.LINEAR : gl.NEAREST]] as const)
      gl.texParameteri(gl.TEXTURE_2D, name, value);
    let bytes = 0;
    if (isPicture) {
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
      bytes = pixels.width * pixels.height * 4;
      pixels.close();
    } else {
      const values = pixels instanceof Float32Array ? pixels : Float32Array.from(pixels);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, width, values.length / width, 0, gl.RED, gl.FLOAT,
        values);
      bytes = values.byteLength;
    }
    this.held.set(key, { texture, bytes, used: ++this.clock });
    this.bytes += bytes;
    this.forgetOldest();
  }

  private forgetOldest(): void {
    const oldest = [...this.held].sort(([, one], [, other]) => one.used - other.used);
    for (const [key, { texture, bytes }] of oldest) {
      if (this.bytes <= keptBytes) return;
      this.gl.deleteTexture(texture);
      this.held.delete(key);
      this.bytes -= bytes;
    }
  }
}
