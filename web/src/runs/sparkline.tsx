const size = { width: 96, height: 22 };

/** A short history as a line, from 0 to its largest value. */
export function Sparkline({ values, label }: { values: number[]; label: string }) {
  const most = Math.max(1e-9, ...values);
  const last = Math.max(1, values.length - 1);
  const path = values.map((value, at) =>
    `${at === 0 ? "M" : "L"}${((at / last) * (size.width - 2) + 1).toFixed(1)} ` +
    `${(size.height - 2 - (value / most) * (size.height - 4)).toFixed(1)}`).join("");
  return <svg className="sparkline" width={size.width} height={size.height} role="img"
    aria-label={`${label}: ${values.at(-1) ?? 0}, at most ${values.length > 0 ? most : 0}`}>
    {values.length > 1 && <path d={path} />}</svg>;
}
