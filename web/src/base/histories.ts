import { useRef } from "react";

/** The latest values of many things, kept as long as the page is open. */
export type Histories = Map<string, number[]>;

const kept = 120;

/** Adds a value to each thing's history, and forgets those that are gone. */
export function useHistories(): { histories: Histories; add: (values: [string, number][]) => void } {
  const histories = useRef<Histories>(new Map());
  const add = (values: [string, number][]) => {
    const next: Histories = new Map();
    for (const [key, value] of values)
      next.set(key, [...(histories.current.get(key) ?? []), value].slice(-kept));
    histories.current = next;
  };
  return { histories: histories.current, add };
}
