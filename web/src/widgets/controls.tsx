import { type ButtonHTMLAttributes, type ReactNode, useEffect, useId, useRef } from "react";

/** Buttons, fields, dialogs: look and manners in one place. Nothing here fetches. */

export function Button({ kind = "plain", pressed, className = "", ...rest }:
    ButtonHTMLAttributes<HTMLButtonElement> & { kind?: "plain" | "main" | "quiet" | "danger";
      pressed?: boolean }) {
  return <button type="button" aria-pressed={pressed} className={`button ${kind} ${className}`}
    {...rest} />;
}

export function IconButton({ icon, label, ...rest }:
    ButtonHTMLAttributes<HTMLButtonElement> & { icon: IconName; label: string; pressed?: boolean }) {
  const { pressed, ...others } = rest;
  return <button type="button" className="icon-button" aria-label={label} title={label}
    aria-pressed={pressed} {...others}><Icon name={icon} /></button>;
}

const icons = {
  drop: "M12 3s6 7 6 11a6 6 0 0 1-12 0c0-4 6-11 6-11z",
  lasso: "M12 4c5 0 9 2.5 9 6s-4 6-9 6c-2 0-4-.4-5.500-1.200M7 15c-2 0-3 1-3 2.500S5 20 7 20s2-1 2-2.500S8.500 15 7 15zM6.500 14.800C4.300 13.700 3 12 3 10c0-3.500 4-6 9-6",
  box: "M4 4h16v16H4z",
  hand: "M5 12h14M12 5v14M8 8l4-4 4 4M8 16l4 4 4-4",
  brush: "M12 12m-8 0a8 8 0 1 0 16 0a8 8 0 1 0-16 0M12 12m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
  pick: "M5 3l14 8-6 1.500-3 6z",
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  redo: "M15 7l5 5-5 5M20 12H10a6 6 0 0 0-6 6",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  chevron: "M9 6l6 6-6 6",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  label: "M4 4h8l8 8-8 8-8-8zM8 8h.01",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
  plus: "M12 5v14M5 12h14",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  upload: "M12 16V4M7 9l5-5 5 5M5 20h14",
  moon: "M20 14a8 8 0 1 1-10-10 7 7 0 0 0 10 10z",
  subset: "M4 6h16M7 12h10M10 18h4",
  only: "M4 12a8 8 0 1 0 16 0a8 8 0 1 0-16 0",
  unite: "M3 12a6 6 0 1 0 12 0a6 6 0 1 0-12 0M9 12a6 6 0 1 0 12 0a6 6 0 1 0-12 0M6 12h12M12 9.500v5",
  without: "M3 12a6 6 0 1 0 12 0a6 6 0 1 0-12 0M14 17.500a6 6 0 1 0 0-11M5.500 12h5",
  overlap: "M3 12a6 6 0 1 0 12 0a6 6 0 1 0-12 0M9 12a6 6 0 1 0 12 0a6 6 0 1 0-12 0M12 8v8M10.500 10v4M13.500 10v4",
  pencil: "M4 20l4-1L20 7l-3-3L5 16zM14 7l3 3",
  copy: "M8 8h12v12H8zM4 16V4h12",
  columns: "M4 5h16v14H4zM12 5v14",
  vector: "M5 19L19 5M3 17h4v4H3zM17 3h4v4h-4zM8 8h.01M16 16h.01",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
  comment: "M4 5h16v11H11l-4 4v-4H4z",
  keyboard: "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M18 11h.01M8 15h8",
  list: "M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01",
  turn: "M4 12a8 4 0 1 0 16 0a8 4 0 1 0-16 0M12 4v16",
} as const;
export type IconName = keyof typeof icons;

export function Icon({ name }: { name: IconName }) {
  return <svg className="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={icons[name]} /></svg>;
}

export function Field({ label, children }: { label: string; children: (id: string) => ReactNode }) {
  const id = useId();
  return <div className="field"><label htmlFor={id}>{label}</label>{children(id)}</div>;
}

export function Choice<Value extends string>({ label, value, options, onChange, hidden = false }: {
  label: string; value: Value; options: readonly (Value | { value: Value; text: string })[];
  onChange: (value: Value) => void; hidden?: boolean;
}) {
  const id = useId();
  return <div className="field">
    <label htmlFor={id} className={hidden ? "visually-hidden" : undefined}>{label}</label>
    <select id={id} value={value} onChange={(event) => onChange(event.target.value as Value)}>
      {options.map((option) => {
        const { value: key, text } = typeof option === "string" ? { value: option, text: option }
          : option;
        return <option key={key} value={key}>{text}</option>;
      })}
    </select>
  </div>;
}

export function Slider({ label, value, low, high, step, onChange }: {
  label: string; value: number; low: number; high: number; step: number;
  onChange: (value: number) => void;
}) {
  const id = useId();
  return <div className="field slider"><label htmlFor={id}>{label}</label>
    <input id={id} type="range" min={low} max={high} step={step} value={value}
      onChange={(event) => onChange(Number(event.target.value))} /></div>;
}

export function Dialog({ title, onClose, children, wide = false }: {
  title: string; onClose: () => void; children: ReactNode; wide?: boolean;
}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return <dialog ref={ref} className={wide ? "dialog wide" : "dialog"} aria-label={title}
    onCancel={(event) => { event.preventDefault(); onClose(); }}
    onClick={(event) => { if (event.target === ref.current) onClose(); }}>
    <header><h2>{title}</h2><IconButton icon="close" label="Close" onClick={onClose} /></header>
    <div className="dialog-body">{children}</div>
  </dialog>;
}

export function Notice({ kind, children }: { kind: "info" | "warning" | "error"; children: ReactNode }) {
  return <p className={`notice ${kind}`} role={kind === "error" ? "alert" : "status"}>{children}</p>;
}

export function Progress({ label, done, total }: { label: string; done?: number; total?: number }) {
  const known = done !== undefined && total !== undefined && total > 0;
  return <div className="progress"><span>{label}</span>
    <progress aria-label={label} {...(known ? { value: done, max: total } : {})} /></div>;
}
