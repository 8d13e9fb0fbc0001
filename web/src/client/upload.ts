import { getJson, Refusal, request, sendJson } from "./http";

interface Upload {
  id: string;
  size: number;
  offset: number;
}

const piece = 8 << 20;
const tries = 5;

/** The same file chosen again goes on where it stopped: its upload is remembered in this browser. */
const keyOf = (file: File): string => `upload ${file.name} ${file.size} ${file.lastModified}`;

async function begun(file: File): Promise<Upload> {
  const known = localStorage.getItem(keyOf(file));
  if (known) {
    try {
      return await getJson<Upload>(`v1/uploads/${known}`);
    } catch (failure) {
      if (!(failure instanceof Refusal) || failure.status === 0) throw failure;
      localStorage.removeItem(keyOf(file));
    }
  }
  const { body } = await sendJson<Upload>("POST", "v1/uploads",
    { name: file.name.replace(/[^A-Za-z0-9._-]/g, "_"), size: file.size });
  localStorage.setItem(keyOf(file), body.id);
  return body;
}

const after = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); },
      { once: true });
  });

/** Sends a file in pieces; a piece that breaks off is sent again from where the server stands. */
export async function sendFile(file: File, signal: AbortSignal,
    onProgress: (sent: number) => void): Promise<string> {
  const upload = await begun(file);
  let at = upload.offset;
  for (let failures = 0; at < file.size;) {
    onProgress(at);
    const end = Math.min(file.size, at + piece);
    try {
      const response = await request(`v1/uploads/${upload.id}`, { method: "PUT", signal,
        body: file.slice(at, end), headers: { "Content-Range": `bytes ${at}-${end - 1}/${file.size}` } });
      at = ((await response.json()) as Upload).offset;
      failures = 0;
    } catch (failure) {
      const passing = failure instanceof Refusal &&
        (failure.status === 0 || failure.status === 409 || failure.status >= 500);
      if (signal.aborted || !passing || ++failures > tries) throw failure;
      await after(500 * 2 ** failures, signal);
      at = (await getJson<Upload>(`v1/uploads/${upload.id}`)).offset;
    }
  }
  onProgress(at);
  localStorage.removeItem(keyOf(file));
  return upload.id;
}
