import { firstView, type View } from "./view";

/** A view as text that fits a link: JSON of what differs from the first view, deflated. */
export async function packed(view: View): Promise<string> {
  const different = Object.fromEntries(Object.entries(view).filter(([key, value]) =>
    JSON.stringify(value) !== JSON.stringify(firstView[key as keyof View])));
  const stream = new Blob([JSON.stringify(different)]).stream()
    .pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** errors  the text is not a packed view */
export async function unpacked(text: string): Promise<View> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return { ...firstView, ...((await new Response(stream).json()) as Partial<View>) };
}
