let leaving = false;
addEventListener("pagehide", () => { leaving = true; });
addEventListener("pageshow", () => { leaving = false; });

/** Whether somebody looks at the page: one that is hidden or on its way out asks for nothing. */
export const isLookedAt = (): boolean => !document.hidden && !leaving;
