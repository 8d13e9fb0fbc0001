import { type RefObject, useEffect, useState } from "react";

/** The size of an element in whole pixels, now and whenever it changes. */
export function useSize(element: RefObject<HTMLElement | null>): { width: number; height: number } {
  const [size, setSize] = useState({ width: 0, height: 0 });
  useEffect(() => {
    if (!element.current) return;
    const seen = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      setSize((now) => now.width === Math.floor(width) && now.height === Math.floor(height) ? now
        : { width: Math.floor(width), height: Math.floor(height) });
    });
    seen.observe(element.current);
    return () => seen.disconnect();
  }, [element]);
  return size;
}
