/** Times as people read them. */
const day = new Intl.DateTimeFormat("en", { dateStyle: "medium" });
const minute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });

export const date = (iso: string | null | undefined): string => iso ? day.format(new Date(iso)) : "–";
export const time = (iso: string | null | undefined): string => iso ? minute.format(new Date(iso)) : "–";

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
