import type { ImageDescription } from "../client/images";
import { count, short } from "../base/numbers";
import { Slider } from "../widgets/controls";
import { useSession } from "../explorer/session";
import { useImages } from "./image_canvas";
import { type ImageLook, lookOf } from "./image_look";

/** The images under the embedding: which are shown, and how. */
export function ImagesPanel() {
  const { view } = useSession();
  const images = useImages(view.embedding);
  if (images.length === 0) return null;
  return <section className="panel images-panel" aria-label="Images">
    <h2>Images</h2>
    {images.map((image) => <ImageRow key={image.id} image={image} />)}
  </section>;
}

function ImageRow({ image }: { image: ImageDescription }) {
  const { session, view, store } = useSession();
  const look = lookOf(view.images, image, store.schema.images);
  const set = (change: Partial<ImageLook>, gesture: string | null = null) =>
    session.change({ images: { ...view.images, [image.id]: { ...look, ...change } } }, gesture);
  const setChannel = (at: number, change: Partial<ImageLook["channels"][number]>, what: string) =>
    set({ channels: look.channels.map((one, which) => which === at ? { ...one, ...change } : one) },
      `${what} ${image.id} ${at}`);
  const size = image.micrometres_x
    ? `${short((image.width * image.micrometres_x) / 1000)} mm wide` : "no physical size";
  return <div className="image-row">
    <label className="image-name"><input type="checkbox" checked={look.shown}
      onChange={(event) => set({ shown: event.target.checked })} /> {image.name}</label>
    <p className="note">{count(image.width)} × {count(image.height)} pixels, {size}</p>
    {look.shown && image.content !== "labels" && <Slider label="Image opacity" value={look.opacity}
      low={0} high={1} step={0.05} onChange={(opacity) => set({ opacity }, `opacity ${image.id}`)} />}
    {look.shown && image.content === "intensity" && <ul className="channel-list">
      {image.channels.map((channel, at) => <ChannelRow key={channel.name + at} channel={channel}
        look={look.channels[at]} set={(change, what) => setChannel(at, change, what)} />)}
    </ul>}
  </div>;
}

/** One channel: whether it is shown, its colour, and what is black and full. */
export function ChannelRow({ channel, look, set }: {
  channel: ImageDescription["channels"][number]; look: ImageLook["channels"][number];
  set: (change: Partial<ImageLook["channels"][number]>, what: string) => void;
}) {
  const step = (channel.max - channel.min) / 500 || 1;
  return <li>
    <label className="channel-name"><input type="checkbox" checked={look.on}
      onChange={(event) => set({ on: event.target.checked }, "on")} /> {channel.name}</label>
    <input type="color" aria-label={`Colour of ${channel.name}`} value={look.colour}
      onChange={(event) => set({ colour: event.target.value }, "colour")} />
    {look.on && <>
      <Slider label={`Black of ${channel.name}`} value={look.low} low={channel.min}
        high={channel.max} step={step} onChange={(low) => set({ low }, "low")} />
      <Slider label={`Full of ${channel.name}`} value={look.high} low={channel.min}
        high={channel.max} step={step} onChange={(high) => set({ high }, "high")} />
      <p className="note">{short(look.low)} to {short(look.high)}</p></>}
  </li>;
}
